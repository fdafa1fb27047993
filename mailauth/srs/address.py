"""Addresses of the envelope, taken apart and put together octet for octet (RFC 5321 §4.1.2).

An address is text whose UTF-8, with surrogate escapes, is what the mail system
has: nothing is lost, and case stays.  Postfix gives a local part that needs
quotes with or without them, so both are read; they are written.
"""

import re
from functools import lru_cache
from typing import Final

from mailauth.srs.fault import Malformed, TooLong
from mailauth.syntax.abnf import DOT_ATOM_TEXT, QUOTED_STRING
from mailauth.syntax.structured import quoted_string, unquoted

MAX_LOCAL_PART: Final = 64
"""Octets (RFC 5321 §4.5.3.1.1)."""
MAX_ADDRESS: Final = 254
"""Octets of a path without its angle brackets (RFC 5321 §4.5.3.1.3)."""

_PLAIN = re.compile(r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++)@([A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+)")
_DOMAIN = re.compile(r"[A-Za-z0-9_\x80-\U0010ffff-]++(?:\.[A-Za-z0-9_\x80-\U0010ffff-]++)*+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


def split(address: str) -> tuple[str, str]:
    """The local part without quotes, and the domain (RFC 5321 §4.1.2).

    **Raises** Malformed: there is no domain, or it cannot be one of a host.
    TooLong: no path has so many octets.
    """
    if len(address) > MAX_ADDRESS:
        raise TooLong(f"an address of {len(address)} characters")
    plain = _PLAIN.fullmatch(address)
    if plain is not None and is_domain(plain[2]):
        return plain[1], plain[2]
    if _FORBIDDEN.search(address):
        raise Malformed("an address with control characters")
    quoted = QUOTED_STRING.match(address)
    if quoted is not None:
        local, domain = unquoted(quoted.group()), address[quoted.end() :]
        if not domain.startswith("@"):
            raise Malformed("something stands between the local part and its domain")
        domain = domain[1:]
    else:
        local, at, domain = address.rpartition("@")
        if not at or not local:
            raise Malformed("an address without a local part or a domain")
        if "@" in _QUOTED.sub("", local):
            raise Malformed("an address with two @")
    if not is_domain(domain):
        raise Malformed(f"{domain[:60]!r} is not the name of a mail host")
    return local, domain


def local_part(text: str) -> str:
    """A local part as it is written: with quotes around it if it needs them."""
    return text if DOT_ATOM_TEXT.fullmatch(text) else quoted_string(text)


def fits(local: str) -> bool:
    """Whether a written local part has no more octets than it may (RFC 5321 §4.5.3.1.1)."""
    return len(local) <= MAX_LOCAL_PART and (
        local.isascii() or len(octets(local)) <= MAX_LOCAL_PART
    )


@lru_cache(maxsize=1024)
def is_domain(text: str) -> bool:
    """Whether mail can be for this domain: labels of letters, digits, hyphens, not an address."""
    top = text.rpartition(".")[2]
    return _DOMAIN.fullmatch(text) is not None and top.strip("0123456789-_") != ""


def octets(text: str) -> bytes:
    """What the mail system has."""
    return text.encode("utf-8", "surrogateescape")


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
