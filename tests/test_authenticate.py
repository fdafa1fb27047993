"""One message through all of it: the verdicts, the field, the story; and questions side by side."""

import asyncio
import json
from typing import Any

import chains
import mail
import pytest
from nameserver import from_zone, serve
from rounds import in_rounds

from mailauth import arc, authres, dkim, dmarc, spf, story
from mailauth.authenticate import METHODS, Report, authenticate
from mailauth.dkim.key import name
from mailauth.dns import (
    Answer,
    AsyncResolver,
    Question,
    Resolver,
    Zone,
    run_async,
)
from mailauth.errors import BadArgument
from mailauth.syntax.message import Message

NODES: dict[str, Any] = {
    "example.com": {"TXT": ["v=spf1 include:_spf.example.com -all"]},
    "_spf.example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 ~all"]},
    "mx.example.com": {"TXT": ["v=spf1 a -all"], "A": ["192.0.2.1"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    name("example.com", "rsa"): {"TXT": [mail.record("rsa")]},
}
ZONE = Zone(NODES)
ENVELOPE: dict[str, Any] = {"helo": "mx.example.com", "mail_from": "ada@example.com"}


def report(octets: bytes, ip: str = "192.0.2.1", **changed: Any) -> Any:
    given: dict[str, Any] = ENVELOPE | changed
    return ZONE.run(authenticate(octets, ip=ip, now=mail.NOW, **given))


@pytest.mark.parametrize("of_suffix", [{}, {"_dmarc.co.uk": {"TXT": ["v=DMARC1; p=none; psd=y"]}}])
def test_DKIM_08_a_public_suffix_signs_and_is_aligned_with_nobody(of_suffix: Any) -> None:
    """The key is there, so DKIM passes; no organization begins at co.uk (RFC 9989 §4.10)."""
    where = Zone(
        {
            name("co.uk", "rsa"): {"TXT": [mail.record()]},
            "_dmarc.bank.co.uk": {"TXT": ["v=DMARC1; p=reject"]},
        }
        | of_suffix
    )
    message = mail.signed(mail.MESSAGE.replace(b"ada@example.com", b"x@bank.co.uk"), domain="co.uk")
    got = where.run(authenticate(message, now=mail.NOW))
    assert [each.result for each in got.dkim] == [dkim.Result.PASS]
    assert got.dmarc is not None
    assert (got.dmarc.result, got.dmarc.policy) == ("fail", "reject")


def test_all_is_well() -> None:
    got = report(mail.signed())
    assert got.helo.result is spf.Result.PASS
    assert got.spf.result is spf.Result.PASS
    assert [each.result for each in got.dkim] == [dkim.Result.PASS]
    assert got.dmarc.result is dmarc.Result.PASS
    field = got.field("mx.example.org").decode()
    told = authres.parse(field.partition(":")[2])
    assert [(each.method, each.result) for each in told.results] == [
        ("spf", "pass"), ("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass"),
    ]  # fmt: skip
    assert told.results[-1].get("header", "from") == "example.com"


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("ada@example.com", "example.com"),
        ("b+ben=example.net@Example.COM", "Example.COM"),
        ('"x@bank.example"@example.com', "example.com"),
        ('"a; dmarc=pass"@example.com', "example.com"),
        ("用户@bücher.example", "bücher.example"),
        ("<ada@example.com>", "example.com"),
        ("nobody", "nobody"),
    ],
)
def test_the_field_tells_the_domain_of_the_sender_alone(sender: str, told: str) -> None:
    """OpenDMARC counts an SPF pass only if smtp.mailfrom is just the domain (RFC 8601 §2.7.2)."""
    got = report(mail.MESSAGE, mail_from=sender)
    of_sender = next(each for each in got.results() if each.get("smtp", "mailfrom") is not None)
    assert of_sender.get("smtp", "mailfrom") == told


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ("p=reject", "reject"),
        ("p=reject; t=y", "quarantine"),
        ("p=quarantine; t=y", "none"),
        ("p=none; t=y", "none"),
    ],
)
@pytest.mark.parametrize("message", [mail.MESSAGE, mail.signed()], ids=["fail", "pass"])
def test_DMARC_11_the_field_tells_the_policy_with_t_y_counted_in(
    message: bytes, tags: str, told: str
) -> None:
    """The policy "after policy options have been processed" (RFC 9989 §9.1)."""
    where = Zone(NODES | {"_dmarc.example.com": {"TXT": [f"v=DMARC1; {tags}"]}})
    got = where.run(authenticate(message, now=mail.NOW))
    assert got.results()[-1].get("policy", "dmarc") == told


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_a_body_that_came_in_pieces_comes_to_the_same(chunk: int) -> None:
    message = Message.parse(mail.signed())
    header = message._replace(octets=message.octets[: message.body_start])
    verification = dkim.Verification(header, now=mail.NOW)
    for at in range(0, len(message.body), chunk):
        verification.update(bytes(message.body[at : at + chunk]))
    got = ZONE.run(authenticate(verification, ip="192.0.2.1", now=mail.NOW, **ENVELOPE))
    assert got == report(mail.signed())


@pytest.mark.parametrize(
    "methods", [set(), {"spf"}, {"dkim"}, {"spf", "dkim"}, {"dkim", "dmarc"}, METHODS]
)
def test_only_the_methods_that_are_wanted_are_told(methods: set[str]) -> None:
    got = report(mail.signed(), methods=methods)
    assert {each.method for each in got.results()} == methods - {"arc"}, "no chain is no result"
    assert list(got.explain()) or not methods
    assert (got.as_dict()["dmarc"] is not None) == ("dmarc" in methods)


def test_a_method_that_there_is_not_would_judge_nothing() -> None:
    with pytest.raises(BadArgument, match="there is no method 'DKIM'; the methods are arc, dkim"):
        report(mail.signed(), methods={"DKIM"})


def test_the_story_in_lines_and_in_JSON() -> None:
    got = report(mail.MESSAGE, "203.0.113.1")
    lines = list(got.explain())
    assert lines[0].startswith("SPF of HELO: fail")
    assert any(line.lstrip().startswith("? TXT of _spf.example.com") for line in lines)
    assert "DKIM signature: none, the message is not signed (RFC 8601 §2.7.1)" in lines
    assert any(line.startswith("DMARC: fail") for line in lines)
    told = json.loads(json.dumps(got.as_dict()))
    assert told["schema"] == 1
    assert told["dmarc"]["disposition"] == "reject"
    assert told["spf"]["steps"]


@pytest.mark.parametrize(
    "claim",
    [
        b"Received-SPF: pass (mx.example.org: all is well) client-ip=198.51.100.66;\r\n",
        b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=ada@example.com\r\n",
    ],
    ids=["SPF-37 Received-SPF", "SPF-37 Authentication-Results"],
)
def test_what_a_message_claims_of_itself_is_not_believed(claim: bytes) -> None:
    got = report(claim + mail.MESSAGE, ip="198.51.100.66")
    assert got.spf == report(mail.MESSAGE, ip="198.51.100.66").spf
    assert got.spf.result == "fail"
    assert got.dmarc.result == "fail"


def test_without_a_client_DKIM_is_judged_alone() -> None:
    got = ZONE.run(authenticate(mail.signed(), now=mail.NOW))
    assert (got.helo, got.spf) == (None, None)
    assert got.dmarc is not None
    assert got.dmarc.result is dmarc.Result.PASS
    assert b"spf=" not in got.field("mx.example.org")


def test_the_null_sender_is_told_by_its_HELO() -> None:
    got = report(mail.MESSAGE, mail_from="<>")
    assert [each.method for each in got.results()] == ["spf", "dkim", "dmarc"]
    assert got.spf.domain == "mx.example.com"
    assert got.dmarc.result is dmarc.Result.PASS


def test_every_driver_comes_to_the_same() -> None:
    async def resolve(question: Question) -> Answer[Any]:
        return ZONE.resolve(question)

    for octets in (mail.signed(), mail.MESSAGE, b"", b"\xff" * 100):
        given: dict[str, Any] = {"ip": "192.0.2.1", "now": mail.NOW, **ENVELOPE}
        wanted = ZONE.run(authenticate(octets, **given))
        assert ZONE.run_all([authenticate(octets, **given)]) == [wanted]
        assert asyncio.run(run_async(authenticate(octets, **given), resolve)) == wanted


SPREAD_NODES: dict[str, Any] = {
    "bounce.example.com": {"TXT": ["v=spf1 include:one.example.net -all"]},
    "one.example.net": {"TXT": ["v=spf1 include:two.example.net -all"]},
    "two.example.net": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "mx.example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "alias.example.com": {"TXT": ["v=spf1 a -all"], "A": ["192.0.2.1"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; np=none"]},
    name("example.com", "rsa"): {"TXT": [mail.record("rsa")]},
    name("example.com", "ed25519"): {"TXT": [mail.record("ed25519")]},
    name("one.example", "rsa"): {"TXT": [mail.record("rsa")]},
    name("two.example", "rsa"): {"TXT": [mail.record("rsa")]},
}
SPREAD = Zone(SPREAD_NODES)
"""Of what one message may need: keys of two signers and two sealers, nested includes."""


def sealed(message: bytes, domain: str) -> bytes:
    return chains.sealed(message, where=SPREAD, domain=domain, authserv_id=f"mx.{domain}")


@pytest.mark.parametrize(
    ("author", "envelope", "longest"),
    [
        ("example.com", {"helo": "mx.example.com", "mail_from": "b@bounce.example.com"}, 3),
        ("a.mail.example.com", {"helo": "mx.example.com", "mail_from": "b@bounce.example.com"}, 3),
        ("mail.example.com", {"helo": "alias.example.com", "mail_from": ""}, 2),
        ("example.com", {"helo": "mx.example.com", "mail_from": ""}, 1),
    ],
    ids=["SPF, DKIM, ARC, DMARC", "three labels and np=", "the null sender", "no include"],
)
def test_no_more_rounds_than_SPF_alone_needs(
    author: str, envelope: dict[str, Any], longest: int
) -> None:
    """With nothing remembered: two signatures, a chain of two sets, a policy above the author."""
    message = mail.MESSAGE.replace(b"ada@example.com", f"ada@{author}".encode())
    twice = mail.signed(mail.signed(message), key_type="ed25519")
    octets = sealed(sealed(twice, "one.example"), "two.example")
    given: dict[str, Any] = {"ip": "192.0.2.1", "now": mail.NOW, **envelope}
    _, rounds = in_rounds(authenticate(octets, methods={"spf"}, **given), Zone(SPREAD_NODES))
    assert len(rounds) == longest
    got, rounds = in_rounds(authenticate(octets, **given), Zone(SPREAD_NODES))
    assert len(rounds) == longest
    found: list[Any] = [got.helo, got.spf, *got.dkim, got.arc, got.dmarc]
    assert [each.result for each in found] == ["pass"] * 6


@pytest.mark.loopback
def test_over_the_network_each_question_is_asked_once() -> None:
    octets = sealed(mail.signed(mail.signed(), key_type="ed25519"), "one.example")
    given: dict[str, Any] = {"ip": "192.0.2.1", "helo": "mx.example.com", "mail_from": "<>"}
    wanted = SPREAD.run(authenticate(octets, now=mail.NOW, **given))

    async def awaiting(where: str) -> Report:
        return await AsyncResolver([where]).run(authenticate(octets, now=mail.NOW, **given))

    def blocking(where: str) -> Report:
        return Resolver([where]).run(authenticate(octets, now=mail.NOW, **given))

    for drive in (blocking, lambda where: asyncio.run(awaiting(where))):
        with serve(from_zone(SPREAD)) as server:
            assert drive(server.where) == wanted
        assert len(server.names()) == len(set(server.names()))


def test_every_result_has_the_section_that_describes_it() -> None:
    results = {"spf": spf.Result, "dkim": dkim.Result, "arc": arc.Result, "dmarc": dmarc.Result}
    assert {method: set(of) for method, of in story.SECTIONS.items()} == {
        method: set(kind) for method, kind in results.items()
    }
