"""The verdict on a chain: its validation status, who sealed it, and the reason (RFC 8617)."""

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

    A pass says who handled the message and what they claim, not that it is true:
    anyone may seal (§9).  `trusted` says whether all of them are believed here.
    """

    result: Result
    reason: str
    """A sentence for a postmaster; it may quote octets of the message."""
    sealers: tuple[str, ...] = ()
    """The domains of the seals (d=), from the oldest to the newest."""
    testimony: tuple[str, ...] = ()
    """What each sealer says about the message as it received it, in the same order (§4.1.1)."""
    oldest_pass: int | None = None
    """The instance from which on all message signatures verify; 0: all of them (§5.2, step 5)."""
    trusted: bool = False
    """The chain passes, and every sealer is one of those that are trusted.

    False if the newest message signature lacks what `dkim.Policy` demands of one.
    """
    temporary: bool = False
    """It fails because the DNS did not answer; the RFC has no temporary failure (§5.2.1)."""
    steps: tuple[Step, ...] = ()
    """The questions for keys, and then what was checked, from the newest set to the oldest."""

    def __bool__(self) -> Never:
        raise not_a_boolean()

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON, each value under its attribute's name; without its steps."""
        told = self._asdict()
        del told["steps"]
        return told
