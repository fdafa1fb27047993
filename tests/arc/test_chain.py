"""Chains: what passes, and each way in which one is broken (RFC 8617 §5.2)."""

import asyncio
import re
from pathlib import Path
from typing import Any

import mail
import pytest
from chains import PLAIN, Sealer, sealed, verdict
from hypothesis import given
from hypothesis import strategies as st
from rounds import in_rounds

from mailauth import arc, authres, dkim
from mailauth.arc import sets
from mailauth.dkim.key import name
from mailauth.dns import Question, Zone, run_all, run_async
from mailauth.syntax.message import Message

FIELDS = re.compile(rb"(ARC-[A-Za-z-]+: (?:.|\r\n[ \t])*\r\n)")


def parts(message: bytes) -> tuple[list[bytes], bytes]:
    """The fields of ARC, from the top, and the rest."""
    fields = FIELDS.findall(message)
    return fields, message[len(b"".join(fields)) :]


@pytest.mark.parametrize("times", [1, 2, 3, 10, 50])
def test_a_chain_passes(times: int) -> None:
    got = verdict(sealed(times=times))
    assert got.result == "pass", got.reason
    assert got.sealers == ("example.com",) * times
    assert got.oldest_pass == 0
    assert len(got.steps) == 1 + 2 * times  # a key, and two signatures of each set


def test_no_chain_is_none() -> None:
    assert verdict(mail.MESSAGE).result == "none"
    assert verdict(b"").result == "none"


def test_sets_of_a_plain_sealer_pass() -> None:
    got = verdict(Sealer().add().add().add().message)
    assert (got.result, got.oldest_pass) == ("pass", 0), got.reason
    assert got.testimony == ("mx.example.com; dmarc=pass",) * 3


def test_ed25519_seals() -> None:
    message = sealed(selector="ed25519", key=mail.key("ed25519"))
    assert b"a=ed25519-sha256" in message
    assert verdict(sealed(message)).result == "pass"


def test_a_verdict_is_no_boolean() -> None:
    with pytest.raises(TypeError):
        bool(verdict(mail.MESSAGE))


def test_the_example_of_the_rfc() -> None:
    """Appendix B: three sets, a body that hashes to bh=, and keys that nobody has."""
    example = Path(__file__).parents[2] / "testdata" / "arc" / "rfc8617-appendix-b.eml"
    got = verdict(example.read_bytes(), now=1_421_363_207)
    assert got.sealers == ("lists.example.org", "gmail.example", "clochette.example.org")
    results = [authres.parse(told) for told in got.testimony]
    assert [each.authserv_id for each in results] == list(got.sealers)
    assert [(each.method, each.result) for each in results[0].results] == [
        ("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass"),
    ]  # fmt: skip
    newest = sets.collect(Message.parse(example.read_bytes()))[-1]
    hasher = dkim.BodyHasher("relaxed")
    hasher.update(example.read_bytes().partition(b"\r\n\r\n")[2])
    assert sets.read_signature(newest.signature).body_hash == hasher.digest()
    assert "no key at clochette._domainkey" in got.reason


BROKEN: list[Any] = [
    pytest.param(["1", "2", "51"], "51", id="ARC-01 i=51"),
    pytest.param(["0"], "'0'", id="ARC-01 i=0"),
    pytest.param(["00"], "'00'", id="ARC-01 i=00"),
    pytest.param(["007"], "'007'", id="ARC-01 i=007"),
    pytest.param(["01", "1"], "two ARC-", id="ARC-01 one instance in two spellings"),
    pytest.param(["-1"], "'-1'", id="ARC-01 a negative instance"),
    pytest.param(["1x"], "'1x'", id="ARC-01 no number"),
    pytest.param(["\u0661"], "i=", id="ARC-01 another script's digit"),
    pytest.param(["9" * 10_000], "i=", id="ARC-01 a long number"),
    pytest.param(["2"], "no ARC-Authentication-Results with i=1", id="ARC-01 it begins with 2"),
    pytest.param(["1", "3"], "with i=2", id="ARC-01 a gap"),
    pytest.param(["1", "1"], "two ARC-", id="ARC-01 one instance twice"),
]


@pytest.mark.parametrize(("instances", "reason"), BROKEN)
def test_instances(instances: list[str], reason: str) -> None:
    sealer = Sealer()
    for instance in instances:
        sealer.add(told="x.example; none", signature={"i": instance}, seal={"i": instance})
        results, *rest = sealer.sets[-1]
        field = re.sub("i=[0-9]+", f"i={instance}", results, count=1)
        sealer.sets[-1] = (field, rest[0], rest[1])
    got = verdict(sealer.message)
    assert got.result == "fail"
    assert reason in got.reason


def test_ARC_01_more_than_fifty_sets() -> None:
    sealer = Sealer()
    for _ in range(51):
        sealer.add()
    assert verdict(sealer.message).result == "fail"


WRITTEN: list[Any] = [
    pytest.param("i=01", id="two digits"),
    pytest.param("(by us; really) i (of 1) = (the) 1 (first)", id="comments"),
    pytest.param("\r\n\ti\r\n\t=\r\n\t1\r\n\t", id="folded"),
]


@pytest.mark.parametrize("written", WRITTEN)
def test_an_instance_as_its_grammar_has_it(written: str) -> None:
    """§3.9: one or two digits, and CFWS around them."""
    got = verdict(Sealer().add(instance=written).add().message)
    assert got.result == "pass", got.reason
    assert got.testimony[0] == "mx.example.com; dmarc=pass"


def test_an_instance_of_two_digits_in_the_lists_of_tags() -> None:
    sealer = Sealer().add(signature={"i": "01"}, seal={"i": "01"}).add()
    assert verdict(sealer.message).result == "pass"


@pytest.mark.parametrize("dropped", range(9))
def test_ARC_01_each_set_has_its_three_fields(dropped: int) -> None:
    fields, rest = parts(sealed(times=3))
    message = b"".join(fields[:dropped] + fields[dropped + 1 :]) + rest
    got = verdict(message)
    assert got.result == "fail"
    assert got.reason.startswith("there is no ARC-")


@pytest.mark.parametrize("doubled", range(6))
def test_ARC_01_and_each_of_them_once(doubled: int) -> None:
    fields, rest = parts(sealed(times=2))
    got = verdict(fields[doubled] + b"".join(fields) + rest)
    assert got.result == "fail"
    assert got.reason.startswith("there are two ARC-")


STATUS: list[Any] = [
    pytest.param(["pass"], "cv=pass is not allowed here", id="ARC-02 the first passes"),
    pytest.param(
        ["none", "none"], "cv=none is not allowed here", id="ARC-02 the second is the first"
    ),
    pytest.param(["none", "pass", "none"], "i=3: cv=none", id="ARC-02 the third is the first"),
    pytest.param(["maybe"], "not a known value", id="ARC-02 an unknown word"),
    pytest.param([""], "not a known value", id="ARC-02 no word"),
    pytest.param([None], "cv= is missing", id="ARC-02 no status"),
    pytest.param(["fail"], "found the chain broken", id="ARC-03 the first fails"),
    pytest.param(["none", "fail"], "found the chain broken", id="ARC-03 the newest fails"),
    pytest.param(["none", "fail", "pass"], "found the chain broken", id="ARC-03 one between fails"),
    pytest.param(["none", "FAIL"], "found the chain broken", id="ARC-03 in capitals"),
]


@pytest.mark.parametrize(("stated", "reason"), STATUS)
def test_status(stated: list[str | None], reason: str) -> None:
    sealer = Sealer()
    for status in stated:
        sealer.add(seal={"cv": status})
    got = verdict(sealer.message)
    assert got.result == "fail"
    assert reason in got.reason


SEALS: list[Any] = [
    pytest.param({"h": "from"}, "h=", id="ARC-04 a list of fields"),
    pytest.param({"h": ""}, "h=", id="ARC-04 an empty list of fields"),
    pytest.param({"a": "rsa-sha1"}, "rsa-sha1", id="an old algorithm"),
    pytest.param({"a": None}, "a= is missing", id="no algorithm"),
    pytest.param({"d": None}, "d= is missing", id="no domain"),
    pytest.param({"s": None}, "s= is missing", id="no selector"),
    pytest.param({"d": "example..com"}, "d=", id="no name"),
    pytest.param({"d": "a\\000.example.com"}, "d=", id="a NUL in words"),
    pytest.param({"s": "nobody"}, "no key", id="a key that is not there"),
    pytest.param({"s": "ed25519"}, "key", id="a key of another type"),
    pytest.param({"t": "-1"}, "t=", id="a time that is none"),
]


@pytest.mark.parametrize(("tags", "reason"), SEALS)
def test_seals(tags: dict[str, str | None], reason: str) -> None:
    got = verdict(Sealer().add().add(seal=tags).message)
    assert got.result == "fail"
    assert reason in got.reason.lower(), got.reason


SIGNATURES: list[Any] = [
    pytest.param({"h": "from:arc-seal"}, "signs arc-seal", id="ARC-05 it signs a seal"),
    pytest.param({"h": "from:ARC-Message-Signature"}, "signs arc-", id="ARC-05 and a signature"),
    pytest.param({"h": "from:arc-authentication-results"}, "signs arc-", id="ARC-05 and results"),
    pytest.param({"h": "to:subject"}, "from", id="ARC-05 it does not sign From"),
    pytest.param({"h": None}, "h=", id="ARC-05 it signs nothing"),
    pytest.param({"bh": "AAAA"}, "3 octets", id="a hash that is none"),
    pytest.param({"bh": "A" * 43 + "="}, "body", id="another body"),
    pytest.param({"x": str(mail.NOW - 301)}, "expired", id="expired"),
    pytest.param({"t": str(mail.NOW + 301)}, "in the future", id="of a time to come"),
    pytest.param({"a": "rsa-sha1"}, "rsa-sha1", id="an old algorithm"),
    pytest.param({"d": "other.example"}, "no key", id="no key"),
]


@pytest.mark.parametrize(("tags", "reason"), SIGNATURES)
def test_message_signatures(tags: dict[str, str | None], reason: str) -> None:
    got = verdict(Sealer().add(signature=tags).message)
    assert got.result == "fail"
    assert reason in got.reason.lower(), got.reason


def test_a_version_is_ignored() -> None:
    """§4.1.2: it is no tag of an ARC-Message-Signature."""
    got = verdict(Sealer().add(signature={"v": "2"}).message)
    assert got.result == "pass", got.reason


def test_ARC_06_only_the_newest_message_signature_must_verify() -> None:
    sealer = Sealer().add().add()
    sealer.header = sealer.header.replace(b"plain", b"[list] plain")
    sealer.add()
    got = verdict(sealer.message)
    assert (got.result, got.oldest_pass) == ("pass", 3), got.reason
    assert verdict(sealer.add().message).oldest_pass == 3


def test_ARC_06_no_older_signature_wants_a_pass_over_the_body_of_its_own() -> None:
    sealer = Sealer()
    for number in range(1, 50):
        sealer.add(signature={"l": f"{number}"})
    message = sealer.add(signature={"l": "8"}).message
    assert arc.ways(Message.parse(message)) == [("relaxed", 8)]
    got = verdict(message)
    assert (got.result, got.oldest_pass) == ("pass", 50), got.reason


def test_ARC_06_but_every_seal_must() -> None:
    sealer = Sealer().add().add().add()
    results, signature, _ = sealer.sets[0]
    sealer.sets[0] = (results, signature, Sealer().add(told="x.example; none").sets[0][2])
    got = verdict(sealer.message)
    assert got.result == "fail"
    assert "seal" in got.reason


@pytest.mark.parametrize("changed", range(9))
def test_a_changed_octet_of_any_field_breaks_the_chain(changed: int) -> None:
    fields, rest = parts(sealed(times=3))
    field = fields[changed]
    for place in (field.index(b"d=") + 2 if b" d=" in field else -8, len(field) // 2, -3):
        octet = field[place]
        other = field[:place] + bytes([octet ^ 1]) + field[place:][1:]
        message = b"".join([*fields[:changed], other, *fields[changed + 1 :]]) + rest
        assert verdict(message).result == "fail", other


def test_a_changed_message_breaks_the_chain() -> None:
    message = sealed()
    assert "body" in verdict(message + b"x\r\n").reason
    assert verdict(message.replace(b"Ada <", b"Eve <")).result == "fail"
    assert verdict(message.replace(b"Subject: a ", b"Subject: b ")).result == "fail"
    assert verdict(b"X-Spam: no\r\n" + message).result == "pass"


def test_ARC_09_order_and_case_do_not_matter() -> None:
    fields, rest = parts(sealed(times=3))
    assert verdict(b"".join(reversed(fields)) + rest).result == "pass"
    names = [field.partition(b":") for field in fields]
    upper = [name.upper() + colon + value for name, colon, value in names]
    assert verdict(b"".join(upper[::2] + upper[1::2]) + rest).result == "pass"
    head, _, body = rest.partition(b"\r\n\r\n")
    below = head + b"\r\n" + b"".join(fields).removesuffix(b"\r\n") + b"\r\n\r\n" + body
    assert verdict(below).result == "pass"


def test_a_malformed_header_breaks_the_chain() -> None:
    got = verdict(sealed().replace(b"\r\nTo:", b"\r\nno field\r\nTo:"))
    assert got.result == "fail"
    assert "malformed" in got.reason


def test_ARC_10_a_silent_dns_breaks_the_chain_but_says_so() -> None:
    """§5.2.1 knows no temporary failure; who would seal had better wait."""
    silent = Zone({name("example.com", "rsa"): {"FAIL": ["TXT"]}})
    got = verdict(sealed(), silent)
    assert (got.result, got.temporary) == ("fail", True)
    assert not verdict(sealed(), Zone({})).temporary


def test_the_keys_are_asked_for_once_and_side_by_side() -> None:
    sealer = Sealer()
    records = {}
    for number in range(50):
        records[name(mail.DOMAIN, f"s{number}")] = {"TXT": [mail.record()]}
        sealer.add(seal={"s": f"s{number}"}, signature={"s": "s0"})
    got, rounds = in_rounds(arc.verify(sealer.message, now=mail.NOW), Zone(records))
    assert got.result == "pass", got.reason
    assert [len(each) for each in rounds] == [50]


def test_every_driver_comes_to_the_same() -> None:
    zone = mail.zone()
    messages = [sealed(times=2), sealed() + b"x", mail.MESSAGE]
    want = [verdict(message, zone) for message in messages]

    async def resolve(question: Question) -> Any:
        return zone.resolve(question)

    async def by_async() -> list[arc.Verdict]:
        return [await run_async(arc.verify(each, now=mail.NOW), resolve) for each in messages]

    assert asyncio.run(by_async()) == want
    assert run_all((arc.verify(each, now=mail.NOW) for each in messages), zone.resolve) == want


@given(octets=st.binary(max_size=400))
def test_any_octets_come_to_a_verdict(octets: bytes) -> None:
    for message in (octets, b"ARC-Seal: i=1;" + octets, sealed()[:700] + octets + PLAIN):
        got = verdict(message)
        assert got.reason
