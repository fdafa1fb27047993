"""A message that ends a worker does so once: when it comes again it is deferred."""

import time
from collections.abc import Iterator
from dataclasses import replace

import mail as mails
import pytest
from hypothesis import given
from hypothesis import strategies as st
from milter_service import FAULTS, OURS, THEIRS, MilterService, inserted
from nameserver import from_zone, serve

from mailauth.dns import Zone
from mailauth.milter.client import Envelope
from mailauth.milter.protocol.replies import CONTINUE, Refusal
from mailauth.service.telling.poison import MAX_REMEMBERED, Hand, Remembered


@pytest.fixture
def service() -> Iterator[MilterService]:
    """The service with faults that a message can ask for."""
    with serve(from_zone(Zone({}))) as nameserver:
        one = MilterService(nameserver.where, FAULTS)
        try:
            yield one
        finally:
            one.close()


def faulty(fault: str) -> bytes:
    return f"X-Fault: {fault}\r\n".encode() + mails.MESSAGE


CASES = [
    ("header spin", OURS),
    ("header kill", OURS),
    ("body spin", THEIRS),
    ("body kill", OURS),
    ("", replace(THEIRS, sender="judge.kill@example.com")),
    ("", replace(THEIRS, sender="judge.spin@example.com")),
]


@pytest.mark.loopback
@pytest.mark.parametrize(("fault", "envelope"), CASES)
def test_MIL_11_a_message_ends_one_worker_and_no_more(
    service: MilterService, fault: str, envelope: Envelope
) -> None:
    service.set_up(silence=1)
    service.start()
    message = faulty(fault) if fault else mails.MESSAGE
    before = set(service.pids())
    assert service.try_to_deliver(message, envelope) is None, "closed, so the MTA defers it"
    log = service.wait_for_log("; if that comes again within 3600 s, it is deferred")
    service.wait_for(lambda: len(service.pids()) == 2, "two workers")
    assert len(before - set(service.pids())) == 1
    restarts = service.status()["restarts"]["total"]
    assert restarts == 1
    for _ in range(3):
        again = service.deliver(message, envelope)
        assert isinstance(again.reply, Refusal)
        assert again.reply.code == 451
    assert "ended a worker before and is deferred" in service.log()[len(log) :]
    assert inserted(service.deliver(), "DKIM-Signature"), "another message"
    assert service.status()["restarts"]["total"] == restarts


@pytest.mark.loopback
def test_it_is_still_known_after_a_reload(service: MilterService) -> None:
    service.start()
    assert service.try_to_deliver(faulty("header kill")) is None
    service.wait_for_log("it is deferred")
    service.reload()
    assert isinstance(service.deliver(faulty("header kill")).reply, Refusal)


@pytest.mark.loopback
def test_it_is_tried_again_later(service: MilterService) -> None:
    service.set_up(poison=1)
    service.start()
    assert service.try_to_deliver(faulty("header kill")) is None
    service.wait_for_log("it is deferred")
    service.wait_for(lambda: service.try_to_deliver(faulty("header kill")) is None, "the next try")
    service.wait_for(lambda: service.status()["restarts"]["total"] == 2, "the second end")


@pytest.mark.loopback
def test_MIL_10_a_fault_that_is_caught_defers_one_message(service: MilterService) -> None:
    service.start()
    answer = service.deliver(faulty("header raise"))
    assert isinstance(answer.reply, Refusal)
    log = service.wait_for_log("internal error; the message 4XqZ is deferred")
    assert "RuntimeError: a fault that was asked for" in log
    assert service.deliver().reply is CONTINUE
    assert service.status()["restarts"]["total"] == 0


@pytest.mark.loopback
def test_a_worker_that_ends_idle_leaves_no_suspicion(service: MilterService) -> None:
    service.start()
    service.deliver()
    mta = service.mta()
    service.kill_workers()
    mta.close()
    service.wait_for(lambda: service.status()["restarts"]["total"] == 2, "their ends")
    assert "was working on the message" not in service.log()


PRINT = st.text("0123456789abcdef", min_size=16, max_size=16)


@given(st.lists(PRINT, max_size=MAX_REMEMBERED, unique=True), PRINT)
def test_what_was_remembered_is_known_until_it_lapses(prints: list[str], other: str) -> None:
    remembered = Remembered()
    for number, each in enumerate(prints):
        remembered.add(each, time.monotonic() + (60 if number % 2 else -1))
    for number, each in enumerate(prints):
        assert remembered.has(each) is bool(number % 2)
    assert other in prints or not remembered.has(other)
    assert not remembered.has("")
    assert not remembered.has("short")


def test_the_table_is_bounded_and_the_oldest_goes() -> None:
    remembered = Remembered()
    for number in range(MAX_REMEMBERED + 1):
        remembered.add(f"{number:016x}", time.monotonic() + 60)
    assert not remembered.has(f"{0:016x}")
    assert remembered.has(f"{MAX_REMEMBERED:016x}")


def test_a_hand_holds_one_thing() -> None:
    hand = Hand()
    assert hand.look() == ""
    hand.take("0123456789abcdef")
    hand.take("fedcba9876543210")
    assert hand.look() == "fedcba9876543210"
    hand.leave()
    assert hand.look() == ""
    hand.close()
