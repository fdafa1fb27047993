"""What the MTA says: one event for each command, and how each is read.

A reader takes the octets of a frame after its code and returns the event.  Values are
octets as they came; nothing is decoded here.  Events with values are tuples, because a
message brings dozens of them; events without values are not, because an empty tuple
is false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from mailauth.milter.protocol import codes
from mailauth.milter.protocol.options import MIN_VERSION, Offer


class ProtocolViolation(Exception):
    """The peer broke the protocol; its connection must be closed."""


class Connect(NamedTuple):
    """A client has connected to the MTA."""

    host: bytes
    """Its name, or its address in brackets if it has no verified name."""
    family: bytes
    """`4`, `6`, `L` for a Unix socket, `U` for unknown."""
    port: int = 0
    address: bytes = b""
    """As text, without Sendmail's prefix `IPv6:`."""


class Helo(NamedTuple):
    """HELO or EHLO."""

    name: bytes


class MailFrom(NamedTuple):
    """MAIL: a message begins."""

    address: bytes
    """As the MTA writes it, usually in angle brackets."""
    arguments: tuple[bytes, ...] = ()


class RcptTo(NamedTuple):
    """RCPT: one more recipient."""

    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """DATA: the envelope is complete."""


class Fields(NamedTuple):
    """One header field, or several that arrived together."""

    fields: list[tuple[bytes, bytes]]
    """Names and values; a value is folded by LF or by CRLF."""


@dataclass(frozen=True, slots=True)
class EndOfHeaders:
    """The header is complete."""


class Body(NamedTuple):
    """The next piece of the body."""

    octets: bytes


class EndOfMessage(NamedTuple):
    """The message is complete, and may now be changed."""

    octets: bytes = b""
    """The last piece of the body; Postfix sends none here."""


@dataclass(frozen=True, slots=True)
class Abort:
    """The message is dropped; Postfix also says this after a completed message."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The connection ends."""


@dataclass(frozen=True, slots=True)
class QuitNewConnection:
    """The client has gone; the next one will use the same connection."""


class Unknown(NamedTuple):
    """The client sent an unknown command."""

    line: bytes


Event: TypeAlias = (
    Offer
    | Connect
    | Helo
    | MailFrom
    | RcptTo
    | Data
    | Fields
    | EndOfHeaders
    | Body
    | EndOfMessage
    | Abort
    | Quit
    | QuitNewConnection
    | Unknown
)


def macro(octets: bytes, name: bytes) -> bytes | None:
    """The value of one macro of a stage, *(name NUL value NUL), with or without braces."""
    words = octets[:-1].split(b"\0") if octets else []
    names = words[::2]
    for spelled in (name, b"{%b}" % name):
        if spelled in names:
            return words[2 * names.index(spelled) + 1]
    return None


def check_macros(octets: bytes) -> None:
    """Refuse octets that are not macros.  **Raises** ProtocolViolation."""
    if octets and (octets[-1] or octets.count(0) % 2):
        raise ProtocolViolation("macros that are not pairs of a name and a value")


_OFFER = Struct(">III")
_PORT = Struct(">H")
_FAMILIES_WITH_ADDRESS = (b"4", b"6", b"L")


def _offer(octets: bytes) -> Offer:
    """u32 version, u32 actions, u32 steps."""
    if len(octets) < _OFFER.size:
        raise ProtocolViolation(f"an offer of options with only {len(octets)} octets")
    offer = Offer._make(_OFFER.unpack_from(octets))
    if offer.version < MIN_VERSION:
        raise ProtocolViolation(
            f"protocol version {offer.version}; {MIN_VERSION} is the lowest supported"
        )
    return offer


def _connect(octets: bytes) -> Connect:
    """Host NUL family [u16 port, address NUL]."""
    host, nul, rest = octets.partition(b"\0")
    family = rest[:1]
    if not nul or family not in (*_FAMILIES_WITH_ADDRESS, b"U"):
        raise ProtocolViolation("a connection of an unknown address family")
    if family == b"U":
        return Connect(host, family)
    if len(rest) < 1 + _PORT.size:
        raise ProtocolViolation("a connection without a port")
    (port,) = _PORT.unpack_from(rest, 1)
    address = _string(rest[1 + _PORT.size :], "an address")
    return Connect(host, family, port, address.removeprefix(b"IPv6:"))


def _string(octets: bytes, what: str) -> bytes:
    """1*OCTET NUL, and no other NUL."""
    if not octets or octets.find(0) != len(octets) - 1:
        raise ProtocolViolation(f"{what} that does not end at its first NUL")
    return octets[:-1]


def _strings(octets: bytes, what: str) -> list[bytes]:
    if not octets or octets[-1]:
        raise ProtocolViolation(f"{what} that does not end in a NUL")
    return octets[:-1].split(b"\0")


def _mail(octets: bytes) -> MailFrom:
    address, *arguments = _strings(octets, "a sender")
    return MailFrom(address, tuple(arguments))


def _rcpt(octets: bytes) -> RcptTo:
    address, *arguments = _strings(octets, "a recipient")
    return RcptTo(address, tuple(arguments))


def field(octets: bytes) -> tuple[bytes, bytes]:
    """Name NUL value NUL."""
    words = octets.split(b"\0")
    if len(words) != 3 or words[2]:  # noqa: PLR2004 - name, value, nothing
        raise ProtocolViolation("a header field that is not a name and a value")
    return words[0], words[1]


READERS: Final[Mapping[bytes, Callable[[bytes], Event]]] = {
    codes.OFFER: _offer,
    codes.CONNECT: _connect,
    codes.HELO: lambda octets: Helo(_string(octets, "a HELO")),
    codes.MAIL: _mail,
    codes.RCPT: _rcpt,
    codes.DATA: lambda _: Data(),
    codes.HEADER: lambda octets: Fields([field(octets)]),
    codes.END_OF_HEADERS: lambda _: EndOfHeaders(),
    codes.BODY: Body,
    codes.END_OF_MESSAGE: EndOfMessage,
    codes.ABORT: lambda _: Abort(),
    codes.QUIT: lambda _: Quit(),
    codes.QUIT_NEW_CONNECTION: lambda _: QuitNewConnection(),
    codes.UNKNOWN: lambda octets: Unknown(_string(octets, "an unknown command")),
}
"""By command code, the reader of its frame; each **raises** ProtocolViolation."""
