"""Which keys may be used at all (RFC 8301 §3.2, RFC 8463 §4).

Each check returns None, or raises an `UnusableKey` whose sentence says what is wrong
and what would be accepted.  The checks run before a key computes anything, so they
also bound what a stranger's key can cost.
"""

from typing import Final

from mailauth.errors import UnusableKey

MIN_RSA_BITS: Final = 1024  # RFC 8301 §3.2
MAX_RSA_BITS: Final = 8192  # a verifier may stop at 4096; 16384 bits cost 25 times 2048
DEFAULT_RSA_BITS: Final = 2048  # RFC 8301 §3.2
MIN_RSA_EXPONENT: Final = 3  # with 1, every message is its own signature
MAX_RSA_EXPONENT: Final = 2**33 - 1  # a long one costs 35 times as much as 65537
MAX_PUBLIC_KEY_OCTETS: Final = 3072  # 4096 characters of base64
ED25519_OCTETS: Final = 32
ED25519_SECRETS: Final = (ED25519_OCTETS, 2 * ED25519_OCTETS)
"""Octets of a secret: the seed, or the seed with the public half after it."""
ED25519_BITS: Final = 256


def check_rsa(bits: int, exponent: int) -> None:
    """Check the size of an RSA modulus, and its public exponent (RFC 8301 §3.2)."""
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise UnusableKey(
            f"an RSA key of {bits} bits; it must have {MIN_RSA_BITS} to {MAX_RSA_BITS}"
        )
    if not MIN_RSA_EXPONENT <= exponent <= MAX_RSA_EXPONENT or exponent % 2 == 0:
        shown = exponent if exponent <= MAX_RSA_EXPONENT else f"of {exponent.bit_length()} bits"
        raise UnusableKey(f"an RSA key with the exponent {shown}; it must be odd, from 3 to 2^33-1")


_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_Y_OF_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER: Final = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})
"""The y of the eight points of order 1, 2, 4 and 8 (both signs of x each)."""


def check_ed25519(octets: bytes) -> None:
    """Check the 32 octets of an Ed25519 public key (RFC 8463 §4, RFC 8032 §5.1.3).

    The RFCs say: decode the point, or refuse it.  OpenSSL accepts any 32 octets.  With
    a point of small order, one signature made without any private key then fits every
    message, or one in two, four or eight, so a placeholder of zeros in the DNS would
    let anyone sign.  Refused here: these points, any second encoding of a point, and
    what is not a point.
    """
    if len(octets) != ED25519_OCTETS:
        raise UnusableKey(
            f"an Ed25519 key of {len(octets)} octets; p= must have the bare {ED25519_OCTETS}"
        )
    y = int.from_bytes(octets, "little") & (2**255 - 1)  # the top bit is the sign of x
    if y >= _P:
        raise UnusableKey("an Ed25519 key that is not canonically encoded; publish a new one")
    if y in _SMALL_ORDER:
        raise UnusableKey(
            "an Ed25519 key of small order, for which one signature fits many messages; "
            "publish a real one"
        )
    # x² = u/v, a square if and only if uv is one (Euler's criterion).
    u, v = y * y - 1, _D * y * y + 1
    if pow(u * v, (_P - 1) // 2, _P) != 1:
        raise UnusableKey("an Ed25519 key that is not a point on the curve; publish a real one")
