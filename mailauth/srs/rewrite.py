"""Forward and reverse, in the words of Shevek's paper on the Sender Rewriting Scheme.

    SRS0=HHH=TT=orig-host=orig-local@domain      an address of ours
    SRS1=HHH=first-host==HHH=TT=...@domain       one whose first forwarder is first-host

HHH is a MAC of what follows it, TT the day.  The MAC is looked at before the
day, and both with all secrets, so that an answer tells a forger nothing.  The
domain of an address that is reversed is not looked at: whoever asks knows which
domains are his.
"""

import re
from binascii import b2a_base64
from functools import lru_cache
from hmac import compare_digest
from typing import Final

from mailauth.errors import BadArgument
from mailauth.srs import address as addresses
from mailauth.srs.fault import BadHash, Expired, Malformed, NotSRS, TooLong
from mailauth.srs.scheme import CLASSIC, PERIOD, Aliases, LongSenders, Mac, Scheme
from mailauth.srs.secrets import Keyed, Secrets
from mailauth.syntax.abnf import QUOTED_STRING

ALIAS_HOST: Final = "1"
"""Stands for the host where the local part is an alias of a store."""


def forward(
    sender: str,
    *,
    domain: str,
    secrets: Secrets,
    now: int,
    scheme: Scheme = CLASSIC,
    aliases: Aliases | None = None,
) -> str:
    """The sender to write on mail that leaves from `domain` in place of `sender`.

    The null sender, and one of `domain` itself, stay as they are.  An SRS0
    address of another forwarder becomes SRS1, and an SRS1 address stays one and
    as long as it was.  `now` is in seconds since the epoch.

    **Raises** Malformed: it is no address.  TooLong, unless `scheme.long_senders`
    says otherwise.  UnusableSecrets: no secret is valid now.
    """
    if sender in ("", "<>"):
        return sender
    local, host = addresses.split(sender)
    if not scheme.always_rewrite and host.lower() == domain.lower():
        return sender
    local = addresses.local_part(_rewritten(local, host, secrets.signing(now), now, scheme))
    if addresses.fits(local):
        return f"{local}@{domain}"
    if scheme.long_senders is LongSenders.PASS:
        return sender
    if scheme.long_senders is LongSenders.STORE:
        if aliases is None:
            raise BadArgument("long senders are to be stored, and there is no store: give aliases")
        alias = aliases.keep(sender, now=now)
        return f"{_srs0(alias, ALIAS_HOST, secrets.signing(now), now, scheme)}@{domain}"
    raise TooLong(f"rewritten, the local part has more than {addresses.MAX_LOCAL_PART} octets")


def reverse(
    address: str,
    *,
    secrets: Secrets,
    now: int,
    scheme: Scheme = CLASSIC,
    aliases: Aliases | None = None,
) -> str:
    """The address to which a bounce to `address` belongs.

    **Raises** NotSRS: it is an ordinary address.  Malformed, BadHash, Expired: it
    is to be refused, and outwards always with the same words.
    """
    local, _ = addresses.split(address)
    parts = _SRS0.fullmatch(local)
    if parts is None:
        return _reverse_srs1(local, secrets, now, scheme)
    given, stamp, host, original = parts.groups()
    _check(given, (stamp, host, original), secrets, now, scheme)
    _check_age(stamp, now, scheme)
    if host == ALIAS_HOST:
        found = aliases.find(original, now=now) if aliases is not None else None
        if found is None:
            raise Expired("the sender for which it stands is not stored any more")
        return found
    if not addresses.is_domain(host):
        raise Malformed(f"{host[:60]!r} is not the name of a mail host")
    if original.startswith('"') and QUOTED_STRING.fullmatch(original) and address[0] != '"':
        return f"{original}@{host}"  # others write SRS0=..."a b"@domain
    return f"{addresses.local_part(original)}@{host}"


_TAG = re.compile(r"SRS([01])[=+-]", re.IGNORECASE)
_SRS0 = re.compile(r"SRS0[=+-]([^=]++)=([^=]++)=([^=]++)=(.*+)", re.IGNORECASE | re.DOTALL)
_SRS1 = re.compile(r"SRS1[=+-]([^=]++)=([^=]++)=([=+-].*+)", re.IGNORECASE | re.DOTALL)
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""Of base32 (RFC 4648 §6)."""
_DAY: Final = 86_400
_STANDARD = bytes.maketrans(b"-_", b"+/")
_URL_SAFE = str.maketrans("+/", "-_")


def _rewritten(local: str, host: str, secret: Keyed, now: int, scheme: Scheme) -> str:
    """The new local part."""
    tag = _TAG.match(local)
    if tag is None:
        return _srs0(local, host, secret, now, scheme)
    rest = local[4:]
    if tag[1] == "1":
        parts = _SRS1.fullmatch(local)
        if parts is None:  # it only looks like one
            return _srs0(local, host, secret, now, scheme)
        _, host, rest = parts.groups()
        if not addresses.is_domain(host):
            raise Malformed(f"{host[:60]!r} is not the name of a mail host")
    return f"SRS1{scheme.separator}{_mac((host, rest), secret, scheme)}={host}={rest}"


def _srs0(local: str, host: str, secret: Keyed, now: int, scheme: Scheme) -> str:
    stamp = _stamp(now // _DAY)
    mac = _mac((stamp, host, local), secret, scheme)
    return f"SRS0{scheme.separator}{mac}={stamp}={host}={local}"


def _reverse_srs1(local: str, secrets: Secrets, now: int, scheme: Scheme) -> str:
    parts = _SRS1.fullmatch(local)
    if parts is None:
        if _TAG.match(local) is None:
            raise NotSRS("it does not begin as an SRS address")
        raise Malformed("it begins as an SRS address, and its fields are missing")
    given, host, rest = parts.groups()
    _check(given, (host, rest), secrets, now, scheme)
    if not addresses.is_domain(host):
        raise Malformed(f"{host[:60]!r} is not the name of a mail host")
    return f"{addresses.local_part(f'SRS0{rest}')}@{host}"


def _mac(parts: tuple[str, ...], secret: Keyed, scheme: Scheme) -> str:
    """The hash as it is written."""
    text = _digest(parts, secret, scheme.mac)[: scheme.hash_length].decode("ascii")
    return text.translate(_URL_SAFE) if scheme.url_safe else text


def _digest(parts: tuple[str, ...], secret: Keyed, mac: Mac) -> bytes:
    """The whole MAC in base64; the case of the parts does not count."""
    if mac is Mac.CLASSIC:
        keyed = secret.sha1.copy()
        keyed.update(addresses.octets("".join(parts)).lower())
    else:
        keyed = secret.sha256.copy()
        for part in parts:
            octets = addresses.octets(part).lower()
            keyed.update(len(octets).to_bytes(4) + octets)
    return b2a_base64(keyed.finalize(), newline=False)


def _check(given: str, parts: tuple[str, ...], secrets: Secrets, now: int, scheme: Scheme) -> None:
    """**Raises** BadHash: no secret that is valid now made this hash."""
    octets = addresses.octets(given).translate(_STANDARD).lower()
    length = len(octets)
    if not scheme.hash_minimum <= length <= scheme.hash_length:
        raise BadHash(f"its hash has {length} characters")
    for secret in secrets.verifying(now):
        for mac in scheme.accepted:
            if compare_digest(_digest(parts, secret, mac)[:length].lower(), octets):
                return
    raise BadHash("its hash is of none of the secrets")


@lru_cache(maxsize=64)
def _stamp(day: int) -> str:
    """TT: the day since the epoch, modulo 1024, in two digits of base32."""
    return _DIGITS[day >> 5 & 31] + _DIGITS[day & 31]


@lru_cache(maxsize=PERIOD)
def _day_of(stamp: str) -> int:
    """The day, modulo 1024, of a TT of any case.  **Raises** Malformed."""
    places = [_DIGITS.find(digit) for digit in stamp.upper()]
    if len(places) != 2 or min(places) < 0 or not stamp.isascii():  # noqa: PLR2004 - TT
        raise Malformed(f"{stamp[:10]!r} is not a day")
    return places[0] << 5 | places[1]


def _check_age(stamp: str, now: int, scheme: Scheme) -> None:
    """**Raises** Expired, also for a day still to come; Malformed: it is no day."""
    age = (now // _DAY - _day_of(stamp)) % PERIOD
    if age > scheme.max_age:
        raise Expired(f"it is {age} days old, or of a day to come; {scheme.max_age} are allowed")
