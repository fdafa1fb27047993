"""Canonical forms of header fields and bodies: simple and relaxed (RFC 6376 §3.4).

A body is never canonicalized whole: it is fed in pieces of any size, and its
canonical form is emitted in pieces too; no more than two octets and a count are held
back between two of them.  Only CRLF ends a line and only space and tab are blanks;
any other octet, including bare CR and LF, is text.

The speed comes from letting C scan: a stretch without blanks is emitted as a view of
the message, and one with blanks is rewritten by whole-buffer replacements.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

Emit: TypeAlias = Callable[[bytes | memoryview], object]
"""Where canonical octets go: `hash.update`, `list.append`."""


class Canonicalization(StrEnum):
    """The two algorithms that c= names, for header and for body (§3.4)."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def pair(value: str) -> tuple[Canonicalization, Canonicalization]:
    """sig-c-tag: the header's, and after a slash the body's, which is simple by default (§3.5).

    **Raises** ValueError.
    """
    of_header, slash, of_body = value.partition("/")
    return Canonicalization(of_header), Canonicalization(of_body if slash else "simple")


def header(fields: Sequence[tuple[bytes, bytes]], canonicalization: Canonicalization) -> bytes:
    """The fields in canonical form, a CRLF after each (§3.4.1, §3.4.2).

    `fields` are pairs of key and octets from a message without faults: each CR and LF
    in them belongs to a fold.
    """
    if canonicalization is Canonicalization.SIMPLE:
        return b"".join([octets + b"\r\n" for _, octets in fields])
    # All fields at once: a replacement over two kilobytes costs little more
    # than one over a line.
    lines = [key + b":" + octets.partition(b":")[2].lstrip(b" \t\r\n") for key, octets in fields]
    lines.append(b"")
    text = b"\r\n".join(lines).replace(b"\t", b" ")
    return _squeeze(b" ".join(text.split(b"\r\n ")))


def body(octets: bytes, canonicalization: Canonicalization) -> bytes:
    """The canonical form of a whole body (§3.4.3, §3.4.4)."""
    pieces: list[bytes | memoryview] = []
    canonicalizer = BODY[canonicalization](pieces.append)
    canonicalizer.feed(octets, 0, len(octets))
    canonicalizer.finish()
    return b"".join(pieces)


class SimpleBody:
    """The body as it is, but without empty lines at the end, and at least a CRLF (§3.4.3)."""

    __slots__ = ("_cr", "_emit", "_line_ends")

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._line_ends = 0  # CRLFs seen that may be the last ones
        self._cr = False  # a CR was seen that may begin a CRLF

    def feed(self, octets: bytes, start: int, end: int) -> None:
        """The next piece of the body: `octets[start:end]`."""
        if self._cr and start < end:
            self._cr = False
            if octets[start] == _LF:
                self._line_ends += 1
                start += 1
            else:
                self._text(b"\r")
        if start < end and octets[end - 1] == _CR:
            self._cr = True
            end -= 1
        text_end = _text_end(octets, start, end)
        if text_end > start:
            self._text(memoryview(octets)[start:text_end])
        self._line_ends += (end - text_end) >> 1

    def finish(self) -> None:
        """The body has ended."""
        if self._cr:
            self._text(b"\r")
        self._emit(b"\r\n")

    def _text(self, octets: bytes | memoryview) -> None:
        if self._line_ends:
            _emit_line_ends(self._emit, self._line_ends)
            self._line_ends = 0
        self._emit(octets)


class RelaxedBody:
    """No blanks at line ends, runs of blanks as one, no empty lines at the end (§3.4.4)."""

    __slots__ = ("_emit", "_held", "_line_ends", "_started")

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._line_ends = 0  # CRLFs seen that may be the last ones
        self._held = b""  # a space for blanks, and a CR, that may end a line: at most " \r"
        self._started = False

    def feed(self, octets: bytes, start: int, end: int) -> None:
        """The next piece of the body: `octets[start:end]`."""
        space = tab = start - 1
        while end - start > _WINDOW:
            if space < start:
                space = _find(octets, b" ", start, end)
            if tab < start:
                tab = _find(octets, b"\t", start, end)
            blank = min(space, tab)
            if blank == end or blank - start >= _WINDOW:
                self._without_blanks(octets, start, blank)
                start = blank
            else:
                self._with_blanks(octets[start : start + _WINDOW])
                start += _WINDOW
        if start < end:
            self._with_blanks(octets[start:end])

    def finish(self) -> None:
        """The body has ended, and so has its last line: a held blank without a CR is dropped."""
        if self._held.endswith(b"\r"):
            self._text(self._held, 0, len(self._held))
        if self._started:
            self._emit(b"\r\n")

    def _without_blanks(self, octets: bytes, start: int, end: int) -> None:
        while self._held and start < end:
            # What follows decides about the held octets; only the start of it is copied.
            copied = min(start + _COPIED, end)
            self._with_blanks(octets[start:copied])
            start = copied
        if start == end:
            return
        if octets[end - 1] == _CR:
            self._held = b"\r"
            end -= 1
        self._text(octets, start, end)

    def _with_blanks(self, octets: bytes) -> None:
        if self._held:
            octets = self._held + octets
            self._held = b""
        if octets[-1] in _MAY_END_A_LINE:
            octets = self._hold(octets)
        text = _squeeze(octets)
        self._text(text, 0, len(text))

    def _hold(self, octets: bytes) -> bytes:
        cr = b"\r" if octets[-1] == _CR else b""
        line = octets.removesuffix(cr)
        text = line.rstrip(b" \t")
        self._held = (b" " if len(text) < len(line) else b"") + cr
        return text

    def _text(self, octets: bytes, start: int, end: int) -> None:
        text_end = _text_end(octets, start, end)
        if text_end > start:
            self._started = True
            if self._line_ends:
                _emit_line_ends(self._emit, self._line_ends)
                self._line_ends = 0
            self._emit(memoryview(octets)[start:text_end])
        self._line_ends += (end - text_end) >> 1


BODY: Final[dict[str, type[SimpleBody | RelaxedBody]]] = {
    Canonicalization.SIMPLE: SimpleBody,
    Canonicalization.RELAXED: RelaxedBody,
}

_CR, _LF = b"\r\n"
_MAY_END_A_LINE = b" \t\r"
_WINDOW = 32_768  # small enough to stay in the cache, large enough to make calls cheap
_COPIED = 4096
_LINE_ENDS_AT_ONCE = 4096
_RUN = re.compile(rb"   *+")  # it begins with two spaces, so that the search is for a literal
_MAX_RUNS = 2048
_LONG_RUN = b" " * 8
_MANY_LINE_ENDS = b"\r\n" * 256


def _squeeze(octets: bytes) -> bytes:
    """Each run of blanks as one space, and none before a CRLF."""
    if b"\t" in octets:
        octets = octets.replace(b"\t", b" ")
    pieces = _RUN.split(octets, _MAX_RUNS)
    octets = b" ".join(pieces)  # cheaper than `sub`
    if len(pieces) > _MAX_RUNS:
        # Whole passes are cheaper for so many runs; each of the first shortens runs to an eighth.
        while _LONG_RUN in octets:
            octets = octets.replace(_LONG_RUN, b" ")
        while b"  " in octets:
            octets = octets.replace(b"  ", b" ")
    return b"\r\n".join(octets.split(b" \r\n"))  # one scan, where replace takes two


def _emit_line_ends(emit: Emit, count: int) -> None:
    for left in range(count, 0, -_LINE_ENDS_AT_ONCE):
        emit(b"\r\n" * min(left, _LINE_ENDS_AT_ONCE))


def _find(octets: bytes, octet: bytes, start: int, end: int) -> int:
    at = octets.find(octet, start, end)
    return end if at < 0 else at


def _text_end(octets: bytes, start: int, end: int) -> int:
    """Where the CRLFs at the end of `octets[start:end]` begin."""
    while octets.endswith(_MANY_LINE_ENDS, start, end):
        end -= len(_MANY_LINE_ENDS)
    while octets.endswith(b"\r\n", start, end):
        end -= 2
    return end
