"""The result words of SPF (RFC 7208 §2.6)."""

from enum import StrEnum


class Result(StrEnum):
    """The results of check_host() (RFC 7208 §2.6)."""

    NONE = "none"
    """There is no domain to check, or it publishes no record."""
    NEUTRAL = "neutral"
    """The domain says nothing about this host."""
    PASS = "pass"  # noqa: S105 - a word of the RFC, no secret
    """The host may send for the domain."""
    FAIL = "fail"
    """The host may not send for the domain."""
    SOFTFAIL = "softfail"
    """The host probably may not send for the domain."""
    TEMPERROR = "temperror"
    """The DNS did not answer; a later attempt may succeed."""
    PERMERROR = "permerror"
    """The records of the domain cannot be read; its owner must correct them."""
