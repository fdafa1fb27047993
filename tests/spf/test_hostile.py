"""A hostile zone: whatever it says, a verdict within the limits, and within the time."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nameserver import after, answer, from_zone, serve, truncates

from mailauth import spf
from mailauth.dns import Answer, Question, Resolver, RRType, Status, Zone, run
from mailauth.spf import macro
from mailauth.spf.identity import Sender, Subject, client
from mailauth.spf.letters import Letters
from mailauth.syntax.domain import is_askable

IP, D = "192.0.2.1", "example.com"
CHECK: dict[str, Any] = {"ip": IP, "helo": f"mx.{D}", "sender": f"ada@{D}"}
MOST = 1 + 10 * 11 + 1 + 2 * 11
"""A record, ten terms of a mx or a ptr, the names for %{p}, an explanation."""

RECORDS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"v=spf1 include:example.com -all",
            b"v=spf1 redirect=%{d}",
            b"v=spf1 mx ptr a:%{p}.x exists:%{l}.%{i}.%{h} -all exp=%{d}",
            b"v=spf1 " + b"include:%{ir}.example.com " * 9 + b"?all",
            b"v=spf1 " + b"a:a.b " * 2001,
            b"v=spf1 " + b"x=" + b"%%" * 30_000,
            b"v=spf1 ip4:0.0.0.0/0" + b"\x00",
            b"v=spf1 -all exp=%{d}",
            b"%{c} %{r} %{t} %{s}",
            b"%" * 65_000,
        ]
    ),
)
ANSWERS = st.one_of(
    st.builds(Answer, st.sampled_from(Status)),
    st.builds(lambda records: Answer(Status.EXISTS, tuple(records)), st.lists(RECORDS, max_size=3)),
    st.builds(lambda record: Answer(Status.EXISTS, (record,) * 1000), RECORDS),
)
OTHERS = {
    RRType.A: Zone({"x": {"A": ["192.0.2.9"] * 20}}),
    RRType.AAAA: Zone({"x": {"AAAA": ["2001:db8::9"]}}),
    RRType.MX: Zone({"x": {"MX": [[1, f"m{n}.x"] for n in range(10)]}}),
    RRType.PTR: Zone({"x": {"PTR": [f"p{n}.example.com" for n in range(1000)]}}),
}


@given(texts=st.lists(ANSWERS, min_size=1, max_size=8), fails=st.sets(st.integers(0, 30)))
def test_any_answers_come_to_a_verdict(texts: list[Answer[bytes]], fails: set[int]) -> None:
    asked: list[Question] = []

    def resolve(question: Question) -> Answer[Any]:
        asked.append(question)
        assert len(asked) <= MOST
        if len(asked) in fails:
            return Answer(Status.TIMEOUT)
        if question.rrtype is RRType.TXT:
            return texts[len(asked) % len(texts)]
        return OTHERS[question.rrtype].resolve(Question("x", question.rrtype))

    verdict = run(spf.check(**CHECK), resolve)
    assert verdict.lookups <= 11
    assert verdict.void_lookups <= 3
    assert verdict.reason
    assert all(step.text for step in verdict.steps)


def test_SPF_06_records_ten_thousand_deep() -> None:
    nodes: dict[str, Any] = {
        f"d{n}.x": {"TXT": [f"v=spf1 include:d{n + 1}.x -all"]} for n in range(10_000)
    }
    nodes[D] = {"TXT": ["v=spf1 include:d0.x -all"]}
    verdict = Zone(nodes).run(spf.check(**CHECK))
    assert verdict.result is spf.Result.PERMERROR
    assert verdict.lookups == 11
    patient = spf.Policy(max_lookups=100)
    assert Zone(nodes).run(spf.check(**CHECK, policy=patient)).lookups == 101
    redirects = {
        name: {"TXT": [node["TXT"][0].replace("include:", "redirect=").removesuffix(" -all")]}
        for name, node in nodes.items()
    }
    assert Zone(redirects).run(spf.check(**CHECK, policy=patient)).lookups == 101


def test_a_policy_has_its_bounds() -> None:
    for lookups, voids in ((101, 2), (-1, 2), (10, -1)):
        with pytest.raises(ValueError, match="limit"):
            spf.Policy(lookups, voids)
    with pytest.raises(ValueError, match="mechanism"):
        spf.Policy(local_policy="foo")


@pytest.mark.loopback
def test_SPF_07_the_time_is_up() -> None:
    """Each question takes less than its own time-out; together they take more than the budget."""
    record = "v=spf1 " + " ".join(f"a:n{n}.{D}" for n in range(9)) + " -all"
    zone = Zone({D: {"TXT": [record]}, **{f"n{n}.{D}": {"A": ["192.0.2.9"]} for n in range(9)}})
    with serve(after(0.2, from_zone(zone))) as server:
        resolver = Resolver([server.where], timeout=1.0, budget=0.7)
        verdict = resolver.run(spf.check(**CHECK))
    assert verdict.result is spf.Result.TEMPERROR
    assert verdict.lookups < 9


@pytest.mark.loopback
def test_SPF_34_a_record_that_needs_TCP() -> None:
    networks = " ".join(f"ip4:198.51.100.{n}" for n in range(100))
    strings = f"v=spf1 {networks} ip4:{IP} -all"
    quoted = " ".join(f'"{strings[at : at + 255]}"' for at in range(0, len(strings), 255))
    with serve(truncates(answer(f"{D} 60 IN TXT {quoted}"))) as server:
        verdict = Resolver([server.where]).run(spf.check(**CHECK))
        assert [ask.transport for ask in server.asked] == ["udp", "tcp"]
    assert verdict.directive == f"ip4:{IP}"


def test_SPF_31_a_subdomain_that_does_not_exist() -> None:
    zone = Zone({D: {"TXT": ["v=spf1 +all"]}})
    assert zone.run(spf.check(**CHECK | {"sender": f"a@no.{D}"})).result is spf.Result.NONE


def test_SPF_32_a_record_of_type_99_is_none() -> None:
    zone = Zone({D: {"SPF": ["v=spf1 +all"], "A": [IP]}})
    assert zone.run(spf.check(**CHECK)).result is spf.Result.NONE


def test_SPF_35_a_wide_network_is_what_its_owner_says() -> None:
    zone = Zone({D: {"TXT": ["v=spf1 ip4:128.0.0.0/1 -all"]}})
    assert zone.run(spf.check(**CHECK)).result is spf.Result.PASS
    assert [finding.code for finding in zone.run(spf.lint(D))] == ["wide"]


SAID = st.one_of(
    st.binary(max_size=20).map(lambda octets: octets.decode("utf-8", "surrogateescape")),
    st.text(st.characters(), max_size=20),  # also half of a character, which is no octet's
)


@given(helo=SAID, local=SAID, domain=SAID, receiver=SAID)
@example(helo="mx\udcff", local="a", domain=D, receiver="mx")
@example(helo="mx\ud800", local="\udfff", domain=D, receiver="mx")
def test_any_octets_in_any_letter_come_to_a_verdict(
    helo: str, local: str, domain: str, receiver: str
) -> None:
    every = " ".join(
        f"exists:%{{{letter}{how}}}.x.{D} a:%{{{letter.upper()}{how}}}.x.{D}"
        for letter in "slodihv"
        for how in ("", "r")
    )
    told = "%{s} %{S} %{L} %{O} %{H} %{h} %{R} %{Rr-} %{C} %{T}"
    for record in (every, f"include:%{{H}}.{D}", f"redirect=%{{S}}.{D}", f"-all exp=why.{D}"):
        texts: dict[str, Any] = {D: {"TXT": [f"v=spf1 {record}"]}, f"why.{D}": {"TXT": [told]}}
        for sender in (f"{local}@{D}", f"a@{domain}"):
            patient = spf.Policy(max_lookups=100, max_void_lookups=100)
            check: dict[str, Any] = {"ip": IP, "helo": helo, "sender": sender}
            verdict = Zone(texts).run(spf.check(**check, receiver=receiver, policy=patient))
            assert verdict.reason
            assert verdict.explanation.isascii()


def test_an_octet_that_is_not_UTF_8_is_escaped_as_such() -> None:
    escaped = Zone(
        {D: {"TXT": [f"v=spf1 exists:%{{H}}.{D} -all"]}, f"mx%FF.{D}": {"A": ["127.0.0.2"]}}
    )
    check = CHECK | {"helo": b"mx\xff".decode("utf-8", "surrogateescape")}
    assert escaped.run(spf.check(**check)).result is spf.Result.PASS


LOCAL_PARTS = st.one_of(
    st.text("abX.+-", min_size=1, max_size=40),
    st.builds(str.__mul__, st.text("aX.+-", min_size=1, max_size=9), st.integers(1, 200)),
)
SPECS = st.lists(
    st.one_of(
        st.sampled_from(["%{l}", "%{lr}", "%{l1}", "%{L2r+-}", "%{s3r.+}", "%{o}", "%{D1}"]),
        st.sampled_from([".", "%%", "s", "%_", "%%s", "x" * 60]),
    ),
    min_size=1,
    max_size=40,
)


@given(local=LOCAL_PARTS, pieces=SPECS)
@example(local="a" * 300 + ".b", pieces=["%{lr}"] * 20)
def test_SPF_18_of_many_macros_the_end_makes_the_same_name(local: str, pieces: list[str]) -> None:
    subject = Subject(client(IP), Sender(local, D), D, "unknown", 0)
    spec = macro.parse("".join(pieces))
    letters = Letters(subject)
    whole = spec.expand(letters.values() | {"d": D}).removesuffix(".")
    shortened = whole if len(whole) <= 253 else whole[-254:].partition(".")[2]
    assert letters.target(spec, D) == (shortened if is_askable(shortened) else "")


@given(
    st.text(alphabet="a.b-", min_size=1, max_size=800),
    st.lists(
        st.sampled_from(["%{l}", "%{L}", "%{i}", "%{l1r-}", "%{lr}", "%{l2}", "x"]), max_size=20
    ),
    st.integers(1, 600),
)
@example("A" * 300 + "B" * 700, ["%{l}"] + ["%{i}"] * 8, 512)
def test_SPF_18_of_many_macros_an_explanation_has_the_beginning(
    local: str, pieces: list[str], most: int
) -> None:
    string = macro.parse_explanation("".join(pieces))
    values = {"l": local, "i": IP}
    assert string.first(most, values)[:most] == string.expand(values)[:most]


def test_SPF_18_what_many_macros_come_to_takes_no_memory() -> None:
    macros = "%{l}" * 7_000
    zone = Zone(
        {
            D: {"TXT": [f"v=spf1 exists:{macros} exists:{macros}.x.{D} -all exp=why.{D}"]},
            f"why.{D}": {"TXT": [macros]},
        }
    )
    check = CHECK | {"sender": f"{'a' * 60_000}@{D}"}
    tracemalloc.start()
    try:
        verdict = zone.run(spf.check(**check))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert verdict.result is spf.Result.FAIL
    assert verdict.explanation == "a" * 512
    assert most < 20_000_000
