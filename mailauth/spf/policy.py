"""What a receiver decides for itself: the limits, and options that are off by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.spf.plan import prepare_terms

Network: TypeAlias = IPv4Network | IPv6Network

MOST_LOOKUPS: Final = 100
"""The highest limit that a policy may set; each include may nest one evaluation deeper."""
BEST_GUESS: Final = "a/24 mx/24 ptr"
"""The terms by which early receivers guessed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of an evaluation (RFC 7208 §4.6.4), and local policy (§2.6, Appendix G)."""

    max_lookups: int = 10
    """How many terms may ask the DNS."""
    max_void_lookups: int = 2
    """How many of these may find nothing in the DNS."""
    local_policy: str = ""
    """Terms that may turn a fail, softfail or neutral into a pass: `include:forwarders.example`."""
    best_guess: str = ""
    """Terms that a domain without a record is judged by; only a pass counts."""
    relays: tuple[Network, ...] = ()
    """Networks of the receiver's own relays and gateways; their clients are judged instead."""

    def __post_init__(self) -> None:
        """**Raises** BadArgument: terms that no record can have, or limits out of range."""
        if not 0 <= self.max_lookups <= MOST_LOOKUPS or self.max_void_lookups < 0:
            raise BadArgument(f"the limit of look-ups must be 0 to {MOST_LOOKUPS}")
        for terms in (self.local_policy, self.best_guess):
            try:
                prepare_terms(terms)
            except SyntaxFault as fault:
                raise BadArgument(str(fault)) from None


RFC7208: Final = Policy()
"""The limits of the RFC, and no local policy."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of texts such as `192.0.2.1` or `192.0.2.0/24`.  **Raises** BadArgument."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text))
        except ValueError as fault:
            raise BadArgument(f"{text!r} is not a network: {fault}") from None
    return tuple(found)
