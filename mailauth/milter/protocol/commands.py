"""What an MTA says to a filter: the frames of commands, as Postfix sends them."""

import re
from collections.abc import Mapping
from struct import Struct
from typing import Final, TypeAlias

from mailauth.milter.protocol import codes
from mailauth.milter.protocol.options import VERSION
from mailauth.milter.protocol.replies import frame

ALL_ACTIONS: Final = 0x1FF
ALL_STEPS: Final = 0x1FFFFF
"""All actions and all steps, as Postfix offers them."""
CHUNK: Final = 65_535
"""Octets of a body in one frame."""

Macros: TypeAlias = Mapping[str, str]

_LENGTH: Final = Struct(">I")
_PORT: Final = Struct(">H")
_OFFER: Final = Struct(">III")


def offer(version: int = VERSION, actions: int = ALL_ACTIONS, steps: int = ALL_STEPS) -> bytes:
    """The MTA's offer of options, which begins a connection."""
    return frame(codes.OFFER, _OFFER.pack(version, actions, steps))


def macros(stage: bytes, values: Macros) -> bytes:
    """The macros of the command that follows."""
    words = (word for pair in values.items() for word in pair)
    return frame(codes.MACROS, stage + _words(*words))


def connect(address: str, host: str, family: str, port: int = 4711) -> bytes:
    """A client has connected to the MTA; `family` is 4, 6, L or U, which has no address."""
    where = b"" if family == "U" else _PORT.pack(port) + _words(address)
    return frame(codes.CONNECT, _words(host) + family.encode() + where)


def helo(name: str) -> bytes:
    """HELO or EHLO."""
    return frame(codes.HELO, _words(name))


def mail(address: str, *arguments: str) -> bytes:
    """MAIL, with its ESMTP arguments."""
    return frame(codes.MAIL, _words(address, *arguments))


def rcpt(address: str, *arguments: str) -> bytes:
    """RCPT, with its ESMTP arguments."""
    return frame(codes.RCPT, _words(address, *arguments))


def data() -> bytes:
    """DATA."""
    return frame(codes.DATA)


def header(name: bytes, value: bytes) -> bytes:
    """A header field."""
    return frame(codes.HEADER, name + b"\0" + value + b"\0")


def end_of_headers() -> bytes:
    """The header is complete."""
    return frame(codes.END_OF_HEADERS)


def body(octets: bytes) -> bytes:
    """A piece of the body."""
    return frame(codes.BODY, octets)


def end_of_message(octets: bytes = b"") -> bytes:
    """The message is complete."""
    return frame(codes.END_OF_MESSAGE, octets)


QUIT: Final = frame(codes.QUIT)


def message(
    octets: bytes, *, queue_id: str, leading_space: bool, chunk: int = CHUNK
) -> list[bytes]:
    """The frames of header and body as Postfix sends them, with macros before each field."""
    fields, content = split(octets)
    frames = []
    for each in fields:
        name, _, value = each.partition(b":")
        frames.append(macros(codes.HEADER, {"i": queue_id}))
        frames.append(header(name, value if leading_space else value.removeprefix(b" ")))
    frames += [macros(codes.END_OF_HEADERS, {"i": queue_id}), end_of_headers()]
    frames += [body(content[at : at + chunk]) for at in range(0, len(content), chunk)]
    frames += [macros(codes.END_OF_MESSAGE, {"i": queue_id}), end_of_message()]
    return frames


def split(octets: bytes) -> tuple[list[bytes], bytes]:
    """The fields of a message, folded by bare LF, and its body."""
    head, _, content = (b"\r\n" + octets).partition(b"\r\n\r\n")
    head = head.removeprefix(b"\r\n").removesuffix(b"\r\n")
    fields = _FIELD_END.split(head) if head else []
    return [each.replace(b"\r\n", b"\n") for each in fields], content


PROBE: Final = offer() + QUIT
"""Octets that every sound filter answers, and that ask nothing of it."""


def is_options(octets: bytes) -> bool:
    """Whether this is a complete answer to an offer."""
    if len(octets) <= _LENGTH.size:
        return False
    (length,) = _LENGTH.unpack_from(octets)
    code = octets[_LENGTH.size : _LENGTH.size + 1]
    return code == codes.OFFER and len(octets) >= _LENGTH.size + length


_FIELD_END: Final = re.compile(rb"\r\n(?![ \t])")


def _words(*words: str) -> bytes:
    """The words, each with its NUL; surrogates become the octets that `os.fsdecode` read."""
    return b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)
