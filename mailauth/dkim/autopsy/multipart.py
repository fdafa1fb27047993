"""The parts of a body, and what may have been done to some of them (RFC 2046 §5.1)."""

import quopri
import re
from collections.abc import Callable
from itertools import chain, islice
from typing import Final, NamedTuple

from mailauth.syntax.message import Message

MAX_BOUNDARIES: Final = 20
MAX_PIECES: Final = 200
"""How many pieces a body is split into; the rest is one more."""


class Piece(NamedTuple):
    """What is between two boundary lines, and the second of these, which may be empty."""

    octets: bytes
    end: bytes

    @property
    def encoding(self) -> bytes:
        """The transfer encoding in its header, in lower case (RFC 2045 §6)."""
        found = _ENCODING.search(self._split()[0])
        return found[2].lower() if found else b""

    @property
    def text(self) -> bytes:
        """What follows its header."""
        return self._split()[2]

    def encoded(self, word: bytes, text: bytes) -> "Piece":
        """The piece with the transfer encoding `word`, and `text` in it."""
        head, blank, _ = self._split()
        return Piece(_ENCODING.sub(rb"\g<1>" + word, head, count=1) + blank + text, self.end)

    def _split(self) -> tuple[bytes, bytes, bytes]:
        return self.octets.partition(b"\r\n\r\n")


_BOUNDARY: Final = re.compile(
    rb'(?i)\bboundary[ \t]*+=[ \t]*+(?:"([^"\r\n]{1,70})"|([^\s";]{1,70}))'
)
_ENCODING: Final = re.compile(rb"(?im)^(content-transfer-encoding:[ \t]*+)([a-z0-9-]++)")


def pieces(message: Message) -> list[Piece]:
    """The body in pieces; a single one if no boundary splits it."""
    body = bytes(message.body)
    fields = (field.value for field in message.fields if field.key == b"content-type")
    found = chain.from_iterable(map(_BOUNDARY.finditer, (*fields, body)))
    names = {each[1] or each[2] for each in islice(found, MAX_BOUNDARIES)}
    if not names:
        return [Piece(body, b"")]
    either = b"|".join(map(re.escape, sorted(names)))
    line = rb"(?m)(^--(?:" + either + rb")(?:--)?[ \t]*+(?:\r\n|\Z))"
    apart = re.split(line, body, maxsplit=MAX_PIECES)
    return [Piece(*each) for each in zip(apart[::2], [*apart[1::2], b""], strict=True)]


def joined(parts: list[Piece]) -> bytes:
    """The body of these pieces."""
    return b"".join(chain.from_iterable(parts))


def with_quoted_printable_decoded(
    parts: list[Piece], is_wanted: Callable[[bytes], bool]
) -> list[Piece]:
    """The parts before 8-bit text became quoted-printable, where the text `is_wanted`."""
    before: list[Piece] = []
    for part in parts:
        text = quopri.decodestring(part.text) if part.encoding == b"quoted-printable" else b""
        before.append(part.encoded(b"8bit", text) if text and is_wanted(text) else part)
    return before


def with_8bit_encoded(parts: list[Piece]) -> list[Piece]:
    """The parts before quoted-printable became 8-bit text."""
    return [
        part.encoded(b"quoted-printable", quoted_printable(part.text))
        if part.encoding == b"8bit"
        else part
        for part in parts
    ]


def quoted_printable(text: bytes) -> bytes:
    """Text as quoted-printable, as most programs encode it (RFC 2045 §6.7)."""
    return quopri.encodestring(text.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def without_last(parts: list[Piece]) -> list[Piece]:
    """The parts before the last one, at the end of the outermost multipart, was added."""
    ends = [each.end.rstrip() for each in parts]
    last = next((at for at in range(len(ends) - 1, 0, -1) if ends[at].endswith(b"--")), 0)
    start = ends[last].removesuffix(b"--")
    before = next((at for at in range(last - 1, 0, -1) if ends[at] == start), last)
    return [*parts[:before], Piece(parts[before].octets, parts[last].end), *parts[last + 1 :]]
