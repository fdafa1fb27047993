"""What in a message may break its signature on the way, though it can be signed (RFC 6376 §5.3).

There are two such things: a relay that does not know 8BITMIME re-encodes octets over
127 (RFC 6152 §3), and one that keeps to RFC 5322 §2.1.1 breaks lines of more than 998
octets.  A postmaster who is told can fix the sender.
"""

from collections.abc import Iterator
from typing import Final

MAX_LINE: Final = 998
"""Octets of a line without its CRLF (RFC 5322 §2.1.1)."""


class Fragility:
    """Looks at a message, or a body, that arrives in pieces."""

    __slots__ = ("_eight_bit", "_long_line", "_since_line_end")

    def __init__(self) -> None:
        self._eight_bit = False
        self._long_line = False
        self._since_line_end = 0

    def update(self, octets: bytes) -> None:
        """The next piece."""
        self._eight_bit = self._eight_bit or not octets.isascii()
        if not self._long_line:
            self._long_line = self._has_long_line(octets)

    def notes(self) -> Iterator[str]:
        """What was seen that relays may change, one phrase for each."""
        if self._eight_bit:
            yield "octets over 127, which a relay without 8BITMIME changes"
        if self._long_line or self._since_line_end > MAX_LINE:
            yield f"a line of over {MAX_LINE} octets, which relays break"

    def _has_long_line(self, octets: bytes) -> bool:
        """Whether the current line, or one that begins in this piece, is too long."""
        at = -self._since_line_end  # where the current line begins
        end = len(octets)
        while (reach := at + _LINE_AND_CRLF) <= end:
            found = octets.rfind(b"\n", max(at, 0), reach)
            if found < 0:
                return True
            at = found + 1
        last = octets.rfind(b"\n", max(at, 0))
        self._since_line_end = end - (last + 1 if last >= 0 else at)
        return False


_LINE_AND_CRLF: Final = MAX_LINE + 2
