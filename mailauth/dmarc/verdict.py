"""The verdict of DMARC: a result word of RFC 9989 §9.1 and the reason for it."""

from enum import StrEnum
from typing import Any, NamedTuple, Never

from mailauth.dmarc.record import Disposition
from mailauth.verdicts import Step, not_a_boolean


class Result(StrEnum):
    """The results of the method dmarc (RFC 9989 §9.1)."""

    NONE = "none"
    """The author's domain publishes no policy."""
    PASS = "pass"  # noqa: S105 - a word of the RFC, no secret
    """An authenticated domain is aligned with the author's."""
    FAIL = "fail"
    """No authenticated domain is aligned with the author's."""
    TEMPERROR = "temperror"
    """The DNS did not answer; a later attempt may succeed."""
    PERMERROR = "permerror"
    """There is no single author domain to judge by."""


class Verdict(NamedTuple):
    """The verdict on the author's domain of one message.

    Compare its `result`: a question with five answers refuses to be a boolean.
    """

    result: Result
    reason: str
    """A sentence for a postmaster; it may quote octets of the message."""
    domain: str = ""
    """The author domain, as A-labels (§3.2.2)."""
    disposition: Disposition = Disposition.NONE
    """What the domain's owner wants done with the message, t=y counted in; none if it passes."""
    policy: Disposition | None = None
    """What the owner publishes for such mail, p=, sp= or np=."""
    policy_domain: str = ""
    """Where the record stands (§3.2.9)."""
    organizational_domain: str = ""
    """Where the author's organization begins (§4.10.2)."""
    listed_domain: str = ""
    """The organizational domain by a public suffix list, if one was given; it decides nothing."""
    dkim_domain: str = ""
    """The domain of an aligned signature that passes."""
    spf_domain: str = ""
    """The domain of SPF, if it passes and is aligned."""
    testing: bool = False
    """t=y: the owner only tests the policy."""
    steps: tuple[Step, ...] = ()
    """The evaluation: each record, each question, each identifier."""

    def __bool__(self) -> Never:
        raise not_a_boolean()

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON, each value under its attribute's name; without its steps."""
        told = self._asdict()
        del told["steps"]
        return told
