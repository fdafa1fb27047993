"""How long one message waits for the DNS; meanwhile it is not in hand (see `guard`)."""

import time

from mailauth.dns.lookups import Lookups, Question, Together
from mailauth.milter.guard import Guard
from mailauth.milter.outcome import Outcome


class Stopwatch:
    """Measures how long the look-ups of a message wait for answers, in seconds."""

    __slots__ = ("_guard", "_mark", "seconds")

    def __init__(self, guard: Guard, mark: str) -> None:
        self._guard = guard
        self._mark = mark
        self.seconds = 0.0

    def timed(self, lookups: Lookups[Outcome], question: Question | Together) -> Lookups[Outcome]:
        """The same look-ups, timed; `question` is the first, which they have already asked."""
        try:
            while True:
                begin = time.monotonic()
                self._guard.leave()
                try:
                    answer = yield question
                except Exception as fault:  # noqa: BLE001 - it is for the look-ups
                    self._go_on(begin)
                    question = lookups.throw(fault)
                else:
                    self._go_on(begin)
                    question = lookups.send(answer)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        finally:
            lookups.close()

    def _go_on(self, begin: float) -> None:
        self.seconds += time.monotonic() - begin
        self._guard.take(self._mark)
