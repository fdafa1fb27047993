"""Addresses of the envelope, taken apart and put together octet for octet (RFC 5321 §4.1.2).

An address is text; encoded as UTF-8 with surrogate escapes, it is what the mail
system has, so that nothing is lost, and case is kept.  Postfix passes a local part
that needs quotes with or without them: both are read, and quotes are written.
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

# ASCII letters and digits, "-", "_", and all beyond ASCII but the surrogates below.
_LABEL = r"[^\x00-,./:-@[-^`{-\x7f\ud800-\udc7f\udd00-\udfff]++"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+")
# Control characters, and the surrogates that stand for no octet.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')


def split(address: str) -> tuple[str, str]:
    """The local part without quotes, and the domain (RFC 5321 §4.1.2).

    **Raises** Malformed: there is no local part, or no domain of a mail host, or a
    character that no address has.  TooLong: no path has so many octets.
    """
    if len(address) > MAX_ADDRESS:
        raise TooLong(f"an address of {len(address)} characters, over {MAX_ADDRESS}")
    if _FORBIDDEN.search(address):
        raise Malformed("an address with control characters, or with text that no octets can hold")
    if not _fits(address, MAX_ADDRESS):
        raise TooLong(f"an address of more than {MAX_ADDRESS} octets")
    quoted = QUOTED_STRING.match(address)
    if quoted is not None:
        local, domain = unquoted(quoted.group()), address[quoted.end() :]
        if not domain.startswith("@"):
            raise Malformed("there is something between the local part and its domain")
        domain = domain[1:]
    else:
        local, at, domain = address.rpartition("@")
        if not at or not local:
            raise Malformed("an address without a local part or a domain")
        if "@" in _QUOTED.sub("", local):
            raise Malformed("an address with two @")
    expect_domain(domain)
    return local, domain


def local_part(text: str) -> str:
    """A local part as it is written: in quotes if it needs them (RFC 5321 §4.1.2)."""
    return text if DOT_ATOM_TEXT.fullmatch(text) else quoted_string(text)


def join(local: str, domain: str) -> str:
    """The address of a domain and a local part, which is in quotes already if it needs them.

    **Raises** TooLong: the local part or the whole has too many octets.
    """
    address = f"{local}@{domain}"
    if not _fits(local, MAX_LOCAL_PART):
        raise TooLong(f"rewritten, the local part has more than {MAX_LOCAL_PART} octets")
    if not _fits(address, MAX_ADDRESS):
        raise TooLong(f"rewritten, the address has more than {MAX_ADDRESS} octets")
    return address


def _fits(text: str, limit: int) -> bool:
    return len(text) <= limit and (text.isascii() or len(octets(text)) <= limit)


@lru_cache(maxsize=1024)
def is_domain(text: str) -> bool:
    """Whether mail can be for this domain: labels of letters, digits, `-` and `_`; no address."""
    top = text.rpartition(".")[2]
    return _DOMAIN.fullmatch(text) is not None and top.strip("0123456789-_") != ""


def expect_domain(text: str) -> None:
    """**Raises** Malformed: mail cannot be for this domain."""
    if not is_domain(text):
        raise Malformed(f"{text[:60]!r} is not the name of a mail host")


def octets(text: str) -> bytes:
    """The octets of a text, as the mail system has them."""
    return text.encode("utf-8", "surrogateescape")


def same_domain(one: str, other: str) -> bool:
    """Whether two domains are the same but for ASCII case; no other letter folds."""
    return one == other or (len(one) == len(other) and octets(one).lower() == octets(other).lower())
