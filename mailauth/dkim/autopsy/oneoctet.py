"""One octet that was altered, added or dropped: in a small text, each is tried."""

import hashlib
from collections.abc import Iterator
from typing import Final

from mailauth.dkim.autopsy.sentences import TOO_LONG
from mailauth.dkim.autopsy.work import Work

MAX_SEARCHED: Final = 4096
"""Octets of the longest text in which each octet is tried."""


def with_one_octet(text: bytes, wanted: bytes, work: Work) -> Iterator[str]:
    """One octet that was altered, added or dropped, if trying each one finds it.

    Octets outside ASCII are tried only next to others, as a UTF-8 letter has several.
    """
    if len(text) > MAX_SEARCHED:
        yield TOO_LONG
        return
    view = memoryview(text)
    before = hashlib.sha256()
    for at in range(len(text) + 1):
        octets = _ASCII if text[max(at - 1, 0) : at + 2].isascii() else _ALL
        work.hash(len(text) - at, times=1 + 2 * len(octets))
        with_added = before.copy()
        with_added.update(view[at + 1 :])
        if at < len(text) and with_added.digest() == wanted:
            yield f"{_place(text, at)}, {_octet(text[at])} was added"
        for octet in octets:
            altered = before.copy()
            altered.update(octet)
            dropped = altered.copy()
            altered.update(view[at + 1 :])
            if altered.digest() == wanted and at < len(text):
                yield f"{_place(text, at)}, {_octet(octet[0])} became {_octet(text[at])}"
            dropped.update(view[at:])
            if dropped.digest() == wanted:
                yield f"{_place(text, at)}, {_octet(octet[0])} was dropped"
        before.update(view[at : at + 1])


_ASCII: Final = [bytes([octet]) for octet in (9, *range(32, 127))]
_ALL: Final = [*_ASCII, *(bytes([octet]) for octet in range(128, 256))]


def _place(text: bytes, at: int) -> str:
    line = text.count(b"\r\n", 0, at) + 1
    column = at - (text.rfind(b"\r\n", 0, at) + 2 if line > 1 else 0) + 1
    return f"in line {line}, column {column} of its canonical form"


def _octet(octet: int) -> str:
    return repr(chr(octet)) if octet < 0x80 else f"octet {octet:02X}"  # noqa: PLR2004 - ASCII
