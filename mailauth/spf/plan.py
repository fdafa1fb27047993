"""A record prepared for evaluation: adjacent networks become one table (RFC 7208 §4).

In the table of adjacent ip4 and ip6 directives, the first that matches a client
is found without going through them.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias, final

from mailauth.errors import SyntaxFault
from mailauth.spf.identity import Client
from mailauth.spf.memory import Memory
from mailauth.spf.record import IP4, IP6, VERSION, Directive, Record, is_record, parse


@final
class Networks:
    """Adjacent ip4 and ip6 directives."""

    __slots__ = ("_ip4", "_ip6", "directives")

    def __init__(self, directives: Iterable[Directive]) -> None:
        self.directives = tuple(directives)
        self._ip4 = _table(self.directives, IP4, 32)
        self._ip6 = _table(self.directives, IP6, 128)

    def find(self, client: Client) -> int:
        """The index of the first directive whose network contains the client, or -1 (§5.6)."""
        first = -1
        for shift, places in self._ip4 if client.is_ip4 else self._ip6:
            place = places.get(client.bits >> shift, -1)
            if place >= 0 and (first < 0 or place < first):
                first = place
        return first


Stage: TypeAlias = Networks | Directive


def _stages(directives: tuple[Directive, ...]) -> Iterator[Stage]:
    """The directives in order, with adjacent ip4 and ip6 ones as one stage."""
    for are_networks, row in groupby(directives, lambda each: type(each.mechanism) in _NETWORKS):
        if are_networks:
            yield Networks(row)
        else:
            yield from row


_NETWORKS = frozenset({IP4, IP6})


def _table(
    directives: tuple[Directive, ...], kind: type[IP4 | IP6], width: int
) -> list[tuple[int, dict[int, int]]]:
    """For each prefix length: the bits to shift away, and the index of each prefix."""
    tables: dict[int, dict[int, int]] = {}
    for place, directive in enumerate(directives):
        network = directive.mechanism
        if isinstance(network, kind):
            shift = width - network.length
            tables.setdefault(shift, {}).setdefault(int(network.address) >> shift, place)
    return list(tables.items())


class Prepared(NamedTuple):
    """A record, and the stages of its evaluation."""

    record: Record
    stages: tuple[Stage, ...]


def choose(texts: tuple[bytes, ...]) -> Prepared | None:
    """The one record among the TXT records of a domain (§4.5); None: there is none.

    The result is remembered.  **Raises** SyntaxFault: there are several, or it cannot
    be read.
    """
    known = _CHOSEN.get(texts)
    if known is None:
        found = [octets for octets in texts if is_record(octets)]
        if len(found) > 1:
            raise SyntaxFault(f"{len(found)} SPF records, and only one is allowed")
        if not found:
            return None
        known = _prepare(found[0])
        _CHOSEN.put(texts, known, sum(map(len, texts)))
    return known


@lru_cache(maxsize=16)
def prepare_terms(terms: str) -> Prepared:
    """Terms without a version, ready to be evaluated.  **Raises** SyntaxFault."""
    return _prepare(f"{VERSION} {terms}".encode(errors="surrogatepass"))  # refused if not ASCII


def _prepare(octets: bytes) -> Prepared:
    record = parse(octets)
    return Prepared(record, tuple(_stages(record.directives)))


_CHOSEN: Final[Memory[tuple[bytes, ...], Prepared]] = Memory(262_144)
"""By the TXT records; the weight is that of their octets."""
