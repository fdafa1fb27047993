"""`Resolver` and `AsyncResolver`: the DNS for blocking callers and for asyncio.

`exchange` decides what is asked next and what a reply means; here are the I/O, the
clock, and who waits for whom.  No exception of the network or of dnspython escapes:
whatever happens to a question is an `Answer`.  Only a system that has run out of
resources (`EXHAUSTED`) raises an OSError, because that says nothing about a domain.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias, TypeVar

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.message
import dns.query

from mailauth.dns.cache import Cache, Flights
from mailauth.dns.exchange import Attempt, Failure, resolution
from mailauth.dns.lookups import Answer, Lookups, Question, Status, Together, known, run, run_async
from mailauth.dns.nameserver import Nameserver, Transport, of_the_system
from mailauth.errors import EXHAUSTED, BadArgument, how_to_get

T = TypeVar("T")
Turn: TypeAlias = tuple[Attempt, float]
"""What to send, and for how many seconds to wait for the reply."""

MAX_TURN = 2.0
"""The most seconds that one server gets before the next one is asked."""
MIN_WAIT = 0.01
"""Seconds; with less time left, nothing is asked."""
_MAX_TURNS = 3  # up to this many servers share the time of a question evenly
ASKED_LAST: float = 60
"""Seconds for which a server that kept silent is asked after the others, unless it answers."""
SIDE_BY_SIDE = 16
"""How many computations of a batch wait for the DNS at the same time, in threads."""
SIDE_BY_SIDE_ASYNC = 100
"""The same for asyncio."""
MAX_THREADS = 64
"""How many questions asked together a Resolver has open at once; the others wait their turn."""
MAX_SOCKETS = 512
"""How many questions an AsyncResolver has open; the others wait while their time-out runs."""


class _Configured(ABC):
    """What both resolvers are configured with, and what both remember."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        timeout: float = 5.0,
        budget: float = 20.0,
        cache: Cache | None = None,
    ) -> None:
        """Ask `nameservers` (see `Nameserver.parse`), by default those of the system.

        `timeout` is for one question, `budget` for one computation, in seconds; a
        question gets no more than what is left of the budget.

        **Raises** BadArgument: a nameserver cannot be used, or a time is not more than 0.
        """
        for name, seconds in (("timeout", timeout), ("budget", budget)):
            if not seconds > 0:  # refuses NaN too
                msg = f"{name} must be more than 0 seconds"
                raise BadArgument(msg)
        self._nameservers = tuple(map(Nameserver.parse, nameservers or of_the_system()))
        over_https = any(n.transport is Transport.HTTPS for n in self._nameservers)
        if over_https and not dns.query.have_doh:
            msg = f"DNS over HTTPS needs more packages: {how_to_get('doh')}"
            raise BadArgument(msg)
        self._timeout = min(timeout, budget)
        self._budget = budget
        servers = min(len(self._nameservers), _MAX_TURNS) or 1
        self._turn = min(MAX_TURN, self._timeout / servers)
        self._silent: dict[Nameserver, float] = {}  # until when they are asked last
        self._cache = Cache() if cache is None else cache
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Make what only the blocking or only the asyncio resolver needs."""

    def _wait(self, deadline: float) -> float:
        """How many seconds a question may take in a computation with this deadline."""
        return min(self._timeout, deadline - time.monotonic())

    def _hurried(self, wait: float) -> bool:
        """Whether so little time is left that no other caller should share this attempt."""
        return wait < self._timeout / 2

    def _turns(
        self, question: Question, deadline: float
    ) -> Generator[Turn, dns.message.Message, Answer[Any]]:
        """The resolution of a question until its deadline, driven as look-ups are.

        `run` or `run_async` throws in what goes wrong with an attempt.
        """
        exchange = resolution(question, self._in_order())
        try:
            attempt = next(exchange)
            while (wait := min(self._turn, deadline - time.monotonic())) > 0:
                reply: dns.message.Message | Failure
                try:
                    reply = yield attempt, wait
                except dns.message.Truncated as cut:
                    reply = cut.message()  # type: ignore[no-untyped-call]
                except _FAULTS as fault:
                    if getattr(fault, "errno", None) in EXHAUSTED:
                        raise
                    reply = _failure(attempt, fault)
                self._note(attempt, reply, wait)
                attempt = exchange.send(reply)
        except StopIteration as stop:
            answer: Answer[Any] = stop.value
            self._cache.put(question, answer)
            return answer
        return self._late()

    def _in_order(self) -> Sequence[Nameserver]:
        """The nameservers as given, but those that have lately kept silent come last."""
        now = time.monotonic()
        return sorted(self._nameservers, key=lambda server: self._silent.get(server, now) > now)

    def _note(self, attempt: Attempt, reply: dns.message.Message | Failure, wait: float) -> None:
        """Remember a server that kept silent for a whole turn, until it answers.

        Silence by TCP after UDP does not count: the server has just answered by UDP.
        """
        server = attempt.nameserver
        is_first = attempt.transport is server.transport
        if not isinstance(reply, Failure):
            self._silent.pop(server, None)
        elif reply.status is Status.TIMEOUT and is_first and wait >= self._turn:
            self._silent[server] = time.monotonic() + ASKED_LAST

    def _late(self) -> Answer[Any]:
        servers = ", ".join(map(_place, self._nameservers))
        return Answer(Status.TIMEOUT, reason=f"no answer in time from {servers}")

    def _spent(self) -> Answer[Any]:
        return Answer(Status.TIMEOUT, reason=f"the budget of {self._budget:g} seconds is spent")


class Resolver(_Configured):
    """The DNS for blocking callers; one resolver may serve many threads, and forked children."""

    def _prepare(self) -> None:
        self._flights = Flights()

    def resolve(self, question: Question) -> Answer[Any]:
        """The answer to one question, after `timeout` seconds at most."""
        return self._resolve(time.monotonic() + self._timeout, question)

    def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`, whose questions together take `budget` seconds at most."""
        resolve = partial(self._resolve, time.monotonic() + self._budget)
        with ThreadPoolExecutor(MAX_THREADS) as asking:
            return run(lookups, resolve, partial(self._each, asking))

    def run_all(self, batch: Iterable[Lookups[T]]) -> list[T]:
        """The results of many, in order, side by side; each distinct question is asked once."""
        asked = Flights(keep=True)

        def run_one(lookups: Lookups[T]) -> T:
            deadline = time.monotonic() + self._budget

            def resolve(question: Question) -> Answer[Any]:
                ask = partial(self._resolve, deadline, question)
                left = deadline - time.monotonic()
                return ask() if self._hurried(left) else asked.answer(question, ask, timeout=left)

            return run(lookups, resolve, partial(self._each, asking))

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool, ThreadPoolExecutor(MAX_THREADS) as asking:
            return list(pool.map(run_one, batch))

    def _each(
        self,
        asking: ThreadPoolExecutor,
        resolve: Callable[[Question], Answer[Any]],
        questions: Sequence[Question],
    ) -> Iterable[Answer[Any]]:
        """The answers to questions asked together; in threads, if more than one must wait.

        The threads end with the run, so that none is lost when a process forks.
        """
        if sum(self._cache.get(question) is None for question in questions) > 1:
            with suppress(RuntimeError):  # no thread to be had: ask one after another
                return asking.map(resolve, questions)
        return map(resolve, questions)

    def _resolve(self, deadline: float, question: Question) -> Answer[Any]:
        answer = self._cache.get(question)
        if answer is not None:
            return answer
        wait = self._wait(deadline)
        if wait < MIN_WAIT:
            return self._spent()
        ask = partial(self._ask, question, time.monotonic() + wait)
        return ask() if self._hurried(wait) else self._flights.answer(question, ask, timeout=wait)

    def _ask(self, question: Question, deadline: float) -> Answer[Any]:
        return run(self._turns(question, deadline), _send)


class _Air:
    """The flights and sockets of one event loop; no other loop can wait for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.flights: dict[Question, asyncio.Task[Answer[Any]]] = {}
        self.sockets = asyncio.Semaphore(MAX_SOCKETS)


class AsyncResolver(_Configured):
    """The DNS for asyncio; one resolver serves the tasks of one event loop, and then of the next.

    Its cache stays; what one loop left unanswered is asked again in the next.
    """

    def _prepare(self) -> None:
        self._backend = dns.asyncbackend.get_backend("asyncio")
        self._air: _Air | None = None

    async def resolve(self, question: Question) -> Answer[Any]:
        """The answer to one question, after `timeout` seconds at most."""
        return await self._resolve(time.monotonic() + self._timeout, question)

    def remembered(self, asked: Question | Together) -> Any:  # noqa: ANN401 - an answer or several
        """The answer, or a list of all if asked together; None if one is not remembered."""
        return known(asked, self._cache.get)

    async def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`, whose questions together take `budget` seconds at most."""
        resolve = partial(self._resolve, time.monotonic() + self._budget)
        return await run_async(lookups, resolve, _side_by_side, self._cache.get)

    async def run_all(self, batch: Iterable[Lookups[T]]) -> list[T]:
        """The results of many, in order, side by side; each distinct question is asked once."""
        waiting = enumerate(batch)
        results: dict[int, T] = {}
        asked: dict[Question, asyncio.Task[Answer[Any]]] = {}

        def remembered(question: Question) -> Answer[Any] | None:
            flight = asked.get(question)
            if flight is None:
                return self._cache.get(question)
            return flight.result() if flight.done() else None

        async def resolve(deadline: float, question: Question) -> Answer[Any]:
            left = deadline - time.monotonic()
            if left < MIN_WAIT:
                return self._spent()
            flight = asked.get(question)
            if flight is None:
                flight = asked[question] = self._flight(question)
            return await self._await(flight, min(self._timeout, left))

        async def work(waiting: Iterator[tuple[int, Lookups[T]]]) -> None:
            for place, lookups in waiting:
                await asyncio.sleep(0)  # if all is known, nothing else lets others run
                deadline = time.monotonic() + self._budget
                results[place] = await run_async(
                    lookups, partial(resolve, deadline), _side_by_side, remembered
                )

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(SIDE_BY_SIDE_ASYNC):
                    group.create_task(work(waiting))
        except ExceptionGroup as faults:
            raise faults.exceptions[0]  # noqa: B904 - as `run` raises it
        return [results[place] for place in range(len(results))]

    async def _resolve(self, deadline: float, question: Question) -> Answer[Any]:
        answer = self._cache.get(question)
        if answer is not None:
            return answer
        wait = self._wait(deadline)
        if wait < MIN_WAIT:
            return self._spent()
        return await self._await(self._flight(question), wait)

    def _flight(self, question: Question) -> asyncio.Task[Answer[Any]]:
        """The one flight of a question: the one under way, or else a new one."""
        loop, air = asyncio.get_running_loop(), self._air
        if air is None or air.loop is not loop:
            air = self._air = _Air(loop)
        flights = air.flights
        flight = flights.get(question)
        if flight is None:
            flight = flights[question] = loop.create_task(self._fly(question, air.sockets))
            flight.add_done_callback(lambda _: flights.pop(question, None))
        return flight

    async def _fly(self, question: Question, sockets: asyncio.Semaphore) -> Answer[Any]:
        """The answer for all who wait now; it gets a question's full time, whoever was first."""
        deadline = time.monotonic() + self._timeout
        async with sockets:
            return await run_async(self._turns(question, deadline), self._send)

    async def _await(self, flight: asyncio.Task[Answer[Any]], wait: float) -> Answer[Any]:
        """The answer of a flight, which is not cancelled here, as others may wait for it too."""
        if not flight.done():
            await asyncio.wait({flight}, timeout=max(0, wait))
        if flight.done():
            return flight.result()
        return self._late()

    async def _send(self, turn: Turn) -> dns.message.Message:
        attempt, wait = turn
        async with asyncio.timeout(wait):  # dnspython uses the wall clock, which may jump
            return await self._exchanged(attempt, wait)

    async def _exchanged(self, attempt: Attempt, wait: float) -> dns.message.Message:
        query, server = attempt.query, attempt.nameserver
        if attempt.transport is Transport.HTTPS:
            with _http_faults():
                return await dns.asyncquery.https(query, server.where, timeout=wait)
        to: dict[str, Any] = {
            "where": server.where,
            "port": server.port,
            "timeout": wait,
            "backend": self._backend,
        }
        match attempt.transport:
            case Transport.TLS:
                return await dns.asyncquery.tls(query, server_hostname=server.hostname, **to)
            case Transport.TCP:
                return await dns.asyncquery.tcp(query, **to)
        return await dns.asyncquery.udp(query, **to, **_PATIENT)


async def _side_by_side(awaited: Iterable[Awaitable[Answer[Any]]]) -> list[Answer[Any]]:
    return await asyncio.gather(*awaited)


_FAULTS = (dns.exception.DNSException, OSError, ValueError, EOFError)
_PATIENT: dict[str, Any] = {
    "ignore_unexpected": True,
    "ignore_errors": True,
    "raise_on_truncation": True,
}
"""Datagrams that are not the reply are ignored until time is up (DNS spoofing, TuDoor).

A truncated reply may end within a record; only `Truncated` tells it from garbage then.
"""


@contextmanager
def _http_faults() -> Iterator[None]:
    """Raise any fault of the HTTP client, whichever one dnspython uses, as an OSError."""
    try:
        yield
    except _FAULTS:
        raise
    except Exception as fault:
        raise OSError(f"{type(fault).__name__}: {fault}") from fault


def _send(turn: Turn) -> dns.message.Message:
    attempt, wait = turn
    query, server = attempt.query, attempt.nameserver
    if attempt.transport is Transport.HTTPS:
        with _http_faults():
            return dns.query.https(query, server.where, timeout=wait)
    to: dict[str, Any] = {"where": server.where, "port": server.port, "timeout": wait}
    match attempt.transport:
        case Transport.TLS:
            return dns.query.tls(query, server_hostname=server.hostname, **to)
        case Transport.TCP:
            return dns.query.tcp(query, **to)
    return dns.query.udp(query, **to, **_PATIENT)


def _failure(attempt: Attempt, fault: Exception) -> Failure:
    where = _place(attempt.nameserver)
    if isinstance(fault, dns.exception.Timeout | TimeoutError):
        return Failure(Status.TIMEOUT, f"{where} did not answer")
    return Failure(Status.SERVER_FAILURE, f"{where}: {str(fault) or type(fault).__name__}")


def _place(nameserver: Nameserver) -> str:
    return f"{nameserver.where} port {nameserver.port}"
