"""Messages that ended the process that had them in hand are known when they come again.

Whatever is done with the octets of a message is done with its fingerprint
*taken*; who outlives the process finds there what it died of.
"""

from typing import Final, Protocol


class Guard(Protocol):
    """Keeps the fingerprint in hand where it outlives the process; each call is to be quick."""

    def take(self, fingerprint: str) -> None:
        """This message is in hand from now on."""

    def leave(self) -> None:
        """None is."""

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
