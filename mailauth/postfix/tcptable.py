"""The protocol of tcp_table(5): `get KEY`, and a line with a code for the answer.

A connection knows one map, because the protocol names none.  In keys and values
`%`, blanks, controls and octets over 126 are written `%XX`.
"""

import re
from typing import Final

from mailauth.postfix.lookup import TROUBLE, Outcome, Reply, Request, WireFault, plain

MAX_REQUEST: Final = 8192
"""Octets of a line: Postfix takes 2,048 of a command from its clients, and `%XX` trebles them."""
MAX_REPLY: Final = 4096
"""Octets of a line with its end, as the manual has it."""

_REQUEST = re.compile(rb"get ((?:[^\x00- %\x7f]++|%[0-9A-Fa-f]{2})*+)\n")
_ENCODED = re.compile(rb"%(..)")
_UNSAFE = re.compile(rb"[^!-$&-~]")
_SHOWN = 60
_FOUND: Final = Outcome.FOUND  # a name that is found faster than the member of an Enum
_TEMP = b"400 %b\n" % TROUBLE.encode("ascii")
_NOT_FOUND = b"500 not found\n"


class TcpTable:
    """One connection, on which all requests are for the map of this name."""

    def __init__(self, map_name: str) -> None:
        self._map_name = map_name
        self._octets = b""
        self._at = 0

    @property
    def partial(self) -> bool:
        """Octets were received that are not yet part of a request that was taken."""
        return self._at < len(self._octets)

    def receive(self, octets: bytes) -> None:
        """Take in what came from the peer, of any length."""
        left = self._octets[self._at :]
        self._octets = left + octets if left else octets
        self._at = 0

    def next_request(self) -> Request | None:
        """get SPACE key NEWLINE; None if more octets are needed first.

        **Raises** WireFault: another line, a blank or a control that is not
        encoded, a `%` without two hexadecimal digits, a line that is too long.
        """
        octets, at = self._octets, self._at
        if at == len(octets):
            return None
        match = _REQUEST.match(octets, at)
        if match is None or match.end() - at > MAX_REQUEST:
            self._check_unfinished()
            return None
        self._at = match.end()
        key = match[1]
        if b"%" in key:
            key = _ENCODED.sub(_decoded, key)
        return Request(self._map_name, key.decode("utf-8", "surrogateescape"))

    def send(self, reply: Reply) -> bytes:
        """The line of a reply.  A value that does not fit, or is empty, becomes 400, never 500."""
        outcome, text = reply
        if outcome is _FOUND:
            if text.isascii() and text.isprintable() and " " not in text and "%" not in text:
                line = f"200 {text}\n".encode("ascii")
            else:
                value = text.encode("utf-8", "surrogateescape")
                line = b"200 %b\n" % _UNSAFE.sub(_encoded, value)
            return line if text and len(line) <= MAX_REPLY else _TEMP
        if outcome is Outcome.NOT_FOUND:
            return _NOT_FOUND
        return b"400 %b\n" % plain(text) if outcome is Outcome.PERM else _TEMP

    def _check_unfinished(self) -> None:
        """**Raises** WireFault: no request can come of what is there."""
        end = self._octets.find(b"\n", self._at)
        length = (end + 1 if end >= 0 else len(self._octets)) - self._at
        if length > MAX_REQUEST:
            raise _fault(f"a request of more than {MAX_REQUEST} octets")
        if end >= 0:
            shown = self._octets[self._at : min(end, self._at + _SHOWN)]
            raise _fault(f"not a request: {shown!r}")


def _fault(reason: str) -> WireFault:
    return WireFault(reason, b"400 not a request\n")


def _decoded(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode("ascii"))


def _encoded(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]
