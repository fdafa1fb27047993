"""What verification comes to: a result word of RFC 8601 §2.7.1 and the reason for it."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Never

from mailauth.dkim import story
from mailauth.dkim.story import Stage
from mailauth.verdicts import Step, not_a_boolean

if TYPE_CHECKING:
    from mailauth.dkim.key import KeyRecord


class Result(StrEnum):
    """The results of the method dkim (RFC 8601 §2.7.1)."""

    NONE = "none"
    """The message is not signed."""
    PASS = "pass"  # noqa: S105 - a word of the RFC, no secret
    """The signature verifies and is acceptable."""
    FAIL = "fail"
    """The signature is well-formed, and the message is not what was signed."""
    POLICY = "policy"
    """Something about the signature is not acceptable to the verifier."""
    NEUTRAL = "neutral"
    """The signature does not count, for example because its key is in test mode (t=y)."""
    TEMPERROR = "temperror"
    """The DNS did not answer; a later attempt may."""
    PERMERROR = "permerror"
    """The signature, its key or the message is malformed or unsupported."""


class Verdict(NamedTuple):
    """The verdict on one signature.

    It is compared by its `result`: a question with seven answers refuses to be
    a boolean.
    """

    result: Result
    reason: str
    """A sentence for a postmaster; it may quote octets of the message."""
    domain: str | None = None  # d=, the SDID
    """As A-labels.  If a tag is refused, this and the next three are as written, and cut."""
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
    record: "KeyRecord | None" = None
    """That of the key, if there is one."""
    stage: Stage = Stage.READ
    """How far the verification came; `steps` tells it."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The verification: the question for the key with its answer, and what was compared."""
        return tuple(story.steps(self))

    def __bool__(self) -> Never:
        raise not_a_boolean()

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON, each value under its attribute's name; without its story."""
        told = self._asdict()
        del told["record"], told["stage"]
        return told


class Refusal(Exception):
    """Why a signature is not accepted; caught where its verdict is made."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
