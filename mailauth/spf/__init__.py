"""SPF: may this host send mail for this domain? (RFC 7208, 8616)."""

from mailauth.spf.build import build
from mailauth.spf.check import check, check_helo, check_host
from mailauth.spf.flatten import Flattened, flatten
from mailauth.spf.lint import lint, lint_record
from mailauth.spf.policy import BEST_GUESS, RFC7208, Policy, networks
from mailauth.spf.received import ReceivedSPF
from mailauth.spf.record import Qualifier, Record
from mailauth.spf.result import Result
from mailauth.spf.verdict import Verdict

__all__ = [
    "BEST_GUESS",
    "RFC7208",
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
    "networks",
]
