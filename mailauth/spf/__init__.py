"""SPF: may this host send mail for this domain? (RFC 7208, 8616)."""

from mailauth.spf.build import build
from mailauth.spf.check import RFC7208, Policy, check, check_helo, check_host
from mailauth.spf.flatten import Flattened, flatten
from mailauth.spf.lint import Finding, lint, lint_record
from mailauth.spf.received import ReceivedSPF
from mailauth.spf.record import Qualifier, Record
from mailauth.spf.verdict import Result, Verdict

__all__ = [
    "RFC7208",
    "Finding",
    "Flattened",
    "Policy",
    "Qualifier",
    "ReceivedSPF",
    "Record",
    "Result",
    "Verdict",
    "build",
    "check",
    "check_helo",
    "check_host",
    "flatten",
    "lint",
    "lint_record",
]
