"""Answers that are remembered are those that would be given anew."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import srs
from mailauth.postfix import MAPS, DomainList, Reply, Request, Rewriting, answering
from mailauth.postfix.remembered import LONGEST, MOST
from mailauth.srs.aliases import AliasFile
from mailauth.srs.hashes import DAY

NOW = 1_790_000_000
SECRET = srs.Secret(b"a secret of tests")
POLICY = Rewriting(
    domain="srs.example",
    secrets=srs.Secrets(SECRET),
    left_alone=DomainList.of(["example.org"]),
)
SENDER = Request("forward", "ada@example.com")


class Clock:
    """One that the test sets."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that a policy was asked."""
    made: list[Request] = []
    answer = Rewriting.answer

    def note(policy: Rewriting, request: Request, *, now: int) -> Reply:
        made.append(request)
        return answer(policy, request, now=now)

    monkeypatch.setattr(Rewriting, "answer", note)
    return made


def test_a_policy_is_asked_once_a_day(clock: Clock, asked: list[Request]) -> None:
    answer = answering(POLICY, clock)
    first = answer(SENDER)
    clock.now = NOW - NOW % DAY + DAY - 0.5
    assert answer(SENDER) is first
    assert asked == [SENDER]
    clock.now += 1
    assert answer(SENDER) != first
    assert asked == [SENDER, SENDER]


def test_a_bounce_expires_on_its_day(clock: Clock) -> None:
    answer = answering(POLICY, clock)
    bounce = Request("reverse", answer(SENDER).text)
    last = NOW - NOW % DAY + (POLICY.scheme.max_age + 1) * DAY - 1
    for clock.now, text in ((NOW, "ada@example.com"), (last, "ada@example.com")):
        assert answer(bounce).text == text
    clock.now = last + 1
    notice = answer(bounce).notice
    assert notice is not None
    assert notice.forged


def test_a_secret_with_a_date_is_looked_at_each_time(clock: Clock) -> None:
    dated = srs.Secret(b"a secret for an hour", valid_until=NOW + 3600)
    policy = Rewriting(domain="srs.example", secrets=srs.Secrets(dated, SECRET))
    answer = answering(policy, clock)
    bounce = Request("exists", answer(SENDER).text)
    assert answer(bounce).text == bounce.key
    clock.now = NOW + 3600
    assert answer(bounce).text != bounce.key


def test_a_store_is_looked_at_each_time(clock: Clock, asked: list[Request], tmp_path: Path) -> None:
    scheme = srs.Scheme(long_senders=srs.LongSenders.STORE)
    with AliasFile(tmp_path / "aliases") as aliases:
        policy = Rewriting(
            domain="srs.example", secrets=POLICY.secrets, scheme=scheme, aliases=aliases
        )
        answer = answering(policy, clock)
        sender = Request("forward", f"{'a' * 60}@example.com")
        assert answer(sender) == answer(sender)
    assert asked == [sender, sender]


def test_memory_is_bounded(clock: Clock, asked: list[Request]) -> None:
    answer = answering(POLICY, clock)
    for key in ("a" * LONGEST, "a@" + "b" * LONGEST):
        answer(Request("forward", key))
        answer(Request(key, "a@example.com"))
    assert len(asked) == 4
    for request in asked[:4]:
        answer(request)
    assert len(asked) == 8
    for number in range(MOST + 1):
        answer(Request("forward", f"{number}@example.com"))
    answer(Request("forward", "0@example.com"))
    assert len(asked) == 8 + MOST + 2


def test_PFX_03_a_fault_is_not_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, now: int) -> Reply:
        raise MemoryError(now)

    answer = answering(POLICY, clock)
    with monkeypatch.context() as patch:
        patch.setattr(Rewriting, "answer", fail)
        with pytest.raises(MemoryError):
            answer(SENDER)
    assert answer(SENDER) == POLICY.answer(SENDER, now=NOW)


_PARTS = st.sampled_from(["ada", "a.b", "SRS0=x=AB=c=d", '"a b"', "", "\ud800", "%"])
_DOMAINS = st.sampled_from(["example.com", "example.org", "srs.example", "SRS.EXAMPLE", "", "x"])
_REQUESTS = st.builds(
    lambda name, local, domain: Request(name, f"{local}@{domain}"),
    st.sampled_from([*MAPS, "forward@srs.example", "none"]),
    _PARTS,
    _DOMAINS,
)


@given(st.lists(st.tuples(_REQUESTS, st.integers(0, 3 * DAY)), max_size=12))
def test_no_answer_differs(asking: list[tuple[Request, int]]) -> None:
    clock = Clock()
    answer = answering(POLICY, clock)
    for request, later in asking:
        clock.now = NOW + later
        assert answer(request) == POLICY.answer(request, now=NOW + later)
