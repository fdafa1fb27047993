"""What any listener tells of itself: figures, and lines of the log."""

import logging

from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally

logger = logging.getLogger(__name__)


class ListenerWatch:
    """Connections that come, go, and are closed (`mailauth.serving.Watch`)."""

    def __init__(self, tally: Tally, listener: str) -> None:
        self._tally = tally
        self._listener = listener

    def opened(self) -> None:
        """A connection was accepted."""
        self._tally.count(Figure.CONNECTIONS)
        self._tally.count(Figure.OPEN)

    def closed(self) -> None:
        """One that was accepted has ended."""
        self._tally.count(Figure.OPEN, -1)

    def refused(self, line: str) -> None:
        """One was closed at once."""
        self._tally.count(Figure.REFUSED)
        self._warn("%(listener)s: a connection is refused: %(why)s", line)

    def violated(self, line: str) -> None:
        """A connection is closed for what was not of the protocol."""
        self._tally.count(Figure.BROKEN)
        self._warn("%(listener)s: no request, closed: %(why)s", line)

    def overdue(self, line: str) -> None:
        """What a peer left unfinished or unread took too long."""
        self._tally.count(Figure.OVERDUE)
        self._warn("%(listener)s: too slow, closed: %(why)s", line)

    def _warn(self, template: str, why: str) -> None:
        logger.warning(template, {"listener": self._listener, "why": why})
