"""The result of an import: tables of a configuration with notes, written as TOML."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from socket import AF_UNIX
from typing import Final, TypeAlias

from mailauth.errors import SyntaxFault
from mailauth.service.settings.address import parse
from mailauth.service.telling.log import escape

Value: TypeAlias = "str | int | bool | list[str] | Mapping[str, str | list[str]]"
Table: TypeAlias = dict[str, Value]

_GROUP_OF_POSTFIX: Final = "postfix"
SECRETS_NOTE: Final = (
    "the secrets file must belong to the user of the service, mailauth in the systemd unit, and "
    "be closed to all others: chown it, chmod 600"
)

NAMESERVERS_NOTE: Final = (
    "the systemd unit permits only nameservers on this host: for others lift that as "
    "docs/postfix.md says, or every result is a temperror"
)


def user_note(user: str, group: str | None = None) -> str:
    """The note that the user of another program is not carried over."""
    who = f"the user {user} is" if group is None else f"the user {user} and the group {group} are"
    return f"{who} not carried over: the systemd unit starts the service as mailauth"


def folder_note(path: str) -> str:
    """The note about what a Unix socket needs that another program made as root."""
    return (
        f"{path}: the user of the service must be allowed to make the socket in its folder, which "
        "must be in ReadWritePaths of the unit; or systemd must make the socket"
    )


def listener(table: Table, address: str, notes: list[str]) -> Table:
    """A `[[listen]]` at the address of another program; an invalid one is kept, to be mended.

    A Unix socket gets the group of Postfix, and adds a note.
    """
    try:
        where = parse(address)
    except SyntaxFault:
        return {**table, "address": address}
    if where.family != AF_UNIX:
        return {**table, "address": str(where)}
    notes.append(folder_note(where.host))
    return {**table, "address": str(where), "group": _GROUP_OF_POSTFIX}


class Mode(int):
    """Permissions of a file, written in octal."""


@dataclass
class Imported:
    """A configuration derived from another program's installation."""

    source: str
    """Where it was read from."""
    service: Table = field(default_factory=dict)
    limits: Table = field(default_factory=dict)
    dns: Table = field(default_factory=dict)
    milter: Table = field(default_factory=dict)
    signing: Table = field(default_factory=dict)
    signing_keys: list[Table] = field(default_factory=list)
    verifying: Table = field(default_factory=dict)
    srs: Table = field(default_factory=dict)
    listen: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was not carried over, or works differently; each a sentence."""

    def name_verifier(self, given: str, hostname: str) -> None:
        """Set `authserv_id`; HOSTNAME, which other programs allow, means the name of this host."""
        name = given if given and given.upper() != "HOSTNAME" else hostname
        self.verifying["authserv_id"] = name
        if "." not in name:
            self.notes.append("authserv_id should be the full name of the mail host")

    def text(self) -> str:
        """The TOML."""
        lines = [f"# mailauth, from {escape(self.source)}"]
        lines += [f"# NOTE: {escape(note)}" for note in self.notes]
        for name in ("service", "limits", "dns", "milter", "signing", "verifying", "srs"):
            lines += _lines(f"[{name}]", getattr(self, name))
        for table in self.signing_keys:
            lines += _lines("[[signing.key]]", table)
        for table in self.listen:
            lines += _lines("[[listen]]", table)
        return "\n".join(lines) + "\n"


def _lines(header: str, table: Mapping[str, Value]) -> Iterable[str]:
    if table:
        yield ""
        yield header
        yield from (f"{key} = {_format(value)}" for key, value in table.items())


def _format(value: Value) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_format(key)} = {_format(of)}" for key, of in value.items()) + " }"
        )
    if isinstance(value, Mode):
        return f"0o{value:o}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_format, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
