"""The verdict of an SPF check: a result word of RFC 7208 §2.6 and the reason for it."""

from typing import Any, NamedTuple, Never

from mailauth.spf.result import Result
from mailauth.spf.story import Story
from mailauth.verdicts import Step, not_a_boolean


class Verdict(NamedTuple):
    """The verdict on one identity of one client.

    Compare its `result`: a question with seven answers refuses to be a boolean.
    """

    result: Result
    reason: str
    """A sentence for a postmaster; it may quote octets of a record."""
    domain: str = ""
    """The domain that was checked, as A-labels."""
    identity: str = "mailfrom"
    """`mailfrom` or `helo` (§2.3, §2.4)."""
    directive: str = ""
    """The directive that matched, as its record has it."""
    directive_domain: str = ""
    """The domain in whose record it stands: `domain`, or the target of a redirect."""
    explanation: str = ""
    """Words of the domain's owner, a third party, for the sender of a failed mail (§6.2)."""
    lookups: int = 0
    """How many terms asked the DNS (§4.6.4)."""
    void_lookups: int = 0
    """How many of these found nothing in the DNS (§4.6.4)."""
    secure: bool = False
    """A validating resolver vouched for every answer (the AD bit)."""
    basis: str = "record"
    """What it was judged by: `record`, or the receiver's own `local policy` or `best guess`."""
    story: Story | None = None
    """What the evaluation did; `steps` tells it."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The evaluation: each record, each term, each question with its answer and cost."""
        return () if self.story is None else self.story.steps()

    def __bool__(self) -> Never:
        raise not_a_boolean()

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON, each value under its attribute's name; without its story."""
        told = self._asdict()
        del told["story"]
        return told
