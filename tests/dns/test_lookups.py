"""The drivers of look-ups: what interrupted ones leave behind, what is run twice; gathering."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any

import pytest
from rounds import in_rounds

from mailauth.dns import (
    Answer,
    AsyncResolver,
    Lookups,
    Question,
    RRType,
    Status,
    Zone,
    ask,
    gather,
    recall,
    run,
    run_async,
)
from mailauth.errors import BadArgument

ZONE = Zone({"example.com": {"TXT": ["x"]}})


def chain(*names: str) -> Lookups[list[Status]]:
    found = []
    for each in names:
        answer = yield from ask.txt(each)
        found.append(answer.status)
    return found


def test_look_ups_that_are_interrupted_are_closed() -> None:
    ended = []

    def computation() -> Lookups[Status]:
        try:
            return (yield from ask.txt("a.example")).status
        finally:
            ended.append(True)

    def interrupted(_: Question) -> Answer[bytes]:
        raise KeyboardInterrupt

    lookups = computation()
    with pytest.raises(KeyboardInterrupt):
        run(lookups, interrupted)
    assert ended == [True]
    with pytest.raises(StopIteration):
        next(lookups)


def test_a_fault_of_the_driver_is_thrown_in() -> None:
    seen: list[Exception] = []

    def asking() -> Generator[Any, Any, None]:
        try:
            yield Question("example.com", RRType.TXT)
        except RuntimeError as fault:
            seen.append(fault)

    def resolve(question: Question) -> Answer[Any]:
        raise RuntimeError(question.name)

    run(recall(asking(), {}), resolve)
    assert [str(fault) for fault in seen] == ["example.com"]


async def together(awaited: Iterable[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*awaited)


@pytest.mark.parametrize("side_by_side", [None, together], ids=["in turn", "side by side"])
def test_only_what_is_not_remembered_is_awaited(side_by_side: Any) -> None:
    names = ["a.x", "example.com", "b.x", "c.x"]
    remembered = {
        Question(name, RRType.TXT): ZONE.resolve(Question(name, RRType.TXT))
        for name in ("example.com", "b.x")
    }
    asked = []

    async def resolve(question: Question) -> Answer[Any]:
        asked.append(question.name)
        return ZONE.resolve(question)

    for lookups in (gather(*map(chain, names)), chain(*names)):
        asked.clear()
        found = asyncio.run(run_async(lookups, resolve, side_by_side, remembered.get))
        assert asked == ["a.x", "c.x"]
        flat = [each if isinstance(each, Status) else each[0] for each in found]
        assert flat == [Status.NO_SUCH_NAME, Status.EXISTS, *[Status.NO_SUCH_NAME] * 2]


def test_no_more_rounds_than_the_longest_chain() -> None:
    many = gather(chain("a.x", "b.x", "c.x"), chain("example.com"), chain())
    found, rounds = in_rounds(many, ZONE)
    assert [len(asked) for asked in rounds] == [2, 1, 1]
    assert [len(each) for each in found] == [3, 1, 0]
    assert found[1] == [Status.EXISTS]


def test_those_that_gather_themselves_are_gathered() -> None:
    def pair() -> Lookups[list[Any]]:
        return (yield from gather(chain("a.x", "b.x"), chain("example.com")))

    several = ask.txt_of_each(["d.x", "example.com", "e.x"])
    found, rounds = in_rounds(gather(pair(), chain("c.x"), several), ZONE)
    assert [len(asked) for asked in rounds] == [2 + 1 + 3, 1]
    assert [len(each) for each in found[0]] == [2, 1]
    assert [len(each.records) for each in found[2]] == [0, 1, 0]
    assert run(gather(pair(), pair()), ZONE.resolve) == [found[0], found[0]]


def test_what_is_not_wanted_comes_to_nothing() -> None:
    wanted = [Status.EXISTS]
    alone = gather(None, chain("example.com"), None)
    assert run(alone, ZONE.resolve) == [None, wanted, None]
    two = gather(chain("example.com"), None, chain("example.com"))
    assert run(two, ZONE.resolve) == [wanted, None, wanted]
    assert run(gather(None, None), ZONE.resolve) == [None, None]
    assert run(gather(), ZONE.resolve) == []


def test_a_fault_of_one_ends_all() -> None:
    def broken() -> Lookups[None]:
        yield from ask.txt("x.y")
        raise RuntimeError("a bug")

    other = chain("a.x", "b.x")
    with pytest.raises(RuntimeError, match="a bug"):
        run(gather(other, broken()), ZONE.resolve)
    with pytest.raises(StopIteration):
        next(other)


def nothing_asked() -> Lookups[str]:
    """A computation that needs no DNS."""
    yield from ()
    return "result"


def awaited(batch: list[Lookups[str]]) -> list[str]:
    return asyncio.run(AsyncResolver(["127.0.0.1:9"]).run_all(batch))


def run_each(batch: list[Lookups[str]]) -> list[str]:
    return [Zone({}).run(lookups) for lookups in batch]


def gathered(batch: list[Lookups[str]]) -> list[str]:
    return Zone({}).run(gather(*batch))


def gathered_alone(batch: list[Lookups[str]]) -> list[str]:
    return [Zone({}).run(gather(lookups))[0] for lookups in batch]


def recalled(batch: list[Lookups[str]]) -> list[str]:
    return [Zone({}).run(recall(lookups, {})) for lookups in batch]


@pytest.mark.loopback
@pytest.mark.parametrize(
    "run_all", [Zone({}).run_all, run_each, awaited, gathered, gathered_alone, recalled]
)
def test_look_ups_are_run_once(run_all: Callable[[list[Lookups[str]]], list[Any]]) -> None:
    """They have a result once; a second time they would come to None."""
    assert run_all([nothing_asked() for _ in range(2)]) == ["result"] * 2
    with pytest.raises(BadArgument, match="have been run before"):
        run_all([nothing_asked()] * 2)


def test_look_ups_that_wait_for_an_answer_are_not_run_again() -> None:
    def computation() -> Lookups[Status]:
        return (yield from ask.txt("a.example")).status

    lookups = computation()

    def again(question: Question) -> Answer[bytes]:
        with pytest.raises(BadArgument):
            run(lookups, again)
        return Zone({}).resolve(question)

    assert run(lookups, again) is Status.NO_SUCH_NAME
