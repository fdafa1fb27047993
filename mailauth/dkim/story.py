"""The story of one signature: how far its verification came, told when somebody asks.

Telling costs more than most verdicts are worth, so a verdict keeps what was at
hand, the key record and the last stage that went well, and the words come later.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from mailauth.verdicts import Step

if TYPE_CHECKING:
    from mailauth.dkim.verdict import Verdict


class Stage(IntEnum):
    """How far a verification came (RFC 6376 §6.1)."""

    READ = 0
    """The field is a signature, or claims to be one."""
    TIMELY = 1
    """It has begun and has not expired; its key was asked for."""
    FOUND = 2
    """There is a key record."""
    KEYED = 3
    """Its key may verify this signature."""
    BODY = 4
    """The body is what was signed."""
    HEADER = 5
    """So is the header."""
    ADMITTED = 6
    """Policy has nothing against it."""


def steps(verdict: "Verdict") -> Iterator[Step]:
    """What was asked and compared, in order; what stopped it comes last."""
    stage = verdict.stage
    if stage >= Stage.TIMELY:
        found = verdict.reason if verdict.record is None else verdict.record.shown()
        yield Step(0, f"? TXT of {verdict.selector}._domainkey.{verdict.domain}: {found}")
    if stage >= Stage.KEYED:
        yield Step(0, f"the key may verify it: {verdict.algorithm}, {verdict.key_size} bits")
    if stage >= Stage.BODY:
        yield Step(0, "the body is what was signed: bh= agrees")
    if stage >= Stage.HEADER:
        fields = ", ".join(dict.fromkeys(verdict.signed_fields))
        yield Step(0, f"the header is what was signed: b= verifies over {fields}")
    if stage < Stage.ADMITTED and verdict.domain and stage != Stage.TIMELY:
        yield Step(0, verdict.reason)
