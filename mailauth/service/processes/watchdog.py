"""What is to be done about one process, decided from its beats and the clock; no I/O.

A process is starting, working or leaving.  One that is late, silent or sits on a
request for too long is *condemned*: first it must show its stacks, then it is
asked to end, then it is killed with its whole group.  A condemned process is not
pardoned, even if it beats again; it may only use the time to end cleanly.
"""

from dataclasses import dataclass
from enum import StrEnum

from mailauth.service.settings.tables import Watchdog


class Phase(StrEnum):
    """The phase of a process's life."""

    STARTING = "starting"
    WORKING = "working"
    LEAVING = "leaving"
    QUESTIONED = "condemned"
    """It was asked to show its stacks."""
    TERMINATED = "terminated"
    KILLED = "killed"


class Order(StrEnum):
    """What to do to a process now."""

    BACKTRACE = "backtrace"
    TERMINATE = "terminate"
    KILL = "kill"


CONDEMNED = frozenset({Phase.QUESTIONED, Phase.TERMINATED, Phase.KILLED})


@dataclass(slots=True)
class Watched:
    """One process under watch; each `now` is seconds of the same clock, which never goes back."""

    limits: Watchdog
    started: float
    phase: Phase = Phase.STARTING
    since: float = 0.0
    """When the phase began."""
    last_beat: float = 0.0
    oldest: float = 0.0
    """The age of the oldest request at the last beat."""
    reason: str = ""
    """Why it was condemned."""
    _excused: float = 0.0
    """Seconds that its oldest request stood still with the watcher."""
    _excused_at: float = 0.0

    def __post_init__(self) -> None:
        self.since = self.last_beat = self.started

    @property
    def is_condemned(self) -> bool:
        """Whether it is being ended by force."""
        return self.phase in CONDEMNED

    def beat(self, now: float, oldest: float) -> None:
        """A beat came; the first one says that the process is ready."""
        self.last_beat = now
        if oldest < now - self._excused_at:  # it began later, and so did all others
            self._excused = 0.0
        self.oldest = max(0.0, oldest - self._excused)
        if self.phase is Phase.STARTING:
            self._enter(Phase.WORKING, now)

    def excuse(self, now: float, seconds: float) -> None:
        """The watcher itself stood still for so long: do not hold that time against the process."""
        self.last_beat += seconds
        self.since += seconds
        self._excused += seconds
        self._excused_at = now

    def leave(self, now: float) -> None:
        """The process was asked to finish its work and end."""
        if self.phase in {Phase.STARTING, Phase.WORKING}:
            self._enter(Phase.LEAVING, now)

    def condemn(self, now: float, reason: str) -> Order | None:
        """Condemn a process that must go; returns the first order, or None if already condemned."""
        if self.is_condemned:
            return None
        self.reason = reason
        self._enter(Phase.QUESTIONED, now)
        return Order.BACKTRACE

    def order(self, now: float) -> Order | None:
        """What to do now, one thing at a time; None if nothing."""
        if not self.is_condemned:
            fault = self._fault(now)
            return self.condemn(now, fault) if fault else None
        if self.phase is Phase.QUESTIONED and now - self.since >= self.limits.backtrace:
            self._enter(Phase.TERMINATED, now)
            return Order.TERMINATE
        if self.phase is Phase.TERMINATED and now - self.since >= self.limits.terminate:
            self._enter(Phase.KILLED, now)
            return Order.KILL
        return None

    def _fault(self, now: float) -> str:
        """Why the process must go, or ""."""
        silent = now - self.last_beat
        if self.phase is Phase.STARTING:
            late = now - self.since > self.limits.start
            return f"was not ready within {self.limits.start:g} s" if late else ""
        if silent > self.limits.silence:
            return f"was silent for {silent:.1f} s"
        if self.oldest and self.oldest + silent > self.limits.request:
            return f"has been working on one request for {self.oldest + silent:.1f} s"
        longest = self.limits.stop + self.limits.terminate  # it keeps to `stop` by itself
        if self.phase is Phase.LEAVING and now - self.since > longest:
            return f"did not end within {longest:g} s"
        return ""

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase = phase
        self.since = now
