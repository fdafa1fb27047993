"""DMARC: is the author's domain vouched for, and what does it want if not? (RFC 9989)."""

from mailauth.dmarc.discover import (
    Discovered,
    Walk,
    Walks,
    find_policy,
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
    "Verdict",
    "Walk",
    "Walks",
    "check",
    "find_policy",
    "lint",
    "lint_record",
    "look_ahead",
    "organizational_domain",
    "walk",
]
