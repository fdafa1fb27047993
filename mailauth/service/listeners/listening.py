"""What every listener reports of itself: figures and log lines."""

import logging

from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally

logger = logging.getLogger(__name__)


class ListenerWatch:
    """Counts and logs connections that open and close (`mailauth.serving.Watch`)."""

    def __init__(self, tally: Tally, listener: str) -> None:
        self._tally = tally
        self._listener = listener

    def opened(self) -> None:
        """A connection was accepted."""
        self._tally.count(Figure.CONNECTIONS)
        self._tally.count(Figure.OPEN)

    def closed(self) -> None:
        """A connection that was accepted has ended."""
        self._tally.count(Figure.OPEN, -1)

    def refused(self, line: str) -> None:
        """A connection was closed at once."""
        self._tally.count(Figure.REFUSED)
        self._warn("%(listener)s: a connection was refused: %(why)s", line)

    def violated(self, line: str) -> None:
        """A connection is closed because its peer broke the protocol."""
        self._tally.count(Figure.BROKEN)
        self._warn("%(listener)s: protocol error, closed: %(why)s", line)

    def overdue(self, line: str) -> None:
        """A peer left something unfinished or unread for too long."""
        self._tally.count(Figure.OVERDUE)
        self._warn("%(listener)s: too slow: %(why)s", line)

    def _warn(self, template: str, why: str) -> None:
        logger.warning(template, {"listener": self._listener, "why": why})
