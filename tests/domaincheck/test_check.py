"""A domain's whole setup: for each thing that can be wrong a zone, and the finding it comes to."""

import asyncio
import json
import re
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from typing import Any

import mail
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import dkim, dmarc, domaincheck, spf
from mailauth.dmarc.lint import REMEDIES as OF_DMARC
from mailauth.dns import Answer, Question, RRType, Status, Zone, run, run_async
from mailauth.domaincheck.transport import lint_mta_sts, lint_tls_reports
from mailauth.errors import BadArgument
from mailauth.findings import Severity
from mailauth.spf.remedies import REMEDIES as OF_SPF

ROOT = Path(__file__).parents[2]
KEY = "rsa._domainkey.example.com"
SOUND: dict[str, Any] = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/28 -all"], "MX": [[10, "mx.example.com"]]},
    "mx.example.com": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@example.com"]},
    "_mta-sts.example.com": {"TXT": ["v=STSv1; id=20261123"]},
    "mta-sts.example.com": {"A": ["192.0.2.2"]},
    "_smtp._tls.example.com": {"TXT": ["v=TLSRPTv1; rua=mailto:tls@example.com"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.com"]},
    KEY: {"TXT": [mail.record("rsa")]},
}


def check(
    changed: dict[str, Any], *, selectors: tuple[str, ...] = ("rsa",), ip: str = "192.0.2.1"
) -> domaincheck.DomainReport:
    asked = domaincheck.check(
        "example.com", selectors=selectors, addresses=[ip_address(ip)] if ip else [], now=mail.NOW
    )
    return Zone(SOUND | changed).run(asked)


def codes(report: domaincheck.DomainReport) -> set[str]:
    return {
        f"{area.name}/{finding.code}"
        for area in report.areas
        if area.name != "bulk"
        for finding in area.findings
    } - {"mta-sts/policy-unseen"}


def txt(*texts: str) -> dict[str, Any]:
    return {"TXT": list(texts)}


def mx(*hosts: str) -> dict[str, Any]:
    return {"example.com": SOUND["example.com"] | {"MX": [[10, host] for host in hosts]}}


WEAK = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG"
    "9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBc"
    "WToIMmPSPDdQPNUYckcQ2QIDAQAB"
)
CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    # id, what is changed in a sound domain, the findings
    ("all is well", {}, set()),
    (
        "no SPF",
        {"example.com": {"MX": [[10, "mx.example.com"]]}},
        {"spf/none", "spf/not-permitted"},
    ),
    (
        "another may send, not this host",
        {"example.com": SOUND["example.com"] | txt("v=spf1 ip4:203.0.113.1 -all")},
        {"spf/not-permitted"},
    ),
    ("a silent DNS for SPF", {"example.com": {"FAIL": ["*"]}}, {"spf/dns", "mx/dns"}),
    ("no key", {KEY: {}}, {"dkim/no-key"}),
    ("KEY-17 an alias of nothing", {KEY: {"CNAME": ["gone.example"]}}, {"dkim/dangling"}),
    (
        "an alias of a key",
        {KEY: {"CNAME": ["key.example.net"]}, "key.example.net": txt(mail.record("rsa"))},
        set(),
    ),
    ("a withdrawn key", {KEY: txt("v=DKIM1; p=")}, {"dkim/revoked"}),
    ("two keys", {KEY: txt(mail.record("rsa"), mail.record("ed25519"))}, {"dkim/several"}),
    ("no key but a TXT record", {KEY: txt("v=spf1 -all")}, {"dkim/syntax"}),
    ("half a key", {KEY: txt("v=DKIM1; p=AAAA")}, {"dkim/unusable-key"}),
    ("a tested key", {KEY: txt(mail.record("rsa", testing=True))}, {"dkim/testing"}),
    ("a weak key", {KEY: txt(f"v=DKIM1; p={WEAK}")}, {"dkim/short-key"}),
    (
        "an old key",
        {KEY: txt(f"g=*; h=sha1; s=tlsrpt; {mail.record('rsa').partition('; ')[2]}")},
        {"dkim/granularity", "dkim/hashes", "dkim/service", "dkim/version"},
    ),
    ("only Ed25519", {KEY: txt(mail.record("ed25519"))}, {"dkim/ed25519"}),
    ("a silent DNS for the key", {KEY: {"FAIL": ["TXT"]}}, {"dkim/dns"}),
    ("no DMARC", {"_dmarc.example.com": {}}, {"dmarc/none"}),
    (
        "DMARC from above",
        {"_dmarc.example.com": {}, "_dmarc.com": txt("v=DMARC1; p=reject; rua=mailto:a@b.com")},
        {"dmarc/inherited"},
    ),
    (
        "DMARC-15 reports to a stranger",
        {"_dmarc.example.com": txt("v=DMARC1; p=reject; rua=mailto:a@reports.example")},
        {"dmarc/consent"},
    ),
    (
        "reports to nobody",
        {"_dmarc.example.com": txt("v=DMARC1; p=reject; rua=mailto:a@b..c")},
        {"dmarc/uri"},
    ),
    (
        "a broken record in place of that from above",
        {
            "_dmarc.example.com": txt("v=DMARC1; p=oops"),
            "_dmarc.com": txt("v=DMARC1; p=reject; rua=mailto:a@b.com"),
        },
        {"dmarc/syntax", "dmarc/tag"},
    ),
    (
        "two records, and one from above",
        {
            "_dmarc.example.com": txt("v=DMARC1; p=none", "v=DMARC1; p=reject"),
            "_dmarc.com": txt("v=DMARC1; p=reject; rua=mailto:a@b.com"),
        },
        {"dmarc/several", "dmarc/inherited"},
    ),
    ("a silent DNS for DMARC", {"_dmarc.example.com": {"FAIL": ["TXT"]}}, {"dmarc/dns"}),
    (
        "a policy that nothing can meet",
        {"example.com": {"MX": [[10, "mx.example.com"]]}, KEY: {}},
        {"spf/none", "spf/not-permitted", "dkim/no-key", "dmarc/no-alignment"},
    ),
    (
        "a policy that everybody can meet",
        {
            "example.com": txt("v=spf1 ip4:0.0.0.0/0 -all") | {"MX": [[10, "mx.example.com"]]},
            KEY: {},
        },
        {"spf/pass-all", "dkim/no-key"},
    ),
    ("no exchange", {"example.com": txt("v=spf1 ip4:192.0.2.1 -all")}, {"mx/none"}),
    (
        "only an address",
        {"example.com": txt("v=spf1 ip4:192.0.2.1 -all") | {"A": ["192.0.2.1"]}},
        {"mx/implicit"},
    ),
    ("the null MX of a sender", mx(""), {"mx/null", "mx/null-sender"}),
    ("the null MX beside others", mx("", "mx.example.com"), {"mx/null-beside"}),
    (
        "an alias as exchange",
        mx("alias.example.com") | {"alias.example.com": {"CNAME": ["mx.example.com"]}},
        {"mx/alias"},
    ),
    ("an exchange without address", mx("gone.example.com"), {"mx/no-address"}),
    ("an address as exchange", mx("192.0.2.1"), {"mx/address"}),
    (
        "an exchange within a network",
        mx("in.example.com") | {"in.example.com": {"A": ["10.0.0.1"]}},
        {"mx/inner-address"},
    ),
    (
        "an exchange behind the translator of a provider",
        mx("in.example.com") | {"in.example.com": {"A": ["100.64.0.1"]}},
        {"mx/inner-address"},
    ),
    (
        "a silent DNS for an exchange",
        mx("down.example.com") | {"down.example.com": {"FAIL": ["A"]}},
        {"mx/dns"},
    ),
    (
        "many exchanges",
        mx(*(f"m{n}.example.com" for n in range(25)))
        | {f"m{n}.example.com": {"A": ["192.0.2.1"]} for n in range(25)},
        {"mx/many"},
    ),
    ("no MTA-STS", {"_mta-sts.example.com": {}}, {"mta-sts/none"}),
    ("MTA-STS without a policy's host", {"mta-sts.example.com": {}}, {"mta-sts/no-host"}),
    ("MTA-STS with a bad id", {"_mta-sts.example.com": txt("v=STSv1; id=a-b")}, {"mta-sts/id"}),
    (
        "two of MTA-STS",
        {"_mta-sts.example.com": txt("v=STSv1; id=1", "v=STSv1; id=2")},
        {"mta-sts/several"},
    ),
    (
        "MTA-STS that cannot be read",
        {"_mta-sts.example.com": txt("v=STSv1; id=1; x y")},
        {"mta-sts/syntax"},
    ),
    (
        "what was meant for MTA-STS, and for TLS reports",
        {
            "_mta-sts.example.com": txt("x", "v=STSv1 id=20261123"),
            "_smtp._tls.example.com": txt('"v=TLSRPTv1; rua=mailto:tls@example.com"'),
        },
        {"mta-sts/syntax", "tls-rpt/syntax"},
    ),
    (
        "what stands at any name below",
        {"_mta-sts.example.com": txt("v=spf1 -all"), "_smtp._tls.example.com": txt("v=DMARC1")},
        {"mta-sts/none", "tls-rpt/none"},
    ),
    ("a silent DNS for MTA-STS", {"_mta-sts.example.com": {"FAIL": ["TXT"]}}, {"mta-sts/dns"}),
    ("no TLS reports", {"_smtp._tls.example.com": {}}, {"tls-rpt/none"}),
    (
        "TLS reports to nobody",
        {"_smtp._tls.example.com": txt("v=TLSRPTv1; rua=ftp:x")},
        {"tls-rpt/rua"},
    ),
    ("a silent DNS for TLS", {"_smtp._tls.example.com": {"FAIL": ["TXT"]}}, {"tls-rpt/dns"}),
    ("no reverse name", {"1.2.0.192.in-addr.arpa": {}}, {"addresses/no-ptr"}),
    (
        "a reverse name of others",
        {"1.2.0.192.in-addr.arpa": {"PTR": ["host.example.net"]}},
        {"addresses/ptr-unconfirmed"},
    ),
    (
        "a silent DNS for the reverse name",
        {"1.2.0.192.in-addr.arpa": {"FAIL": ["PTR"]}},
        {"addresses/dns"},
    ),
]


def severities() -> dict[str, str]:
    """Of each code, with its area, what the guide says it is."""
    told: dict[str, str] = {}
    area = ""
    guide = (ROOT / "docs" / "check.md").read_text()
    for row in re.findall(r"(?m)^\|(.*\|.*\|.*)\|$", guide):
        begun, listed, severity, _ = (cell.strip() for cell in row.split("|"))
        area = begun.strip("`") or area
        told |= {f"{area}/{code}": severity for code in re.findall(r"`([a-z0-9-]+)`", listed)}
    return told


SEVERITIES = severities()


@pytest.mark.parametrize(
    ("changed", "found"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_found(changed: dict[str, Any], found: set[str]) -> None:
    report = check(changed)
    assert codes(report) == found
    for area in report.areas:
        for each in area.findings:
            told = SEVERITIES.get(f"{area.name}/{each.code}", "warning")  # `dns` is of every area
            assert each.severity.value in told
    assert all(each.sentence for each in report.findings())
    needing = [each for each in report.findings() if each.severity is not Severity.NOTE]
    assert [each.code for each in needing if not each.remedy] == []


@pytest.mark.parametrize(
    ("texts", "remedy"),
    [
        (["v=spf1 ip4:203.0.113.1 -all"], "add ip4:192.0.2.1 to the record, before its all"),
        (["v=spf1 ip4:x -all"], "correct the record first"),
        (["v=spf1 -all", "v=spf1 -all"], "correct the record first"),
        (["v=spf1mx -all"], "publish a record with ip4:192.0.2.1"),
    ],
)
def test_how_an_address_may_send(texts: list[str], remedy: str) -> None:
    report = check({"example.com": SOUND["example.com"] | txt(*texts)})
    (found,) = [each for each in report.findings() if each.code == "not-permitted"]
    assert found.remedy == remedy


@pytest.mark.parametrize(("ip", "rrtype"), [("192.0.2.1", "A"), ("2001:db8::1", "AAAA")])
def test_what_leads_back_to_an_address(ip: str, rrtype: str) -> None:
    report = check({ip_address(ip).reverse_pointer: {"PTR": ["host.example.net"]}}, ip=ip)
    remedies = [each.remedy for each in report.findings() if each.code == "ptr-unconfirmed"]
    assert remedies == [f"publish {rrtype} {ip} at host.example.net"]


def test_a_sound_domain_meets_every_demand() -> None:
    report = check({})
    assert report.sentence() == "example.com: nothing to fix"
    assert {rule.code for rule in report.rules if rule.met} == {
        "either", "spf", "dkim", "dmarc", "alignment", "ptr",
    }  # fmt: skip
    assert not any(rule.met is False for rule in report.rules)


@pytest.mark.parametrize(
    ("changed", "unmet"),
    [
        ({KEY: {}}, {"dkim"}),
        ({"_dmarc.example.com": {}}, {"dmarc", "alignment"}),
        ({"1.2.0.192.in-addr.arpa": {}}, {"ptr"}),
        ({"example.com": {}, KEY: {}}, {"either", "spf", "dkim", "alignment"}),
    ],
)
def test_what_providers_demand(changed: dict[str, Any], unmet: set[str]) -> None:
    report = check(changed)
    assert {rule.code for rule in report.rules if rule.met is False} == unmet
    assert {each.code for each in report.areas[-1].findings} == unmet


def test_what_is_not_known_is_not_a_no() -> None:
    report = check({"_dmarc.example.com": {"FAIL": ["TXT"]}}, selectors=(), ip="")
    known = {rule.code: rule.met for rule in report.rules}
    assert (known["dkim"], known["dmarc"], known["ptr"]) == (None, None, None)
    assert report.silent
    assert report.sentence().endswith("the DNS did not answer all questions")
    assert codes(report) == {"dkim/no-selector", "dmarc/dns"}


@pytest.mark.parametrize(
    ("selectors", "ip", "unknown", "state"),
    [
        ((), "", {"either", "spf", "dkim", "alignment", "ptr"}, "not known"),
        ((), "192.0.2.1", {"dkim"}, "not known"),
        (("rsa",), "", {"spf", "ptr"}, "not known"),
        (("rsa",), "192.0.2.1", set(), "works"),
    ],
)
def test_without_an_address_or_a_selector_it_is_not_known_what_passes(
    selectors: tuple[str, ...], ip: str, unknown: set[str], state: str
) -> None:
    report = check({}, selectors=selectors, ip=ip)
    of_the_dns = [rule for rule in report.rules if rule.why != "the DNS does not show it"]
    assert {rule.code for rule in of_the_dns if rule.met is None} == unknown
    assert not any(rule.met is False for rule in report.rules)
    assert report.areas[-1].state == state


def test_what_is_not_there_is_a_no_whether_or_not_it_was_asked_for() -> None:
    report = check({"example.com": {}, KEY: {}}, ip="")
    met = {rule.code: rule.met for rule in report.rules}
    assert (met["spf"], met["dkim"], met["either"]) == (False, False, False)


def test_a_guessed_selector_does_not_tell_what_signs() -> None:
    zone = Zone(SOUND | {"google._domainkey.example.com": SOUND[KEY]})
    asked = domaincheck.check("example.com", guessed=["google"], now=mail.NOW)
    assert {rule.code: rule.met for rule in zone.run(asked).rules}["dkim"] is None


def test_a_domain_that_sends_nothing() -> None:
    parked = {"example.com": txt("v=spf1 -all") | {"MX": [[0, "."]]}}
    report = check(parked, selectors=(), ip="")
    assert codes(report) == {"mx/null", "dkim/no-selector"}
    assert report.rules == ()
    assert [each.code for each in report.areas[-1].findings] == ["no-mail"]


def test_what_a_domain_without_mail_need_not_publish() -> None:
    parked: dict[str, Any] = {
        "example.com": txt("v=spf1 -all") | {"MX": [[0, "."]]},
        "_mta-sts.example.com": {},
        "_smtp._tls.example.com": {},
        KEY: txt("v=DKIM1; p="),
    }
    report = check(parked, ip="")
    assert codes(report) == {"mx/null", "dkim/revoked", "mta-sts/none", "tls-rpt/none"}
    assert {each.severity for each in report.findings()} == {Severity.NOTE}
    for area in report.areas[1], *report.areas[4:6]:
        (found,) = area.findings
        assert (found.remedy or "").startswith("nothing: the domain")
        assert area.state in ("not known", "not there")


def test_a_key_that_was_not_looked_at_may_pass() -> None:
    changed: dict[str, Any] = {"example.com": {"MX": [[10, "mx.example.com"]]}, KEY: {}}
    for selectors, severity in ((("rsa",), Severity.ERROR), ((), Severity.WARNING)):
        report = check(changed, selectors=selectors, ip="")
        (found,) = [each for each in report.findings() if each.code == "no-alignment"]
        assert found.severity is severity


def test_the_state_of_an_area_in_words() -> None:
    report = check({"_mta-sts.example.com": {}, "_dmarc.example.com": {"FAIL": ["TXT"]}, KEY: {}})
    states = {area.name: area.state for area in report.areas}
    assert (states["spf"], states["dkim"]) == ("works", "does not work")
    assert (states["mta-sts"], states["dmarc"]) == ("not there", "not known")


def test_there_is_no_such_domain() -> None:
    asked = domaincheck.check("none.example", now=0)
    assert "mx/no-domain" in codes(Zone({}).run(asked))


def test_guessed_selectors_are_told_if_they_are_there() -> None:
    more = {
        "google._domainkey.example.com": txt(mail.record("rsa")),
        "k1._domainkey.example.com": txt("v=DKIM1; p="),
        "*._domainkey.example.com": txt("v=spf1 -all"),
    }
    zone = Zone(SOUND | more)
    asked = domaincheck.check("example.com", guessed=domaincheck.COMMON_SELECTORS, now=0)
    area = zone.run(asked).areas[1]
    assert [each.name for each in area.published] == ["google._domainkey.example.com"]
    assert (area.works, area.findings) == (True, ())


def test_the_same_organization_needs_no_consent() -> None:
    nodes = {
        "_dmarc.news.example.com": txt("v=DMARC1; p=reject; rua=mailto:a@example.com"),
        "_dmarc.example.com": txt("v=DMARC1; p=reject"),
    }
    assert Zone(nodes).run(dmarc.lint("news.example.com")) == []


def test_one_key_by_its_selector() -> None:
    assert Zone(SOUND).run(dkim.lint("example.com", "rsa")) == []
    (found,) = Zone({KEY: {"FAIL": ["TXT"]}}).run(dkim.lint("example.com", "rsa"))
    assert found.code == "dns"


def test_the_report_as_JSON() -> None:
    told = json.loads(json.dumps(check({KEY: {}}).as_dict()))
    assert (told["schema"], told["domain"], told["checked_at"]) == (1, "example.com", mail.NOW)
    area = next(each for each in told["areas"] if each["name"] == "dkim")
    assert set(area) == {"name", "works", "published", "findings", "steps"}
    assert area["findings"] == [
        {
            "code": "no-key",
            "severity": "error",
            "sentence": "there is no key",
            "domain": KEY,
            "place": "",
            "remedy": "publish the key that signs, or sign with a selector that has one",
            "shown": "",
        }
    ]


def test_every_driver_comes_to_the_same_in_few_rounds() -> None:
    zone = Zone(SOUND)
    rounds = []

    async def resolve(question: Question) -> Answer[Any]:
        return zone.resolve(question)

    async def side_by_side(many: Any) -> list[Any]:
        answers = [await each for each in many]
        rounds.append(len(answers))
        return answers

    asked: dict[str, Any] = {
        "selectors": ["rsa", "ed25519"],
        "addresses": [ip_address("192.0.2.1")],
        "now": 0,
    }
    wanted = zone.run(domaincheck.check("example.com", **asked))
    got = asyncio.run(run_async(domaincheck.check("example.com", **asked), resolve, side_by_side))
    assert got == wanted
    assert len(rounds) <= 5
    assert max(rounds) >= 8


@given(st.data())
def test_any_zone_comes_to_a_report(data: st.DataObject) -> None:
    texts = st.one_of(
        st.sampled_from(
            [b"v=spf1 a mx -all", b"v=DMARC1; p=none; rua=mailto:a@b.c", b"v=STSv1;id=1"]
        ),
        st.binary(max_size=60),
        st.binary(max_size=40).map(b"v=TLSRPTv1; ".__add__),
    )
    asked: list[Question] = []

    def resolve(question: Question) -> Answer[Any]:
        asked.append(question)
        status = data.draw(st.sampled_from([Status.EXISTS, *Status]))
        if status is not Status.EXISTS or question.rrtype not in {RRType.TXT, RRType.PTR}:
            return Answer(status)
        if question.rrtype is RRType.PTR:
            return Answer(status, ("x" * 80, "a..b", "mx.example.com"))
        return Answer(status, tuple(data.draw(st.lists(texts, max_size=3))))

    report = run(
        domaincheck.check(
            "example.com", selectors=["x"], addresses=[ip_address("2001:db8::1")], now=0
        ),
        resolve,
    )
    assert json.dumps(report.as_dict())
    assert len(asked) < 400


def test_an_address_may_be_text_and_a_mapped_one_is_of_IPv4() -> None:
    def checked(address: Any) -> domaincheck.DomainReport:
        asked = domaincheck.check("example.com", addresses=[address], now=mail.NOW)
        return Zone(SOUND).run(asked)

    want = checked(ip_address("192.0.2.1"))
    for spelling in ("192.0.2.1", "::ffff:192.0.2.1", ip_address("::ffff:192.0.2.1")):
        assert checked(spelling) == want
    for none in ("x", "fe80::1%eth0"):
        with pytest.raises(BadArgument, match=none):
            checked(none)


CODE = re.compile(r'(?:Finding|_add)\(\s*"([a-z0-9-]+)"')


def codes_of(*modules: str) -> set[str]:
    found = [CODE.findall((ROOT / "mailauth" / module).read_text()) for module in modules]
    return set(chain.from_iterable(found))


def test_every_code_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "check.md").read_text()
    rooms = [f"domaincheck/{path.name}" for path in (ROOT / "mailauth/domaincheck").glob("*.py")]
    found = codes_of(*rooms, "spf/lint.py", "spf/unwise.py", "dmarc/lint.py", "dkim/lint.py")
    assert len(found) > 60
    assert [code for code in sorted(found) if f"`{code}`" not in guide] == []


def test_every_code_of_a_record_has_a_remedy() -> None:
    assert codes_of("spf/lint.py", "spf/unwise.py") <= OF_SPF.keys() | {"none", "several"}
    assert codes_of("dmarc/lint.py") <= OF_DMARC.keys() | {"consent"}  # which has its own


@pytest.mark.parametrize(
    ("octets", "fine"),
    [
        (b"v=STSv1; id=1", True),
        (b"v=STSv1;id=20160831085700Z;", True),
        (b"v=STSv1; a=b; id=x", True),
        (b"v=STSv1; id=", False),
        (b"v=STSv1; id=" + b"1" * 33, False),
        (b"v=STSv1; id=1; id=2", False),
        (b"v=STSv1", False),
        ("v=STSv1; id=\N{ARABIC-INDIC DIGIT ONE}".encode(), False),
    ],
)
def test_the_record_of_MTA_STS(octets: bytes, fine: bool) -> None:
    assert (lint_mta_sts(octets) == []) == fine


@pytest.mark.parametrize(
    ("octets", "fine"),
    [
        (b"v=TLSRPTv1;rua=mailto:reports@example.com", True),
        (b"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", True),
        (b"v=TLSRPTv1; rua=mailto:a@b.c , https://d.example/e;", True),
        (b"v=TLSRPTv1; rua=http://d.example/e", False),
        (b"v=TLSRPTv1; rua=", False),
        (b"v=TLSRPTv1;", False),
        (b"v=TLSRPTv1; rua=mailto:a@b.c; rua=mailto:a@b.c", False),
    ],
)
def test_the_record_of_TLS_reports(octets: bytes, fine: bool) -> None:
    assert (lint_tls_reports(octets) == []) == fine


def test_a_long_key_is_told() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from mailauth.keys.public import spki

    number = rsa.RSAPublicNumbers(65537, (1 << 8000) | 1).public_key()
    record = dkim.KeyRecord(spki(number)).format().encode()
    assert [each.code for each in dkim.lint_record(record)] == ["long-key"]


@pytest.mark.parametrize("protocol", [dkim, dmarc, spf])
def test_a_record_that_cannot_be_read_is_a_finding(protocol: Any) -> None:
    (found,) = protocol.lint_record(b"\xff")
    assert found.severity is Severity.ERROR
