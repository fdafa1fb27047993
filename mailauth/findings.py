"""What a lint or a check finds in a record: one class for all protocols."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

UNANSWERED: Final = "dns"
"""The code of a finding that says only that the DNS did not answer."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Receivers refuse the record, or it allows what it should forbid."""
    WARNING = "warning"
    """It works, but is probably not what was meant."""
    NOTE = "note"
    """Worth knowing; nothing needs fixing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found."""

    code: str
    """Stable, so that programs can rely on it."""
    severity: Severity
    sentence: str
    domain: str
    """The domain, or the name of the record, that it is about."""
    place: str = ""
    """The term or tag, as written in the record."""
    remedy: str = ""
    """What to publish or to do instead."""
    shown: str = ""
    """The text in question, to be shown on lines of its own; a caret marks the place of a fault."""


def with_remedies(found: Iterable[Finding], remedies: Mapping[str, str]) -> list[Finding]:
    """The findings, each with the remedy for its code if it has none of its own."""
    return [
        each if each.remedy else replace(each, remedy=remedies.get(each.code, "")) for each in found
    ]


def meant(texts: Iterable[bytes], word: bytes) -> list[bytes]:
    """The texts that begin as if meant to be records of v=WORD1; `word` is a pattern."""
    begins = rb"[^A-Za-z0-9]{0,9}(?:v[\s=:-]{0,9}%b|%bv?1)" % (word, word)
    return [octets for octets in texts if re.match(begins, octets, re.IGNORECASE)]


def unanswered(failure: Exception, domain: str) -> Finding:
    """The finding that the DNS did not answer, so the record of `domain` is not known."""
    sentence = f"the DNS did not answer: {failure}"
    return Finding(UNANSWERED, Severity.WARNING, sentence, domain, remedy="ask again later")


def has_errors(found: Iterable[Finding]) -> bool:
    """Whether any finding is an error."""
    return any(each.severity is Severity.ERROR for each in found)


def has_unanswered(found: Iterable[Finding]) -> bool:
    """Whether the DNS did not answer some question; asking again later may tell more."""
    return any(each.code == UNANSWERED for each in found)
