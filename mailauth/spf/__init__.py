"""SPF: may this host send mail for this domain? (RFC 7208, 8616)."""

from mailauth.spf.check import RFC7208, Policy, check, check_helo, check_host
from mailauth.spf.lint import Finding, lint, lint_record
from mailauth.spf.record import Record
from mailauth.spf.verdict import Result, Verdict

__all__ = [
    "RFC7208",
    "Finding",
    "Policy",
    "Record",
    "Result",
    "Verdict",
    "check",
    "check_helo",
    "check_host",
    "lint",
    "lint_record",
]
