"""What a lint or a check finds in a record: one noun for all protocols."""

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
    """Receivers refuse the record, or anybody may do what it should forbid."""
    WARNING = "warning"
    """It works, and is likely not what was meant."""
    NOTE = "note"
    """Worth knowing; nothing has to be mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend."""

    code: str
    """It does not change, so that programs can go by it."""
    severity: Severity
    sentence: str
    domain: str
    """In whose record."""
    place: str = ""
    """The term or tag, as the record has it."""
    remedy: str = ""
    """What to publish or to do instead."""
    shown: str = ""
    """The text of which it speaks, on lines of their own: a caret is under the place of a fault."""


def with_remedies(found: Iterable[Finding], remedies: Mapping[str, str]) -> list[Finding]:
    """The findings, each with the remedy for its code if it has none of its own."""
    return [
        each if each.remedy else replace(each, remedy=remedies.get(each.code, "")) for each in found
    ]


def meant(texts: Iterable[bytes], word: bytes) -> list[bytes]:
    """Those that begin as if they were meant for records of v=WORD1; `word` is a pattern."""
    begins = rb"[^A-Za-z0-9]{0,9}(?:v[\s=:-]{0,9}%b|%bv?1)" % (word, word)
    return [octets for octets in texts if re.match(begins, octets, re.IGNORECASE)]


def unanswered(failure: Exception, domain: str) -> Finding:
    """The DNS did not answer, so nothing is known of the record of `domain`."""
    sentence = f"the DNS did not answer: {failure}"
    return Finding(UNANSWERED, Severity.WARNING, sentence, domain, remedy="ask again later")


def has_errors(found: Iterable[Finding]) -> bool:
    """Whether something is broken."""
    return any(each.severity is Severity.ERROR for each in found)


def has_unanswered(found: Iterable[Finding]) -> bool:
    """Whether the DNS did not answer some question; asking again later may tell more."""
    return any(each.code == UNANSWERED for each in found)
