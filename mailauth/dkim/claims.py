"""What a signer says about itself: a=, b=, d=, i=, s=, t=, x= (RFC 6376 §3.5, RFC 8617 §4.1).

A signature that every verifier, ours included, must refuse would be useless.  So a
value that its tag cannot hold is the caller's mistake: the functions that return a
tag **raise** BadArgument.
"""

from typing import Final

from mailauth.dkim import key as keys
from mailauth.errors import BadArgument
from mailauth.keys import MAX_RSA_BITS, MIN_RSA_BITS, Algorithm, Signer
from mailauth.syntax import domain as domains
from mailauth.syntax.abnf import LOCAL_PART


def algorithm(key: Signer) -> Algorithm:
    """a=, the algorithm of the signatures of `key`."""
    claimed = getattr(key, "algorithm", None)
    if claimed is None or not hasattr(key, "sign"):
        # For example the octets of a key, which no error may show.
        kind = type(key).__name__
        msg = f"{kind} is not a key that signs: load one with PrivateKey.load or PrivateKey.read"
        raise BadArgument(msg)
    try:
        return Algorithm(claimed)
    except ValueError:
        msg = f"the key's algorithm {claimed!r:.40} is not rsa-sha256 or ed25519-sha256"
        raise BadArgument(msg) from None


def signature(key: Signer, digest: bytes) -> bytes:
    """b=, the signature of a SHA-256 digest, as the code behind `key` returns it."""
    signed = key.sign(digest)
    allowed = _SIGNATURE_OCTETS[key.algorithm]
    is_binary = isinstance(signed, bytes | bytearray | memoryview)
    if is_binary and len(signed) in allowed:
        return signed
    returned = f"{len(signed)} octets" if is_binary else type(signed).__name__
    room = " to ".join(map(str, sorted({allowed[0], allowed[-1]})))
    msg = f"returned {returned}; a signature of {key.algorithm} is {room} octets"
    raise BadArgument(f"{type(key).__name__}.sign {msg}")


_SIGNATURE_OCTETS: Final = {
    Algorithm.RSA_SHA256: range(MIN_RSA_BITS // 8, MAX_RSA_BITS // 8 + 1),  # RFC 8017 §8.2.1
    Algorithm.ED25519_SHA256: range(64, 65),  # RFC 8032 §5.1.6
}


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
