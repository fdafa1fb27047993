"""DMARC: its records and evaluations, the check of a domain, and the pages, in hostile zones."""

import json
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from mailauth import dkim, dmarc, domaincheck, pages, spf
from mailauth.authenticate import authenticate
from mailauth.dmarc import record as records
from mailauth.dns import MX, Answer, Question, RRType, Status, run
from mailauth.domaincheck.transport import lint_mta_sts, lint_tls_reports
from mailauth.errors import SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax.message import Message

CLIENT = "192.0.2.1"


def dmarc_record(octets: bytes) -> None:
    """Any octets are a policy record, which formats and parses to itself, or a SyntaxFault."""
    dmarc.lint_record(octets)
    lint_mta_sts(octets)
    lint_tls_reports(octets)
    with suppress(SyntaxFault):
        record = records.parse(octets)
        assert records.format(records.parse(records.format(record).encode())) == (
            records.format(record)
        )


def dmarc_check(octets: bytes) -> None:
    """Any message and zone give a verdict; it is a permerror unless there is one author domain."""
    signers = [dkim.Verdict(dkim.Result.PASS, "", domain=name) for name in _names(octets)]
    sender = spf.Verdict(spf.Result.PASS, "", (_names(octets) or [""])[-1])
    verdict = run(dmarc.check(octets, spf=sender, dkim=signers), _hostile(octets))
    assert verdict.reason
    assert (verdict.domain == "") == (verdict.result is dmarc.Result.PERMERROR)
    if verdict.result is dmarc.Result.PASS:
        assert verdict.dkim_domain or verdict.spf_domain


def domain_check(octets: bytes) -> None:
    """Any zone gives a report, within a bounded number of questions, and a page."""
    asked: list[Question] = []
    hostile = _hostile(octets)

    def resolve(question: Question) -> Any:  # noqa: ANN401 - an answer
        asked.append(question)
        return hostile(question)

    addresses = [*_answer(RRType.A, octets), *_answer(RRType.AAAA, octets)]
    checked = domaincheck.check("a.example.com", selectors=["x"], addresses=addresses, now=0)
    report = run(checked, resolve)
    assert len(asked) < MOST_QUESTIONS
    assert json.dumps(report.as_dict())
    assert "<script" not in pages.of_domain(report)


def page(octets: bytes) -> None:
    """Any message gives a page, in which no markup of the message takes effect."""
    told = authenticate(octets, ip=CLIENT, helo="<script>", mail_from="", now=0)
    report = run(told, _hostile(octets))
    judged = pages.Judged("<script>", Message.parse(octets), report, ("<script>",))
    text = pages.of_messages([judged], now=0)
    assert "<script" not in text
    assert text.count("<style") == 1


MOST_QUESTIONS = 700


def _names(octets: bytes) -> list[str]:
    """The words in the octets that are domains."""
    found = []
    for word in octets[:400].decode("latin-1").replace("@", " ").split()[:8]:
        with suppress(SyntaxFault):
            found.append(domains.parse(word))
    return found


def _hostile(octets: bytes) -> Any:  # noqa: ANN401 - a resolver of any records
    """A resolver whose answers are the octets themselves, with every status."""

    def resolve(question: Question) -> Answer[Any]:
        dice = len(question.name) + len(octets)
        status = Status.EXISTS if dice % 3 else list(Status)[dice % len(Status)]
        records_ = _answer(question.rrtype, octets) if status is Status.EXISTS else ()
        return Answer(status, records_)

    return resolve


def _answer(rrtype: RRType, octets: bytes) -> tuple[Any, ...]:
    words = octets[:300].decode("latin-1").split()
    match rrtype:
        case RRType.TXT:
            return tuple(octets.split(b"\n")[:3])
        case RRType.MX:
            return tuple(MX(10, word.rstrip(".")) for word in words[:4])
        case RRType.A:
            return (IPv4Address(len(octets)), IPv4Address(CLIENT))
        case RRType.AAAA:
            return (IPv6Address(len(octets)),)
        case _:
            return tuple(words[:3])


TARGETS = (dmarc_record, dmarc_check, domain_check, page)
