"""What a chain comes to: its validation status, whose word it is, and why (RFC 8617)."""

from enum import StrEnum
from typing import Any, NamedTuple, Never

from mailauth.verdicts import Step, not_a_boolean


class Result(StrEnum):
    """The Chain Validation Status (RFC 8617 §4.4), the results of the method arc (§6)."""

    NONE = "none"
    """There is no chain."""
    PASS = "pass"  # noqa: S105 - a word of the RFC, no secret
    """Every seal and the newest message signature verify."""
    FAIL = "fail"
    """The chain is broken, and counts as if there were none (§5.2)."""


class Verdict(NamedTuple):
    """The verdict on the Authenticated Received Chain of one message.

    A pass says who held the message and what they claim, not that it is true:
    anybody may seal (§9).  `trusted` says whether all of them are believed here.
    """

    result: Result
    reason: str
    """A sentence for a postmaster; it may quote octets of the message."""
    sealers: tuple[str, ...] = ()
    """The domains of the seals (d=), from the oldest to the newest."""
    testimony: tuple[str, ...] = ()
    """What each of them says of the message as it came to it, in the same order (§4.1.1)."""
    oldest_pass: int | None = None
    """The oldest instance whose message signature still verifies; 0: all of them (§5.2, step 5)."""
    trusted: bool = False
    """The chain passes, and every sealer is one of those that are trusted.

    Not if the newest message signature leaves out what `dkim.Policy` demands of one.
    """
    temporary: bool = False
    """It fails because the DNS did not answer; the RFC knows no temporary failure (§5.2.1)."""
    steps: tuple[Step, ...] = ()
    """What was looked at, from the newest to the oldest."""

    def __bool__(self) -> Never:
        raise not_a_boolean()

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON, each value under its attribute's name; without its steps."""
        told = self._asdict()
        del told["steps"]
        return told
