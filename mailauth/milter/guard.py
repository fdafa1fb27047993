"""How a message that ended a process is recognized when it comes again.

Before anything is done with the octets of a message, its fingerprint is *taken*
in hand, and then *left*.  If the process ends meanwhile, whoever outlives it finds
there which message it died of.
"""

from typing import Final, Protocol


class Guard(Protocol):
    """Keeps the fingerprint in hand where it outlives the process; each call is to be quick."""

    def take(self, fingerprint: str) -> None:
        """From now on the process works on this message."""

    def leave(self) -> None:
        """From now on it works on none."""

    def knows(self, fingerprint: str) -> bool:
        """Whether a process ended with this message in hand."""


class Unguarded:
    """For those who have nobody to outlive them."""

    def take(self, fingerprint: str) -> None:
        """See `Guard`."""

    def leave(self) -> None:
        """See `Guard`."""

    def knows(self, _: str) -> bool:
        """See `Guard`."""
        return False


UNGUARDED: Final = Unguarded()
