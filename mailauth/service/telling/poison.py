"""What workers had in hand when they ended: in memory that they share with the supervisor.

Each worker has a page, `Hand`, in which it notes the fingerprint of the message it works
on.  When the worker ends unasked, the supervisor finds the fingerprint there and puts it
into `Remembered`, a table that all workers read; so the others recognize the message
when it comes again.  The table has a fixed size, and its entries expire.  Both are made
before the fork and need no messages between processes.
"""

import mmap
import struct
import time
from typing import Final

FINGERPRINT: Final = 16
"""Octets of a fingerprint; longer ones are cut, shorter ones count as none."""
MAX_REMEMBERED: Final = 256
_ENTRY: Final = struct.Struct(f"={FINGERPRINT}sd")
_NOTHING: Final = bytes(FINGERPRINT)


class Hand:
    """What one worker works on; written by the worker, read by the supervisor."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def take(self, fingerprint: str) -> None:
        """From now on this is in work."""
        self._page[:FINGERPRINT] = _octets(fingerprint)

    def leave(self) -> None:
        """From now on nothing is in work."""
        self._page[:FINGERPRINT] = _NOTHING

    def look(self) -> str:
        """The fingerprint in work, or ""."""
        return self._page[:FINGERPRINT].rstrip(b"\0").decode("ascii", "replace")

    def close(self) -> None:
        """Give the page back."""
        self._page.close()


class Remembered:
    """Fingerprints of what ended workers; written by the supervisor, read by all workers."""

    def __init__(self) -> None:
        self._table = mmap.mmap(-1, MAX_REMEMBERED * _ENTRY.size)
        self._next = 0

    def add(self, fingerprint: str, until: float) -> None:
        """Remember it until this time of `time.monotonic`; it may displace the oldest."""
        at = self._next * _ENTRY.size
        octets = _octets(fingerprint)
        _ENTRY.pack_into(self._table, at, octets, 0.0)  # whoever reads now finds it expired
        _ENTRY.pack_into(self._table, at, octets, until)
        self._next = (self._next + 1) % MAX_REMEMBERED

    def has(self, fingerprint: str) -> bool:
        """Whether it is still remembered."""
        octets = _octets(fingerprint)
        at = self._table.find(octets) if octets != _NOTHING else -1
        while at >= 0:
            if at % _ENTRY.size == 0:
                _, until = _ENTRY.unpack_from(self._table, at)
                if until > time.monotonic():
                    return True
            at = self._table.find(octets, at + 1)
        return False


def _octets(fingerprint: str) -> bytes:
    octets = fingerprint.encode("ascii", "replace")
    return octets[:FINGERPRINT] if len(octets) >= FINGERPRINT else _NOTHING
