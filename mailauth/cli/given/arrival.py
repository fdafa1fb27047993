"""How messages arrived: by the options, or by the trace fields of the messages."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple

import click

from mailauth.cli.shown.output import complain
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.authenticate import Envelope
    from mailauth.spf.policy import Network
    from mailauth.syntax.address import Address


class Arrival(NamedTuple):
    """What the options of `envelope` say of how messages arrived."""

    ip: str
    helo: str
    mail_from: str | None
    trust_received: bool
    relays: "tuple[Network, ...]"
    """Networks of our own relays, and private ones, in which no client from outside can be."""

    def of(self, name: str, octets: bytes) -> "Envelope":
        """How one message arrived; if its fields do not tell, a line says so, and `ip` is empty."""
        from mailauth.authenticate import Envelope

        if not self.trust_received:
            return Envelope(self.ip, self.helo, self.mail_from or "")
        from mailauth.syntax import trace
        from mailauth.syntax.message import Message

        message = Message.parse(octets)
        client = trace.client(message, self._is_relay)
        sender = trace.reverse_path(message) if self.mail_from is None else self.mail_from
        if client is None:
            lacking = "no Received field names a host from outside"
        elif client is trace.UNREADABLE:
            lacking = "a Received field cannot be read"
        elif sender is None:
            lacking = "there is no Return-Path; give --mail-from"
        else:
            return Envelope(str(client.address), self.helo or client.helo, sender)
        complain(f"{name}: its client or sender is not known: {lacking}")
        return Envelope("", "", "")

    def _is_relay(self, address: "Address") -> bool:
        return any(address in network for network in self.relays)


def envelope(command: Callable[..., None]) -> Callable[..., None]:
    """`--ip`, `--helo`, `--mail-from`, `--trust-received`, `--relay`: the `Arrival` of a command.

    The command **raises** BadArgument if they contradict each other.
    """

    @wraps(command)
    def with_arrival(
        *, ip: str, helo: str, mail_from: str | None, trust_received: bool,
        relays: tuple[str, ...], **others: object,
    ) -> None:  # fmt: skip
        arrival = _arrival(ip, helo, mail_from, relays, trust_received=trust_received)
        command(arrival=arrival, **others)

    for option in reversed(_OPTIONS):
        with_arrival = option(with_arrival)
    return with_arrival


_OPTIONS = (
    click.option(
        "--ip", default="", metavar="IP", help="The client's address; judge SPF and DMARC too."
    ),
    click.option(
        "--helo", default="", metavar="NAME", help="The client's name in HELO."
    ),
    click.option(
        "--mail-from", default=None, metavar="ADDR", help="The envelope sender; '' is <>."
    ),
    click.option(
        "--trust-received", is_flag=True,
        help="Take these from your own server's trace fields.",
    ),
    click.option(
        "--relay", "relays", multiple=True, metavar="NET",
        help="Your relay: judge the host before it; repeatable.",
    ),
)  # fmt: skip

_INTERNAL = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",  # RFC 1918, RFC 4193
    "100.64.0.0/10", "169.254.0.0/16", "fe80::/10",  # RFC 6598, RFC 3927, RFC 4291
)  # fmt: skip


def _arrival(
    ip: str, helo: str, mail_from: str | None, relays: tuple[str, ...], *, trust_received: bool
) -> Arrival:
    if trust_received:
        from mailauth.spf import networks

        if ip:
            raise BadArgument("--ip and --trust-received both say who the client is: give one")
        ours = networks((*_INTERNAL, *relays))
        return Arrival(ip, helo, mail_from, trust_received, ours)
    if relays:
        raise BadArgument("--relay is for Received fields: give --trust-received too")
    if not ip and (helo or mail_from):
        raise BadArgument("--helo and --mail-from say who sent it: give --ip too")
    return Arrival(ip, helo, mail_from, trust_received, ())
