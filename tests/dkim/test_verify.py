"""Verification: each row of the catalogue of abuse, and what a message may lose or gain."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail import (
    DOMAIN,
    MESSAGE,
    NOW,
    key,
    record,
    signed,
    signed_by_hand,
    verdict,
    verdicts,
    with_tags,
    zone,
)

from mailauth import dkim
from mailauth.dkim import Result
from mailauth.dkim.key import name
from mailauth.dns import Answer, Question, Zone, run
from mailauth.keys import PrivateKey
from mailauth.syntax.message import Message

SIGNED = signed()
PAIRS = [f"{header}/{body}" for header in ("simple", "relaxed") for body in ("simple", "relaxed")]


@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
@pytest.mark.parametrize("pair", PAIRS)
def test_what_is_signed_verifies(pair: str, key_type: str) -> None:
    got = verdict(signed(key_type=key_type, canonicalization=pair))
    assert got.result is Result.PASS
    assert (got.domain, got.selector, got.algorithm) == (DOMAIN, key_type, f"{key_type}-sha256")
    assert got.key_size == {"rsa": 2048, "ed25519": 256}[key_type]


def test_two_signatures_in_one_pass() -> None:
    signings = [dkim.Signing(DOMAIN, word, key(word)) for word in ("rsa", "ed25519")]
    fields = dkim.sign_all(MESSAGE, signings, now=NOW)
    got = verdicts(fields + MESSAGE)
    assert [(v.result, v.selector) for v in got] == [("pass", "rsa"), ("pass", "ed25519")]


def test_DKIM_37_an_unsigned_message_is_none() -> None:
    """Absence is none, never fail."""
    got = verdict(MESSAGE)
    assert (got.result, got.testing, got.secure) == ("none", False, False)
    two = signed(key_type="ed25519").removesuffix(MESSAGE) + SIGNED
    assert [each.result for each in verdicts(two)] == ["pass", "pass"]
    assert [each.result for each in verdicts(SIGNED)] == ["pass"], "one is taken away"


def test_dnssec_vouches_for_the_key_or_not() -> None:
    def vouched(question: Question) -> Answer[Any]:
        return replace(zone().resolve(question), secure=True)

    assert not verdict(SIGNED).secure
    assert run(dkim.verify(SIGNED, now=NOW), vouched)[0].secure


def test_a_verdict_is_no_boolean() -> None:
    with pytest.raises(TypeError):
        bool(verdict(MESSAGE))


def test_nor_are_the_verdicts_on_a_body_that_came_in_pieces() -> None:
    verification = dkim.Verification(Message.parse(MESSAGE), now=NOW)
    with pytest.raises(TypeError, match="not true or false"):
        bool(zone().run(verification.verdicts()))


@given(st.data())
def test_DKIM_34_any_altered_octet_of_the_signed_part_fails(data: st.DataObject) -> None:
    """simple/simple covers every octet but the value of b=."""
    message = signed(canonicalization="simple/simple", headers=["received", *dkim.SIGNED])
    start = message.index(b"; b=") + 4
    end = message.index(b"\r\nReceived")
    places = [*range(len(b"DKIM-Signature:"), start), *range(end + 2, len(message) - 4)]
    at = data.draw(st.sampled_from(places))
    octet = data.draw(st.integers(0, 255).filter(lambda octet: octet != message[at]))
    altered = message[:at] + bytes([octet]) + message[at + 1 :]
    assert all(v.result is not Result.PASS for v in verdicts(altered))


PERMERRORS: list[tuple[str, dict[str, str | None], str]] = [
    ("DKIM-02-syntax", {"l": "-1"}, "l="),
    ("DKIM-02-digits", {"l": "1" * 77}, "l="),
    ("DKIM-02-letters", {"l": "ten"}, "l="),
    ("DKIM-02-over", {"l": "99999"}, "l="),
    ("DKIM-06-no-from", {"h": "To:Subject"}, "From"),
    ("DKIM-06-empty", {"h": ""}, "h="),
    ("DKIM-06-colons", {"h": ":::::"}, "not a list of field names"),
    ("DKIM-06-nameless", {"h": "From::To"}, "not a list of field names"),
    ("DKIM-06-many", {"h": "From:" + ":".join(["x"] * 1000)}, "h="),
    ("DKIM-06-blank", {"h": "Fr om:From"}, "h="),
    ("DKIM-09-other", {"i": "a@evil.example"}, "i="),
    ("DKIM-09-boundary", {"i": "a@xexample.com"}, "i="),
    ("DKIM-09-longer", {"i": "a@example.com.legit"}, "i="),
    ("DKIM-09-no-at", {"i": "example.com"}, "i="),
    ("DKIM-10-nul", {"s": "x._domainkey.evil.example.\x00.any"}, "control"),
    ("DKIM-10-quote", {"d": "legit.com'a.evil.example"}, "d="),
    ("DKIM-10-parenthesis", {"d": "legit.com(.evil.example"}, "d="),
    ("DKIM-10-space", {"d": "a b.example"}, "d="),
    ("DKIM-10-slash", {"s": "a/b"}, "s="),
    ("DKIM-10-leading-dot", {"d": ".example.com"}, "d="),
    ("DKIM-10-empty-label", {"d": "example..com"}, "d="),
    ("DKIM-10-final-dot", {"d": "example.com."}, "d="),
    ("DKIM-10-long-label", {"s": "a" * 64}, "s="),
    ("DKIM-10-long-name", {"d": ".".join(["a" * 60] * 5)}, "d="),
    ("DKIM-10-underscore", {"s": "a_b"}, "s="),
    ("DKIM-10-empty", {"d": ""}, "d="),
    ("DKIM-11-climbing", {"s": "x._domainkey.evil.example."}, "s="),
    ("DKIM-12-missing", {"v": None}, "v= is missing"),
    ("DKIM-12-1.0", {"v": "1.0"}, "v= is not 1"),
    ("DKIM-13-case", {"d": None, "D": DOMAIN}, "d="),
    ("DKIM-14-many-tags", {f"x{n}": "1" for n in range(200)}, "100"),
    ("DKIM-14-big", {"z": "x" * 70_000}, "65536"),
    ("DKIM-15-junk", {"bh": "*" * 44}, "base64"),
    ("DKIM-15-url-safe", {"b": "-_" * 20}, "base64"),
    ("DKIM-15-padding", {"b": "YWJj===="}, "base64"),
    ("DKIM-15-dirty-bits", {"b": "YWJjZB=="}, "base64"),
    ("DKIM-15-empty", {"b": ""}, "b="),
    ("DKIM-16-short", {"bh": "AAAA"}, "bh="),
    ("DKIM-16-long", {"bh": "AAAA" * 5000}, "bh="),
    ("DKIM-17-sha1", {"a": "rsa-sha1"}, "8301"),
    ("DKIM-17-sha1-digest", {"a": "rsa-sha1", "bh": "uoq1oCgLlTqpdDX/iUbLy7J1Wic="}, "8301"),
    ("DKIM-18-no-dash", {"a": "rsa"}, "a="),
    ("DKIM-18-case", {"a": "RSA-SHA256"}, "a="),
    ("DKIM-19-ed-with-rsa-key", {"a": "ed25519-sha256"}, "type"),
    ("DKIM-30-x-not-later", {"t": "100", "x": "100"}, "not later than t="),
    ("DKIM-30-digits", {"t": "1" * 13}, "1 to 12 digits"),
    ("DKIM-30-many-digits", {"x": "9" * 5000}, "x="),
    ("DKIM-30-arabic", {"t": "٣"}, "t="),
    ("DKIM-30-superscript", {"t": "²"}, "t="),
    ("DKIM-30-plus", {"t": "+5"}, "t="),
    ("DKIM-30-underscore", {"t": "1_0"}, "t="),
    ("DKIM-31-unknown-only", {"q": "http/json"}, "q="),
    ("c-unknown", {"c": "nofws/simple"}, "c="),
    ("c-empty", {"c": ""}, "c="),
    ("DKIM-43-idna2003", {"d": "ⓔxample.com"}, "d="),
    ("DKIM-43-stop", {"d": "example。com"}, "d="),
]


@pytest.mark.parametrize(
    ("tags", "reason"), [row[1:] for row in PERMERRORS], ids=[row[0] for row in PERMERRORS]
)
def test_a_bad_signature_is_a_permerror(tags: dict[str, str | None], reason: str) -> None:
    got = verdict(with_tags(SIGNED, **tags))
    assert got.result is Result.PERMERROR
    assert reason in got.reason


@pytest.mark.parametrize(
    "field",
    [
        b"DKIM-Signature: \r\n",
        b"DKIM-Signature: v=1; v=1\r\n",
        b"DKIM-Signature: v=1;; a=x\r\n",
        b"DKIM-Signature: v\r\n",
        b"DKIM-Signature: =1\r\n",
        b"DKIM-Signature: v=1; 1a=x\r\n",
        b"DKIM-Signature: \xff\xfe\r\n",
        b"DKIM-Signature: " + b";" * 100_000 + b"\r\n",
        b"DKIM-Signature: " + b"a" * 100_000 + b"\r\n",
    ],
    ids=[
        "empty",
        "DKIM-13",
        "DKIM-14",
        "no-equals",
        "no-name",
        "digit",
        "not-utf8",
        "bomb",
        "long",
    ],
)
def test_what_is_no_tag_list_is_a_permerror(field: bytes) -> None:
    assert verdict(field + MESSAGE).result is Result.PERMERROR


@pytest.mark.parametrize(
    ("offset", "result"),
    [(-299, "pass"), (-301, "permerror"), (1, "pass")],
    ids=["DKIM-28-within-skew", "DKIM-28-expired", "not-yet"],
)
def test_expiry(offset: int, result: str) -> None:
    message = signed(now=NOW - 10_000, expire=10_000 + offset)
    assert verdict(message).result == result


@pytest.mark.parametrize(
    ("ahead", "result"), [(299, "pass"), (301, "permerror")], ids=["DKIM-29-skew", "DKIM-29"]
)
def test_a_signature_from_the_future(ahead: int, result: str) -> None:
    assert verdict(signed(now=NOW + ahead)).result == result


def test_DKIM_28_an_expiry_needs_no_time_of_signing() -> None:
    assert verdict(signed_by_hand(x=str(NOW + 10))).result is Result.PASS
    assert "expired" in verdict(signed_by_hand(x=str(NOW - 1000))).reason


def _with_length(length: int) -> bytes:
    """A message whose signature has l=, which our signer never writes."""
    return signed_by_hand(l=str(length))


@pytest.mark.parametrize("length", [0, 5], ids=["DKIM-02-zero", "DKIM-01"])
def test_a_partial_body_is_for_policy(length: int) -> None:
    message = _with_length(length)
    assert verdict(message).result is Result.POLICY
    assert verdict(message, policy=dkim.RFC6376).result is Result.PASS
    appended = message + b"more\r\n"
    assert verdict(appended).result is Result.POLICY
    assert verdict(appended, policy=dkim.RFC6376).result is Result.PASS


def test_DKIM_02_l_that_covers_the_whole_body_passes() -> None:
    assert verdict(_with_length(len(b"Two blanks, a tab and\r\na line end.\r\n"))).result == "pass"


SINGLETONS = [b"From", b"Subject", b"Date", b"To", b"Message-ID"]


@pytest.mark.parametrize("field", SINGLETONS, ids=lambda field: f"DKIM-04-{field.decode()}")
def test_a_field_prepended_to_an_oversigned_one_fails(field: bytes) -> None:
    assert verdict(field + b": x@evil.example\r\n" + SIGNED).result is Result.FAIL


@pytest.mark.parametrize(
    "field",
    [*SINGLETONS, b"from ", b"FROM"],
    ids=lambda field: f"DKIM-03 DKIM-07 {field.decode()!r}",
)
def test_a_field_prepended_without_oversigning_is_for_policy(field: bytes) -> None:
    """Also in another case, and with a blank before the colon."""
    message = field + b": x@evil.example\r\n" + signed(oversign=())
    assert verdict(message).result is Result.POLICY
    admitting = verdict(message, policy=dkim.Policy(admit_unsigned_duplicates=True))
    only_one = field.strip().lower() == b"from"
    assert admitting.result is (Result.POLICY if only_one else Result.PASS)


@pytest.mark.parametrize(
    ("author", "h"),
    [(b"From: x@evil.example\r\n", "From:From"), (b"", "From")],
    ids=["DKIM-03-two-signed", "none"],
)
def test_a_message_has_one_author_whatever_is_signed(author: bytes, h: str) -> None:
    """§8.15: which of two a reader is shown, nobody knows."""
    message = MESSAGE if author else MESSAGE.replace(b"From: Ada <ada@example.com>\r\n", b"")
    got = verdict(signed_by_hand(author + message, h=h))
    assert got.result is Result.POLICY
    assert "From fields" in got.reason


def test_DKIM_04_a_list_may_add_its_fields() -> None:
    """What a list adds is not oversigned while it is absent."""
    assert verdict(b"List-Id: <l.example>\r\nSender: l@example.net\r\n" + SIGNED).result == "pass"


def test_DKIM_05_an_absent_field_in_h_is_the_null_string() -> None:
    """It verifies while the field is absent, and fails once it is there."""
    message = signed(oversign=["from", "x-mark"])
    assert verdict(message).result is Result.PASS
    assert verdict(b"X-Mark: 1\r\n" + message).result is Result.FAIL


def test_fields_that_are_not_signed_may_change_places() -> None:
    assert (
        verdict(b"X-One: 1\r\n" + SIGNED.replace(b"Received: from a", b"Received: from z")).result
        == "pass"
    )


@pytest.mark.parametrize(
    "line",
    [
        b"foo\r\n",
        b":x\r\n",
        b" leading\r\n",
        b"From joe Mon Nov 23\r\n",
        b"From\r\n : x@y\r\n",
        b"N\xc3\xb6: x\r\n",
    ],
    ids=["MSG-01", "MSG-01-colon", "DKIM-07-leading", "MSG-18-mbox", "DKIM-07-folded", "MSG-17"],
)
def test_a_line_that_is_no_field_leaves_no_pass(line: bytes) -> None:
    got = verdict(line + SIGNED)
    assert got.result is Result.PERMERROR
    assert "malformed" in got.reason


@pytest.mark.parametrize("stray", [b"\r", b"\n"], ids=["MSG-02-CR", "MSG-02-LF"])
def test_bare_line_ends_in_the_header_leave_no_pass(stray: bytes) -> None:
    assert verdict(b"X: a" + stray + b"b\r\n" + SIGNED).result is Result.PERMERROR
    # All the line ends of Unix: the signature is there, so it is not none.
    assert verdict(SIGNED.replace(b"\r\n", b"\n")).result is Result.PERMERROR


def test_a_file_with_the_line_ends_of_Unix_is_told_so() -> None:
    """The most frequent mistake of programs that read their messages from files."""
    for lines in (SIGNED, b"Received: from a by b\r\n" + SIGNED):
        got = verdict(lines.replace(b"\r\n", b"\n"))
        assert (got.result, got.reason) == (
            Result.PERMERROR,
            "the header is malformed: there is a bare LF in the header",
        )


def test_DKIM_33_too_many_signatures() -> None:
    """All are counted before the DNS is asked, and the rest is reported."""
    junk = b"DKIM-Signature: junk\r\n"
    got = verdicts(junk * 5 + SIGNED)
    assert [v.result for v in got] == ["permerror"] * 5 + ["pass"]
    got = verdicts(junk * 10_000 + SIGNED, policy=dkim.Policy(max_fields=100_000))
    assert len(got) == 11
    assert got[-1].result is Result.POLICY
    assert "too many" in got[-1].reason


def test_MSG_09_too_large_headers() -> None:
    """Caps on octets and on fields."""
    assert "fields" in verdict(b"X: y\r\n" * 10_001 + SIGNED).reason
    assert "octets" in verdict(b"X: " + b"y" * 1_100_000 + b"\r\n" + SIGNED).reason
    assert verdict(b"X: y\r\n" * 10_001 + MESSAGE).result is Result.NONE


def _key_cases() -> list[tuple[str, str, str, str]]:
    p = record().partition("p=")[2]
    pk = f"p={p}"
    other = dkim.KeyRecord.for_key(PrivateKey.generate("ed25519").public_key).format()
    return [
        ("KEY-01-revoked", "v=DKIM1; p=", "permerror", "revoked"),
        ("KEY-02-no-p", "v=DKIM1; k=rsa", "permerror", "p="),
        ("KEY-03-v-not-first", f"k=rsa; v=DKIM1; {pk}", "permerror", "v="),
        ("KEY-03-v-other", f"v=DKIM1.0; {pk}", "permerror", "v="),
        ("KEY-03-no-v", pk, "pass", ""),
        ("KEY-05-unknown-type", f"v=DKIM1; k=ec; {pk}", "permerror", "type"),
        ("KEY-06-h", f"v=DKIM1; h=sha1; {pk}", "permerror", "sha256"),
        ("KEY-06-h-many", f"v=DKIM1; h=sha1 : sha256:x; {pk}", "pass", ""),
        ("KEY-07-s", f"v=DKIM1; s=tlsrpt; {pk}", "permerror", "email"),
        ("KEY-07-s-email", f"v=DKIM1; s=tlsrpt:email; {pk}", "pass", ""),
        ("KEY-07-s-any", f"v=DKIM1; s=*; {pk}", "pass", ""),
        ("KEY-09-testing", f"v=DKIM1; t=y; {pk}", "pass", ""),
        ("KEY-10-g", f"v=DKIM1; g=; {pk}", "pass", ""),
        ("KEY-11-n", f"v=DKIM1; n=a=3Bb; {pk}", "pass", ""),
        ("KEY-12-blanks", f"v=DKIM1; p={p[:40]} {p[40:90]}\t{p[90:]};", "pass", ""),
        ("KEY-12-quotes", f'v=DKIM1; p="{p}"', "permerror", "base64"),
        ("KEY-12-huge", f"v=DKIM1; p={'A' * 5000}", "permerror", "octets"),
        ("KEY-12-record", f"v=DKIM1; n={'A' * 9000}; {pk}", "permerror", "8192"),
        ("KEY-16-spf", "v=spf1 -all", "permerror", "key"),
        ("KEY-16-junk", "hello", "permerror", "key"),
        ("other-key", other, "permerror", "type"),
        ("DKIM-26-spki", f"v=DKIM1; k=ed25519; {pk}", "permerror", "type"),
    ]


@pytest.mark.parametrize(
    ("text", "result", "reason"),
    [row[1:] for row in _key_cases()],
    ids=[row[0] for row in _key_cases()],
)
def test_key_records(text: str, result: str, reason: str) -> None:
    got = verdict(SIGNED, zone(rsa=text))
    assert got.result == result
    assert reason in got.reason


def test_KEY_08_strict_keys_admit_no_subdomain() -> None:
    message = signed(identity="a@sub.example.com")
    assert verdict(message).result is Result.PASS
    assert verdict(message, zone(rsa=record(strict=True))).result is Result.PERMERROR
    assert verdict(SIGNED, zone(rsa=record(strict=True))).result is Result.PASS


def test_KEY_09_a_failure_under_a_tested_key_does_not_count() -> None:
    """t=y makes of a failure what an unsigned message is, and flags a pass."""
    tested = zone(rsa=record(testing=True))
    assert verdict(SIGNED, tested).testing
    got = verdict(SIGNED + b"x", tested)
    assert got.result is Result.NEUTRAL
    assert "t=y" in got.reason


def _zone_of(*texts: str, **node: Any) -> Zone:
    return Zone({name(DOMAIN, "rsa"): {"TXT": list(texts)} | node})


def test_KEY_04_several_records_at_a_selector() -> None:
    """What is no key is ignored, two keys are an error, in any order."""
    one, two = record(), record(testing=True)
    assert verdict(SIGNED, _zone_of("v=spf1 -all", one)).result is Result.PASS
    assert verdict(SIGNED, _zone_of(one, "junk")).result is Result.PASS
    for texts in ((one, two), (two, one)):
        assert "2 keys" in verdict(SIGNED, _zone_of(*texts)).reason


def test_KEY_15_DNS_03_missing_keys_and_failing_servers_are_told_apart() -> None:
    assert "no such name" in verdict(SIGNED, Zone({"example.com": {}})).reason
    assert "no TXT record" in verdict(SIGNED, _zone_of(A=["192.0.2.1"])).reason
    failing = verdict(SIGNED, _zone_of(FAIL=["TXT"]))
    assert failing.result is Result.TEMPERROR
    assert "server failure" in failing.reason


def test_KEY_14_a_key_behind_an_alias() -> None:
    where = Zone(
        {name(DOMAIN, "rsa"): {"CNAME": ["k.esp.example"]}, "k.esp.example": {"TXT": [record()]}}
    )
    assert verdict(SIGNED, where).result is Result.PASS
    loop = Zone({name(DOMAIN, "rsa"): {"CNAME": [name(DOMAIN, "rsa")]}})
    assert verdict(SIGNED, loop).result is Result.TEMPERROR


def test_DKIM_08_a_top_level_domain_is_for_policy() -> None:
    message = signed_by_hand(d="com")
    assert verdict(message, Zone({"rsa._domainkey.com": {"TXT": [record()]}})).result == "policy"


def test_DKIM_43_unicode_domains() -> None:
    """RFC 8616 §5: U-labels are compared and asked for as A-labels."""
    message = (
        dkim.sign(MESSAGE, domain="bücher.example", selector="rsa", key=key(), now=NOW) + MESSAGE
    )
    assert b"d=xn--bcher-kva.example" in message
    where = Zone({"rsa._domainkey.xn--bcher-kva.example": {"TXT": [record()]}})
    assert verdict(message, where).result is Result.PASS
    for identity in ("zoë@bücher.example", "zo=C3=AB@bücher.example"):
        got = verdict(signed_by_hand(d="bücher.example", i=identity), where)
        assert (got.result, got.domain) == ("pass", "xn--bcher-kva.example")
        assert got.identity == "zoë@xn--bcher-kva.example"


def test_DKIM_34_a_signature_that_lists_signatures() -> None:
    """What h= names is the signature below; its own field alone is no pass."""
    both = signed_by_hand(SIGNED, h="From:DKIM-Signature")
    assert [each.result for each in verdicts(both)] == ["pass", "pass"]
    assert [each.result for each in verdicts(both.replace(b"; b=", b"; xy=1; b="))] == [
        "fail",
        "fail",
    ]
    without = both.removesuffix(SIGNED) + MESSAGE
    assert verdict(without).result is Result.FAIL
    assert verdict(signed_by_hand(h="From:DKIM-Signature")).result is Result.FAIL


def test_DKIM_34_b_in_other_tags_is_left_alone() -> None:
    tags = {"xb": "b=b", "bb": "b", "z": "b=AA|b:AA"}
    message = signed_by_hand(MESSAGE, "rsa", "From", **tags)
    assert verdict(message).result is Result.PASS
    for tag, value in tags.items():
        assert verdict(with_tags(message, **{tag: f"{value}A"})).result is Result.FAIL


@pytest.mark.parametrize(
    "value",
    ["b\r\n\t= AAAA", "b=", "b=AA AA"],
    ids=["DKIM-35-folded", "DKIM-35-empty", "DKIM-35-blank"],
)
def test_b_anywhere_in_the_list(value: str) -> None:
    """The value of b= is emptied wherever it stands and however it is folded."""
    from mailauth.syntax.taglist import without_value

    octets = f"DKIM-Signature: a=b=c; {value} ; bh=b=;\r\n\r\n".encode()
    (field,) = Message.parse(octets).fields
    want = octets[:-4].replace(value.partition("=")[2].encode() + b" ;", b";")
    assert without_value(field.octets, 1) == want


def test_the_first_letters_of_b_are_told() -> None:
    """RFC 8601 §2.7.1, header.b."""
    start = SIGNED.index(b"; b=") + 4
    value = SIGNED[start : SIGNED.index(b"\r\nReceived")].replace(b"\r\n\t", b"")
    assert verdict(SIGNED).signature == value[:8].decode()


def test_verdicts_as_dicts() -> None:
    got = verdict(SIGNED).as_dict()
    assert got["result"] == "pass"
    assert {"reason", "domain", "selector", "identity", "algorithm", "key_size", "testing"} <= set(
        got
    )


@pytest.mark.parametrize("tag", ["d", "s", "i", "a"])
def test_what_a_signature_claims_is_told_in_short(tag: str) -> None:
    got = verdict(with_tags(SIGNED, **{tag: "x" * 60_000}))
    assert got.result is Result.PERMERROR
    assert len(str(got.as_dict())) < 2000
    told = {"d": got.domain, "s": got.selector, "i": got.identity, "a": got.algorithm}
    assert told[tag] == "x" * 320 + "..."


def test_a_long_identity_is_told_in_short() -> None:
    got = verdict(signed_by_hand(i="x" * 60_000 + "@" + DOMAIN))
    assert (got.result, got.identity) == ("pass", "x" * 320 + "...")
    whole = "x" * 64 + "@" + "a." * 100 + DOMAIN
    assert verdict(signed_by_hand(i=whole)).identity == whole


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        ("ada@sub.exam\r\n\tple.com", "ada@sub.example.com"),
        ("ada=20b\r\n\tyron@\r\n\texample.com", "ada byron@example.com"),
        ("=\r\n\t40@ example.com", "@@example.com"),
    ],
)
def test_DKIM_09_an_identity_may_be_folded_anywhere(written: str, identity: str) -> None:
    """RFC 6376 §2.11: the blanks are no part of it."""
    got = verdict(signed_by_hand(i=written))
    assert (got.result, got.identity) == ("pass", identity), got.reason


@pytest.mark.parametrize("z", ["From:x", "|" * 5_000, "=" * 50_000], ids=["one", "many", "long"])
def test_DKIM_32_z_is_not_read(z: str) -> None:
    """It is signed with the field, so it may not change; but what is in it means nothing."""
    assert verdict(with_tags(SIGNED, z=z)).reason.startswith("the header is not what was signed")
    assert verdict(signed(copied_headers=True)).result is Result.PASS


def test_DKIM_36_a_verdict_tells_the_age_of_its_signature() -> None:
    got = verdict(signed(now=NOW - 3600, expire=7200))
    assert (got.signed_at, got.expires_at) == (NOW - 3600, NOW + 3600)


def test_DKIM_38_the_order_of_signatures_means_nothing() -> None:
    one, other = (
        signed(key_type=key_type).removesuffix(MESSAGE) for key_type in ("rsa", "ed25519")
    )
    rsa, ed25519 = verdicts(one + other + MESSAGE)
    assert verdicts(other + one + MESSAGE) == [ed25519, rsa]
    assert {rsa.result, ed25519.result} == {"pass"}


def test_MSG_13_dots_are_never_unstuffed() -> None:
    message = MESSAGE + b"..\r\n.\r\n.x\r\n"
    assert verdict(signed(message)).result is Result.PASS
    assert verdict(signed(message).replace(b"\r\n..\r\n", b"\r\n.\r\n")).result is Result.FAIL


def test_MSG_16_a_body_that_arrives_is_not_kept() -> None:
    import tracemalloc

    line = b"a line of the body,  with blanks\t \r\n"
    field = signed(MESSAGE + line * 100_000).removesuffix(MESSAGE + line * 100_000)
    header, _, start = MESSAGE.partition(b"\r\n\r\n")
    verification = dkim.Verification(Message.parse(field + header + b"\r\n\r\n"), now=NOW)
    tracemalloc.start()
    verification.update(start)
    for _ in range(1000):
        verification.update(line * 100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert zone().run(verification.verdicts())[0].result is Result.PASS
    assert peak < 200_000
