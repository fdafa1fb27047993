"""IP addresses as mail has them: in fields, in what an MTA says, in an address literal."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


def parse(text: str) -> Address | None:
    """The address that a text is, with or without `IPv6:` (RFC 5321 §4.1.3); None if it is none.

    An IPv4 address that is mapped into IPv6 is one of IPv4; one with a zone is none.
    """
    try:
        address = ip_address(text[5:] if text[:5].lower() == "ipv6:" else text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address
