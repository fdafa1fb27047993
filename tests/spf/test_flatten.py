"""Flattened records admit whom the records admit, and say what they give up."""

from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from mailauth import spf
from mailauth.dns import LookupFailed, Zone
from mailauth.errors import BadArgument
from mailauth.spf import record as records


def flat(nodes: dict[str, Any]) -> spf.Flattened:
    return Zone(nodes).run(spf.flatten("example.com"))


def of(record: str, **more: Any) -> dict[str, Any]:
    return {"TXT": [record], **more}


ESP = {"esp.example": of("v=spf1 ip4:198.51.100.0/25 ip4:198.51.100.128/25 ip6:2001:db8::/32 ~all")}
CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "nothing to do",
        {"example.com": of("v=spf1 ip4:192.0.2.1 -all")},
        "v=spf1 ip4:192.0.2.1 -all",
    ),
    (
        "an include",
        {"example.com": of("v=spf1 include:esp.example -all"), **ESP},
        "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all",
    ),
    (
        "a and mx",
        {
            "example.com": of("v=spf1 a/31 mx -all", A=["192.0.2.1"], MX=[[1, "mx.example.com"]]),
            "mx.example.com": {"A": ["192.0.2.9"], "AAAA": ["2001:db8::9"]},
        },
        "v=spf1 ip4:192.0.2.0/31 ip4:192.0.2.9 ip6:2001:db8::9 -all",
    ),
    (
        "exceptions before what they are excepted from",
        {"example.com": of("v=spf1 -ip4:198.51.100.7 include:esp.example -all"), **ESP},
        "v=spf1 -ip4:198.51.100.7 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all",
    ),
    (
        "an explanation of its own",
        {"example.com": of("v=spf1 include:esp.example -all exp=%{i}.why.example"), **ESP},
        "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all exp=%{i}.why.example",
    ),
    (
        "a redirect",
        {"example.com": of("v=spf1 ip4:192.0.2.1 redirect=esp.example"), **ESP},
        "v=spf1 ip4:192.0.2.1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all",
    ),
    (
        "what depends on the client is kept",
        {"example.com": of("v=spf1 exists:%{i}.example a:%{h} ptr ip4:192.0.2.1 -all")},
        "v=spf1 ip4:192.0.2.1 exists:%{i}.example a:%{h} ptr -all",
    ),
    (
        "the domain of a record is known in it",
        {
            "example.com": of("v=spf1 include:_spf.%{d} -all"),
            "_spf.example.com": of("v=spf1 a:%{d2} redirect=%{dr}"),
            "com.example._spf": of("v=spf1 a:%{d} -all", A=["192.0.2.2"]),
        },
        "v=spf1 ip4:192.0.2.2 -all",
    ),
    (
        "an include with exceptions is kept",
        {
            "example.com": of("v=spf1 include:esp.example -all"),
            "esp.example": of("v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all"),
        },
        "v=spf1 include:esp.example -all",
    ),
    (
        "an include of nobody is kept, for its permerror",
        {"example.com": of("v=spf1 include:esp.example -all")},
        "v=spf1 include:esp.example -all",
    ),
    (
        "a redirect to what depends on the client is kept",
        {
            "example.com": of("v=spf1 ip4:192.0.2.1 redirect=r.example exp=why.example"),
            "r.example": of("v=spf1 a:%{h} -all"),
        },
        "v=spf1 ip4:192.0.2.1 redirect=r.example exp=why.example",
    ),
    (
        "the explanation is that of the record at the end",
        {
            "example.com": of("v=spf1 redirect=r.example exp=mine.example"),
            "r.example": of("v=spf1 ip4:192.0.2.1 -all exp=theirs.example"),
        },
        "v=spf1 ip4:192.0.2.1 -all exp=theirs.example",
    ),
    (
        "an include of itself is kept",
        {"example.com": of("v=spf1 include:example.com -all")},
        "v=spf1 include:example.com -all",
    ),
]


@pytest.mark.parametrize(
    ("nodes", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_flattened(nodes: dict[str, Any], text: str) -> None:
    assert records.format(flat(nodes).record) == text


def test_what_is_given_up_is_said() -> None:
    nodes = {
        "given-up.example": of("v=spf1 include:one.example ptr -all"),
        "one.example": of("v=spf1 ip4:192.0.2.1 -all"),
        "host.example": {"A": ["192.0.2.9"]},
    }
    record = "v=spf1 a:host.example include:given-up.example ptr redirect=esp.example"
    got = flat({"example.com": of(record), **nodes, **ESP})
    assert got.followed == ("host.example", "esp.example")
    why = "what it matches depends on the client"
    assert got.kept == (f"include:given-up.example: {why}", f"ptr: {why}")
    assert got.original.text == record
    assert got.ttl > 0


def test_a_mail_exchange_may_move_too_and_is_said() -> None:
    hosts = [[1, "mx.example.com"], [2, "example.com"]]
    nodes = {
        "example.com": of("v=spf1 a mx ~all", A=["192.0.2.1"], MX=hosts),
        "mx.example.com": {"A": ["192.0.2.9"]},
    }
    assert flat(nodes).followed == ("example.com", "mx.example.com")


@pytest.mark.parametrize("nodes", [{}, {"example.com": of("v=spf1 foo")}, {"example.com": {}}])
def test_a_domain_without_a_record_cannot_be_flattened(nodes: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match=r"example\.com"):
        flat(nodes)


def test_silence_of_the_dns_is_no_empty_record() -> None:
    with pytest.raises(LookupFailed):
        flat({"example.com": of("v=spf1 include:esp.example"), "esp.example": {"FAIL": ["TXT"]}})


ADDRESSES = ["192.0.2.1", "192.0.2.77", "203.0.113.5", "2001:db8::1"]
TERMS = st.sampled_from(
    [
        "a", "mx", "mx:h.example//64", "-a:h.example", "?ip4:192.0.2.64/26", "-ip4:203.0.113.5",
        "ip6:2001:db8::/64", "include:one.example", "~include:two.example", "exists:%{i}.x.example",
    ]
)  # fmt: skip
ENDS = st.sampled_from(["", " -all", " ~all", " redirect=two.example", " redirect=one.example"])
RECORDS = st.builds(
    lambda terms, end: " ".join(["v=spf1", *terms]) + end, st.lists(TERMS, max_size=5), ENDS
)
NODES = st.fixed_dictionaries(
    {"TXT": RECORDS.map(lambda record: [record])},
    optional={
        "A": st.sampled_from(ADDRESSES[:3]).map(lambda address: [address]),
        "AAAA": st.just([ADDRESSES[3]]),
        "MX": st.just([[10, "h.example"]]),
    },
)
ZONES = st.fixed_dictionaries(
    dict.fromkeys(("example.com", "one.example", "two.example", "h.example"), NODES)
)


@given(nodes=ZONES, ip=st.sampled_from(ADDRESSES))
def test_whom_the_record_admits_the_flattened_admits(nodes: dict[str, Any], ip: str) -> None:
    policy = spf.Policy(max_lookups=60, max_void_lookups=60)
    before = Zone(nodes).run(spf.check_host(ip, "example.com", "a@example.com", policy=policy))
    assume(before.result is not spf.Result.PERMERROR)
    try:
        record = records.format(flat(nodes).record)
    except BadArgument:
        reject()
    nodes = nodes | {"example.com": nodes["example.com"] | {"TXT": [record]}}
    after = Zone(nodes).run(spf.check_host(ip, "example.com", "a@example.com", policy=policy))
    assert after.result is before.result
