"""Who is checked: the client and the sender, as an evaluation needs them (RFC 7208 §2, §4).

What a client says of itself is validated here, before anything is asked; an
invalid name is not repaired.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax.abnf import QUOTED_STRING
from mailauth.syntax.address import Address


class Client(NamedTuple):
    """The address of a client; an IPv4 address mapped into IPv6 counts as IPv4 (§5)."""

    ip: Address
    bits: int
    """The address as a number."""
    is_ip4: bool
    text: str
    """The address as people write it."""
    dotted: str
    """The macro i: of an IPv6 address, the hexadecimal digits separated by dots (§7.3)."""


def client(ip: str | Address) -> Client:
    """The client with this address.  **Raises** BadArgument: it is not an IP address."""
    return _client(str(ip))


@lru_cache(maxsize=4096)
def _client(text: str) -> Client:
    try:
        ip = ip_address(text)
    except ValueError:
        raise BadArgument(f"{text!r} is not an IP address") from None
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            raise BadArgument(f"{text!r} has a zone, and no address of a client has one")
        ip = ip.ipv4_mapped or ip
    is_ip4 = isinstance(ip, IPv4Address)
    dotted = str(ip) if is_ip4 else ".".join(f"{int(ip):032X}")
    return Client(ip, int(ip), is_ip4, str(ip), dotted)


class Sender(NamedTuple):
    """A sender: its local part and its domain, as they were given."""

    local_part: str
    domain: str


class Subject(NamedTuple):
    """The client and sender to evaluate, and the other values that macros may show (§7.2)."""

    client: Client
    sender: Sender
    helo: str
    receiver: str
    now: int


def sender_of(text: str) -> Sender:
    """The parts of a mailbox; without a local part, it is the postmaster's (§4.3)."""
    local, at, domain = text.rpartition("@")
    return Sender(local or "postmaster", domain if at else text)


def checked_domain(domain: str, local_part: str) -> str:
    """The domain of an identity, as A-labels (§4.3).

    **Raises** SyntaxFault: it is not a name of two labels or more that a host can
    have, or the local part is malformed.  A name such as `a.example(.b.example` could be
    asked for, but no host has it, and a reader of the verdict may take it for another name.
    """
    if not (_LOCAL_PART.fullmatch(local_part) or QUOTED_STRING.fullmatch(local_part)):
        raise SyntaxFault("not a valid local part of a sender", local_part)
    return _checked(domain)


@lru_cache(maxsize=4096)
def _checked(domain: str) -> str:
    name = domain.removesuffix(".")
    if not name.isascii():
        name = domains.parse(name)  # RFC 8616 §4
    top = name.rpartition(".")[2]
    if "." not in name or top.isdigit() or (not top.isalnum() and "-" not in top):
        raise SyntaxFault("not a domain of two labels or more", domain)
    if not _HOST_OCTETS.fullmatch(name) or not domains.is_askable(name):
        raise SyntaxFault("not a name that a host can have", domain)
    return name


# More than RFC 5321 §4.1.2 allows: underscores, and hyphens anywhere, are in use.
_HOST_OCTETS: Final = re.compile(r"[A-Za-z0-9._-]++")
# Likewise: the local parts that OpenSPF's suite checks have blanks.
_LOCAL_PART: Final = re.compile(r'[^@<>()\[\]",:;\\\x00-\x1f\x7f]+')
