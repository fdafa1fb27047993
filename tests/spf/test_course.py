"""Courses: whoever follows one comes to what an evaluation comes to, in fewer rounds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds import in_rounds
from spf_zones import ADDRESSES, HOSTS, NAMES, zones

from mailauth import spf
from mailauth.dns import Answer, Lookups, Question, RRType, Status, Zone, run
from mailauth.spf.check import _COURSES
from mailauth.spf.course import Course
from mailauth.spf.memory import Memory
from mailauth.spf.plan import _CHOSEN, choose

EVALUATED = spf.Policy()
"""The limits of the RFC, but not the policy for which there are courses."""
NODES: dict[str, Any] = {
    "example.com": {
        "TXT": [
            "v=spf1 mx include:one.example exists:%{i}.x.example a:%{h}/31 ?ip4:192.0.2.9 ~all"
        ],
        "MX": [[10, "mx1.example.com"], [20, "mx2.example.com"]],
    },
    "mx1.example.com": {"A": ["203.0.113.1"], "AAAA": ["2001:db8::1"]},
    "mx2.example.com": {"A": ["203.0.113.2"]},
    "one.example": {"TXT": ["v=spf1 ip4:192.0.2.0/30 include:two.%{d} -ip4:192.0.2.8 ~all"]},
    "two.one.example": {"TXT": ["v=spf1 a:host.example -all"]},
    "host.example": {"A": ["198.51.100.1", "198.51.100.2"]},
    "192.0.2.5.x.example": {"A": ["127.0.0.2"]},
    "192.0.2.6.x.example": {"TXT": ["not an address"]},
    "mx.client.example": {"A": ["192.0.2.7"]},
    "explained.example": {"TXT": ["v=spf1 a -all exp=why.example"], "A": ["192.0.2.1"]},
    "why.example": {"TXT": ["%{i} may not"]},
}
CLIENTS = [
    *("203.0.113.1", "203.0.113.2", "192.0.2.1", "198.51.100.2", "192.0.2.5", "192.0.2.6"),
    *("192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.77", "2001:db8::1", "2001:db8::2"),
]
EVALUATED_ALWAYS = {
    "192.0.2.8": "a directive that is no pass ends an include, and the record goes on",
    "2001:db8::2": "too many void look-ups",
}


def check(ip: str, sender: str = "ada@example.com", **given: Any) -> Lookups[spf.Verdict]:
    return spf.check(ip=ip, helo="mx.client.example", sender=sender, **given)


def told(verdict: spf.Verdict) -> tuple[Any, ...]:
    return (*verdict[:-1], verdict.steps)


@pytest.mark.parametrize("ip", CLIENTS)
def test_a_course_leads_every_client_to_the_verdict_of_an_evaluation(ip: str) -> None:
    zone = Zone(NODES)
    wanted = zone.run(check(ip, policy=EVALUATED))
    for other in (ip, ip, *CLIENTS, *CLIENTS, ip):
        zone.run(check(other))
    got, rounds = in_rounds(check(ip), zone)
    assert told(got) == told(wanted)
    assert len(rounds[0]) == 1
    if ip not in EVALUATED_ALWAYS:
        assert len(rounds) <= 2


@settings(max_examples=300, deadline=None)
@given(
    zone=zones(),
    checks=st.lists(
        st.tuples(
            st.sampled_from(ADDRESSES), st.sampled_from(NAMES), st.sampled_from(["ada", "b.c"])
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_any_zone_comes_to_the_same_by_courses(
    zone: Zone, checks: list[tuple[str, str, str]]
) -> None:
    for _ in range(3):
        for ip, domain, local in checks:
            sender = f"{local}@{domain}"
            evaluated = zone.run(check(ip, sender, policy=EVALUATED))
            assert told(zone.run(check(ip, sender))) == told(evaluated)


@settings(max_examples=300, deadline=None)
@given(zone=zones(), other=zones(), ip=st.sampled_from(ADDRESSES), data=st.data())
def test_an_answer_that_changes_changes_the_verdict(
    zone: Zone, other: Zone, ip: str, data: st.DataObject
) -> None:
    """The record of the domain stays the very same answer; anything else may change or fail."""
    for _ in range(3):
        zone.run(check(ip))
    names = data.draw(st.sets(st.sampled_from(HOSTS)))
    status = data.draw(st.sampled_from([Status.TIMEOUT, Status.NO_SUCH_NAME, None]))

    def resolve(question: Question) -> Answer[Any]:
        if question == Question("example.com", RRType.TXT) or question.name not in names:
            return zone.resolve(question)
        return other.resolve(question) if status is None else Answer(status)

    evaluated = run(check(ip, policy=EVALUATED), resolve)
    for _ in range(3):
        assert told(run(check(ip), resolve)) == told(evaluated)


def test_who_has_no_memory_is_asked_as_if_there_were_no_course() -> None:
    zone = Zone(NODES)
    for _ in range(3):
        zone.run(check("198.51.100.1"))

    def asked(policy: spf.Policy) -> list[Question]:
        questions: list[Question] = []

        def resolve(question: Question) -> Answer[Any]:
            questions.append(question)
            return replace(zone.resolve(question))

        run(check("198.51.100.1", policy=policy), resolve)
        return questions

    assert asked(spf.RFC7208) == asked(EVALUATED)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("192.0.2.77.x.example", {"status": Status.TIMEOUT}),
        ("192.0.2.77.x.example", {"secure": False}),
        ("mx.client.example", {"status": Status.NO_DATA, "records": ()}),
    ],
    ids=["failed", "insecure", "void"],
)
def test_another_answer_for_a_name_with_macros_is_heard(name: str, changed: dict[str, Any]) -> None:
    zone = Zone(NODES)
    heard: dict[Question, Answer[Any]] = {}

    def resolve(question: Question) -> Answer[Any]:
        return heard.setdefault(question, replace(zone.resolve(question), secure=True))

    before = [run(check("192.0.2.77"), resolve) for _ in range(3)][-1]
    question = Question(name, RRType.A)
    heard[question] = replace(heard[question], **changed)
    got = run(check("192.0.2.77"), resolve)
    assert told(got) == told(run(check("192.0.2.77", policy=EVALUATED), resolve))
    assert told(got)[:-1] != told(before)[:-1], "it matters"


@pytest.mark.parametrize("insecure", ["example.com", "one.example", "host.example"])
def test_a_course_is_as_secure_as_the_least_of_its_answers(insecure: str) -> None:
    zone = Zone(NODES)
    heard: dict[Question, Answer[Any]] = {}

    def resolve(question: Question) -> Answer[Any]:
        said = replace(zone.resolve(question), secure=question.name != insecure)
        return heard.setdefault(question, said)

    assert [run(check("198.51.100.1"), resolve).secure for _ in range(4)] == [False] * 4


def test_a_question_that_failed_is_not_asked_twice() -> None:
    zone = Zone(NODES)
    for _ in range(3):
        zone.run(check("198.51.100.1"))
    questions: list[Question] = []

    def resolve(question: Question) -> Answer[Any]:
        questions.append(question)
        failing = question.name == "two.one.example"
        return Answer(Status.TIMEOUT) if failing else zone.resolve(question)

    assert run(check("198.51.100.1"), resolve).result is spf.Result.TEMPERROR
    assert len(questions) == len(set(questions))


def test_an_explanation_is_of_each_client() -> None:
    zone = Zone(NODES)
    for ip in ("192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"):
        assert zone.run(check(ip, "a@explained.example")).explanation == f"{ip} may not"


def test_what_is_remembered_has_a_bound() -> None:
    memory: Memory[int, str] = Memory(100)
    for number in range(50):
        memory.put(number, "x", 9)
    assert [number for number in range(50) if memory.get(number)] == list(range(39, 50))
    memory.put(49, "y", 95)
    assert (memory.get(49), memory.get(48)) == ("y", None)
    memory.put(50, "z", 101)
    assert memory.get(50) is None
    assert memory.get(49) == "y"
    memory.put(49, "z", 101)
    assert memory.get(49) is None, "what it replaces is out of date"


def test_large_records_are_not_all_remembered() -> None:
    """Each takes sixty times its octets once it is read."""
    for number in range(40):
        record = b"v=spf1 " + b"a " * 1900 + b"a:%d.example" % number
        found = choose((record, b"x" * 60_000))
        assert found is not None
    assert _CHOSEN._weight <= 262_144


def test_domains_without_number_leave_little_behind() -> None:
    for number in range(20_000):
        Zone({}).run(check("192.0.2.1", f"a@d{number}.example"))
    assert _COURSES._weight <= 4_194_304
    assert _COURSES.get(("d0.example", True)) is None
    assert isinstance(_COURSES.get(("d19999.example", True)), Course)
