"""What another program found in the same message: only what differs is told."""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address

import pytest
from filtered import Filtered, verifying
from mail import DOMAIN, record, signed

from mailauth.authres import MethodResult, Property
from mailauth.dns import Zone
from mailauth.milter import comparing
from mailauth.milter.comparing import differences
from mailauth.milter.tables.clients import Clients
from mailauth.syntax.message import Message

OLD = "old.example.org"
OPENDKIM = (
    "Authentication-Results: old.example.org;\r\n"
    "\tdkim={} (2048-bit key; unprotected) header.d=example.com header.i=@example.com\r\n"
    '\theader.a=rsa-sha256 header.s=rsa header.b="dX4x/8cA"'
)
OPENDMARC = (
    "Authentication-Results: OLD.example.org.; dmarc={} (p=reject dis=none) header.from=example.com"
)
OF_SENDER = "Authentication-Results: old.example.org; spf={} smtp.mailfrom=example.com"
OF_HELO = "Authentication-Results: old.example.org; spf={} smtp.helo=mx.example.com"
OF_BOTH = f"{OF_HELO} smtp.mailfrom=example.com"
POLICYD_SPF = (
    "Received-SPF: {} (mailfrom) identity=mailfrom; client-ip=192.0.2.7; helo=mx.example.com;\r\n"
    " envelope-from=ada@example.com; receiver=<UNKNOWN>"
)


def found(**results: str) -> list[MethodResult]:
    """Our results, of a message from example.com that it may have signed."""
    about: Mapping[str, tuple[Property, ...]] = {
        "helo": (Property("smtp", "helo", "mx.example.com"),),
        "spf": (Property("smtp", "mailfrom", "ada@example.com"),),
        "dkim": (Property("header", "d", "example.com"), Property("header", "s", "rsa")),
        "dmarc": (Property("header", "from", "example.com"),),
    }
    return [
        MethodResult("spf" if of == "helo" else of, result, properties=about[of])
        for of, result in results.items()
    ]


HERE = found(helo="none", spf="pass", dkim="fail", dmarc="pass")


CLIENT = ip_address("192.0.2.7")


def told(
    fields: Iterable[str],
    results: Iterable[MethodResult] = HERE,
    hosts: Collection[str] = (OLD, "dmarc.example.org"),
) -> list[str]:
    text = "".join(f"{field}\r\n" for field in fields) + "From: ada@example.com\r\n\r\n"
    return [*differences(Message.parse(text.encode()), hosts, results, client=CLIENT)]


@pytest.mark.parametrize(
    ("field", "same", "other", "of"),
    [
        (OPENDKIM, "fail", "pass", "dkim={} of example.com, mailauth says fail"),
        (OPENDMARC, "pass", "fail", "dmarc={}, mailauth says pass"),
        (OF_SENDER, "pass", "softfail", "spf={} of mailfrom, mailauth says pass"),
        (OF_HELO, "none", "pass", "spf={} of helo, mailauth says none"),
        (OF_BOTH, "pass", "none", "spf={} of mailfrom, mailauth says pass"),
    ],
)
def test_only_what_differs_is_told(field: str, same: str, other: str, of: str) -> None:
    assert told([field.format(same)]) == []
    assert told([field.format(other)]) == [f"{OLD} says {of.format(other)}"]


def test_received_spf_is_compared_whoever_wrote_it() -> None:
    assert told([POLICYD_SPF.format("Pass")]) == []
    want = "Received-SPF says spf=fail of mailfrom, mailauth says pass"
    assert told([POLICYD_SPF.format("Fail")]) == [want]
    assert told(["Received-SPF: fail"]) == [want], "it names neither a client nor an identity"


def test_received_spf_of_another_client_is_a_forwarders() -> None:
    """Postfix puts the field of a forwarder's policyd-spf above the forwarder's Received."""
    theirs = POLICYD_SPF.format("Fail")
    mapped = theirs.replace("192.0.2.7", "::ffff:192.0.2.7")
    other = theirs.replace("192.0.2.7", "198.51.100.9")
    assert len(told([mapped])) == 1
    assert told([other, theirs.replace("192.0.2.7", "unknown")]) == []


def test_signatures_are_compared_by_their_domains() -> None:
    both = [*HERE, *found(dkim="pass")]
    assert told([OPENDKIM.format("pass"), OPENDKIM.format("fail")], both) == []
    other = OPENDKIM.replace("header.d=example.com", "header.d=Example.NET")
    (sentence,) = told([other.format("pass")])
    assert sentence.endswith("dkim=pass of example.net, mailauth says nothing")
    by_identity = other.replace("header.d=Example.NET ", "")
    assert told([by_identity.format("fail")]) == []


def test_no_signature_at_all_is_compared_with_all_that_were_found() -> None:
    none = f"Authentication-Results: {OLD}; dkim=none"
    assert told([none]) == [f"{OLD} says dkim=none, mailauth says fail"]
    assert told([none], [MethodResult("dkim", "none")]) == []


@pytest.mark.parametrize(
    "field",
    [
        OPENDKIM.format("pass").replace(OLD, "else.example.org"),
        f"Authentication-Results: {OLD}; iprev=fail; arc=fail; dkim",
        f"Authentication-Results: {OLD} 2; dkim=pass header.d=example.com",
        f"Authentication-Results: {OLD}; arc=pass; auth=pass",
        "Received-SPF: perhaps",
        "Received: from x by y\r\n" + OPENDKIM.format("pass"),
    ],
    ids=["another's", "unreadable", "another version", "not compared", "no result", "from before"],
)
def test_what_says_nothing(field: str) -> None:
    assert told([field]) == []


def test_what_is_not_judged_here_is_not_compared() -> None:
    assert told([OF_SENDER.format("fail"), OF_HELO.format("pass")], found(dkim="pass")) == []
    assert told([OF_SENDER.format("fail")], found(helo="pass")) == [], "a bounce: only of HELO"
    assert told([OPENDKIM.format("fail"), OPENDMARC.format("fail")], found(spf="pass")) == []
    chain = f"Authentication-Results: {OLD}; arc=fail"
    assert told([chain], [*HERE, MethodResult("arc", "pass")]) == []


def test_MIL_07_hostile_fields_do_not_flood_the_log() -> None:
    many = "".join(f"; dkim=pass header.d=x{number}.example" for number in range(200))
    field = f"Authentication-Results: {OLD}{many}"
    assert len(told([field] * 50)) == comparing.MAX_DIFFERENCES
    for hostile in (f"dkim=pass header.d={'x' * 5000}", f"dkim={'x' * 5000} header.d=example.com"):
        (sentence,) = told([f"Authentication-Results: {OLD}; {hostile}"])
        assert len(sentence) < 200
    all_at_once = "".join(f"; dkim=x{number} header.d=example.com" for number in range(200))
    (sentence,) = told([f"Authentication-Results: {OLD}{all_at_once}"])
    assert len(sentence) < 200
    none = f"Authentication-Results: {OLD}; dkim=fail header.d=example.com"
    assert told([none] * comparing.MAX_FIELDS + [OPENDKIM.format("pass")]) == []


def test_MIL_07_hostile_fields_do_not_fake_a_sentence() -> None:
    domain = '"x.example, mailauth says pass; deferred: why"'
    (sentence,) = told([f"Authentication-Results: {OLD}; dkim=fail header.d={domain}"])
    assert sentence.count("mailauth says") == 1
    assert ";" not in sentence


def test_MIL_07_of_thousands_of_fields_only_the_first_are_read() -> None:
    others = ["Authentication-Results: else.example.org; spf=pass"] * (comparing.MAX_FIELDS - 1)
    differing = OPENDKIM.format("pass")
    unread = ["Subject: x"] * 20
    assert len(told([*unread, *others, differing, differing])) == 1


def test_MIL_07_a_field_longer_than_any_program_writes_says_nothing() -> None:
    field = OPENDKIM.format("pass") + " "
    room = comparing.MAX_OCTETS - len(field)
    assert len(told([f"{field}({'x' * (room - 2)})"])) == 1
    assert told([f"{field}({'x' * (room - 1)})"]) == []


def test_a_field_is_told_once_if_two_names_fit_it() -> None:
    assert len(told([OPENDKIM.format("pass")], hosts=[OLD, "example.org"])) == 1


def test_a_milter_that_is_told_to_compare_notes_what_differs() -> None:
    zone = Zone(
        {DOMAIN: {"TXT": ["v=spf1 -all"]}, f"rsa._domainkey.{DOMAIN}": {"TXT": [record("rsa")]}}
    )
    theirs = (OPENDKIM.format("fail"), OF_SENDER.format("fail"), POLICYD_SPF.format("Pass"))
    message = "".join(f"{field}\r\n" for field in theirs).encode() + signed()
    want = (
        f"{OLD} says dkim=fail of example.com, mailauth says pass",
        "Received-SPF says spf=pass of mailfrom, mailauth says fail",
    )
    for settings, differing in (({"compared": frozenset({OLD})}, want), ({}, ())):
        delivery = Filtered(verifying(**settings), zone).open().deliver(message)
        assert delivery.record.differences == differing
        assert delivery.message.endswith(message), "their fields stay"


def test_behind_a_relay_the_client_is_the_one_that_is_judged() -> None:
    relays = Clients.parse(["198.51.100.5"])
    settings = verifying(relays=relays, compared=frozenset({OLD}))
    filtered = Filtered(settings, Zone({DOMAIN: {"TXT": ["v=spf1 -all"]}}))
    hop = "Received: from mx.example.com (x [192.0.2.7])\r\n\tby gw.example.net\r\n"
    message = f"{POLICYD_SPF.format('Pass')}\r\n{hop}From: ada@example.com\r\n\r\nx"
    delivery = filtered.open(address="198.51.100.5").deliver(message.encode())
    (sentence,) = delivery.record.differences
    assert sentence.startswith("Received-SPF says spf=pass of mailfrom")
