"""IP addresses as they occur in mail: in fields, in what an MTA reports, in address literals."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


def parse(text: str) -> Address | None:
    """The address in `text`, with or without `IPv6:` (RFC 5321 §4.1.3); None if it is not one.

    An IPv4-mapped IPv6 address is returned as IPv4; one with a zone is refused.
    """
    try:
        address = ip_address(text[5:] if text[:5].lower() == "ipv6:" else text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address
