"""checkdmarc as an oracle: which records are sound, whose policy applies, who consents to reports.

It judges for those who publish, as our lint does, and follows RFC 9989 since its
version 6.  Where the two differ on purpose the tables here say so.
"""

from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import pytest
from checkdmarc import dmarc as checkdmarc
from checkdmarc import utils
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from mailauth import dmarc
from mailauth.dns import Lookups, Question, RRType, Status, Zone, present
from mailauth.findings import Severity

pytestmark = pytest.mark.oracle


class _Resolver:
    """dnspython's resolver, as far as checkdmarc asks it, with our zone behind it."""

    lifetime = 1.0

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def resolve(self, name: str, rrtype: str, **_: Any) -> list[Any]:
        """The records, or dnspython's exception for why there are none."""
        if rrtype not in set(RRType):
            raise dns.resolver.NoAnswer
        answer = self._zone.resolve(Question(name.rstrip(".").lower(), RRType(rrtype)))
        if answer.status is Status.NO_SUCH_NAME:
            raise dns.resolver.NXDOMAIN
        if answer.failed:
            raise dns.resolver.NoNameservers
        if not answer.records:
            raise dns.resolver.NoAnswer
        return [_rdata(rrtype, record) for record in answer.records]


def _rdata(rrtype: str, record: Any) -> Any:
    text = present.one_line(record) if isinstance(record, bytes) else str(record)
    if rrtype == "MX":
        text = f"{record.preference} {record.host}."
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rrtype), text)


def asks(zone: Zone) -> dict[str, Any]:
    """The arguments by which checkdmarc asks our zone, and nothing it remembers."""
    utils.DNS_CACHE.clear()
    return {"resolver": _Resolver(zone), "ignore_unrelated_records": True}


# --- Records

EXPLAINED = {
    # what our lint says, and why checkdmarc takes the record
    "adkim=": "RFC 9989 §4.8: the default counts, so it warns; we call it an error to publish it",
    "aspf=": "likewise",
    "fo=": "likewise, where 0 and 1 stand together or one stands twice",
    "there is no rua=": "RFC 9989 §4.10.1: without p= and rua= there is no policy; it says p=none",
    "x= appears twice": "it looks for doubles among the known tags alone",
}
TAGS = [
    "p=none", "p=reject", "P=Quarantine", "p=x", "p = reject", "sp=none", "sp=y", "np=reject",
    "np=z", "adkim=s", "adkim=x", "aspf=r", "aspf=q", "psd=n", "psd=u", "psd=v", "t=y", "t=x",
    "fo=1", "fo=1:d:s", "fo=0:1", "fo=d:d", "fo=7", "pct=50", "rf=afrf", "ri=1", "x=1", "x=2",
    "rua=mailto:a@example.com", "rua=mailto:a@example.com,mailto:b@example.com",
    "ruf=mailto:a@example.com", "rua=a@example.com", "ruf=b", "rua=mailto:a@example.com!10m",
]  # fmt: skip
RECORDS = st.builds(
    lambda version, tags, gap, end: f"{gap}; ".join([version, *tags]) + end,
    st.sampled_from(["v=DMARC1", "V=DMARC1"]),
    st.lists(st.sampled_from(TAGS), max_size=5),
    st.sampled_from(["", " "]),
    st.sampled_from(["", ";", " ; "]),
)
POSTBOX = Zone(
    {"example.com": {"MX": [[10, "mx.example.com"]]}, "mx.example.com": {"A": ["1.2.3.4"]}}
)


def is_sound(record: str) -> bool:
    try:
        checkdmarc.parse_dmarc_record(record, "example.com", **asks(POSTBOX))
    except checkdmarc.DMARCError as fault:
        note(str(fault))
        return False
    return True


@settings(max_examples=300)
@given(RECORDS)
def test_which_records_are_sound(record: str) -> None:
    found = dmarc.lint_record(record.encode(), "example.com")
    errors = [each.sentence for each in found if each.severity is Severity.ERROR]
    unexplained = [each for each in errors if not any(known in each for known in EXPLAINED)]
    note(f"{record}: {errors}")
    if unexplained:
        assert not is_sound(record)
    elif not errors:
        assert is_sound(record)


@pytest.mark.parametrize(
    ("record", "theirs"),
    [
        ("v=DMARC1; p=none; adkim=x; rua=mailto:a@example.com", True),
        ("v=DMARC1; p=none; aspf=x; rua=mailto:a@example.com", True),
        ("v=DMARC1; p=none; fo=0:1; rua=mailto:a@example.com", True),
        ("v=DMARC1", True),
        ("v=DMARC1; p=none; x=1; x=2; rua=mailto:a@example.com", True),
    ],
)
def test_each_explained_difference_is_there(record: str, theirs: bool) -> None:
    found = dmarc.lint_record(record.encode())
    assert any(each.severity is Severity.ERROR for each in found)
    assert is_sound(record) is theirs


# --- Discovery

NAMES = ["com", "example.com", "b.example.com", "a.b.example.com"]
LONG = "1.2.3.4.5.6.7.a.b.example.com"
POLICIES = [
    "v=DMARC1; p=none; rua=mailto:a@example.com", "v=DMARC1; p=reject", "v=DMARC1; p=reject; psd=n",
    "v=DMARC1; p=quarantine; psd=y", "v=DMARC1; p=none; psd=u", "some text",
]  # fmt: skip


def ours(domain: str) -> Lookups[tuple[str, str] | None]:
    walked = yield from dmarc.walk(domain)
    found = yield from dmarc.find_policy(walked)
    return None if found is None else (found.found.domain, found.found.record.text)


def theirs(domain: str, zone: Zone) -> tuple[str, str] | None:
    try:
        found = checkdmarc.query_dmarc_record(domain, **asks(zone))
    except checkdmarc.DMARCRecordNotFound:
        return None
    return found["location"], found["record"]


@settings(max_examples=300)
@given(
    records=st.dictionaries(
        st.sampled_from([*NAMES, LONG, LONG[2:], LONG[10:]]), st.sampled_from(POLICIES)
    ),
    domain=st.sampled_from([*NAMES[1:], LONG]),
)
def test_whose_policy_applies(records: dict[str, str], domain: str) -> None:
    """For domains that exist; see below for others."""
    nodes: dict[str, Any] = {domain: {"A": ["192.0.2.1"]}}
    nodes |= {f"_dmarc.{name}": {"TXT": [text]} for name, text in records.items()}
    zone = Zone(nodes)
    note(str(records))
    assert zone.run(ours(domain)) == theirs(domain, zone)


def test_differences_of_discovery() -> None:
    """It takes a name that does not exist for one without a policy; np= is for such names.

    And it gives up where a name has two records, which RFC 9989 §4.10 step 2
    discards.
    """
    record = "v=DMARC1; p=reject; np=reject"
    zone = Zone({"_dmarc.example.com": {"TXT": [record]}})
    assert zone.run(ours("gone.example.com")) == ("example.com", record)
    assert theirs("gone.example.com", zone) is None
    two = {"_dmarc.b.example.com": {"TXT": [record] * 2}, "_dmarc.example.com": {"TXT": [record]}}
    zone = Zone(two)
    assert zone.run(ours("b.example.com")) == ("example.com", record)
    with pytest.raises(checkdmarc.MultipleDMARCRecords):
        theirs("b.example.com", zone)


# --- Consent


@given(
    consent=st.sampled_from(["v=DMARC1", "v=DMARC1;", "v=DMARC1; p=none", "hello", ""]),
    wildcard=st.booleans(),
    other=st.sampled_from(["reports.example", "x.reports.example", "example.org"]),
)
def test_who_consents_to_reports(consent: str, wildcard: bool, other: str) -> None:
    assume(other != "example.com")
    name = f"{'*' if wildcard else 'example.com'}._report._dmarc.{other}"
    record = f"v=DMARC1; p=reject; rua=mailto:a@{other}"
    nodes: dict[str, Any] = {
        "_dmarc.example.com": {"TXT": [record]},
        other: {"MX": [[10, "mx.example.org"]]},
        "mx.example.org": {"A": ["192.0.2.1"]},
    }
    if consent:
        nodes[name] = {"TXT": [consent]}
    zone = Zone(nodes)
    agreed = "consent" not in {each.code for each in zone.run(dmarc.lint("example.com"))}
    parsed = checkdmarc.parse_dmarc_record(record, "example.com", **asks(zone))
    refused = [each for each in parsed["warnings"] if other in each and "MX" not in each]
    note(str(parsed["warnings"]))
    assert agreed is not bool(refused)
