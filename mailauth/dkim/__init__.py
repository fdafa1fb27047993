"""DKIM: sign and verify (RFC 6376, 8301, 8463, 8616).

The modules are those of the RFC: `canonical` (§3.4), `signature` (§3.5), `key` (§3.6),
`hashing` (§3.7), `sign` (§5) and `verify` (§6).  `lint` looks at published keys,
`preflight` at keys that are about to sign, `fragile` at messages before they are
signed, and `autopsy` at signatures that broke on the way.
"""

from mailauth.dkim.canonical import Canonicalization
from mailauth.dkim.hashing import BodyHasher
from mailauth.dkim.key import FoundKey, KeyRecord, find_key
from mailauth.dkim.lint import lint, lint_record
from mailauth.dkim.policy import RFC6376, RFC8301, Policy
from mailauth.dkim.preflight import Preflight, Published, preflight
from mailauth.dkim.result import Refusal, Result
from mailauth.dkim.sign import OVERSIGNED, SIGNED, Signatory, Signing, sign, sign_all
from mailauth.dkim.verdict import Verdict
from mailauth.dkim.verify import Verification, verify

__all__ = [
    "OVERSIGNED",
    "RFC6376",
    "RFC8301",
    "SIGNED",
    "BodyHasher",
    "Canonicalization",
    "FoundKey",
    "KeyRecord",
    "Policy",
    "Preflight",
    "Published",
    "Refusal",
    "Result",
    "Signatory",
    "Signing",
    "Verdict",
    "Verification",
    "find_key",
    "lint",
    "lint_record",
    "preflight",
    "sign",
    "sign_all",
    "verify",
]
