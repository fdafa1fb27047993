"""Contestants do the same work, interleaved, so that any drift of the machine hits them all.

Only the CPU time of the work itself counts, and only the best of several rounds:
interference makes a measurement slower, never faster.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ROUNDS = 20
SECONDS = 0.1
"""How long a contestant runs in each round; few long rounds are undisturbed on a busy machine."""


@dataclass(frozen=True)
class Contestant:
    """One who does the work: `turns(count)` does it `count` times and returns CPU seconds."""

    name: str
    turns: Callable[[int], float]


@dataclass(frozen=True)
class Goal:
    """We must be at least so many times as fast as that contestant."""

    against: str
    ratio: float


@dataclass(frozen=True)
class Cell:
    """One kind of work; the first contestant is ours."""

    name: str
    contestants: Sequence[Contestant]
    goals: Sequence[Goal] = ()
    unit: str = "/s"


@dataclass
class Measured:
    """How many times a second each contestant did the work of a cell."""

    cell: Cell
    rates: dict[str, float] = field(default_factory=dict)

    @property
    def ours(self) -> float:
        """Our rate."""
        return self.rates[self.cell.contestants[0].name]

    def ratio(self, against: str) -> float:
        """How many times as fast we are."""
        return self.ours / self.rates[against]


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and all its threads, including ended ones (Linux)."""
    return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3), which Python does not have


def contestant(
    name: str,
    work: Callable[[], object],
    clock: Callable[[], float] = time.process_time,
) -> Contestant:
    """A contestant that works in this process; what counts is its CPU time, or another `clock`."""

    def turns(count: int) -> float:
        begin = clock()
        for _ in range(count):
            work()
        return clock() - begin

    return Contestant(name, turns)


def measure(cell: Cell) -> Measured:
    """The best rate of each contestant over all rounds."""
    gc.collect()
    gc.freeze()  # as a worker does, so that the collector ignores what others left behind
    measured = Measured(cell)
    counts = {each.name: _count(each) for each in cell.contestants}
    for _ in range(ROUNDS):
        for each in cell.contestants:
            count = counts[each.name]
            rate = count / max(each.turns(count), 1e-9)
            measured.rates[each.name] = max(rate, measured.rates.get(each.name, 0.0))
    return measured


def _count(contestant: Contestant) -> int:
    """How many turns take about `SECONDS`."""
    count = 1
    while (seconds := contestant.turns(count)) < SECONDS / 20:
        count *= 4
    return max(1, round(count * SECONDS / seconds))
