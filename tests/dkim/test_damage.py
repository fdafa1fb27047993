"""A key record that cannot be read says what the form of a DNS provider did to it."""

import mail
import pytest

from mailauth import dkim
from mailauth.dkim.damage import seen
from mailauth.dkim.lint import lint
from mailauth.dns import Zone

RECORD = mail.record("rsa")
HALVES = RECORD[:255], RECORD[255:]
NAME = "s._domainkey.example.com"
DAMAGED = {
    "quotation marks": ([f'"{HALVES[0]}" "{HALVES[1]}"'], "quotation marks"),
    "backslashes": ([RECORD.replace(";", "\\;")], "backslashes"),
    "a line of a zone": ([f"{NAME}. 3600 IN TXT {RECORD}"], "the whole line of a zone file"),
    "parentheses": ([f"( {RECORD} )"], "the whole line of a zone file"),
    "a PEM": (
        [f"v=DKIM1; p=-----BEGIN PUBLIC KEY-----{RECORD[18:]}-----END PUBLIC KEY-----"],
        "the lines of PEM",
    ),
    "pieces": ([*HALVES], "2 records, which must be the strings of one"),
    "pieces in another order": ([*reversed(HALVES)], "2 records, which must be the strings"),
    "cut": ([HALVES[0]], "ends after 255 octets"),
    "base64 alone": ([RECORD[18:]], "only the key: put v=DKIM1; p= before it"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_the_reason_says_what_happened(case: str) -> None:
    records, says = DAMAGED[case]
    zone = Zone({NAME: {"TXT": records}})
    with pytest.raises(dkim.Refusal) as caught:
        zone.run(dkim.find_key("example.com", "s"))
    assert says in caught.value.reason
    (found,) = zone.run(lint("example.com", "s"))
    assert found.code == "syntax"
    assert says in found.sentence


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -all",
        "v=DKIM1; k=rsa",
        "v=DKIM1; p=*",
        "v=dkim1; p=",
        "",
        '"',
        "\\",
        "TXT",
        "p",
        RECORD.replace(";", ""),
    ],
)
def test_what_is_no_key_record_was_not_damaged(record: str) -> None:
    assert seen([record.encode()]) == ""


def test_an_RSA_key_that_is_cut_off_says_so() -> None:
    """Its base64 may end where it is cut, and then the record can be read."""
    cut = RECORD.partition("p=")[2][:232]
    (found,) = Zone({NAME: {"TXT": [f"v=DKIM1; p={cut}"]}}).run(lint("example.com", "s"))
    assert (found.code, found.sentence) == (
        "unusable-key",
        "the public key is cut off: 174 of its 294 octets are there",
    )


def test_a_key_at_a_name_with_the_domain_twice_is_found() -> None:
    zone = Zone({f"{NAME}.example.com": {"TXT": [RECORD]}})
    (found,) = zone.run(lint("example.com", "s"))
    assert found.code == "no-key"
    assert found.sentence == f"there is no key, but there is one at {NAME}.example.com"
    assert "without the domain" in found.remedy


@pytest.mark.parametrize("node", [{"TXT": ["v=spf1 -all"]}, {"FAIL": ["*"]}])
def test_what_else_is_there_is_no_key(node: dict[str, list[str]]) -> None:
    (found,) = Zone({f"{NAME}.example.com": node}).run(lint("example.com", "s"))
    assert (found.code, found.sentence) == ("no-key", "there is no key")
