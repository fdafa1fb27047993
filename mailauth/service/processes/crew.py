"""The children of the supervisor: started, heard, watched and buried; and what they counted.

The supervisor decides what is started, and when.  The figures of a child that has
ended are kept, so that the sums only grow.
"""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mailauth.service.processes import process
from mailauth.service.processes.watchdog import Order, Watched
from mailauth.service.settings.tables import Watchdog
from mailauth.service.telling import beat, log
from mailauth.service.telling.beat import Beat, Figure, Figures
from mailauth.service.telling.poison import Hand

logger = logging.getLogger(__name__)

WORKER: Final = "worker"
OBSERVER: Final = "observer"

_MAX_BEATS: Final = 64
_MAX_DATAGRAM: Final = 65_536


class Job(NamedTuple):
    """What a child is started for."""

    role: str
    generation: int
    listeners: tuple[str, ...]
    """The addresses that its figures are about."""
    limits: Watchdog
    run: process.Run
    hand: Hand
    """Where it notes what it has in work."""


@dataclass(slots=True)
class Child:
    """A child as the supervisor knows it."""

    pid: int
    job: Job
    channel: socket.socket
    watched: Watched
    figures: tuple[Figures, ...]
    is_asked: bool = False
    """Whether it was asked to end."""
    in_hand: str = ""
    """What it had in work when it was condemned."""

    @property
    def is_staying(self) -> bool:
        """Whether it is to keep running."""
        return not self.is_asked and not self.watched.is_condemned

    def describe(self, now: float) -> dict[str, Any]:
        """The child for `mailauth ps` and the observer."""
        return {
            "pid": self.pid,
            "role": self.job.role,
            "generation": self.job.generation,
            "phase": str(self.watched.phase),
            "uptime": now - self.watched.started,
            "beat_age": now - self.watched.last_beat,
            "oldest_request": self.watched.oldest,
            "figures": [sum(column) for column in zip(*self.figures, strict=True)],
        }


class Ended(NamedTuple):
    """A child that has ended."""

    child: Child
    how: str
    in_hand: str = ""
    """What it had in work, when it was condemned or else when it ended."""


@dataclass(slots=True)
class Crew:
    """All children, by process id."""

    sink: log.Sink
    children: dict[int, Child] = field(default_factory=dict)
    _past: dict[str, Figures] = field(default_factory=dict)
    _before: list[int] = field(default_factory=lambda: process.strays(()))
    """Children that were there before: of the script that became this program by exec."""

    def __len__(self) -> int:
        return len(self.children)

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self.children.values()))

    def of(self, role: str, generation: int) -> list[Child]:
        """The children of a role and a generation that are to keep running."""
        return [
            child
            for child in self
            if (child.job.role, child.job.generation) == (role, generation) and child.is_staying
        ]

    def start(self, job: Job, forget: Callable[[], None], now: float) -> None:
        """Start a child, in which `forget` closes the supervisor's things.  **Raises** OSError."""

        def forget_all() -> None:
            forget()
            for child in self:
                child.channel.close()

        pid, channel = process.fork(job.role, job.run, forget_all, sink=self.sink)
        figures = tuple(beat.nothing() for _ in job.listeners)
        self.children[pid] = Child(pid, job, channel, Watched(job.limits, now), figures)

    def dismiss(self, child: Child, now: float) -> None:
        """Ask a child to finish its work and end."""
        child.is_asked = True
        child.watched.leave(now)
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)

    def kill(self, child: Child) -> None:
        """Kill a child that is no longer wanted, with its group."""
        child.is_asked = True
        process.kill_group(child.pid)

    def hear(self, now: float) -> list[tuple[Child, Beat]]:
        """The beats of the children since the last call."""
        heard = []
        for child in self:
            for said in _beats(child):
                child.watched.beat(now, said.oldest)
                child.figures = said.figures
                heard.append((child, said))
        return heard

    def watch(self, now: float) -> None:
        """Carry out what the watchdogs of all children decide."""
        for child in self:
            self._carry_out(child, child.watched.order(now))

    def condemn(self, child: Child, now: float, reason: str) -> None:
        """Replace a child, for a reason that its watchdog cannot see."""
        self._carry_out(child, child.watched.condemn(now, reason))

    def _carry_out(self, child: Child, order: Order | None) -> None:
        if order is None:
            return
        values = {"role": child.job.role, "pid": child.pid, "reason": child.watched.reason}
        if order is Order.BACKTRACE:
            child.in_hand = child.job.hand.look()
            logger.error("the %(role)s %(pid)d %(reason)s; its stacks follow", values)
            process.signal_even_if_stopped(child.pid, signal.SIGUSR1, signal.SIGQUIT)
        elif order is Order.TERMINATE:
            process.signal_even_if_stopped(child.pid, signal.SIGTERM)
        else:
            logger.error("the %(role)s %(pid)d is killed with its process group", values)
            process.kill_group(child.pid)

    def bury(self, now: float) -> list[Ended]:
        """Kill the groups of dead children and reap them; kill what they left behind, too."""
        buried = []
        reaped = False
        while (dead := process.next_dead()) is not None:
            child = self.children.get(dead)
            if child is not None:
                process.kill_group(dead)  # before it is reaped, while its id is still its own
                self.hear(now)  # its last figures
            _, status = os.waitpid(dead, 0)
            reaped = True
            if child is not None:
                del self.children[dead]
                child.channel.close()
                self._keep_figures(child)
                how = _how(os.waitstatus_to_exitcode(status))
                buried.append(Ended(child, how, child.in_hand or child.job.hand.look()))
                child.job.hand.close()
        if reaped:
            self._kill_strays()
        return buried

    def _kill_strays(self) -> None:
        for stray in process.strays({*self.children, *self._before}):
            values = {"pid": stray}
            logger.warning("process %(pid)d was left behind by a worker and is killed", values)
            with suppress(ProcessLookupError):
                os.kill(stray, signal.SIGKILL)

    def figures(self) -> dict[str, Figures]:
        """For each listener, the sum of what ended and present workers have counted."""
        totals = {where: list(figures) for where, figures in self._past.items()}
        for child in self:
            _add(totals, child)
        return totals

    def _keep_figures(self, child: Child) -> None:
        for figures in child.figures:
            figures[Figure.OPEN] = 0
        _add(self._past, child)


def _add(totals: dict[str, Figures], child: Child) -> None:
    if child.job.role == WORKER:
        for where, figures in zip(child.job.listeners, child.figures, strict=True):
            totals[where] = beat.add(totals.get(where, beat.nothing()), figures)


def _beats(child: Child) -> Iterator[Beat]:
    """The beats in the channel of a child; anything else is dropped."""
    with suppress(OSError):
        for _ in range(_MAX_BEATS):
            octets = child.channel.recv(_MAX_DATAGRAM)
            if not octets:
                return
            said = beat.unpack(octets, len(child.job.listeners))
            if said is not None:
                yield said


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with status {code}"
