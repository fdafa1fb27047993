"""How a message that ended a process is recognized when it comes again.

The fingerprint of a message is *taken* in hand before anything is done with its
octets, and *left* afterwards.  If the process dies in between, whoever outlives it
finds the fingerprint of the message that it died of.
"""

from typing import Final, Protocol


class Guard(Protocol):
    """Keeps the fingerprint in hand where it outlives the process; each call must be quick."""

    def take(self, fingerprint: str) -> None:
        """From now on the process works on this message."""

    def leave(self) -> None:
        """From now on the process works on no message."""

    def knows(self, fingerprint: str) -> bool:
        """Whether a process ended with this message in hand."""


class Unguarded:
    """The guard of a process that nobody outlives."""

    def take(self, fingerprint: str) -> None:
        """See `Guard`."""

    def leave(self) -> None:
        """See `Guard`."""

    def knows(self, _: str) -> bool:
        """See `Guard`."""
        return False


UNGUARDED: Final = Unguarded()
