"""`mailauth milter-test`: what a running milter would do to a message."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailauth.cli.given.options import require_service
from mailauth.cli.shown.output import printable
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.milter.client import Answer, Envelope
    from mailauth.milter.protocol.replies import Change
    from mailauth.service.settings.address import Address

_PATIENCE = 60.0  # seconds for each answer; Postfix waits 30, and at the end of a message 300


@click.command("milter-test")
@click.argument("file", metavar="FILE|-")
@click.option("-c", "--config", type=click.Path(path_type=Path), metavar="FILE",
              help="The TOML file of the service; its first milter is asked.")  # fmt: skip
@click.option("--socket", "address", metavar="ADDR", help="The milter's address, instead of -c.")
@click.option("--ip", default="127.0.0.1", metavar="IP", show_default=True,
              help="The client's address.")  # fmt: skip
@click.option("--host", default="", metavar="NAME",
              help="The verified name of the client, if it has one.")  # fmt: skip
@click.option("--helo", default="localhost", metavar="NAME", show_default=True,
              help="The client's name in HELO.")  # fmt: skip
@click.option("--mail-from", "sender", default="", metavar="ADDR",
              help="The envelope sender; '' is <>.")  # fmt: skip
@click.option("--rcpt", "recipients", multiple=True, metavar="ADDR", show_default=True,
              default=["recipient@example.net"],
              help="A recipient; repeatable.")  # fmt: skip
@click.option("--user", default="", metavar="NAME",
              help="The user who has logged in, {auth_authen}.")  # fmt: skip
@click.option("--macro", "macros", multiple=True, metavar="NAME=VALUE",
              help="A macro to send; repeatable.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: str,
    config: Path | None,
    address: str | None,
    as_json: bool,
    user: str,
    macros: tuple[str, ...],
    recipients: tuple[str, ...],
    **client: str,
) -> None:
    """Send FILE through a running milter as Postfix would, and print what it answers.

    \b
    mailauth milter-test mail.eml -c /etc/mailauth/mailauth.toml --mail-from ada@example.com
    mailauth milter-test mail.eml --socket inet:127.0.0.1:8891 --ip 192.0.2.7 --helo mx.example

    It works with any milter, and delivers nothing.  The exit status is 0 if the
    message would pass, 1 if it would be refused or deferred, 2 if nobody answers.
    """
    from mailauth.cli.given import mailfiles
    from mailauth.milter.client import Envelope
    from mailauth.syntax.mailbox import without_brackets

    named = dict(_macro(text) for text in macros)
    if user:
        named["{auth_authen}"] = user
    _check_ip(client["ip"])
    client["sender"] = without_brackets(client["sender"])
    envelope = Envelope(recipients=tuple(map(without_brackets, recipients)), macros=named, **client)
    octets = mailfiles.read(file).octets
    answer = _ask(_address(config, address), envelope, octets)
    if as_json:
        click.echo(json.dumps(_as_dict(answer, octets)))
    else:
        for line in _told(answer, octets):
            click.echo(printable(line))
    if answer.reply.refuses:
        raise click.exceptions.Exit(1)


def _check_ip(text: str) -> None:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        raise BadArgument(f"--ip: {text!r} is not an IP address") from None


def _macro(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise BadArgument(f"{text!r} is not of the form NAME=VALUE")
    bare = name.strip("{}")
    return (bare if len(bare) == 1 else f"{{{bare}}}"), value


def _address(config: Path | None, address: str | None) -> "Address":
    from mailauth.errors import SyntaxFault
    from mailauth.service.settings.address import parse

    if (config is None) == (address is None):
        raise BadArgument("give either --config or --socket")
    if address is not None:
        try:
            return parse(address)
        except SyntaxFault as fault:
            raise BadArgument(f"--socket: {fault}") from None
    require_service()
    assert config is not None  # noqa: S101 - one of the two
    return _first_milter(config)


def _first_milter(config: Path) -> "Address":
    from mailauth.cli.check_config import refuse
    from mailauth.service.settings.configuration import BadConfiguration, read

    try:
        listeners = read(config).configuration.listen
    except BadConfiguration as fault:
        refuse(fault)
    for listen in listeners:
        if listen.kind == "milter":
            return listen.where
    raise BadArgument(f"{config} has no [[listen]] of the kind milter")


def _ask(address: "Address", envelope: "Envelope", octets: bytes) -> "Answer":
    """The milter's answer to a message.  **Raises** MailauthError."""
    import socket

    from mailauth.errors import MailauthError
    from mailauth.milter.client import Client

    try:
        with socket.socket(address.family, socket.SOCK_STREAM) as connected:
            connected.settimeout(_PATIENCE)
            connected.connect(address.place)
            client = Client(connected)
            try:
                return client.deliver(envelope, octets)
            finally:
                client.close()
    except OSError as fault:
        raise MailauthError(f"nobody answers at {address}: {fault.strerror or fault}") from None


def _told(answer: "Answer", octets: bytes) -> Iterator[str]:
    """The changes in their order, then the reply."""
    for change in answer.changes:
        fields = _fields(change, octets)
        what = fields.pop("change")
        pairs = [_pair(name, value) for name, value in fields.items() if value != ""]
        yield "  ".join([what, *pairs])
    yield f"reply  {_reply(answer)}"


def _pair(name: str, value: object) -> str:
    text = str(value)
    return text if name in {"name", "value"} else f"{name} {text}"


def _fields(change: "Change | bytes", octets: bytes) -> dict[str, Any]:
    """A change of a message: its kind, index, name and value; a removal has the old value."""
    from mailauth.milter.client import CHANGES
    from mailauth.milter.protocol import replies

    if isinstance(change, bytes):
        return {"change": CHANGES[change[4:5]]}
    words = {
        replies.AddHeader: "add",
        replies.InsertHeader: "insert",
        replies.ChangeHeader: "change",
        replies.ChangeFrom: "sender",
        replies.AddRecipient: "add recipient",
        replies.AddRecipientWithArguments: "add recipient",
        replies.DeleteRecipient: "delete recipient",
        replies.Quarantine: "quarantine",
    }
    fields: dict[str, Any] = {"change": words[type(change)]}
    for name in change.__slots__:
        value = getattr(change, name)
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        fields[name] = " ".join(text.split()) if isinstance(text, str) else text
    if isinstance(change, replies.ChangeHeader) and not change.value:
        fields |= {"change": "remove", "value": _value(octets, change.name, change.index)}
    return fields


def _value(octets: bytes, name: bytes, index: int) -> str:
    """The value of the field with this name and number."""
    from mailauth.syntax.message import Message

    message = Message.parse(octets)
    places = [place for place, key in enumerate(message.keys) if key == name.lower()]
    if not 0 < index <= len(places):
        return "(no such field)"
    field = message.field_octets[places[index - 1]]
    return field.partition(b":")[2].decode("utf-8", "replace").replace("\r\n", "").strip()


def _reply(answer: "Answer") -> str:
    from mailauth.milter.protocol import replies

    if isinstance(answer.reply, replies.Refusal):
        return str(answer.reply)
    words = {
        replies.ACCEPT: "accept",
        replies.DISCARD: "discard",
        replies.REJECT: "reject",
        replies.TEMPFAIL: "tempfail",
        replies.SHUTDOWN: "shutdown",
        replies.CONNECTION_FAILED: "connection failed",
    }
    return words.get(answer.reply, "continue")


def _as_dict(answer: "Answer", octets: bytes) -> dict[str, Any]:
    changes = [_fields(change, octets) for change in answer.changes]
    return {"reply": _reply(answer), "refused": answer.reply.refuses, "changes": changes}
