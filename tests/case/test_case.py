"""Cases: judged again they come to the same, and a file that is none says where it is not."""

import asyncio
import json
from pathlib import Path
from typing import Any

import mail
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import dkim, spf
from mailauth.authenticate import authenticate
from mailauth.case import BadCase, Case, dumps, loads, record, verdicts_of
from mailauth.dns import Answer, Question, Status, Zone, run, run_all, run_async
from mailauth.dns.lookups import RRType
from mailauth.spf.policy import networks
from mailauth.syntax.message import Message

CASES = sorted((Path(__file__).parents[2] / "testdata" / "cases").glob("*.json"))
ENVELOPE: dict[str, Any] = {
    "ip": "192.0.2.1",
    "helo": "mx.example.com",
    "mail_from": "ada@example.com",
}
ZONE = Zone(
    {
        "example.com": {
            "TXT": ["v=spf1 mx a:slow.example.com -all"],
            "MX": [[10, "mx.example.com"]],
        },
        "mx.example.com": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
        "slow.example.com": {"FAIL": ["*"]},
        "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
        "rsa._domainkey.example.com": {"TXT": [mail.record("rsa")]},
    }
)


def kept(message: bytes | Message, **given: Any) -> Case:
    arguments: dict[str, Any] = {"now": mail.NOW, **ENVELOPE, **given}
    return ZONE.run(record(message, **arguments))[1]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases_come_to_the_same_by_every_driver(path: Path) -> None:
    text = path.read_text("utf-8")
    case = loads(text)
    assert dumps(case) == text

    async def resolve(question: Question) -> Answer[Any]:
        return case.resolve(question)

    report = run(case.authenticate(), case.resolve)
    assert verdicts_of(report) == case.verdicts
    assert asyncio.run(run_async(case.authenticate(), resolve)) == report
    assert run_all([case.authenticate(), case.authenticate()], case.resolve) == [report, report]


def test_there_are_cases() -> None:
    assert len(CASES) > 12


@pytest.mark.parametrize("private", [False, True])
def test_a_case_of_a_parsed_message(private: bool) -> None:
    octets = mail.signed()
    assert kept(Message.parse(octets), private=private) == kept(octets, private=private)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1", "203.0.113.1", ""])
@pytest.mark.parametrize("octets", [mail.signed(), mail.MESSAGE, b"", b"\xff\x00\r\n\r\n\xfe"])
def test_a_case_is_the_judgement(octets: bytes, ip: str, private: bool) -> None:
    given: dict[str, Any] = {**ENVELOPE, "ip": ip, "now": mail.NOW}
    report, case = ZONE.run(record(octets, private=private, **given))
    assert report == ZONE.run(authenticate(octets, **given))
    again = loads(dumps(case))
    assert again.replay() == report
    assert dumps(again) == dumps(case)


def test_a_private_case_has_no_body() -> None:
    message = mail.signed(mail.MESSAGE.replace(b"a line end", b"a secret"))
    case = kept(message, private=True)
    assert "secret" not in dumps(case)
    assert "secret" in dumps(kept(message))
    assert case.replay().dkim[0].result is dkim.Result.PASS
    shorter = mail.signed().replace(b"v=1;", b"v=1; l=5;", 1)
    partial = kept(shorter, private=True, dkim_policy=dkim.RFC6376)
    assert (
        loads(dumps(partial)).replay().dkim == kept(shorter, dkim_policy=dkim.RFC6376).replay().dkim
    )


def test_choices_are_kept() -> None:
    of_spf = spf.Policy(max_lookups=3, relays=networks(["192.0.2.0/24", "2001:db8::/32"]))
    of_dkim = dkim.Policy(admit_partial_body=True, clock_skew=7)
    case = loads(dumps(kept(mail.signed(), spf_policy=of_spf, dkim_policy=of_dkim)))
    assert (case.spf_policy, case.dkim_policy) == (of_spf, of_dkim)
    alone = loads(dumps(kept(mail.signed(), methods=frozenset({"dkim"}))))
    assert alone.replay().dmarc is None


def test_what_a_public_suffix_list_said_is_kept() -> None:
    def by_list(domain: str) -> str:
        return domain.partition(".")[2]

    arguments: dict[str, Any] = {**ENVELOPE, "now": mail.NOW, "by_list": by_list}
    report, case = ZONE.run(record(mail.signed(), **arguments))
    assert report.dmarc is not None
    assert report.dmarc.listed_domain == "com"
    again = loads(dumps(case))
    assert again.replay() == report
    assert again == loads(dumps(again))
    assert "listed_domains" not in json.loads(dumps(kept(mail.signed())))
    wrongs: list[Any] = [[], {"example.com": 1}]
    for wrong in wrongs:
        damaged = json.loads(dumps(case)) | {"listed_domains": wrong}
        with pytest.raises(BadCase, match="listed_domains"):
            loads(json.dumps(damaged))


def test_what_was_not_asked_is_a_temperror_that_says_so() -> None:
    case = kept(mail.signed())
    poorer = json.loads(dumps(case))
    poorer["dns"] = [each for each in poorer["dns"] if "_domainkey" not in each["name"]]
    verdict = loads(json.dumps(poorer)).replay().dkim[0]
    assert verdict.result is dkim.Result.TEMPERROR
    assert "rsa._domainkey.example.com: server failure (the case has no answer)" in verdict.reason


def test_failures_and_secure_answers_are_kept() -> None:
    def resolve(question: Question) -> Answer[Any]:
        if question.rrtype is RRType.MX:
            return Answer(Status.TIMEOUT, reason="nobody answered")
        return Answer(Status.EXISTS, ZONE.resolve(question).records, secure=True)

    report, case = run(record(mail.signed(), now=mail.NOW, **ENVELOPE), resolve)
    assert report.spf is not None
    assert report.spf.result is spf.Result.TEMPERROR
    assert report.dkim[0].secure
    assert loads(dumps(case)).replay() == report


def altered(path: str, value: Any) -> str:
    """A case in which one value is another; None takes it out."""
    whole: Any = json.loads(dumps(kept(mail.signed(), private=True)))
    *way, last = [int(word) if word.isdigit() else word for word in path.split("/")]
    at = whole
    for word in way:
        at = at[word]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("path", "value", "want"),
    [
        ("mailauth_case", 2, "it has schema 2, made by mailauth"),
        ("mailauth_case", 0, "mailauth_case: there is no schema 0"),
        ("mailauth_case", "1", "mailauth_case: this is not a whole number"),
        ("mailauth_case", True, "mailauth_case: this is not a whole number"),
        ("mailauth_case", None, "mailauth_case: is missing"),
        ("now", "today", "now: this is not a whole number"),
        ("now", 1.5, "now: this is not a whole number"),
        ("now", -1, "now: this is not a time between 1970 and 9999"),
        ("now", 10**300, "now: this is not a time between 1970 and 9999"),
        ("envelope", [], "envelope: this is not an object"),
        ("envelope/ip", "192.0.2.300", "envelope.ip: '192.0.2.300' is not an IP address"),
        ("envelope/ip", "192.0.2.0/24", "envelope.ip: '192.0.2.0/24' is not an IP address"),
        ("envelope/ip", "fe80::1%eth0", "envelope.ip: 'fe80::1%eth0' is not an IP address"),
        ("envelope/helo", None, "envelope.helo: is missing"),
        ("methods", ["spf", "magic"], "methods: there is no method 'magic'"),
        ("dkim_policy/leniency", 1, "dkim_policy.leniency: there is no such setting"),
        ("dkim_policy/clock_skew", "7", "dkim_policy.clock_skew: this is not a whole number"),
        ("spf_policy/max_lookups", 1000, "spf_policy: the limit of look-ups must be"),
        ("spf_policy/local_policy", "\ud800", "spf_policy: "),
        ("spf_policy/relays", ["here"], "spf_policy.relays: 'here' is not a network"),
        ("dns/0/type", "SPF", "dns[0].type: 'SPF' is not a known value"),
        ("dns/0/status", "fine", "dns[0].status: 'fine' is not a known value"),
        ("dns/0/name", 7, "dns[0].name: this is not a string"),
        ("dns/1/secure", "yes", "dns[1].secure: this is not true or false"),
        ("dns/1", "v=spf1", "dns[1]: this is not an object"),
        ("message/0", 7, "message[0]: this is not a string"),
        ("message/0", "\ud800", "message[0]: this text has a lone surrogate"),
        ("bodies/0/canonicalization", "nofws", "bodies[0].canonicalization: 'nofws' is not"),
        ("bodies/0/sha256", "=", "bodies[0].sha256: this is not base64"),
        ("bodies/0/sha256", "\xe9", "bodies[0].sha256: this is not base64"),
        ("bodies/0/length", "5", "bodies[0].length: this is not a whole number"),
        ("verdicts/0", [], "verdicts[0]: this is not a string"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path: str, value: Any, want: str) -> None:
    with pytest.raises(BadCase) as caught:
        loads(altered(path, value))
    assert str(caught.value).startswith(want)


@pytest.mark.parametrize(
    ("rrtype", "records", "want"),
    [
        ("A", ["2001:db8::1"], "not an address for an A record"),
        ("AAAA", ["192.0.2.1"], "not an address for an AAAA record"),
        ("MX", ["mx.example.com"], "not a pair of preference and host"),
        ("TXT", ["\ud900"], "stands for no octet"),
        ("PTR", [["a"]], "not a string"),
    ],
)
def test_records_are_of_their_type(rrtype: str, records: list[Any], want: str) -> None:
    answer = {"name": "x.example", "type": rrtype, "status": "exists", "records": records}
    with pytest.raises(BadCase, match=want):
        loads(altered("dns/0", answer))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"case"', "[" * 100_000, '{"mailauth_case": 1e999}', "1" * 9999]
)
def test_what_is_no_case(text: str) -> None:
    with pytest.raises(BadCase):
        loads(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner) | st.dictionaries(st.sampled_from(["envelope", "dns", "now", "x"]), inner)
)))  # fmt: skip
def test_any_json_is_a_case_or_a_fault(value: Any) -> None:
    whole = value if isinstance(value, dict) else {"message": value}
    with pytest.raises(BadCase):
        loads(json.dumps({"mailauth_case": 1, **whole}))
