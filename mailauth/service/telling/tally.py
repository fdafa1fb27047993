"""What a worker knows of its requests: how many of each outcome, and how old the oldest is.

A server keeps its tally up to date; the beats carry it to the supervisor.  A tally
belongs to one listener of one worker and to one thread.
"""

import time
from collections.abc import Callable, Iterable

from mailauth.service.telling.beat import Figure, nothing
from mailauth.service.telling.poison import Hand, Remembered


class Tally:
    """The figures of one listener, and its requests in work."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        hand: Hand | None = None,
        remembered: Remembered | None = None,
    ) -> None:
        """`hand` and `remembered` are those of the worker."""
        self._clock = clock
        self.hand = hand or Hand()
        self.remembered = remembered or Remembered()
        self.figures = nothing()
        self._begun: dict[int, float] = {}
        self._last = 0

    def count(self, figure: Figure, number: int = 1) -> None:
        """Add to a figure; OPEN also takes -1."""
        self.figures[figure] += number

    def begin(self) -> int:
        """A request is in work; returns the number to `end` it with."""
        self._last += 1
        self._begun[self._last] = self._clock()
        return self._last

    def end(self, request: int) -> None:
        """A request is no longer in work, whatever its outcome."""
        self._begun.pop(request, None)

    def oldest(self) -> float:
        """Seconds that the oldest request has been in work, or 0."""
        begun = next(iter(self._begun.values()), None)  # in the order in which they began
        return 0.0 if begun is None else max(self._clock() - begun, _LEAST)


_LEAST = 1e-6
"""Seconds: the least age of a request, since 0 stands for no request."""


def oldest(tallies: Iterable[Tally]) -> float:
    """The age in seconds of the oldest request of all these tallies, or 0."""
    return max((tally.oldest() for tally in tallies), default=0.0)
