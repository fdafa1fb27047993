"""Published attacks on chains of authentication: for each what SPF, DKIM and DMARC come to.

Evil has a client, a domain and a key of its own, all in order; it wants to be
taken for bank.example, which publishes p=reject.  The tables name each attack;
A1 to A19 are those of the paper "Composition Kills" (USENIX Security 2020).
"""

import base64
import re
from typing import Any, NamedTuple

import mail
import pytest

from mailauth import authres
from mailauth.authenticate import Report, authenticate
from mailauth.dkim.key import name as key_name
from mailauth.dns import Answer, Question, Zone, recall

EVIL, BANK = "203.0.113.66", "192.0.2.1"
"""The addresses of the clients."""
OF_EVIL = "ed25519"
"""The key of evil; that of the bank is `rsa`."""
NODES: dict[str, Any] = {
    "bank.example": {"TXT": [f"v=spf1 ip4:{BANK} ip4:198.51.100.0/24 -all"], "A": [BANK]},
    "_dmarc.bank.example": {"TXT": ["v=DMARC1; p=reject; sp=reject"]},
    key_name("bank.example", "rsa"): {"TXT": [mail.record("rsa")]},
    "evil.example": {"TXT": [f"v=spf1 ip4:{EVIL} -all"], "A": [EVIL]},
    "*.evil.example": {"TXT": [f"v=spf1 ip4:{EVIL} -all"], "A": [EVIL]},
    "_dmarc.evil.example": {"TXT": ["v=DMARC1; p=none"]},
    key_name("evil.example", OF_EVIL): {"TXT": [mail.record(OF_EVIL)]},
    key_name("example", OF_EVIL): {"TXT": [mail.record(OF_EVIL)]},
    "*._domainkey.evil.example": {"TXT": [mail.record(OF_EVIL)]},
}
ZONE = Zone(NODES)
REST = (
    b"To: victim@victim.example\r\n"
    b"Subject: your account\r\n"
    b"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n"
)
BODY = b"\r\nClick here.\r\n"
ADMIN = b"From: <admin@bank.example>\r\n"


class Attack(NamedTuple):
    """What evil sends, and what must come of it."""

    name: str
    header: bytes
    """What stands above `REST`, or a whole message."""
    author: str = "bank.example"
    """The author domain that is told; empty if there is no single one."""
    dmarc: str = "fail"
    spf: str = "pass"
    dkim: str = "none"
    """The results of all signatures."""
    sender: str = "any@evil.example"
    helo: str = "evil.example"
    ip: str = EVIL

    @property
    def message(self) -> bytes:
        """The whole message."""
        return self.header if b"\r\n\r\n" in self.header else self.header + REST + BODY


def no_author(name: str, header: bytes, **more: str) -> Attack:
    """One after which there is no single author domain."""
    return Attack(name, header, "", "permerror", **more)


def as_itself(name: str, header: bytes) -> Attack:
    """One that shows the bank to readers, and is told as mail of evil."""
    return Attack(name, header, "evil.example", "pass")


def signing(name: str, dkim: str = "permerror", **tags: str) -> Attack:
    """A signature by the key of evil that is true to these tags."""
    message = mail.signed_by_hand(ADMIN + REST + BODY, OF_EVIL, **{"d": "evil.example", **tags})
    return Attack(name, message, dkim=dkim)


def replay(change: bytes = b"", by: bytes = b"", more: bytes = b"", **tags: str) -> bytes:
    """A message of the bank, signed by it, with one thing changed and some octets added."""
    message = mail.signed_by_hand(ADMIN + REST + BODY, "rsa", d="bank.example", **tags)
    return message.replace(change, by, 1) + more


CODED = b"=?utf-8?B?" + base64.b64encode(b"<admin@bank.example>") + b"?="
"""An encoded word (RFC 2047)."""
KEY_OF_EVIL = "x._domainkey.evil.example"
SUBJECT = b"Subject: another\r\n"


ENVELOPES = [
    Attack("A1 a subdomain that does not exist", ADMIN, spf="none", sender="a@gone.bank.example"),
    Attack("A2 a path that some take for empty", ADMIN, spf="none", sender="(any@bank.example"),
    Attack("A5 a parenthesis", ADMIN, spf="none", sender="any@bank.example(.evil.example"),
    Attack("A6 a single quote", ADMIN, spf="none", sender="any@bank.example'@any.evil.example"),
    Attack("A7 a route", ADMIN, spf="none", sender="@bank.example,@any.example:'any@evil.example"),
    Attack("quotes around an at sign", ADMIN, sender='"any@bank.example"@evil.example'),
    Attack("a NUL", ADMIN, spf="none", sender="any@bank.example\0.evil.example"),
    Attack("a line end", ADMIN, spf="none", sender="any@bank.example\r\n.evil.example"),
    Attack("CVE-2019-20790 the pass of HELO", ADMIN, spf="fail", sender="any@bank.example"),
    Attack("the pass of HELO, a domain alone", ADMIN, spf="fail", sender="bank.example"),
    Attack("the pass of HELO, the null sender", ADMIN, sender=""),
    Attack("HELO of the bank, the null sender", ADMIN, spf="fail", sender="", helo="bank.example"),
    Attack("HELO of the bank", ADMIN, helo="bank.example"),
    Attack("HELO that is no name", ADMIN, spf="none", sender="", helo="bank.example(.evil.example"),
    Attack("a parenthesis below the bank", ADMIN, spf="none", sender="any@evil(.bank.example"),
    Attack("such a HELO", ADMIN, spf="none", sender="", helo="evil\0.bank.example"),
    Attack("a name that looks alike", ADMIN, sender="any@bank.example.evil.example"),
    Attack("a name that ends alike", ADMIN, spf="none", sender="any@evilbank.example"),
]  # fmt: skip

FROMS = [
    no_author("A8 two From", b"From: <first@evil.example>\r\n" + ADMIN),
    no_author("A8 two From, the bank's first", ADMIN + b"From: <x@evil.example>\r\n"),
    no_author("A9 a blank before", b" From: <first@evil.example>\r\n" + ADMIN),
    no_author("A9 a blank before the second", b"From: <x@evil.example>\r\n " + ADMIN),
    no_author("A10 a blank after", b"From: x@evil.example\r\nFrom : a@bank.example\r\n"),
    Attack("a blank after, alone", b"From : <admin@bank.example>\r\n"),
    no_author("A11 a folded name", b"From\r\n : <first@evil.example>\r\n" + ADMIN),
    no_author("A12 Sender and no From", b"Sender: <admin@bank.example>\r\n"),
    as_itself("A12 Sender of the bank", b"From: x@evil.example\r\nSender: a@bank.example\r\n"),
    Attack("A12 Sender of evil", ADMIN + b"Sender: <x@evil.example>\r\n"),
    no_author("A13 Resent-From and no From", b"Resent-From: <x@evil.example>\r\n"),
    Attack("A13 Resent-From of evil", b"Resent-From: <x@evil.example>\r\n" + ADMIN),
    no_author("A14 CVE-2019-16378 two authors", b"From: x@evil.example, admin@bank.example\r\n"),
    no_author("A14 in a group", b"From: G: <x@evil.example>, <admin@bank.example>;\r\n"),
    no_author("A15 an encoded address", b"From: " + CODED + b",<x@evil.example>\r\n"),
    no_author("an encoded address alone", b"From: " + CODED + b"\r\n"),
    no_author("A16 a route", b"From: <@evil.example,@any.example:admin@bank.example>\r\n"),
    no_author("A17 a quoted pair", b"From: <admin@bank.example>\\,<x@evil.example>\r\n"),
    no_author("A18 a comma first", b"From: admin@bank.example,<x@evil.example>\r\n"),
    no_author("A18 no comma", b"From: admin@bank.example <x@evil.example>\r\n"),
    no_author("A19 an address behind", b"From: <x@evil.example>admin@bank.example\r\n"),
    no_author("two in brackets", b"From: <x@evil.example><admin@bank.example>\r\n"),
    no_author("brackets in brackets", b"From: <x@evil.example<admin@bank.example>>\r\n"),
    Attack("a comment", b"From: admin@bank.example (x@evil.example)\r\n"),
    no_author("a comment that does not end", b"From: admin@bank.example (x@evil.example\r\n"),
    Attack("a comment in the domain", b"From: admin@bank.example(.evil.example)\r\n"),
    as_itself("a quoted name", b'From: "admin@bank.example" <x@evil.example>\r\n'),
    as_itself("an encoded name", b"From: " + CODED + b" <x@evil.example>\r\n"),
    as_itself("a quoted local part", b'From: "admin@bank.example"@evil.example\r\n'),
    as_itself("a quoted pair in quotes", b'From: "\\"admin@bank.example" <x@evil.example>\r\n'),
    no_author("quotes that do not end", b'From: "admin <admin@bank.example>\r\n'),
    no_author("a NUL", b"From: admin@bank.example\0.evil.example\r\n"),
    no_author("a NUL before the bracket", b"From: <x@evil.example>\0<admin@bank.example>\r\n"),
    no_author("a bare CR", b"From: x@evil.example\rFrom: admin@bank.example\r\n"),
    no_author("a bare LF", b"From: x@evil.example\nFrom: admin@bank.example\r\n"),
    no_author("the end of the header by LF", b"From: x@evil.example\n\nFrom: a@bank.example\r\n"),
    Attack("folded between the words", b"From:\r\n <admin@\r\n bank.example>\r\n"),
    no_author("folded within the domain", b"From: admin@bank.\r\n example\r\n"),
    no_author("a final dot", b"From: admin@bank.example.\r\n"),
    no_author("two dots", b"From: admin@bank..example\r\n"),
    no_author("an address of IP", b"From: admin@[203.0.113.66]\r\n"),
    no_author("a group of nobody", b"From: Admin:;\r\n"),
    no_author("nobody", b"From:\r\n"),
    Attack("capitals", b"FROM: ADMIN@BANK.EXAMPLE\r\n"),
    no_author("full-width letters", "From: admin@\uff42ank.example\r\n".encode()),
    no_author("an ideographic full stop", "From: admin@bank\u3002example\r\n".encode()),
    no_author("an invisible letter", "From: admin@ba\u200bnk.example\r\n".encode()),
    no_author("a soft hyphen", "From: admin@ba\u00adnk.example\r\n".encode()),
    no_author("Latin-1", b"From: admin@b\xe4nk.example\r\n"),
    Attack(
        "a letter that looks alike",
        "From: admin@b\u0430nk.example\r\n".encode(),
        *("xn--bnk-6cd.example", "none"),
    ),
    as_itself("right to left", 'From: "\u202eelpmaxe.knab@nimda" <x@evil.example>\r\n'.encode()),
    Attack("a subdomain that is none", b"From: a@gone.bank.example\r\n", "gone.bank.example"),
    Attack("a local part of 10000 octets", b"From: " + b"a" * 10_000 + b"@bank.example\r\n"),
    no_author("more than is read", b"From: " + b"(x)" * 30_000 + b"admin@bank.example\r\n"),
]  # fmt: skip


SIGNATURES = [
    signing("a signature of its own", "pass"),
    signing("A3 a NUL in the selector", d="bank.example", s=f"{KEY_OF_EVIL}.\0.a"),
    signing("A3 a NUL in the domain", d="evil.example\0.bank.example"),
    signing("A4 a single quote", d="bank.example'a.evil.example"),
    signing("A4 a parenthesis", d="bank.example(.evil.example"),
    signing("a quote", d='bank.example"=(.evil.example'),
    signing("a blank", d="bank.example .evil.example"),
    signing("a domain that does not end", d="evil.example.bank.example."),
    signing("a selector that does not end", d="bank.example", s=f"{KEY_OF_EVIL}."),
    signing("a selector with the name of a key", d="bank.example", s=KEY_OF_EVIL),
    signing("control characters", d="evil.example\x7f"),
    signing("an encoded line end", i="=0D=0Aa@evil.example", dkim="pass"),
    signing("full-width letters", d="\uff42ank.example"),
    signing("an ideographic full stop", d="evil\u3002example"),
    signing("a letter that looks alike", "permerror", d="b\u0430nk.example"),
    signing("an identity of the bank", i="admin@bank.example"),
    signing("the bank in quotes in i=", "pass", i='"@bank.example"@evil.example'),
    signing("a top-level domain", "policy", d="example"),
    signing("the domain above the bank's", "policy", d="example", i="admin@bank.example"),
    signing("h= without From", h="To:Subject"),
    signing("two domains", d="evil.example; d=bank.example"),
    signing("its domain in capitals", D="bank.example", dkim="pass"),
    signing("the bank's domain, its own key", "permerror", d="bank.example", s="rsa"),
]  # fmt: skip

REPLAYS = [
    Attack("l= and more body", replay(more=b"More.\r\n", l="13"), dkim="policy"),
    Attack("l=0 and another body", replay(b"Click here", b"Pay here", l="0"), dkim="policy"),
    Attack(
        "l= and a second Content-Type",
        b"Content-Type: multipart/mixed; boundary=x\r\n" + replay(more=b"--x\r\n\r\nMore", l="13"),
        dkim="policy",
    ),
    Attack("another body", replay(b"Click", b"Pay"), dkim="fail"),
    Attack("a second Subject", SUBJECT + replay(h="From:Subject"), dkim="policy"),
    Attack("one more than signed", SUBJECT + replay(h="From:Subject:Subject"), dkim="fail"),
    no_author("a second From", b"From: x@evil.example\r\n" + replay(), dkim="policy"),
    no_author("a second From, a blank", b"From : x@evil.example\r\n" + replay(), dkim="policy"),
    Attack("another From", replay(b"admin@", b"other@"), dkim="fail"),
    Attack("another Subject", replay(b"your", b"our", h="From:Subject"), dkim="fail"),
    Attack("another domain", replay(b"d=bank.example", b"d=evil.example"), dkim="permerror"),
]  # fmt: skip

FORGED = [
    Attack(name, field + b"\r\n" + ADMIN)
    for name, field in {
        "forged results": b"Authentication-Results: mx.example.org; dmarc=pass",
        "other spelling": b"authentication-results: (x)\r\n\tMX.example.ORG 1; dmarc=pass",
        "forged Received-SPF": b"Received-SPF: pass client-ip=192.0.2.1; helo=mx.bank.example;",
        "forged results of ARC": b"ARC-Authentication-Results: i=1; mx.example.org; dmarc=pass",
    }.items()
]  # fmt: skip

INHERENT = [
    # what no verifier can see; the name says why it passes
    Attack("a replay without a change is the bank's message", replay(), dmarc="pass", dkim="pass"),
    Attack("BreakSPF: an address that the bank shares with others is the bank's", ADMIN,
        dmarc="pass", sender="any@bank.example", ip="198.51.100.99"),
    Attack("evil as itself", b"From: x@evil.example\r\n", "evil.example", "pass"),
]  # fmt: skip
ATTACKS = [*ENVELOPES, *FROMS, *SIGNATURES, *REPLAYS, *FORGED, *INHERENT]
HOST = re.compile(r"[a-z0-9._-]++")


def judged(attack: Attack) -> tuple[Report, dict[Question, Answer[Any]]]:
    asked: dict[Question, Answer[Any]] = {}
    given: dict[str, Any] = {"ip": attack.ip, "helo": attack.helo, "mail_from": attack.sender}
    asking = authenticate(attack.message, now=mail.NOW, **given)
    return ZONE.run(recall(asking, asked)), asked


@pytest.mark.parametrize("attack", ATTACKS, ids=[each.name for each in ATTACKS])
def test_an_attack_comes_to(attack: Attack) -> None:
    report, asked = judged(attack)
    assert report.spf is not None
    assert report.dmarc is not None
    found = [report.spf.result, *(each.result for each in report.dkim), report.dmarc.result]
    assert found == [attack.spf, attack.dkim, attack.dmarc]
    assert report.dmarc.domain == attack.author
    assert (report.dmarc.disposition == "reject") == (attack.dmarc == "fail")
    assert all(HOST.fullmatch(question.name) for question in asked), "only names are asked for"
    assert not report.override()


@pytest.mark.parametrize("attack", ATTACKS, ids=[each.name for each in ATTACKS])
def test_nothing_of_an_attack_becomes_a_result(attack: Attack) -> None:
    report, _ = judged(attack)
    field = report.field("mx.example.org")
    assert field.count(b"\r\n") == field.count(b"\r\n\t") + 1
    told = authres.parse(field.decode().partition(":")[2])
    assert [(each.method, each.result) for each in told.results] == [
        (each.method, each.result) for each in report.results()
    ]
    assert told.results[-1].get("header", "from") == (attack.author or None)
