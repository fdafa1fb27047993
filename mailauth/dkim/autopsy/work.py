"""What the search for one message may cost: work is counted as it is done, up to a limit."""

from typing import Final

MAX_WORK: Final = 6_000_000
"""Hashes for all signatures of one message, as `Work` counts them."""


class Ended(Exception):
    """The work for the message has reached its limit."""


class Work:
    """What may still be done for one message, in hashes of at most 1024 octets of text."""

    def __init__(self) -> None:
        self._left = MAX_WORK

    def hash(self, octets: int, times: int = 1) -> None:
        """Count `times` hashes of that many octets each.  **Raises** Ended."""
        self._take(times * (1 + octets // 1024))

    def make(self, octets: int, fields: int = 0) -> None:
        """Count making and hashing a text of that many octets.  **Raises** Ended.

        `fields` is how many fields are looked at to make it.
        """
        self._take(1 + octets // 128 + fields // 4)  # about as slow as so many hashes

    def _take(self, count: int) -> None:
        if count > self._left:
            raise Ended
        self._left -= count
