"""Policy records: what counts, what falls to its default, what is no record."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import dmarc
from mailauth.dmarc import record as records
from mailauth.dmarc.lint import REMEDIES
from mailauth.dmarc.record import Alignment, Disposition
from mailauth.errors import SyntaxFault
from mailauth.findings import Severity
from mailauth.syntax.mailbox import Mailbox

RUA = "rua=mailto:d@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "v=DMARC1", "v=DMARC1;", "v = DMARC1 ; p=none", "v\t=DMARC1;p=reject", "v=DMARC1; p=none;;",
        "V=DMARC1; p=none",  # of the ABNF "v", and of %s"DMARC1"
    ],
)  # fmt: skip
def test_what_begins_like_this_is_a_record(text: str) -> None:
    assert records.is_record(text.encode())


@pytest.mark.parametrize(
    "text",
    ["v=dmarc1; p=none", "v=DMARC1x; p=none", "p=none; v=DMARC1", " v=DMARC1; p=none", "V=dmarc1",
     "v=DMARC2; p=none", "", "v=spf1 -all", "v=DMARC1 p=none", "\ufeffv=DMARC1"],
)  # fmt: skip
def test_DMARC_07_what_does_not_is_none(text: str) -> None:
    assert not records.is_record(text.encode())
    with pytest.raises(SyntaxFault):
        records.parse(text.encode())


def parsed(tags: str) -> dmarc.Record:
    return records.parse(f"v=DMARC1; {tags}".encode())


def test_the_tags() -> None:
    record = parsed(
        "p=reject; sp=quarantine; np=none; adkim=s; aspf=S; psd=n; t=y; fo=1:d:s;"
        " rua=mailto:a@example.com,mailto:b@example.net!10m; ruf=mailto:c@example.com"
    )
    assert record.policy is Disposition.REJECT
    assert record.subdomain_policy is Disposition.QUARANTINE
    assert record.nonexistent_policy is Disposition.NONE
    assert (record.dkim_alignment, record.spf_alignment) == (Alignment.STRICT, Alignment.STRICT)
    assert (record.public_suffix, record.testing) == ("n", True)
    assert record.aggregate_reports == ("mailto:a@example.com", "mailto:b@example.net")
    assert record.failure_reports == ("mailto:c@example.com",)
    assert record.failure_options == ("1", "d", "s")
    assert record.faults == ()


@pytest.mark.parametrize(
    ("tags", "faults"),
    [
        ("p=none; pct=50; rf=afrf; ri=86400; unknown=x", 0),
        ("p=none; adkim=x", 1),
        ("p=none; psd=maybe; t=2; fo=0:1", 3),
        ("p=none; fo=x", 1),
        ("p=none; fo=1:x", 1),
        ("p=none; fo=d:d", 1),
        ("p=none; nonsense; =x; a b=c", 3),
        ("p=none; p=reject", 1),
        ("P=NONE", 0),
        ("p=none; rua=nonsense, mailto:a@example.com", 1),
        (f"p=none; {RUA}!10x", 1),
        ("p=none; \u0661=1", 1),
        ("p=none; " + "x=y;" * 97, 96),
        ("p=none;" + "x=y;" * 98 + " ", 97),
        ("p=none;" + "x=y;" * 99, 98),
        ("p=none; rua=" + "mailto:a@example.com," * 20, 0),
        ("p=none; rua=" + "mailto:a@example.com," * 21, 1),
    ],
)
def test_what_cannot_be_read_falls_to_its_default(tags: str, faults: int) -> None:
    record = parsed(tags)
    assert record.policy is Disposition.NONE
    assert (record.dkim_alignment, record.public_suffix, record.testing) == (
        Alignment.RELAXED,
        "u",
        False,
    )
    assert len(record.faults) == faults


@pytest.mark.parametrize("tags", ["p=maybe", "sp=none", "p=reject; sp=maybe", "p=reject; np=x", ""])
def test_DMARC_08_without_a_policy_reports_make_a_record(tags: str) -> None:
    alone = parsed(tags)
    assert alone.policy is alone.subdomain_policy is alone.nonexistent_policy is None
    record = parsed(f"{tags}; {RUA}")
    assert record.policy is Disposition.NONE
    assert record.subdomain_policy is record.nonexistent_policy is None


def test_t_asks_for_one_level_less() -> None:
    assert [each.tested for each in Disposition] == [
        Disposition.NONE,
        Disposition.NONE,
        Disposition.QUARANTINE,
    ]


DISPOSITIONS = st.sampled_from(Disposition)
URIS = st.sampled_from(["mailto:a@example.com", "https://example.com/x", "mailto:b@c.example?x=y"])
RECORDS = st.builds(
    dmarc.Record,
    policy=DISPOSITIONS,
    subdomain_policy=st.none() | DISPOSITIONS,
    nonexistent_policy=st.none() | DISPOSITIONS,
    dkim_alignment=st.sampled_from(Alignment),
    spf_alignment=st.sampled_from(Alignment),
    public_suffix=st.sampled_from("ynu"),
    testing=st.booleans(),
    aggregate_reports=st.lists(URIS, unique=True).map(tuple),
    failure_reports=st.lists(URIS, unique=True).map(tuple),
    failure_options=st.sampled_from([("0",), ("1",), ("1", "d"), ("d", "s")]),
)


@given(record=RECORDS)
def test_format_is_the_inverse_of_parse(record: dmarc.Record) -> None:
    text = records.format(record)
    again = records.parse(text.encode())
    assert replace(again, text="") == record
    assert again.faults == ()


@given(octets=st.binary(max_size=200))
def test_any_octets_are_a_record_or_none(octets: bytes) -> None:
    for text in (octets, b"v=DMARC1;" + octets):
        try:
            assert records.format(records.parse(text)).startswith("v=DMARC1")
        except SyntaxFault:
            continue


@given(local=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_an_address_in_a_URI_is_found_again(local: str) -> None:
    address = Mailbox(local, "example.com")
    uri = records.mailto(str(address))
    assert records.is_uri(uri)
    assert not set(uri) & set(",;!")
    assert records.receiver(uri) == address
    record = dmarc.Record(aggregate_reports=(uri,))
    assert replace(records.parse(records.format(record).encode()), text="") == record


LINTED = [
    (f"p=reject; {RUA}", set()),
    ("p=reject", {"no-reports"}),
    (f"p=none; {RUA}", {"monitoring"}),
    (RUA, {"no-policy"}),
    (f"p=reject; pct=50; {RUA}", {"removed"}),
    (f"p=reject; policy=x; {RUA}", {"unknown"}),
    (f"p=reject; adkim=x; {RUA}", {"tag"}),
    (f"p=reject; sp=none; {RUA}", {"weaker"}),
    (f"p=reject; t=y; {RUA}", {"testing"}),
    (f"p=none; sp=reject; t=y; {RUA}", {"monitoring", "testing"}),
    (f"p=none; t=y; {RUA}", {"monitoring"}),
    (f"p=reject; psd=y; {RUA}", {"public-suffix"}),
    ("p=reject; rua=https://example.com/", {"scheme"}),
    ("p=reject; rua=mailto:foo", {"uri"}),
    ("p=reject; rua=mailto:foo@", {"uri"}),
    ("p=reject; rua=MAILTO:foo@[192.0.2.1]", {"uri"}),
    ("p=reject; rua=mailto:%ff@example.com", {"uri"}),
    (f"p=reject; {RUA}; ruf=mailto:a@b..c", {"uri"}),
    ("p=reject; rua=mailto:a%2Cb@example.com", {"uri"}),
    ("p=reject; rua=mailto:%22a%2Cb%22@example.com?subject=x", set()),
    ("p=x", {"syntax", "tag"}),
    ("psd=n", {"syntax"}),
    ("p=reject; sp=x", {"syntax", "tag"}),
]


ERRORS = {"syntax", "tag", "uri"}


@pytest.mark.parametrize(("tags", "codes"), LINTED, ids=[tags for tags, _ in LINTED])
def test_lint(tags: str, codes: set[str]) -> None:
    found = dmarc.lint_record(f"v=DMARC1; {tags}".encode())
    assert {each.code for each in found} == codes
    assert {each.code for each in found if each.severity is Severity.ERROR} == codes & ERRORS


@pytest.mark.parametrize("text", ["v=DMARC1; p=none", "v=DMARC1; p=bounce", "v=dmarc1; p=none"])
def test_nobody_is_sent_to_p_reject_whose_users_write_to_lists(text: str) -> None:
    """RFC 9989 §7.4: such domains should not publish it."""
    remedies = [each.remedy for each in dmarc.lint_record(text.encode()) if each.remedy]
    assert remedies
    for remedy in (*remedies, REMEDIES["none"]):
        assert "p=reject" not in remedy or "lists" in remedy


def test_what_to_say_in_place_of_pct() -> None:
    for tag, remedy in (("pct=0", "t=y"), ("pct=50", "t=y"), ("PCT = 100", ""), ("ri=1", "")):
        (found,) = dmarc.lint_record(f"v=DMARC1; p=reject; {tag}; {RUA}".encode())
        assert found.code == "removed"
        assert ("t=y" in found.remedy) is bool(remedy)
