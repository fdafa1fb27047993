"""The hash and the day of an SRS address: made, and checked.

A hash is the first characters of a MAC in base64.  A mail system may change its
case, so case does not count; `-` and `_` are accepted as `+` and `/`.
The day, TT, is two digits of base32 (RFC 4648 §6): days since the epoch modulo 1024.
"""

from binascii import b2a_base64
from functools import lru_cache
from hmac import compare_digest
from typing import Final

from mailauth.srs.fault import BadHash, Expired, Malformed
from mailauth.srs.scheme import PERIOD, Mac, Scheme
from mailauth.srs.secrets import Keyed, Secrets

DAY: Final = 86_400
"""Seconds."""


def hash_of(parts: tuple[str, ...], secret: Keyed, scheme: Scheme) -> str:
    """The hash of these parts, as it is written."""
    text = _mac(parts, secret, scheme.mac)[: scheme.hash_length].decode()
    return text.translate(_URL_SAFE) if scheme.url_safe else text


def check(given: str, parts: tuple[str, ...], secrets: Secrets, now: int, scheme: Scheme) -> None:
    """Check that a secret that is valid now made this hash of these parts, by an accepted MAC.

    **Raises** BadHash: none did, or it is too short or too long.
    """
    octets = given.encode("utf-8", "surrogateescape").translate(_FOLDED)
    length = len(octets)
    if not scheme.hash_minimum <= length <= scheme.hash_length:
        raise BadHash(f"its hash has {length} characters")
    for secret in secrets.verifying(now):
        for mac in scheme.accepted:
            if compare_digest(_mac(parts, secret, mac)[:length].lower(), octets):
                return
    raise BadHash("its hash was made with none of the secrets")


@lru_cache(maxsize=64)
def stamp(day: int) -> str:
    """The TT of a day, which is counted from the epoch."""
    return _DIGITS[day >> 5 & 31] + _DIGITS[day & 31]


def check_age(day: str, now: int, scheme: Scheme) -> None:
    """Check that the day of a TT is today, or at most the maximum age ago.

    **Raises** Expired, also for a day still to come; Malformed: it is no day.
    """
    age = (now // DAY - _day_of(day)) % PERIOD
    if age > scheme.max_age:
        raise Expired(
            f"it is {age} days old, or from a future day; at most {scheme.max_age} days are allowed"
        )


_CLASSIC: Final = Mac.CLASSIC  # looking up members of an enumeration is slow
_UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FOLDED = bytes.maketrans(_UPPER + b"-_", _UPPER.lower() + b"+/")
_URL_SAFE = str.maketrans("+/", "-_")
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _mac(parts: tuple[str, ...], secret: Keyed, mac: Mac) -> bytes:
    """The whole MAC as a line of base64; ASCII case in the parts does not count."""
    if mac is _CLASSIC:
        keyed = secret.sha1.copy()
        keyed.update("".join(parts).encode("utf-8", "surrogateescape").lower())
    else:
        keyed = secret.sha256.copy()
        for part in parts:
            octets = part.encode("utf-8", "surrogateescape").lower()
            keyed.update(len(octets).to_bytes(4) + octets)
    return b2a_base64(keyed.finalize())


@lru_cache(maxsize=PERIOD)
def _day_of(digits: str) -> int:
    """The day of a TT, modulo 1024, in any case.  **Raises** Malformed."""
    places = [_DIGITS.find(digit) for digit in digits.upper()]
    if len(places) != 2 or min(places) < 0 or not digits.isascii():  # noqa: PLR2004 - TT
        raise Malformed(f"{digits[:10]!r} is not a day")
    return places[0] << 5 | places[1]
