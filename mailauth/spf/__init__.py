"""SPF: may this host send mail for this domain? (RFC 7208, 8616).

- What is published: `record` (§12) and its `macro` strings (§7).  `build` writes a
  record, `flatten` replaces its names by networks, `lint` looks for what is broken
  or `unwise` in it, and `remedies` says what to publish instead.
- What is judged: `check` takes an `identity` and the receiver's `policy`, and an
  `evaluation` of check_host() (§4 to §6) ends in a `verdict`.  `plan` prepares a
  record for it, `letters` holds the values of macros, `story` tells what it did.
- What is remembered, so that the next client of a domain is judged faster: a
  `course`, which `plot` draws, in a bounded `memory`.
- What is written into the header: `received` (§9.1).
"""

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
