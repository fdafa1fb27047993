"""What a resolver remembers, and how it asks an equal question only once at a time.

Both resolvers use the `Cache`; `Flights` is for threads, and so for the blocking one.
An answer is remembered until its TTL ends, a server failure or a refusal only for a
moment, and a time-out never.  A failure stays one, and never passes for a missing
record.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from mailauth import forks
from mailauth.dns.lookups import MAX_TTL, Answer, Question, Status

FAILURE_TTL = 5
"""Seconds; RFC 2308 §7.1 allows five minutes, but mail is waiting."""


class Cache:
    """Answers by question, until their TTL ends; bounded in entries and in octets.

    `clock` gives seconds that never go back.
    """

    def __init__(
        self,
        max_entries: int = 10_000,
        max_octets: int = 32 * 1_048_576,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_octets = max_octets
        self._clock = clock
        self._entries: OrderedDict[Question, tuple[float, Answer[Any]]] = OrderedDict()
        self._octets = 0
        self._lock = threading.Lock()
        forks.keep(self)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, question: Question) -> Answer[Any] | None:
        """The remembered answer, if it still holds; else None."""
        with self._lock:
            entry = self._entries.get(question)
            if entry is None:
                return None
            until, answer = entry
            if until <= self._clock():
                self._drop(question)
                return None
            self._entries.move_to_end(question)
            return answer

    def put(self, question: Question, answer: Answer[Any]) -> None:
        """Remember an answer for as long as it holds, a day at most."""
        if answer.status is Status.TIMEOUT:
            return
        ttl = FAILURE_TTL if answer.failed else min(answer.ttl, MAX_TTL)
        if ttl <= 0:
            return
        with self._lock:
            self._drop(question)
            self._entries[question] = (self._clock() + ttl, answer)
            self._octets += _size(question, answer)
            while len(self._entries) > self._max_entries or self._octets > self._max_octets:
                self._drop(next(iter(self._entries)))

    def begin_in_child(self) -> None:
        """Forget everything in a forked child, if a thread was just changing it."""
        if forks.is_held(self._lock):
            self._lock = threading.Lock()
            self._entries.clear()
            self._octets = 0

    def _drop(self, question: Question) -> None:
        entry = self._entries.pop(question, None)
        if entry is not None:
            self._octets -= _size(question, entry[1])


class Flights:
    """Single flight for threads: one asks, the others wait for its answer.

    With `keep`, the answers last as long as this object, which then serves one batch.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep
        self._flights: dict[Question, Future[Answer[Any]]] = {}
        self._lock = threading.Lock()
        forks.keep(self)

    def answer(
        self, question: Question, ask: Callable[[], Answer[Any]], *, timeout: float | None = None
    ) -> Answer[Any]:
        """What `ask` returns, here or in the thread that was first, awaited for `timeout` seconds.

        An exception in that thread may be meant for it alone, so it is not raised here:
        `ask` is called here instead.
        """
        with self._lock:
            flight = self._flights.get(question)
            first = flight is None
            if flight is None:
                flight = self._flights[question] = Future()
        if not first:
            try:
                return flight.result(timeout)
            except TimeoutError:
                return Answer(Status.TIMEOUT, reason="the same question was asked and not answered")
            except CancelledError:
                return ask()
        try:
            answer = ask()
        except BaseException:
            self._land(question)
            flight.cancel()
            raise
        if not self._keep:
            self._land(question)
        flight.set_result(answer)
        return answer

    def begin_in_child(self) -> None:
        """Forget all flights in a forked child: the threads that were asking are not there."""
        self._lock = threading.Lock()
        self._flights = {}

    def _land(self, question: Question) -> None:
        with self._lock:
            self._flights.pop(question, None)


def _size(question: Question, answer: Answer[Any]) -> int:
    """About how many octets an entry takes."""
    records = (len(record) if isinstance(record, bytes | str) else 50 for record in answer.records)
    return 500 + len(question.name) + sum(records, 50 * len(answer.records))
