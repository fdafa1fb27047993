"""The protocol of tcp_table(5): `get KEY`, answered by a line that begins with a code.

A connection serves one map, because requests name none.  In keys and values
`%`, blanks, controls and octets over 126 are written `%XX`.
"""

import re
from typing import Final

from mailauth.postfix.lookup import TROUBLE, Outcome, Reply, Request, WireFault, plain

MAX_REQUEST: Final = 8192
"""Octets of a line: Postfix takes commands of 2,048 from its clients, and `%XX` trebles them."""
MAX_REPLY: Final = 4096
"""Octets of a line with its end, according to the manual."""

_LINES_AT_ONCE = 256  # one at a time takes longer, all at once takes memory
_VERB = b"get "
_KEY_OCTETS = bytes([*range(0x21, 0x7F), *range(0x80, 0x100)])
_HEX_DIGITS = b"0123456789ABCDEFabcdef"
_OCTETS = {
    bytes((high, low)): bytes.fromhex(f"{high:c}{low:c}")
    for high in _HEX_DIGITS
    for low in _HEX_DIGITS
}
"""By two hexadecimal digits, in either case."""
_UNSAFE = re.compile(rb"[^!-$&-~]")
_SHOWN = 60
_FOUND: Final = Outcome.FOUND  # a global is found faster than a member of an Enum
_TEMP = b"400 %b\n" % TROUBLE.encode("ascii")
_NOT_FOUND = b"500 not found\n"


class TcpTable:
    """One connection, whose requests are all for the map of this name."""

    def __init__(self, map_name: str) -> None:
        self._map_name = map_name
        self._octets = b""
        self._lines: list[bytes] = []  # the first lines of the octets, the next one last

    @property
    def partial(self) -> bool:
        """Whether octets were received that `next_request` has not returned yet."""
        return bool(self._lines or self._octets)

    def receive(self, octets: bytes) -> None:
        """Take in octets from the peer, of any length."""
        self._octets += octets

    def next_request(self) -> Request | None:
        """get SPACE key NEWLINE; None if more octets are needed first.

        **Raises** WireFault: any other line, a blank or a control that is not
        encoded, a `%` without two hexadecimal digits, a line that is too long.
        """
        if not self._lines:
            *lines, self._octets = self._octets.split(b"\n", _LINES_AT_ONCE)
            self._lines = lines[::-1]
        if not self._lines:
            _check_length(len(self._octets))
            return None
        line = self._lines.pop()
        _check_length(len(line) + 1)
        key = line[len(_VERB) :]
        if not line.startswith(_VERB) or key.translate(None, _KEY_OCTETS):
            raise _not_one(line)
        if b"%" in key:
            key = _decoded(key, line)
        return Request(self._map_name, key.decode("utf-8", "surrogateescape"))

    def send(self, reply: Reply) -> bytes:
        """The line of a reply.  A value that does not fit, or is empty, becomes 400, never 500."""
        outcome, text, _ = reply
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


def _fault(reason: str) -> WireFault:
    return WireFault(reason, b"400 not a request\n")


def _check_length(octets: int) -> None:
    if octets > MAX_REQUEST:
        raise _fault(f"a request of more than {MAX_REQUEST} octets")


def _not_one(line: bytes) -> WireFault:
    return _fault(f"not a request: {line[:_SHOWN]!r}")


def _decoded(key: bytes, line: bytes) -> bytes:
    """**Raises** WireFault: a `%` without two hexadecimal digits."""
    head, *rest = key.split(b"%")
    try:
        return head + b"".join(_OCTETS[each[:2]] + each[2:] for each in rest)
    except KeyError:
        raise _not_one(line) from None


def _encoded(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]
