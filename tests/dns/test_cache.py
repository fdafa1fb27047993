"""The cache alone: how long an answer holds, and how much is kept."""

from typing import Any

import pytest

from mailauth.dns import Answer, Question, RRType, Status
from mailauth.dns.cache import FAILURE_TTL, Cache
from mailauth.dns.lookups import MAX_TTL


def asked(name: str) -> Question:
    return Question(name, RRType.TXT)


def said(octets: int = 1, ttl: int = 300) -> Answer[Any]:
    return Answer(Status.EXISTS, (b"x" * octets,), ttl)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (said(ttl=300), 300),
        (said(ttl=0), 0),
        (said(ttl=2 * MAX_TTL), MAX_TTL),
        (Answer(Status.NO_SUCH_NAME, (), 60), 60),
        (Answer(Status.SERVER_FAILURE, (), 300), FAILURE_TTL),
        (Answer(Status.TIMEOUT, (), 300), 0),
    ],
    ids=["its TTL", "no time", "a day", "no such name", "a failure", "a time-out"],
)
def test_DNS_11_an_answer_holds_so_long(answer: Answer[Any], seconds: int) -> None:
    now = 1000.0
    cache = Cache(clock=lambda: now)
    cache.put(asked("a"), answer)
    assert len(cache) == (1 if seconds else 0)
    now += seconds - 1
    assert cache.get(asked("a")) is (answer if seconds else None)
    now += 1
    assert cache.get(asked("a")) is None
    assert len(cache) == 0, "it is let go"


def kept(cache: Cache, names: str) -> str:
    return "".join(name for name in names if cache.get(asked(name)))


def test_what_was_not_asked_for_longest_goes_first() -> None:
    cache = Cache(max_entries=2)
    cache.put(asked("a"), said())
    cache.put(asked("b"), said())
    assert cache.get(asked("a"))
    cache.put(asked("c"), said())
    assert kept(cache, "abc") == "ac"


def test_octets_have_a_limit_too() -> None:
    cache = Cache(max_octets=10_000)
    for name in "abc":
        cache.put(asked(name), said(4000))
    assert kept(cache, "abc") == "bc"
    cache.put(asked("d"), said(20_000))
    assert kept(cache, "abcd") == "", "nor is one that is larger than all"


def test_what_is_replaced_is_counted_no_more() -> None:
    cache = Cache(max_octets=10_000)
    for _ in range(5):
        cache.put(asked("a"), said(4000))
    cache.put(asked("b"), said(4000))
    assert kept(cache, "ab") == "ab"
