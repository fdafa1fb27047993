"""The frames of an MTA, with the client and the addresses of the tests where none are given.

What `commands` has is said as Postfix says it; `unknown`, `ABORT`, `QUIT_NEW_CONNECTION`
and any `frame` besides are what other MTAs say, or none.
"""

from mailauth.milter.protocol import codes, commands
from mailauth.milter.protocol.commands import (
    ALL_ACTIONS,
    ALL_STEPS,
    QUIT,
    body,
    data,
    end_of_headers,
    end_of_message,
    header,
    macros,
    offer,
)
from mailauth.milter.protocol.replies import frame

__all__ = [
    "ABORT",
    "ALL_ACTIONS",
    "ALL_STEPS",
    "QUIT",
    "QUIT_NEW_CONNECTION",
    "body",
    "connect",
    "data",
    "end_of_headers",
    "end_of_message",
    "frame",
    "header",
    "helo",
    "macros",
    "mail",
    "message",
    "offer",
    "rcpt",
    "unknown",
]

ABORT = frame(codes.ABORT)
QUIT_NEW_CONNECTION = frame(codes.QUIT_NEW_CONNECTION)


def connect(
    address: str = "192.0.2.7",
    host: str = "client.example.com",
    family: str = "4",
    port: str = "4711",
) -> bytes:
    """A client has connected to the MTA."""
    return commands.connect(address, host, family, int(port))


def helo(name: str = "client.example.com") -> bytes:
    """HELO or EHLO."""
    return commands.helo(name)


def mail(address: str = "<ada@example.com>", *arguments: str) -> bytes:
    """MAIL, with its ESMTP arguments."""
    return commands.mail(address, *arguments)


def rcpt(address: str = "<ben@example.net>", *arguments: str) -> bytes:
    """RCPT, with its ESMTP arguments."""
    return commands.rcpt(address, *arguments)


def unknown(line: bytes = b"FOO") -> bytes:
    """The client sent an unknown command."""
    return frame(codes.UNKNOWN, line + b"\0")


def message(
    octets: bytes,
    *,
    queue_id: str = "4XqZ",
    leading_space: bool = True,
    chunk: int = commands.CHUNK,
) -> list[bytes]:
    """The frames of header and body."""
    return commands.message(octets, queue_id=queue_id, leading_space=leading_space, chunk=chunk)
