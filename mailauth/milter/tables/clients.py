"""Sets of clients: those whose mail is ours, those whose word we take.

An entry is an address, a network, a host name, `.example.com` or `*.example.com`
for all names below it, or any of these after `!`, which excludes it again.
Names are tried before addresses, and the more precise entry decides.  A name counts
only if the MTA has verified it.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax.address import Address


@dataclass(frozen=True, slots=True)
class Clients:
    """A set of clients; made by `parse`."""

    _names: dict[str, bool]
    _networks: dict[int, dict[int, dict[int, bool]]]
    """By IP version, by prefix length (longest first), by the bits of the prefix."""

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "Clients":
        """The set of these entries.  **Raises** BadArgument: an entry is not of these forms."""
        names: dict[str, bool] = {}
        networks: dict[int, dict[int, dict[int, bool]]] = {4: {}, 6: {}}
        for entry in entries:
            text = entry.removeprefix("!").strip()
            member = not entry.startswith("!")
            network = _network(text)
            if network is None:
                names[_name(text)] = member
                continue
            bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            networks[network.version].setdefault(network.prefixlen, {})[bits] = member
        ordered = {version: dict(sorted(of.items())[::-1]) for version, of in networks.items()}
        return cls(names, ordered)

    def __contains__(self, client: object) -> bool:
        """Whether a client is in the set: a pair of verified name or "", and address or None."""
        assert isinstance(client, tuple), "a client is a name and an address"  # noqa: S101
        name, address = client
        found = self._of_name(name.lower()) if name else None
        if found is None and address is not None:
            found = self._of_address(address)
        return bool(found)

    def _of_name(self, name: str) -> bool | None:
        if name in self._names:
            return self._names[name]
        at = name.find(".")
        while at >= 0:
            if name[at:] in self._names:
                return self._names[name[at:]]
            at = name.find(".", at + 1)
        return None

    def _of_address(self, address: Address) -> bool | None:
        bits = int(address)
        for length, prefixes in self._networks[address.version].items():
            found = prefixes.get(bits >> (address.max_prefixlen - length))
            if found is not None:
                return found
        return None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """An address or a network, or None if it is neither.

    **Raises** BadArgument: a network with host bits set.
    """
    bare = text.replace("[", "").replace("]", "")
    with suppress(ValueError):
        return ip_network(bare)
    try:
        around = ip_network(bare, strict=False)
    except ValueError:
        return None
    raise BadArgument(f"{text!r} is not a network, but an address in {around}")


def _name(text: str) -> str:
    """A host name, perhaps after `.` or `*.`; none ends in a label of digits (RFC 1123 §2.1)."""
    if text.startswith("*."):
        text = text[1:]
    try:
        name = domains.parse_name(text.removeprefix("."))
    except SyntaxFault as fault:
        raise BadArgument(f"{text!r} is not an address, network or host name: {fault}") from None
    if name.rpartition(".")[2].isdigit():
        raise BadArgument(f"{text!r} is not an address, network or host name")
    return text[: text.startswith(".")] + name


LOOPBACK: Final = Clients.parse(["127.0.0.0/8", "::1"])
NOBODY: Final = Clients.parse([])
