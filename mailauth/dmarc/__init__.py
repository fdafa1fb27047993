"""DMARC: is the author's domain vouched for, and what does it want if not? (RFC 9989)."""

from mailauth.dmarc.discover import (
    Discovered,
    Silence,
    Walk,
    Walks,
    find_policy,
    is_same_organization,
    organizational_domain,
    walk,
)
from mailauth.dmarc.evaluate import Ahead, check, look_ahead
from mailauth.dmarc.lint import lint, lint_record
from mailauth.dmarc.record import Alignment, Disposition, Record
from mailauth.dmarc.verdict import Result, Verdict

__all__ = [
    "Ahead",
    "Alignment",
    "Discovered",
    "Disposition",
    "Record",
    "Result",
    "Silence",
    "Verdict",
    "Walk",
    "Walks",
    "check",
    "find_policy",
    "is_same_organization",
    "lint",
    "lint_record",
    "look_ahead",
    "organizational_domain",
    "walk",
]
