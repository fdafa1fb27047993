"""`Resolver` and `AsyncResolver`: the DNS, asked by blocking or by awaiting.

What is asked next and what a reply means is in `exchange`; here is the I/O, the
clock, and who waits for whom.  No exception of the network or of dnspython
leaves: whatever happens to a question is an `Answer`.
"""

import asyncio
import importlib.util
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.message
import dns.query

from mailauth.dns.cache import Cache, Flights
from mailauth.dns.exchange import Attempt, Failure, Nameserver, Transport, resolution
from mailauth.dns.lookups import Answer, Lookups, Question, Status, run, run_async
from mailauth.errors import BadArgument

T = TypeVar("T")

ATTEMPT_TIMEOUT = 2.0
"""Seconds that one server gets before the next one is asked."""
SIDE_BY_SIDE = 16
"""How many computations of a batch wait for the DNS at the same time, by threads."""
SIDE_BY_SIDE_ASYNC = 100


class _Configured:
    """What both resolvers are given, and what both remember."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        timeout: float = 5.0,
        budget: float = 20.0,
        cache: Cache | None = None,
    ) -> None:
        """Ask `nameservers` (see `Nameserver.parse`), by default those of the system.

        `timeout` is for one question, `budget` for one computation, in seconds;
        what is left of a budget is all that a question gets.

        **Raises** BadArgument: a nameserver that cannot be used.
        """
        specs = nameservers or _system_nameservers()
        self._nameservers = tuple(map(Nameserver.parse, specs))
        over_https = any(n.transport is Transport.HTTPS for n in self._nameservers)
        if over_https and importlib.util.find_spec("httpx") is None:
            msg = "DNS over HTTPS needs a package more: pip install 'mailauth[doh]'"
            raise BadArgument(msg)
        self._timeout = timeout
        self._budget = budget
        self._cache = Cache() if cache is None else cache

    def _wait(self, deadline: float) -> float:
        """How many seconds a question may take of a computation with this deadline."""
        return min(self._timeout, deadline - time.monotonic())

    def _remember(self, question: Question, answer: Answer[Any]) -> Answer[Any]:
        self._cache.put(question, answer)
        return answer

    def _late(self) -> Answer[Any]:
        return Answer(Status.TIMEOUT, reason=f"no answer in {self._timeout:g} seconds")

    def _spent(self) -> Answer[Any]:
        return Answer(Status.TIMEOUT, reason=f"the budget of {self._budget:g} seconds is spent")


class Resolver(_Configured):
    """The DNS for blocking callers; one resolver may serve many threads."""

    _flights: Flights

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        timeout: float = 5.0,
        budget: float = 20.0,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(nameservers, timeout=timeout, budget=budget, cache=cache)
        self._flights = Flights()

    def resolve(self, question: Question) -> Answer[Any]:
        """The answer to one question, after `timeout` seconds at most."""
        return self._resolve(time.monotonic() + self._timeout, question)

    def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`, whose questions together take `budget` seconds at most."""
        return run(lookups, partial(self._resolve, time.monotonic() + self._budget))

    def run_all(self, batch: Iterable[Lookups[T]]) -> list[T]:
        """The results of many, in order, side by side; each distinct question is asked once."""
        asked = Flights(keep=True)

        def run_one(lookups: Lookups[T]) -> T:
            deadline = time.monotonic() + self._budget

            def resolve(question: Question) -> Answer[Any]:
                ask = partial(self._resolve, deadline, question)
                return asked.answer(question, ask, timeout=max(0, deadline - time.monotonic()))

            return run(lookups, resolve)

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(run_one, batch))

    def _resolve(self, deadline: float, question: Question) -> Answer[Any]:
        answer = self._cache.get(question)
        if answer is not None:
            return answer
        wait = self._wait(deadline)
        if wait <= 0:
            return self._spent()
        ask = partial(self._ask, question, time.monotonic() + wait)
        return self._flights.answer(question, ask, timeout=wait)

    def _ask(self, question: Question, deadline: float) -> Answer[Any]:
        exchange = resolution(question, self._nameservers)
        try:
            attempt = next(exchange)
            while True:
                wait = min(ATTEMPT_TIMEOUT, deadline - time.monotonic())
                if wait <= 0:
                    return self._late()
                try:
                    reply: dns.message.Message | Failure = _send(attempt, wait)
                except (dns.exception.DNSException, OSError, ValueError, EOFError) as fault:
                    reply = _failure(attempt, fault)
                attempt = exchange.send(reply)
        except StopIteration as stop:
            return self._remember(question, stop.value)


class AsyncResolver(_Configured):
    """The DNS for asyncio; one resolver serves the tasks of one event loop."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        timeout: float = 5.0,
        budget: float = 20.0,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(nameservers, timeout=timeout, budget=budget, cache=cache)
        self._backend = dns.asyncbackend.get_backend("asyncio")
        self._flights: dict[Question, asyncio.Task[Answer[Any]]] = {}

    async def resolve(self, question: Question) -> Answer[Any]:
        """The answer to one question, after `timeout` seconds at most."""
        return await self._resolve(time.monotonic() + self._timeout, question)

    async def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`, whose questions together take `budget` seconds at most."""
        return await run_async(lookups, partial(self._resolve, time.monotonic() + self._budget))

    async def run_all(self, batch: Iterable[Lookups[T]]) -> list[T]:
        """The results of many, in order, side by side; each distinct question is asked once."""
        waiting = enumerate(batch)
        results: dict[int, T] = {}
        asked: dict[Question, asyncio.Task[Answer[Any]]] = {}

        async def resolve(deadline: float, question: Question) -> Answer[Any]:
            task = asked.get(question)
            if task is None:
                task = asyncio.create_task(self._resolve(deadline, question))
                asked[question] = task
            return await self._await(task, deadline - time.monotonic())

        async def work(waiting: Iterator[tuple[int, Lookups[T]]]) -> None:
            for place, lookups in waiting:
                deadline = time.monotonic() + self._budget
                results[place] = await run_async(lookups, partial(resolve, deadline))

        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE_ASYNC):
                group.create_task(work(waiting))
        return [results[place] for place in range(len(results))]

    async def _resolve(self, deadline: float, question: Question) -> Answer[Any]:
        answer = self._cache.get(question)
        if answer is not None:
            return answer
        wait = self._wait(deadline)
        if wait <= 0:
            return self._spent()
        flight = self._flights.get(question)
        if flight is None:
            flight = asyncio.create_task(self._ask(question, time.monotonic() + wait))
            self._flights[question] = flight
            flight.add_done_callback(lambda _: self._flights.pop(question, None))
        return await self._await(flight, wait)

    async def _await(self, flight: asyncio.Task[Answer[Any]], wait: float) -> Answer[Any]:
        """The answer of a flight that others may wait for too, so it is not cancelled here."""
        await asyncio.wait({flight}, timeout=max(0, wait))
        if flight.done():
            return flight.result()
        return self._late()

    async def _ask(self, question: Question, deadline: float) -> Answer[Any]:
        exchange = resolution(question, self._nameservers)
        try:
            attempt = next(exchange)
            while True:
                wait = min(ATTEMPT_TIMEOUT, deadline - time.monotonic())
                if wait <= 0:
                    return self._late()
                try:
                    reply: dns.message.Message | Failure = await self._send(attempt, wait)
                except (dns.exception.DNSException, OSError, ValueError, EOFError) as fault:
                    reply = _failure(attempt, fault)
                attempt = exchange.send(reply)
        except StopIteration as stop:
            return self._remember(question, stop.value)

    async def _send(self, attempt: Attempt, wait: float) -> dns.message.Message:
        server = attempt.nameserver
        given: dict[str, Any] = {"timeout": wait, "backend": self._backend}
        match attempt.transport:
            case Transport.HTTPS:
                return await dns.asyncquery.https(attempt.query, server.where, timeout=wait)
            case Transport.TLS:
                return await dns.asyncquery.tls(
                    attempt.query, server.where, port=server.port,
                    server_hostname=server.hostname, **given,
                )  # fmt: skip
            case Transport.TCP:
                return await dns.asyncquery.tcp(
                    attempt.query, server.where, port=server.port, **given
                )
        return await dns.asyncquery.udp(
            attempt.query, server.where, port=server.port, **_PATIENT, **given
        )


_PATIENT: dict[str, Any] = {"ignore_unexpected": True, "ignore_errors": True}
"""Datagrams that are not the reply are passed over until time is up (DNS spoofing, TuDoor)."""


def _send(attempt: Attempt, wait: float) -> dns.message.Message:
    server = attempt.nameserver
    match attempt.transport:
        case Transport.HTTPS:
            return dns.query.https(attempt.query, server.where, timeout=wait)
        case Transport.TLS:
            return dns.query.tls(
                attempt.query, server.where, wait, server.port, server_hostname=server.hostname
            )
        case Transport.TCP:
            return dns.query.tcp(attempt.query, server.where, wait, server.port)
    return dns.query.udp(attempt.query, server.where, wait, server.port, **_PATIENT)


def _failure(attempt: Attempt, fault: Exception) -> Failure:
    where = f"{attempt.nameserver.where} port {attempt.nameserver.port}"
    if isinstance(fault, dns.exception.Timeout | TimeoutError):
        return Failure(Status.TIMEOUT, f"{where} did not answer")
    return Failure(Status.SERVER_FAILURE, f"{where}: {str(fault) or type(fault).__name__}")


def _system_nameservers() -> tuple[str, ...]:
    """Those of the system's configuration; none if there is none, so that a service can start."""
    import dns.resolver  # noqa: PLC0415 - 100 ms that only this needs

    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        return ()
    return tuple(str(server) for server in servers)
