"""The protocol of socketmap_table(5): `NAME KEY` and the answer, each a netstring.

A netstring is a length in decimal digits, a colon, that many octets, and a comma.
Keys and values are sent unencoded.
"""

import re
from typing import Final

from mailauth.postfix.lookup import TROUBLE, Outcome, Reply, Request, WireFault, plain

MAX_REQUEST: Final = 10_000
"""Octets of a request without its frame; Postfix sends none that are longer."""
MAX_REPLY: Final = 100_000
"""Octets of a reply without its frame, according to the manual."""

_LENGTH = re.compile(rb"([1-9][0-9]{0,4}+|0):")
_HALF_LENGTH = re.compile(rb"(?:[1-9][0-9]{0,4}|0)?")
_SHOWN = 60
_FOUND: Final = Outcome.FOUND  # a global is found faster than a member of an Enum


class Socketmap:
    """One connection."""

    def __init__(self) -> None:
        self._octets = b""
        self._at = 0

    @property
    def partial(self) -> bool:
        """Whether octets were received that `next_request` has not returned yet."""
        return self._at < len(self._octets)

    def receive(self, octets: bytes) -> None:
        """Take in octets from the peer, of any length."""
        left = self._octets[self._at :]
        self._octets = left + octets if left else octets
        self._at = 0

    def next_request(self) -> Request | None:
        """name SPACE key, framed; None if more octets are needed first.

        **Raises** WireFault: no netstring, a length that is too large or has a
        leading zero or a sign, no blank after the name.
        """
        octets, at = self._octets, self._at
        if at == len(octets):
            return None
        length = _LENGTH.match(octets, at)
        if length is None:
            if _HALF_LENGTH.fullmatch(octets, at):
                return None
            raise self._fault("not a netstring")
        start = length.end()
        end = start + int(length[1])
        if end - start > MAX_REQUEST:
            raise self._fault(f"a request of more than {MAX_REQUEST} octets")
        if end >= len(octets):
            return None
        name, blank, key = octets[start:end].partition(b" ")
        if octets[end] != _COMMA or not blank:
            raise self._fault("not a netstring" if blank else "not a request")
        self._at = end + 1
        return Request(name.decode("ascii", "replace"), key.decode("utf-8", "surrogateescape"))

    def send(self, reply: Reply) -> bytes:
        """The frame of a reply.  A value that does not fit, or is empty, becomes TEMP."""
        outcome, text, _ = reply
        if outcome is _FOUND:
            value = b"OK " + text.encode("utf-8", "surrogateescape")
            return _framed(value) if text and len(value) <= MAX_REPLY else _TEMP
        if outcome is Outcome.NOT_FOUND:
            return _NOT_FOUND
        return _framed(b"PERM " + plain(text)) if outcome is Outcome.PERM else _TEMP

    def _fault(self, reason: str) -> WireFault:
        shown = self._octets[self._at : self._at + _SHOWN]
        return WireFault(f"{reason}: {shown!r}", _NO_REQUEST)


def _framed(octets: bytes) -> bytes:
    return b"%d:%b," % (len(octets), octets)


_COMMA = ord(",")
_TEMP = _framed(b"TEMP " + TROUBLE.encode("ascii"))
_NOT_FOUND = _framed(b"NOTFOUND ")
_NO_REQUEST = _framed(b"PERM not a request")
