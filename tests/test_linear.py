"""Time is linear: four times the input takes about four times as long, for each bomb we know."""

import gc
import time
from collections.abc import Callable

import chains
import pytest
from mail import NOW, signed, zone

from mailauth import arc, authres, dkim, dmarc, pages, spf, srs
from mailauth.authenticate import authenticate
from mailauth.dkim.autopsy import autopsy, encodedwords
from mailauth.dkim.canonical import Canonicalization, body, header
from mailauth.dns import Zone
from mailauth.domaincheck.transport import lint_mta_sts, lint_tls_reports
from mailauth.errors import SyntaxFault
from mailauth.milter.protocol import commands
from mailauth.postfix import DomainList
from mailauth.spf import received, record
from mailauth.syntax import domain, mailbox, taglist, trace
from mailauth.syntax.message import Message, normalize_line_endings
from mailauth.verdicts import Step, tree

RELAXED = Canonicalization.RELAXED


def _parse(parser: Callable[[str], object]) -> Callable[[str], object]:
    def parse(text: str) -> object:
        try:
            return parser(text)
        except SyntaxFault:
            return None

    return parse


def _tags(text: str) -> object:
    return taglist.parse(text.encode())


def _relaxed_header(text: str) -> object:
    return header(Message.parse(text.encode()).fields, RELAXED)


def _relaxed_body(text: str) -> object:
    return body(text.encode(), RELAXED)


def _simple_body(text: str) -> object:
    return body(text.encode(), Canonicalization.SIMPLE)


def _verify(text: str) -> object:
    policy = dkim.Policy(max_header_octets=10**9, max_fields=10**9)
    return zone().run(dkim.verify(text.encode(), now=NOW, policy=policy))


def _chain(text: str) -> object:
    return zone().run(arc.verify(text.encode(), now=NOW))


def _record(terms: str) -> object:
    return _parse(lambda text: record.parse(text.encode()))(f"v=spf1 {terms}"[:65_535])


def _spf(text: str) -> object:
    """The record before the semicolon, with the local part after it."""
    terms, _, local = text.partition(";")
    checked = spf.check(ip="192.0.2.1", helo="h.x", sender=f"{local}@x.example")
    return Zone({"x.example": {"TXT": [f"v=spf1 {terms} -all"]}}).run(checked)


def _autopsy(text: str) -> object:
    """Of a message whose body is another one."""
    head = SIGNED.partition("\r\n\r\n")[0]
    return zone().run(autopsy(f"{head}\r\n\r\n{text}".encode()))


def _encoded(text: str) -> object:
    return list(encodedwords.encoded(text.encode()))


def _secrets(text: str) -> object:
    try:
        return list(srs.entries(text.encode()))
    except srs.UnusableSecrets:
        return None


def _reversed(text: str) -> object:
    try:
        return srs.reverse(text, secrets=SECRETS, now=NOW)
    except srs.SRSError:
        return None


def _listed(text: str) -> object:
    return OWN.has("a", text)


def _policy(text: str) -> object:
    return dmarc.lint_record(f"v=DMARC1; {text}".encode())


def _author(text: str) -> object:
    octets = f"From: {text}\r\n\r\n".encode()
    return Zone({}).run(dmarc.check(octets))


def _transport(text: str) -> object:
    return lint_mta_sts(text.encode()), lint_tls_reports(text.encode())


def _tree(text: str) -> object:
    return tree([Step(len(text) - at, "") for at in range(len(text))])


def _page(text: str) -> object:
    octets = f"Subject: {text}\r\n\r\n".encode()
    message = Message.parse(octets)
    report = Zone({}).run(authenticate(message, now=0))
    return pages.of_messages([pages.Judged("", message, report)] * 3, now=0)


def _three(text: str) -> str:
    """The fields of a set, with anything in them."""
    return "".join(
        f"{name}: i=1; {text}\r\n"
        for name in ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results")
    )


def _told(text: str) -> object:
    """What is told of a chain whose sealer is trusted."""
    message = chains.Sealer().add(told=f"mx.example.com; {text}").message
    asked = authenticate(message, now=NOW, trusted_sealers=["example.com"])
    report = zone().run(asked)
    return report.override(), list(report.explain()), report.as_dict()


def _claimed(text: str) -> object:
    return authres.is_claimed(text[: authres.MAX_OCTETS], "mx.example.org")


SECRETS = srs.Secrets.parse(b"tops3cr3t")
OWN = DomainList.of([".example.com"])
QP = "content-transfer-encoding: quoted-printable\r\n"
SIGNED = signed().decode()
BOMBS: list[tuple[str, Callable[[str], object], Callable[[int], str]]] = [
    ("MSG-12-blanks", _relaxed_body, lambda n: " " * n + "x"),
    ("MSG-12-trailing-blanks", _relaxed_body, lambda n: " " * n + "\r\n"),
    ("MSG-12-pairs", _relaxed_body, lambda n: "a  \t" * (n // 4)),
    ("MSG-06-line-ends", _relaxed_body, lambda n: "\r\n" * (n // 2) + "x"),
    ("MSG-06-line-ends-simple", _simple_body, lambda n: "x" + "\r\n" * (n // 2)),
    ("MSG-06-bare", _simple_body, lambda n: "\r" * n + "\n" * n),
    ("MSG-10-one-line", _relaxed_body, lambda n: "x" * n),
    ("MSG-08-folds", _relaxed_header, lambda n: "A: x" + "\r\n y" * (n // 4) + "\r\n\r\n"),
    ("MSG-08-blank-folds", _relaxed_header, lambda n: "A:" + "\r\n " * (n // 3) + "\r\n\r\n"),
    ("MSG-09-fields", _verify, lambda n: "A: b\r\n" * (n // 20) + SIGNED),
    ("MSG-09-junk-lines", _verify, lambda n: "junk\r\n" * (n // 20) + SIGNED),
    ("DKIM-33-signatures", _verify, lambda n: "DKIM-Signature: v=1\r\n" * (n // 40) + SIGNED),
    ("DKIM-03-froms", _verify, lambda n: "From: b\r\n" * (n // 20) + SIGNED),
    ("MSG-02-lf", lambda text: normalize_line_endings(text.encode()), lambda n: "\n" * n),
    ("DKIM-14-tags", _parse(_tags), lambda n: "a=b;" * (n // 4)),
    ("DKIM-14-blanks", _parse(_tags), lambda n: "a=" + " " * n),
    ("domain", _parse(domain.parse), lambda n: "é" * n),
    ("MSG-15-comments", _parse(mailbox.parse_addresses), lambda n: "(" * n),
    ("MSG-15-words", _parse(mailbox.parse_addresses), lambda n: "a " * (n // 2) + "<a@b.c>"),
    ("MSG-15-addresses", _parse(mailbox.parse_addresses), lambda n: "a@b.c," * (n // 12) + "a@b.c"),
    ("SPF-18-macros", _record, lambda n: "exists:" + "%{l1r-}." * (n // 8) + "x.y"),
    ("SPF-18-delimiters", _spf, lambda n: "exists:%{l1r+-/}.x.y;" + "a+-" * (n // 3)),
    (
        "SPF-18-repeated",
        _spf,
        lambda n: "exists:" + "%{l}%{lr+}" * (n // 20) + ".x.y;" + "a+" * (n // 4),
    ),
    ("SPF-18-terms", _record, lambda n: "a " * (n // 2)),
    ("SPF-18-modifiers", _record, lambda n: "x=%%%% " * (n // 7)),
    ("SPF-11-one-term", _record, lambda n: "a" * n),
    ("SPF-11-prefixes", _record, lambda n: "a/" * (n // 2)),
    ("SPF-19-local-parts", _spf, lambda n: "exists:%{l}.x.y;" + '"' + "\\a" * (n // 2) + '"'),
    ("Received-SPF-comments", _parse(received.parse), lambda n: "pass (" + "(" * n),
    ("Received-words", trace.parse_received, lambda n: "from a (" + "b " * (n // 2) + ")"),
    ("Received-literals", trace.parse_received, lambda n: "from a (" + "[" * n + ")"),
    ("Received-helo", trace.parse_received, lambda n: "from a" + " (helo x)" * (n // 9)),
    ("Received-brackets", trace.parse_received, lambda n: "from a" + " [b] (c)" * (n // 8)),
    ("AR-06-results", _parse(authres.parse), lambda n: "mx" + "; a=b" * (n // 5)),
    ("AR-03-comments", _parse(authres.parse), lambda n: "mx" + "(" * n),
    ("AR-03-words", _claimed, lambda n: "o; " + '"a" (b) ' * (n // 8)),
    ("AR-03-strings", _claimed, lambda n: "o; " + '"' * n),
    ("folds-of-an-mta", lambda text: commands.split(text.encode()), lambda n: "A:" + "\r\n " * n),
    ("autopsy-blanks", _autopsy, lambda n: " \t" * (n // 2)),
    ("autopsy-lines", _autopsy, lambda n: "a\r\n" * (n // 3)),
    ("autopsy-parts", _autopsy, lambda n: "--x\r\n\r\n" * (n // 7)),
    ("autopsy-heads", _autopsy, lambda n: ("--x\r\n" + "a: b\r\n" * 49) * (n // 300)),
    ("autopsy-encodings", _autopsy, lambda n: QP * (n // 46)),
    ("autopsy-wide-lines", _autopsy, lambda n: ("x" * 998 + "\r\n") * (n // 1000)),
    ("autopsy-names", _encoded, lambda n: "<é" + "a" * (n // 10)),
    ("DMARC-08-tags", _policy, lambda n: "x=y;" * (n // 4)),
    ("DMARC-08-blanks", _policy, lambda n: "p" + " \t" * (n // 2) + "= none"),
    ("DMARC-08-one-tag", _policy, lambda n: "p=none; " + "a" * n),
    ("DMARC-15-reports", _policy, lambda n: "p=none; rua=" + "mailto:a@b.c," * (n // 13)),
    ("DMARC-15-sizes", _policy, lambda n: "p=none; rua=mailto:a@b.c" + "!1" * (n // 2)),
    ("DMARC-02-authors", _author, lambda n: "a@b.c, " * (n // 7) + "a@b.c"),
    ("DMARC-03-brackets", _author, lambda n: "<" * n),
    ("ARC-01-instances", _chain, lambda n: "ARC-Seal: i=1; a=b\r\n" * (n // 20) + "\r\n"),
    ("ARC-01-sets", _chain, lambda n: _three("x" * (n // 150)) * 50 + "\r\n"),
    ("ARC-04-tags", _chain, lambda n: "ARC-Seal:" + "a=b;" * (n // 4) + "i=1\r\n\r\n"),
    ("ARC-08-blanks", _chain, lambda n: _three(" \r\n " * (n // 4)) + "\r\n"),
    ("ARC-08-testimony", _told, lambda n: "a=b;" * (n // 4)),
    ("transport-fields", _transport, lambda n: "v=STSv1;" + "a=b;" * (n // 4)),
    ("transport-reports", _transport, lambda n: "v=TLSRPTv1;rua=" + "https:," * (n // 7)),
    ("steps", _tree, lambda n: "x" * n),
    ("pages-words", _page, lambda n: "=?utf-8?q?=20?= " * (n // 16)),
    ("SRS-08-comments", _secrets, lambda n: "#\n" * (n // 2)),
    ("SRS-16-fields", _reversed, lambda n: "SRS0=" * (n // 5) + "@x.example"),
    ("SRS-16-labels", _listed, lambda n: "a." * (n // 2)),
    ("MSG-15-quotes", _parse(mailbox.parse_addresses), lambda n: '"' + "\\a" * (n // 2)),
]


def _seconds(run: Callable[[str], object], text: str) -> float:
    """The best of three; the collector's passes depend on all that other tests have left."""
    best = float("inf")
    for _ in range(3):
        gc.disable()
        start = time.process_time()
        run(text)
        best = min(best, time.process_time() - start)
        gc.enable()
    return best


@pytest.mark.parametrize(("run", "bomb"), [row[1:] for row in BOMBS], ids=[row[0] for row in BOMBS])
def test_time_is_linear(run: Callable[[str], object], bomb: Callable[[int], str]) -> None:
    """A quadratic parser takes sixteen times as long; noise gets three tries."""
    small, large = bomb(20_000), bomb(80_000)
    ratios = []
    for _ in range(3):
        ratios.append(_seconds(run, large) / max(_seconds(run, small), 0.0005))
        if ratios[-1] < 8:
            return
    pytest.fail(f"four times the input took {ratios} times as long")


def test_the_measure_can_fail() -> None:
    quadratic = _seconds(lambda text: [text[i:] for i in range(0, len(text), 8)], "x" * 40_000)
    linear = _seconds(lambda text: [text[i:] for i in range(0, len(text), 8)], "x" * 10_000)
    assert quadratic / linear > 4
