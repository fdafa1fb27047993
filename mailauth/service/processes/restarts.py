"""When an ended process is started again: later each time, and at last not at all.

The n-th end within the window delays the next start by the first delay, doubled
n - 1 times, up to the longest delay.  One end more than the window may hold is a storm.
"""

from collections import deque
from dataclasses import dataclass, field

from mailauth.service.settings.tables import Watchdog

_MOST_DOUBLINGS = 30


@dataclass(slots=True)
class Restarts:
    """Counts the ends that nobody asked for; `now` is seconds of a clock that never goes back."""

    limits: Watchdog
    total: int = 0
    reason: str = ""
    """Why the last process ended."""
    at: float = 0.0
    """When the last process ended."""
    _recent: deque[float] = field(default_factory=deque)

    def ended(self, now: float, reason: str) -> None:
        """Count the end of a process."""
        self.total += 1
        self.reason = reason
        self.at = now
        self._recent.append(now)

    def recent(self, now: float) -> int:
        """How many ends there were within the window."""
        while self._recent and self._recent[0] <= now - self.limits.storm_window:
            self._recent.popleft()
        return len(self._recent)

    def may_start(self, now: float) -> bool:
        """Whether the delay after the last end is over."""
        ends = self.recent(now)
        if not ends:
            return True
        doubled = self.limits.restart_delay * 2.0 ** min(ends - 1, _MOST_DOUBLINGS)
        return now >= self.at + min(doubled, self.limits.restart_delay_most)

    def is_storm(self, now: float) -> bool:
        """Whether there were more ends than the window may hold."""
        return self.recent(now) > self.limits.storm_restarts
