"""The verdict on a signature: a result, its reason, and how far the verification got.

Putting every step into words costs more than most verdicts are worth.  So a verdict
keeps what is at hand, the key record and the last stage passed, and `steps` finds the
words when they are wanted.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple, Never

from mailauth.dkim.key import KeyRecord
from mailauth.dkim.result import Result
from mailauth.verdicts import Step, not_a_boolean


class Stage(IntEnum):
    """How far a verification got (RFC 6376 §6.1)."""

    READ = 0
    """The field is a signature, or claims to be one."""
    TIMELY = 1
    """It is neither from the future nor expired; its key was asked for."""
    FOUND = 2
    """There is a key record."""
    KEYED = 3
    """Its key may verify this signature."""
    BODY = 4
    """The body is what was signed."""
    HEADER = 5
    """The header, too, is what was signed."""
    ADMITTED = 6
    """Policy has nothing against it."""


class Verdict(NamedTuple):
    """The verdict on one signature.

    Compare its `result`: a question with seven answers refuses to be a boolean.
    """

    result: Result
    reason: str
    """A sentence for a postmaster; it may quote octets of the message."""
    domain: str | None = None  # d=, the SDID
    """As A-labels.  If a tag is refused, this and the next three are as written, but cut."""
    selector: str | None = None  # s=
    identity: str | None = None  # i=, the AUID
    algorithm: str | None = None  # a=
    key_size: int | None = None
    """Bits of the public key; 256 for Ed25519."""
    testing: bool = False
    """The domain only tests DKIM: t=y in its key record (RFC 6376 §3.6.1)."""
    signed_at: int | None = None  # t=, seconds since the epoch
    expires_at: int | None = None  # x=
    signed_fields: tuple[str, ...] = ()  # h=, in lower case
    secure: bool = False
    """A validating resolver vouched for the key record (the AD bit)."""
    signature: str = ""
    """The first octets of b=, which tell signatures apart (RFC 8601 §2.7.1, header.b)."""
    record: KeyRecord | None = None
    """The key record, if there is one."""
    stage: Stage = Stage.READ
    """How far the verification got; `steps` puts it into words."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The question for the key with its answer, and what was compared."""
        return tuple(_steps(self))

    def __bool__(self) -> Never:
        raise not_a_boolean()

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON, each value under its attribute's name; no `record` or `stage`."""
        told = self._asdict()
        del told["record"], told["stage"]
        return told


class Verdicts(list[Verdict]):
    """The verdicts on a message, always at least one; the list is not a boolean either."""

    def __bool__(self) -> Never:
        raise TypeError("a list of verdicts is not true or false: compare the .result of each")


def _steps(verdict: Verdict) -> Iterator[Step]:
    """What was asked and compared, in order; what stopped it comes last."""
    stage = verdict.stage
    if stage >= Stage.TIMELY:
        found = verdict.reason if verdict.record is None else verdict.record.shown()
        yield Step(0, f"? TXT of {verdict.selector}._domainkey.{verdict.domain}: {found}")
    if stage >= Stage.KEYED:
        yield Step(0, f"the key is usable: {verdict.algorithm}, {verdict.key_size} bits")
    if stage >= Stage.BODY:
        yield Step(0, "the body is what was signed: bh= agrees")
    if stage >= Stage.HEADER:
        fields = ", ".join(dict.fromkeys(verdict.signed_fields))
        yield Step(0, f"the header is what was signed: b= verifies over {fields}")
    if stage < Stage.ADMITTED and verdict.domain and stage != Stage.TIMELY:
        yield Step(0, verdict.reason)
