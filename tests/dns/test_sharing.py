"""Who waits for whom: cache, single flight, budgets, batches and cancellation."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import dns.rcode
import pytest
from nameserver import after, answer, drops, fails, in_turn, once_open, serve

from mailauth.dns import (
    Answer,
    AsyncResolver,
    Lookups,
    Question,
    Resolver,
    RRType,
    Status,
    ask,
    gather,
)
from mailauth.dns.cache import Cache, Flights

pytestmark = [pytest.mark.loopback]

TXT = Question("key.example", RRType.TXT)
KEY = answer('key.example 300 IN TXT "v=DKIM1"')

Drive: TypeAlias = Callable[..., list[Any]]


def questions(*names: str) -> Lookups[list[str]]:
    """The status of each name, asked in order."""
    found = []
    for name in names:
        try:
            found.append(str((yield from ask.txt(name)).status))
        except ask.LookupFailed as failed:
            found.append(str(failed.answer.status))
    return found


def broken(name: str) -> Lookups[list[str]]:
    """A computation with a bug."""
    yield from ask.txt(name)
    raise LookupError("a bug")


def blocking(where: str, *batch: Lookups[Any], **options: Any) -> list[Any]:
    return Resolver([where], **options).run_all(batch)


def awaiting(where: str, *batch: Lookups[Any], **options: Any) -> list[Any]:
    return asyncio.run(AsyncResolver([where], **options).run_all(batch))


def one_by_one(where: str, *batch: Lookups[Any], **options: Any) -> list[Any]:
    return [Resolver([where], **options).run(lookups) for lookups in batch]


def one_by_one_awaiting(where: str, *batch: Lookups[Any], **options: Any) -> list[Any]:
    return [asyncio.run(AsyncResolver([where], **options).run(each)) for each in batch]


@pytest.fixture(params=[blocking, awaiting])
def run_all(request: pytest.FixtureRequest) -> Drive:
    """A batch, side by side."""
    drive: Drive = request.param
    return drive


@pytest.fixture(params=[blocking, awaiting, one_by_one, one_by_one_awaiting])
def drive(request: pytest.FixtureRequest) -> Drive:
    """Every way to drive computations."""
    drive: Drive = request.param
    return drive


def test_every_driver_comes_to_the_same(drive: Drive) -> None:
    with serve(KEY) as server:
        batch = [questions("key.example", "other.example"), questions(), questions("a..b")]
        results = drive(server.where, *batch)
    assert results == [["exists", "no data"], [], ["malformed name"]]


def test_a_bug_in_a_computation_is_raised_as_it_is(drive: Drive) -> None:
    with serve(KEY) as server, pytest.raises(LookupError, match="a bug"):
        drive(server.where, questions("key.example"), broken("key.example"))


def test_DNS_01_a_budget_ends_with_time_outs(drive: Drive) -> None:
    with serve(drops) as server:
        names = [f"{number}.example" for number in range(50)]
        (result,) = drive(server.where, questions(*names), timeout=0.1, budget=0.3)
    assert result == ["time-out"] * 50
    assert len(server.asked) < 12


def test_what_is_asked_together_is_open_at_once(drive: Drive) -> None:
    with serve(once_open(8, answer())) as server:
        each = [questions(f"n{number}.example") for number in range(8)]
        (results,) = drive(server.where, gather(*each), timeout=3)
    assert results == [["no data"]] * 8


def test_equal_questions_that_are_asked_together_are_asked_once(drive: Drive) -> None:
    with serve(after(0.1, KEY)) as server:
        (results,) = drive(server.where, gather(*(questions("key.example") for _ in range(8))))
    assert results == [["exists"]] * 8
    assert server.names() == ["key.example"]


def test_DNS_01_a_budget_is_for_what_is_asked_together_too(drive: Drive) -> None:
    with serve(drops) as server:
        both = [questions(*(f"{n}.{name}.example" for n in range(20))) for name in ("a", "b")]
        (results,) = drive(server.where, gather(*both), timeout=0.1, budget=0.3)
    assert results == [["time-out"] * 20] * 2
    assert len(server.asked) < 24


def test_a_run_leaves_no_threads() -> None:
    """So a process that forks between two runs loses none."""
    with serve(once_open(2, answer())) as server:
        both = [questions("a.example"), questions("b.example")]
        assert Resolver([server.where]).run(gather(*both)) == [["no data"]] * 2
        names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "Pool" in name]


def test_what_is_remembered_waits_for_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(KEY) as server:
        resolver = Resolver([server.where])
        batch = [questions("key.example"), questions("key.example")]
        assert resolver.run(gather(*batch)) == [["exists"]] * 2
        monkeypatch.setattr(threading.Thread, "start", None)
        batch = [questions("key.example"), questions("key.example")]
        assert resolver.run(gather(*batch)) == [["exists"]] * 2


def test_DNS_14_each_question_of_a_batch_is_asked_once(run_all: Drive) -> None:
    with serve(after(0.05, answer('key.example 0 IN TXT "not to be cached"'))) as server:
        results = run_all(server.where, *[questions("key.example") for _ in range(40)])
    assert results == [["exists"]] * 40
    assert len(server.asked) == 1


def test_DNS_14_a_slow_name_does_not_hold_up_the_others(run_all: Drive) -> None:
    def script(ask: Any) -> Any:
        return drops(ask) if "slow" in ask.name else KEY(ask)

    with serve(script) as server:
        batch = [questions("slow.example"), *[questions("key.example") for _ in range(5)]]
        assert run_all(server.where, *batch, timeout=0.3) == [["time-out"], *[["exists"]] * 5]


def test_without_threads_questions_are_asked_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if "Pool" in thread.name:
            raise RuntimeError("can't start new thread")
        start(thread)  # of the server

    with serve(KEY) as server:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        both = [questions("key.example"), questions("other.example")]
        found = Resolver([server.where]).run(gather(*both))
        monkeypatch.undo()
    assert found == [["exists"], ["no data"]]


def test_DNS_14_equal_questions_of_threads_are_asked_once() -> None:
    found = []
    with serve(after(0.1, KEY)) as server:
        resolver = Resolver([server.where])
        ask = [
            threading.Thread(target=lambda: found.append(resolver.resolve(TXT))) for _ in range(8)
        ]
        for thread in ask:
            thread.start()
        for thread in ask:
            thread.join()
    assert [each.status for each in found] == [Status.EXISTS] * 8
    assert len(server.asked) == 1


def test_who_waits_for_another_waits_no_longer_than_he_has() -> None:
    flights = Flights()
    with ThreadPoolExecutor(1) as pool:

        def slow() -> Answer[Any]:
            found.append(pool.submit(flights.answer, TXT, slow, timeout=0.05).result())
            return Answer(Status.EXISTS)

        found: list[Answer[Any]] = []
        found.append(flights.answer(TXT, slow))
    assert [each.status for each in found] == [Status.TIMEOUT, Status.EXISTS]


def test_a_bug_is_raised_where_it_is_waited_for_and_is_not_remembered() -> None:
    flights = Flights(keep=True)
    with ThreadPoolExecutor(1) as pool:

        def broken() -> Answer[Any]:
            raise LookupError("a bug")

        def waited_for() -> Answer[Any]:
            other.append(pool.submit(flights.answer, TXT, broken, timeout=2.0))
            time.sleep(0.05)  # so that the other waits
            return broken()

        other: list[Future[Answer[Any]]] = []
        with pytest.raises(LookupError):
            flights.answer(TXT, waited_for)
        with pytest.raises(LookupError):
            other[0].result()
    assert flights.answer(TXT, lambda: Answer(Status.EXISTS)).status is Status.EXISTS


def test_what_interrupts_who_asked_first_is_not_raised_where_it_is_waited_for() -> None:
    """It may be a signal, a limit of time or the end of another thread."""
    flights = Flights()
    with ThreadPoolExecutor(1) as pool:

        def interrupted() -> Answer[Any]:
            other.append(pool.submit(flights.answer, TXT, lambda: found, timeout=2.0))
            time.sleep(0.05)  # so that the other waits
            raise KeyboardInterrupt

        found: Answer[Any] = Answer(Status.EXISTS)
        other: list[Future[Answer[Any]]] = []
        with pytest.raises(KeyboardInterrupt):
            flights.answer(TXT, interrupted)
        assert other[0].result() == found


def test_DNS_14_equal_questions_of_tasks_are_asked_once() -> None:
    async def main(where: str) -> list[Answer[Any]]:
        resolver = AsyncResolver([where])
        return await asyncio.gather(*[resolver.resolve(TXT) for _ in range(8)])

    with serve(after(0.1, KEY)) as server:
        assert len(set(asyncio.run(main(server.where)))) == 1
    assert len(server.asked) == 1


def test_DNS_14_a_run_without_time_takes_none_from_the_others() -> None:
    async def main(where: str) -> tuple[list[str], list[str]]:
        resolver = AsyncResolver([where], timeout=1.0, budget=1.0)
        resolver._budget = 0.15  # less than a question may take
        late = asyncio.create_task(resolver.run(questions("key.example")))
        await asyncio.sleep(0.1)
        return await resolver.run(questions("key.example")), await late

    with serve(after(0.2, KEY)) as server:
        assert asyncio.run(main(server.where)) == (["exists"], ["time-out"])
    assert len(server.asked) == 1


def test_a_cancelled_run_ends_at_once_and_leaves_the_question_to_the_others() -> None:
    async def main(where: str) -> Answer[Any]:
        resolver = AsyncResolver([where])
        first = asyncio.create_task(resolver.run(questions("key.example")))
        second = asyncio.create_task(resolver.resolve(TXT))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    with serve(after(0.15, KEY)) as server:
        assert asyncio.run(main(server.where)).status is Status.EXISTS


def test_a_loop_does_not_wait_for_what_another_has_left_behind() -> None:
    with serve(after(0.1, KEY)) as server, asyncio.Runner() as other:
        resolver = AsyncResolver([server.where], timeout=0.5)
        with pytest.raises(TimeoutError):
            other.run(asyncio.wait_for(resolver.run(questions("key.example")), 0.01))
        assert asyncio.run(resolver.run(questions("key.example"))) == ["exists"]


def test_one_loop_after_another_may_be_crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailauth.dns.resolver.MAX_SOCKETS", 1)
    with serve(answer()) as server:
        resolver = AsyncResolver([server.where])
        for loop in ("first", "second"):
            crowd = [questions(f"{number}.{loop}.example") for number in range(4)]
            assert asyncio.run(resolver.run(gather(*crowd))) == [["no data"]] * 4


def test_DNS_11_answers_are_remembered_with_what_they_lack(drive: Drive) -> None:
    cache = Cache()
    with serve(in_turn(KEY, fails(dns.rcode.NXDOMAIN))) as server:
        names = ["key.example", "no.example"] * 3
        assert drive(server.where, questions(*names), cache=cache) == [
            ["exists", "no such name"] * 3
        ]
    assert server.names() == ["key.example", "no.example"]
    assert len(cache) == 2


def test_DNS_11_a_time_out_is_not_remembered(drive: Drive) -> None:
    with serve(in_turn(drops, drops, KEY)) as server:
        (result,) = drive(server.where, questions("key.example"), timeout=0.1, budget=0.1)
        assert result == ["time-out"]
        cache = Cache()
        drive(server.where, questions("key.example"), timeout=0.1, cache=cache)
        (result,) = drive(server.where, questions("key.example"), timeout=0.5, cache=cache)
    assert result == ["exists"]
