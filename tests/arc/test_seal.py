"""Sealing: what a set covers, when there is none, and whose word a chain is (RFC 8617 §5.1)."""

import hashlib
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import mail
import pytest
from chains import PLAIN, RESULTS, Sealer, relaxed, seal, sealed, verdict
from hypothesis import given, settings
from odd import messages

from mailauth import arc, authres, dkim
from mailauth.authenticate import Report, authenticate
from mailauth.authres import MethodResult, Property
from mailauth.dkim.key import name
from mailauth.dns import Zone
from mailauth.errors import BadArgument, UnsignableMessage
from mailauth.syntax import taglist
from mailauth.syntax.message import Message


def fields(message: bytes) -> list[bytes]:
    """The fields of the newest set: the seal, the signature, the results."""
    return [field.octets for field in Message.parse(message).fields[:3]]


def tags(octets: bytes) -> dict[str, str]:
    return dict(taglist.parse(octets.partition(b":")[2]))


@settings(max_examples=30)
@given(message=messages())
def test_what_is_sealed_passes(message: bytes) -> None:
    got = verdict(sealed(message, times=2))
    assert (got.result, got.oldest_pass) == ("pass", 0), got.reason


def test_the_fields_of_a_set() -> None:
    """§4.1."""
    by_seal, by_signature, results = fields(sealed(mail.signed()))
    assert results.startswith(b"ARC-Authentication-Results: i=1; mx.example.com;")
    assert tags(by_seal).keys() == {"i", "a", "d", "s", "t", "cv", "b"}
    assert tags(by_signature).keys() == {"i", "a", "d", "s", "t", "c", "h", "bh", "b"}
    covered = tags(by_signature)["h"].split(":")
    assert {"from", "subject", "dkim-signature"} <= set(covered)
    assert not {"authentication-results", "received"} & set(covered)


@pytest.mark.parametrize("answers", [[b""], [bytes(64), b""]], ids=["signature", "seal"])
def test_what_is_no_signature_is_not_written(answers: list[bytes]) -> None:
    said = iter(answers)
    vault: Any = SimpleNamespace(algorithm="ed25519-sha256", sign=lambda _: next(said))
    with pytest.raises(BadArgument, match="returned 0 octets"):
        seal(PLAIN, key=vault)


def test_one_of_its_results_is_the_status_of_the_chain() -> None:
    message = sealed(times=2)
    (_, _, results) = fields(message)
    payload = results.partition(b";")[2].replace(b"\r\n", b"").decode()
    told = [(each.method, each.result) for each in authres.parse(payload).results]
    assert told == [("spf", "pass"), ("dmarc", "pass"), ("arc", "pass")]
    given = [*RESULTS, MethodResult("arc", "pass", "", (Property("header", "oldest-pass", "0"),))]
    (_, _, results) = fields(sealed(message, results=given))
    assert (results.count(b"arc=pass"), results.count(b"dmarc=pass")) == (2, 1)


def test_results_cannot_leave_their_place() -> None:
    hostile = 'x\r\nX-Evil: 1\r\n\r\n; dmarc=pass (" \0\udc80'
    prop = Property("smtp", "mailfrom", hostile)
    message = sealed(results=[MethodResult("spf", "fail", hostile, (prop,))])
    parsed = Message.parse(message)
    assert parsed.keys[:3] == (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")
    assert b"x-evil" not in parsed.keys
    got = verdict(message)
    assert got.result == "pass", got.reason
    results = authres.parse(got.testimony[0]).results
    assert [(each.method, each.result) for each in results] == [("spf", "fail"), ("arc", "none")]


def test_ARC_03_a_broken_chain_gets_one_last_set_which_covers_itself_alone() -> None:
    """§5.1.2."""
    broken = sealed(times=2) + b"x\r\n"
    ended = sealed(broken)
    by_seal, by_signature, results = fields(ended)
    assert (tags(by_seal)["cv"], tags(by_seal)["i"]) == ("fail", "3")
    emptied = by_seal[: by_seal.rindex(b"b=") + 2]
    octets = b"\r\n".join(map(relaxed, (results, by_signature, emptied)))
    value = bytes(arc.sets.read_seal(by_seal).value)
    assert mail.key("rsa").public_key.verify(value, hashlib.sha256(octets).digest())
    assert verdict(ended).result == "fail"


def test_ARC_03_what_has_ended_is_not_sealed_again() -> None:
    """§5.1, step 2."""
    ended = sealed(sealed(times=2) + b"x\r\n")
    assert seal(ended) == b""
    nearly = ended.replace(b"i=1;", b"i=9;", 1)  # and neither if its sets form no chain
    assert verdict(nearly).result == "fail"
    assert seal(nearly) == b""


def test_a_chain_that_is_none_is_numbered_on() -> None:
    """§5.1, step 3."""
    field = fields(sealed(times=2))[0]
    message = sealed(field + mail.MESSAGE)
    assert (tags(fields(message)[0])["i"], tags(fields(message)[0])["cv"]) == ("3", "fail")


UNSIGNABLE: list[Any] = [
    pytest.param(sealed(times=50), "50 ARC Sets", id="ARC-01 the 51st set"),
    pytest.param(b"To: ben@example.net\r\n\r\n", "one From", id="no From"),
    pytest.param(b"From: a@b.example\r\n" * 2 + b"\r\n", "one From", id="two From"),
    pytest.param(b"no field\r\n" + PLAIN, "malformed", id="a malformed header"),
    pytest.param(b"", "one From", id="nothing"),
    pytest.param(
        b"List-Id: x\r\n" * 1000 + PLAIN, "verifiers accept at most 1000", id="too many fields"
    ),
]


@pytest.mark.parametrize(("message", "reason"), UNSIGNABLE)
def test_what_cannot_be_sealed(message: bytes, reason: str) -> None:
    with pytest.raises(UnsignableMessage, match=reason):
        seal(message)


def test_ARC_10_what_cannot_be_judged_now_is_not_sealed() -> None:
    silent = Zone({name("example.com", "rsa"): {"FAIL": ["TXT"]}})
    with pytest.raises(UnsignableMessage, match="now"):
        seal(sealed(), silent)


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "a..b"},
        {"domain": "com"},
        {"domain": ".".join(["a" * 60] * 4)},
        {"selector": ""},
        {"selector": "a b"},
        {"key": b"-----BEGIN PRIVATE KEY-----"},
        {"now": 1_795_000_000.5},
        {"now": -1},
        {"now": 10**12},
    ],
    ids=str,
)
def test_wrong_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadArgument):
        seal(mail.MESSAGE, **wrong)


def test_names_that_are_not_of_ascii_are_a_labels() -> None:
    by_seal, by_signature, _ = fields(sealed(domain="b\u00fccher.example"))
    assert tags(by_seal)["d"] == tags(by_signature)["d"] == "xn--bcher-kva.example"


def test_utf_8_only_where_it_may_stand() -> None:
    prop = Property("smtp", "mailfrom", "用户@bücher.example")
    results = [MethodResult("spf", "pass", "", (prop,))]
    field = fields(sealed(results=results, authserv_id="mx.bücher.example"))[2].decode("ascii")
    assert "mx.xn--bcher-kva.example;" in field
    assert "??@xn--bcher-kva.example" in field
    whole = fields(sealed(results=results, authserv_id="mx.bücher.example", smtputf8=True))[2]
    assert "mx.bücher.example;" in whole.decode()
    assert prop.value in whole.decode()


# Whose word it is.

DMARC = {"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}}
KEYS = {name(domain, "rsa"): {"TXT": [mail.record()]} for domain in ("example.com", "evil.example")}


def report(message: bytes, *trusted: str) -> Report:
    asked = authenticate(
        message,
        ip="192.0.2.66",
        mail_from="list@evil.example",
        now=mail.NOW,
        trusted_sealers=trusted,
    )
    return Zone(DMARC | KEYS).run(asked)


def test_ARC_07_anybody_may_seal_what_he_likes() -> None:
    got = report(sealed(domain="evil.example"))
    assert got.arc is not None
    assert (got.arc.result, got.arc.trusted) == ("pass", False)
    assert got.dmarc is not None
    assert got.dmarc.result == "fail"
    assert got.override() == ""


def test_ARC_07_every_sealer_must_be_trusted() -> None:
    message = sealed(sealed(), domain="evil.example")
    assert report(message, "example.com").override() == ""
    assert report(message, "evil.example").override() == ""
    assert (
        "DMARC passed at mx.example.com"
        in report(message, "EXAMPLE.com", "evil.example").override()
    )


def test_ARC_07_the_oldest_must_have_found_that_dmarc_passes() -> None:
    first = sealed(results=[MethodResult("dmarc", "fail")])
    assert report(sealed(first), "example.com").override() == ""


def test_a_trusted_broken_chain_is_none() -> None:
    """§5.2: it counts as if there were none."""
    got = report(sealed() + b"x\r\n", "example.com")
    assert got.arc is not None
    assert (got.arc.result, got.arc.trusted, got.override()) == ("fail", False, "")


@pytest.mark.parametrize("field", [b"Subject", b"To"])
def test_ARC_07_a_field_beside_the_signed_one_takes_the_trust(field: bytes) -> None:
    """RFC 6376 §8.15: the chain stands, but not for what a reader may show."""
    got = report(field + b": x@evil.example\r\n" + Sealer().add().message, "example.com")
    assert got.arc is not None
    assert (got.arc.result, got.arc.trusted, got.override()) == ("pass", False, "")
    assert f"2 {field.decode()} fields, and not all are signed" in got.arc.reason


def test_ARC_07_an_unsigned_part_of_the_body_takes_the_trust() -> None:
    """RFC 6376 §8.2, unless the verifier admits it."""
    digest = b64encode(hashlib.sha256(b"Hel").digest()).decode()
    message = Sealer().add(signature={"l": "3", "bh": digest}).message
    got = report(message, "example.com")
    assert got.arc is not None
    assert (got.arc.result, got.arc.trusted, got.override()) == ("pass", False, "")
    assert "l= leaves 5 octets of the body unsigned" in got.arc.reason
    asked = authenticate(
        message, now=mail.NOW, trusted_sealers=["example.com"], dkim_policy=dkim.RFC6376
    )
    assert Zone(DMARC | KEYS).run(asked).override()


TOLD: list[Any] = [
    pytest.param("mx.example.com; dmarc=pass", True, id="as it should be"),
    pytest.param("mx.example.com 1; x-new/9=odd; dmarc=pass", True, id="an unknown method"),
    pytest.param(
        "mx.example.com 1; dmarc=pass action=none header.from=a.example; arc=none",
        True,
        id="as Microsoft tells it",
    ),
    pytest.param("mx.example.com 1; spf=pass smtp.mailfrom=; dmarc=pass", True, id="a bounce"),
    pytest.param("mx.example.com; dmarc/1=pass", True, id="the version that we know"),
    pytest.param("mx.example.com; dmarc/2=pass", False, id="AR-07 another version of DMARC"),
    pytest.param("mx.example.com 2; dmarc=pass", False, id="AR-07 another version of the field"),
    pytest.param("mx.example.com; none", False, id="nothing"),
    pytest.param("", False, id="ARC-08 empty"),
    pytest.param(";;;;", False, id="ARC-08 no words"),
    pytest.param("mx.example.com; dmarc=" + "(" * 5000, False, id="ARC-08 nested comments"),
    pytest.param("mx.example.com; dmarc=pass; " + "x=y; " * 20_000, False, id="ARC-08 long"),
    pytest.param('mx.example.com; dkim=fail reason="; dmarc=pass"', False, id="ARC-08 quoted"),
    pytest.param("mx.example.com; dkim=fail (; dmarc=pass)", False, id="ARC-08 in a comment"),
    pytest.param("mx.example.com; dmarc=pass\0", False, id="ARC-08 a NUL"),
    pytest.param("mx.example.com; dmarc=p\u00e4ss", False, id="ARC-08 another word"),
    pytest.param("mx.example.com; dmarc=fail; dmarc=pas", False, id="ARC-08 half a word"),
]


@pytest.mark.parametrize(("told", "believed"), TOLD)
def test_what_a_trusted_sealer_tells(told: str, believed: bool) -> None:
    got = report(Sealer().add(told=told).message, "example.com")
    assert got.arc is not None
    assert got.arc.result == "pass", got.arc.reason
    assert bool(got.override()) is believed
    assert list(got.explain())
    assert got.field("mx.example.com").count(b"\r\n\r\n") == 0
