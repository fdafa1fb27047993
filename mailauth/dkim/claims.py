"""What a signer says about itself: a=, d=, i=, s=, t=, x= (RFC 6376 §3.5, RFC 8617 §4.1).

A signature that every verifier, ours included, must refuse would be useless.  So a
value that its tag cannot hold is the caller's mistake: the functions that return a
tag **raise** BadArgument.
"""

from typing import Final

from mailauth.dkim import key as keys
from mailauth.errors import BadArgument
from mailauth.keys import Algorithm, Signer
from mailauth.syntax import domain as domains
from mailauth.syntax.abnf import LOCAL_PART


def algorithm(key: Signer) -> Algorithm:
    """a=, the algorithm of the signatures of `key`."""
    claimed = getattr(key, "algorithm", None)
    if claimed is None:  # for example the octets of a key, which no error may show
        kind = type(key).__name__
        msg = f"{kind} is not a key that signs: load one with PrivateKey.load or PrivateKey.read"
        raise BadArgument(msg)
    try:
        return Algorithm(claimed)
    except ValueError:
        msg = f"the key's algorithm {claimed!r:.40} is not rsa-sha256 or ed25519-sha256"
        raise BadArgument(msg) from None


def place(domain: str, selector: str) -> tuple[str, str]:
    """d= and s=, as A-labels (RFC 8616 §4), where a key can be published."""
    domain, selector = domains.given(domain), domains.given(selector)
    reason = unfit(domain, selector)
    if reason:
        raise BadArgument(reason)
    return domain, selector


def unfit(domain: str, selector: str) -> str:
    """Why no signature with these A-labels as d= and s= can count; "" if it can."""
    if "." not in domain:  # RFC 6376 §6.1.1
        return f"{domain} is a top-level domain, and verifiers accept no signature of one"
    if len(keys.name(domain, selector)) > domains.MAX_NAME:  # RFC 6376 §3.6.2.1
        return f"the name of the key, {selector}._domainkey.{domain}, has more than 253 octets"
    return ""


def identity(text: str) -> tuple[str, str]:
    """i= in two: the local part, which may be "", and the domain as A-labels (RFC 6376 §3.5)."""
    local, at, name = text.rpartition("@")
    if not at:
        msg = f"the identity {text!r} has no @: for a whole domain, put one before it"
        raise BadArgument(msg)
    if local and not LOCAL_PART.fullmatch(local):  # verifiers may refuse the signature
        raise BadArgument(f"{local!r:.80} is not a local part (RFC 5321)")
    return local, domains.given(name)


def time(now: int) -> str:
    """t=, in seconds since the epoch."""
    return _digits(now, "now must be a whole number of seconds since the epoch")


def expiry(now: int | None, expire: int) -> str:
    """x=, which is later than t= (RFC 6376 §3.5)."""
    what = "expire must be a number of seconds after now, and needs now"
    if now is None or not int(_digits(expire, what)):
        raise BadArgument(what)
    return _digits(now + expire, what)


def _digits(seconds: int, what: str) -> str:
    """1*12DIGIT, as sig-t-tag and sig-x-tag have them."""
    if type(seconds) is not int or not 0 <= seconds <= _LATEST:
        raise BadArgument(f"{what}, with at most 12 digits")
    return str(seconds)


_LATEST: Final = 10**12 - 1
