"""Before a key signs: whether it is the published one, and whether verifiers would accept it."""

from enum import StrEnum
from typing import NamedTuple

from mailauth.dkim import claims
from mailauth.dkim import key as keys
from mailauth.dkim.result import Refusal
from mailauth.dkim.verify import usable_key
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups
from mailauth.errors import UnusableKey
from mailauth.keys import Algorithm, PublicKey
from mailauth.syntax import domain as domains


class Published(StrEnum):
    """What is published at the name of a key."""

    OK = "ok"
    MISSING = "missing"
    REVOKED = "revoked"
    DIFFERENT = "different"
    UNUSABLE = "unusable"
    """A key or a record that verifiers refuse."""
    UNKNOWN = "unknown"
    """The DNS did not answer."""


class Preflight(NamedTuple):
    """The result of a preflight; `testing` and `secure` are as in a `Verdict`."""

    result: Published
    reason: str
    testing: bool = False
    secure: bool = False


class _Signed(NamedTuple):
    """The parts of a signature by the key that a verifier compares with the record."""

    algorithm: Algorithm
    domain: str
    identity_domain: str


def preflight(
    key: PublicKey, *, domain: str, selector: str, identity: str | None = None
) -> Lookups[Preflight]:
    """Whether `key` is the one published for `selector` and `domain` (RFC 6376 §3.6.2.1).

    `identity` is the i= of its signatures, if they have one.  **Asks** two TXT questions
    at most.  **Raises** BadArgument: no key can be published there, or no such i= written.
    """
    domain, selector = claims.place(domain, selector)
    of_identity = domains.given(identity.rpartition("@")[2]) if identity else domain
    signed = _Signed(key.algorithm, domain, of_identity)
    try:
        record, secure = yield from keys.find_key(domain, selector)
    except LookupFailed as failure:
        return Preflight(Published.UNKNOWN, str(failure))
    except Refusal as refusal:
        twice = yield from keys.find_misplaced(domain, selector)
        where = f"; there is one at {twice}: give the name without the domain" if twice else ""
        return Preflight(Published.MISSING, f"{refusal.reason}{where}")
    found = _compared(key, record, signed, f"the key at {keys.name(domain, selector)}")
    return found._replace(testing=record.testing, secure=secure)


def _compared(key: PublicKey, record: keys.KeyRecord, signed: _Signed, published: str) -> Preflight:
    if record.revoked:
        return Preflight(Published.REVOKED, f"{published} is withdrawn: p= is empty")
    try:
        if record.public_key() != key:
            return Preflight(Published.DIFFERENT, f"{published} is not the one that signs")
        usable_key(record, signed)
    except UnusableKey as fault:
        return Preflight(Published.UNUSABLE, f"{published}: {fault}")
    except Refusal as refusal:
        return Preflight(Published.UNUSABLE, f"{published}: {refusal.reason}")
    return Preflight(Published.OK, f"{published} is the one that signs")
