"""SPF: its records, and checks in hostile zones."""

from contextlib import suppress
from typing import Any

from mailauth import spf
from mailauth.dns import Answer, Question, RRType, Status, run
from mailauth.errors import SyntaxFault
from mailauth.spf import record as records


def spf_record(octets: bytes) -> None:
    """Any octets are an SPF record, which formats and parses to itself, or a SyntaxFault."""
    spf.lint_record(octets)
    with suppress(SyntaxFault):
        record = records.parse(octets)
        assert records.format(records.parse(records.format(record).encode())) == (
            records.format(record)
        )


def spf_check(octets: bytes) -> None:
    """Any zone and any identity give a verdict, within the look-up limits."""
    texts = octets.split(b"\r\n")
    words = octets[:200].decode("latin-1").split(" ")

    def resolve(question: Question) -> Answer[Any]:
        if question.rrtype is RRType.TXT:
            return Answer(Status.EXISTS, tuple(texts[len(question.name) % len(texts) :][:3]))
        return Answer(list(Status)[len(question.name) % len(Status)])

    checked = spf.check(ip="192.0.2.1", helo=words[0], sender=words[-1])
    assert run(checked, resolve).lookups <= spf.RFC7208.max_lookups + 1


TARGETS = (spf_record, spf_check)
