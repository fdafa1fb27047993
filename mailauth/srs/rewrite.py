"""Forward and reverse, in the words of Shevek's paper on the Sender Rewriting Scheme.

    SRS0=HHH=TT=orig-host=orig-local@domain      an address of ours
    SRS1=HHH=first-host==HHH=TT=...@domain       one whose first forwarder is first-host

HHH is a MAC of what follows it, TT the day.  The MAC is checked, with all valid
secrets, before the day, so that an answer tells a forger nothing.  The domain of an
address that is reversed is not checked: the caller knows which domains are ours.

Nearly all addresses are plain: ASCII, without quotes, short.  One pattern takes such
an address apart; the careful way has the same result (a test compares them), and
handles all other addresses too.
"""

import re
from typing import Final

from mailauth.errors import BadArgument
from mailauth.srs import address as addresses
from mailauth.srs.fault import Expired, Malformed, NotSRS, TooLong
from mailauth.srs.hashes import DAY, check, check_age, hash_of, stamp
from mailauth.srs.scheme import CLASSIC, Aliases, LongSenders, Scheme
from mailauth.srs.secrets import Keyed, Secrets
from mailauth.syntax.abnf import QUOTED_STRING

ALIAS_HOST: Final = "1"
"""Stands in place of the host where the local part is an alias in a store."""


def forward(
    sender: str,
    *,
    domain: str,
    secrets: Secrets,
    now: int,
    scheme: Scheme = CLASSIC,
    aliases: Aliases | None = None,
) -> str:
    """The sender that replaces `sender` on mail that `domain` forwards.

    The null sender stays as it is, and so does one of `domain` itself, unless
    `scheme.always_rewrite` is set.  An SRS0 address of another forwarder becomes
    SRS1; an SRS1 address stays one, without a further host.  `now` is in seconds
    since the epoch.

    **Raises** Malformed: it is no address.  TooLong, unless `scheme.long_senders`
    says otherwise.  UnusableSecrets: no secret is valid now.  BadArgument: `domain`
    is not one of mail, or long senders are to be stored and there are no `aliases`.
    """
    if not addresses.is_domain(domain):
        raise BadArgument(f"{domain!r} is not a domain to rewrite to")
    if len(sender) + scheme.hash_length <= _MAX_PLAIN and len(domain) <= _MAX_PLAIN_DOMAIN:
        plain = _PLAIN_SENDER.fullmatch(sender)
        if plain is not None and ".." not in sender:
            local, host = plain.groups()
            # lower() folds more letters than ASCII: what seems equal is left to the careful way.
            if host.lower() != domain.lower():
                return f"{_srs0(local, host, secrets.signing(now), now, scheme)}@{domain}"
    return _forward_with_care(sender, domain, secrets, now, scheme, aliases)


def reverse(
    address: str,
    *,
    secrets: Secrets,
    now: int,
    scheme: Scheme = CLASSIC,
    aliases: Aliases | None = None,
) -> str:
    """The original sender, to whom a bounce to `address` belongs.

    **Raises** NotSRS: it is an ordinary address.  Malformed, TooLong, BadHash,
    Expired: refuse it, always with the same words (`OUTWARD`).
    """
    if len(address) <= addresses.MAX_ADDRESS and ".." not in address:
        plain = _PLAIN_SRS0.fullmatch(address)
        if plain is not None:
            given, day, host, local = plain.groups()
            check(given, (day, host, local), secrets, now, scheme)
            check_age(day, now, scheme)
            return f"{local}@{host}"
    return _reverse_with_care(address, secrets, now, scheme, aliases)


_ATOMS: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*+(?<!\.)"
_HOST: Final = r"[A-Za-z0-9][A-Za-z0-9.-]*+(?<=[A-Za-z])"
_PLAIN_SENDER = re.compile(rf"(?![Ss][Rr][Ss][01][=+-])({_ATOMS})@({_HOST})")
_PLAIN_SRS0 = re.compile(
    rf"[Ss][Rr][Ss]0[=+-]([A-Za-z0-9+/_-]++)=([A-Za-z2-7]{{2}})=({_HOST})=({_ATOMS})@{_HOST}"
)
# A rewritten local part holds the whole sender, with an equals sign for its @.
_MAX_PLAIN: Final = addresses.MAX_LOCAL_PART - len("SRS0==TT=")
_MAX_PLAIN_DOMAIN: Final = addresses.MAX_ADDRESS - addresses.MAX_LOCAL_PART - len("@")
# Without re.ASCII a long s (U+017F) would be taken for the S of the tag.
_FOLDED: Final = re.ASCII | re.IGNORECASE | re.DOTALL
_TAG = re.compile(r"SRS([01])[=+-]", _FOLDED)
_SRS0 = re.compile(r"SRS0[=+-]([^=]++)=([^=]++)=([^=]++)=(.*+)", _FOLDED)
_SRS1 = re.compile(r"SRS1[=+-]([^=]++)=([^=]++)=([=+-].*+)", _FOLDED)


def _forward_with_care(
    sender: str,
    domain: str,
    secrets: Secrets,
    now: int,
    scheme: Scheme,
    aliases: Aliases | None,
) -> str:
    """`forward` for any sender."""
    if sender in ("", "<>"):
        return sender
    local, host = addresses.split(sender)
    if not scheme.always_rewrite and addresses.same_domain(host, domain):
        return sender
    secret = secrets.signing(now)
    rewritten = addresses.local_part(_rewritten(local, host, secret, now, scheme))
    try:
        return addresses.join(rewritten, domain)
    except TooLong:
        if scheme.long_senders is LongSenders.REFUSE:
            raise
        if scheme.long_senders is LongSenders.PASS:
            return sender
    if aliases is None:
        raise BadArgument("long senders must be stored, but there is no store: give aliases")
    alias = aliases.keep(sender, now=now)
    return addresses.join(_srs0(alias, ALIAS_HOST, secret, now, scheme), domain)


def _rewritten(local: str, host: str, secret: Keyed, now: int, scheme: Scheme) -> str:
    """The new local part, without quotes."""
    tag = _TAG.match(local)
    if tag is None:
        return _srs0(local, host, secret, now, scheme)
    rest = local[4:]
    if tag[1] == "1":
        parts = _SRS1.fullmatch(local)
        if parts is None:  # it only looks like one
            return _srs0(local, host, secret, now, scheme)
        _, host, rest = parts.groups()
        addresses.expect_domain(host)
    return f"SRS1{scheme.separator}{hash_of((host, rest), secret, scheme)}={host}={rest}"


def _srs0(local: str, host: str, secret: Keyed, now: int, scheme: Scheme) -> str:
    day = stamp(now // DAY)
    mac = hash_of((day, host, local), secret, scheme)
    return f"SRS0{scheme.separator}{mac}={day}={host}={local}"


def _reverse_with_care(
    address: str, secrets: Secrets, now: int, scheme: Scheme, aliases: Aliases | None
) -> str:
    """`reverse` for any address."""
    local, _ = addresses.split(address)
    parts = _SRS0.fullmatch(local)
    if parts is None:
        return _reverse_srs1(local, secrets, now, scheme)
    given, day, host, original = parts.groups()
    check(given, (day, host, original), secrets, now, scheme)
    check_age(day, now, scheme)
    if host == ALIAS_HOST:
        found = aliases.find(original, now=now) if aliases is not None else None
        if found is None:
            raise Expired("the sender that it stands for is no longer stored")
        return found
    addresses.expect_domain(host)
    if original.startswith('"') and QUOTED_STRING.fullmatch(original) and address[0] != '"':
        return f"{original}@{host}"  # others write SRS0=..."a b"@domain
    return f"{addresses.local_part(original)}@{host}"


def _reverse_srs1(local: str, secrets: Secrets, now: int, scheme: Scheme) -> str:
    parts = _SRS1.fullmatch(local)
    if parts is None:
        if _TAG.match(local) is None:
            raise NotSRS("it does not begin like an SRS address")
        raise Malformed("it begins like an SRS address, but its fields are missing")
    given, host, rest = parts.groups()
    check(given, (host, rest), secrets, now, scheme)
    addresses.expect_domain(host)
    return f"{addresses.local_part(f'SRS0{rest}')}@{host}"
