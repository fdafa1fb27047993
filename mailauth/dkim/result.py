"""The result words of DKIM (RFC 8601 §2.7.1).

A `Refusal` carries one, and its reason, to where the verdict is made.
"""

from enum import StrEnum


class Result(StrEnum):
    """The results of the method dkim (RFC 8601 §2.7.1)."""

    NONE = "none"
    """The message is not signed."""
    PASS = "pass"  # noqa: S105 - a word of the RFC, no secret
    """The signature verifies and is acceptable."""
    FAIL = "fail"
    """The signature is well-formed, but the message is not what was signed."""
    POLICY = "policy"
    """Something about the signature is not acceptable to the verifier."""
    NEUTRAL = "neutral"
    """The signature does not count, for example because its key is in test mode (t=y)."""
    TEMPERROR = "temperror"
    """The DNS did not answer; a later attempt may."""
    PERMERROR = "permerror"
    """The signature, its key or the message is malformed or unsupported."""


class Refusal(Exception):
    """Why a signature is not accepted; caught where its verdict is made."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(result, reason)
        self.result = result
        self.reason = reason

    def __str__(self) -> str:
        return self.reason
