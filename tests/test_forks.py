"""What a child may use of what the threads of its parent shared when the process was forked."""

import gc
import os
import signal
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from mailauth.dns import Answer, Question, RRType, Status
from mailauth.dns.cache import Cache, Flights
from mailauth.spf.memory import Memory

QUESTION = Question("example.com", RRType.TXT)
FOUND: Answer[Any] = Answer(Status.EXISTS, (b"x",), 300)
MOST_SECONDS = 20  # for a child that waits for ever


def in_child(work: Callable[[], object]) -> bool:
    """Whether a child that is forked here says the same of `work` as True."""
    child = os.fork()
    if child == 0:
        signal.alarm(MOST_SECONDS)
        os._exit(0 if work() else 1)
    return os.waitpid(child, 0)[1] == 0


def cache_with_answer() -> Cache:
    cache = Cache()
    cache.put(QUESTION, FOUND)
    return cache


def test_a_child_keeps_what_is_remembered() -> None:
    cache = cache_with_answer()
    assert in_child(lambda: cache.get(QUESTION) is FOUND)


def test_a_child_needs_no_lock_that_a_thread_of_its_parent_held() -> None:
    cache = cache_with_answer()

    def works() -> bool:
        is_forgotten = cache.get(QUESTION) is None  # that thread may have been changing it
        cache.put(QUESTION, FOUND)
        return is_forgotten and cache.get(QUESTION) is FOUND and cache._octets == octets

    octets = cache._octets
    with cache._lock:
        assert in_child(works)
    assert cache.get(QUESTION) is FOUND, "the parent's is as it was"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork with threads
def test_a_child_can_use_what_many_threads_are_using() -> None:
    cache = cache_with_answer()
    ended = threading.Event()

    def use() -> None:
        while not ended.is_set():
            cache.get(QUESTION)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        assert all(in_child(lambda: cache.get(QUESTION) in (FOUND, None)) for _ in range(20))
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_a_child_asks_what_a_thread_of_its_parent_was_asking() -> None:
    flights = Flights()
    said: list[bool] = []

    def ask() -> Answer[Any]:
        said.append(in_child(lambda: flights.answer(QUESTION, lambda: FOUND, timeout=0) is FOUND))
        return Answer(Status.NO_DATA)

    flights.answer(QUESTION, ask)
    with flights._lock:
        said.append(in_child(lambda: flights.answer(QUESTION, lambda: FOUND) is FOUND))
    assert said == [True, True]


def test_a_child_remembers_records_though_a_thread_of_its_parent_was_doing_so() -> None:
    memory: Memory[str, str] = Memory(100)
    memory.put("a", "old", 1)

    def works() -> bool:
        is_forgotten = memory.get("a") is None
        memory.put("a", "newer", 1)
        memory.put("b", "new", 100)
        return is_forgotten and (memory.get("a"), memory.get("b")) == (None, "new")

    with memory._lock:
        assert in_child(works)
    assert in_child(lambda: memory.get("a") == "old")


def test_what_is_no_longer_used_is_not_kept_for_children() -> None:
    cache = Cache()
    used = weakref.ref(cache)
    del cache
    gc.collect()
    assert used() is None
