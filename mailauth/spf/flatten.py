"""Flattening: replacing the names in a record by their present networks (RFC 7208 §5, §6).

This has a price, and `Flattened` names it: when a domain named in the record
moves a host, the flattened record does not follow.  Terms that cannot be written
as networks stay as they are, so that the flattened record admits the same clients
as the original for as long as the DNS does not change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from itertools import chain, groupby
from typing import Final, NamedTuple

from mailauth.dns import ask
from mailauth.dns.lookups import Answer, Lookups
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.spf import record as records
from mailauth.spf.evaluation import MAX_MX
from mailauth.spf.letters import fixed_target
from mailauth.spf.macro import MacroString
from mailauth.spf.policy import Network
from mailauth.spf.record import IP4, IP6, MX, A, All, Directive, Include, Qualifier, Record
from mailauth.syntax.address import Address

MAX_QUESTIONS: Final = 100
"""How many questions one flattening asks at most."""
MAX_DEPTH: Final = 10
"""How deep includes and redirects may be nested; receivers follow no more."""


@dataclass(frozen=True, slots=True)
class Flattened:
    """A record in networks, and what it loses."""

    record: Record
    original: Record
    followed: tuple[str, ...]
    """The domains and hosts whose later changes the record will not follow."""
    kept: tuple[str, ...]
    """The terms that stay as they are, each with the reason."""
    ttl: int
    """Seconds for which the answers behind the record hold; a week at most."""


def flatten(domain: str) -> Lookups[Flattened]:
    """The record of `domain`, flattened.  **Asks** `MAX_QUESTIONS` questions at most.

    **Raises** BadArgument: the domain has no record that can be read, or its
    networks fit no record.  `LookupFailed`: the DNS did not answer.
    """
    flattening = _Flattening()
    try:
        original = yield from flattening.find_record(domain)
        pieces = yield from flattening.pieces(original, domain, 0)
    except _Unflattenable as fault:
        raise BadArgument(str(fault)) from None
    words = [records.VERSION, *_words(pieces), *flattening.tail()]
    try:
        record = records.parse(" ".join(words).encode())
    except SyntaxFault as fault:
        raise BadArgument(f"the networks of {domain} do not fit in a record: {fault}") from None
    return Flattened(
        record,
        original,
        tuple(dict.fromkeys(flattening.followed)),
        tuple(flattening.kept),
        flattening.ttl,
    )


class _Unflattenable(Exception):
    """A term cannot be written as networks; the text says why."""


class _Piece(NamedTuple):
    """A directive of the flattened record: networks, or a term that stays."""

    qualifier: Qualifier
    networks: tuple[Network, ...]
    text: str = ""


class _Flattening:
    """The state of one flattening."""

    def __init__(self) -> None:
        self.followed: list[str] = []
        self.kept: list[str] = []
        self.ttl = 7 * 86_400
        self._questions = 0
        self._end = Record(())

    def find_record(self, domain: str) -> Lookups[Record]:
        """The one record of a domain."""
        self._count()
        answer = yield from ask.txt(domain)
        self._heard(answer)
        found = [octets for octets in answer.records if records.is_record(octets)]
        if len(found) != 1:
            raise _Unflattenable(f"{domain} has {len(found) or 'no'} SPF records; it must have one")
        try:
            return records.parse(found[0])
        except SyntaxFault as fault:
            raise _Unflattenable(f"the record of {domain} cannot be read: {fault}") from None

    def pieces(self, record: Record, domain: str, depth: int) -> Lookups[list[_Piece]]:
        """The directives of a record up to its all, and those of its redirect.

        In the record of a redirect no term can stay as it is: its macros would
        refer to another domain.
        """
        if depth and record.exp is not None and record.exp.letters:
            raise _Unflattenable(f"the macros of exp={record.exp.text} refer to {domain}")
        pieces: list[_Piece] = []
        self._end = record
        for directive in record.directives:
            if isinstance(directive.mechanism, All):
                return [*pieces, _Piece(directive.qualifier, (), directive.text)]
            known = len(self.followed)
            try:
                networks = yield from self._networks(directive, domain, depth)
            except _Unflattenable as reason:
                self._keep(directive.text, reason, depth, known)
                pieces.append(_Piece(directive.qualifier, (), directive.text))
            else:
                pieces.append(_Piece(directive.qualifier, tuple(networks)))
        if record.redirect is None:
            return pieces
        known = len(self.followed)
        try:
            return pieces + (yield from self._redirected(record.redirect, domain, depth))
        except _Unflattenable as reason:
            self._keep(f"redirect={record.redirect.text}", reason, depth, known)
            self._end = record
            return pieces

    def _keep(self, term: str, reason: _Unflattenable, depth: int, known: int) -> None:
        if depth:
            raise reason
        del self.followed[known:]
        self.kept.append(f"{term}: {reason}")

    def _redirected(self, redirect: MacroString, domain: str, depth: int) -> Lookups[list[_Piece]]:
        target = _name(redirect, domain)
        if depth == MAX_DEPTH:
            raise _Unflattenable(f"more than {MAX_DEPTH} records are nested in each other")
        record = yield from self.find_record(target)
        self.followed.append(target)
        return (yield from self.pieces(record, target, depth + 1))

    def tail(self) -> Iterator[str]:
        """The modifiers of the record at which the evaluation ends (§6.1, §6.2)."""
        redirect, exp = records.redirect_of(self._end), self._end.exp
        if redirect is not None:
            yield f"redirect={redirect.text}"
        if exp is not None:
            yield f"exp={exp.text}"

    def _networks(self, directive: Directive, domain: str, depth: int) -> Lookups[list[Network]]:
        mechanism = directive.mechanism
        if isinstance(mechanism, IP4 | IP6):
            return [_network(mechanism.address, mechanism.length)]
        if isinstance(mechanism, Include):
            name = _name(mechanism.domain_spec, domain)
            networks = yield from self._admitted(name, depth + 1)
            self.followed.append(name)
            return networks
        if isinstance(mechanism, A | MX):
            name = _name(mechanism.domain_spec, domain)
            hosts = [name]
            if isinstance(mechanism, MX):
                hosts = yield from self._exchanges(name)
            addresses = yield from self._addresses(hosts)
            self.followed += [name, *hosts]
            lengths = {4: mechanism.ip4_length, 6: mechanism.ip6_length}
            return [_network(address, lengths[address.version]) for address in addresses]
        raise _Unflattenable("what it matches depends on the client")

    def _admitted(self, domain: str, depth: int) -> Lookups[list[Network]]:
        """The networks for which the record of `domain` passes (§5.2)."""
        if depth > MAX_DEPTH:
            raise _Unflattenable(f"more than {MAX_DEPTH} records are nested in each other")
        record = yield from self.find_record(domain)
        networks: list[Network] = []
        for directive in record.directives:
            if isinstance(directive.mechanism, All):
                if directive.qualifier is Qualifier.PASS:
                    raise _Unflattenable(f"{domain} lets everybody send")
                return networks
            if directive.qualifier is not Qualifier.PASS:
                raise _Unflattenable(f"{domain} excludes hosts by {directive.text}")
            networks += yield from self._networks(directive, domain, depth)
        if record.redirect is not None:
            target = _name(record.redirect, domain)
            networks += yield from self._admitted(target, depth + 1)
            self.followed.append(target)
        return networks

    def _exchanges(self, name: str) -> Lookups[list[str]]:
        self._count()
        answer = yield from ask.mx(name)
        self._heard(answer)
        if len(answer.records) > MAX_MX:
            raise _Unflattenable(f"{name} has more than {MAX_MX} mail exchanges")
        return [exchange.host for exchange in answer.records if exchange.host]

    def _addresses(self, hosts: list[str]) -> Lookups[list[Address]]:
        found: list[Address] = []
        for host in hosts:
            for like in ask.FAMILIES:
                self._count()
                answer = yield from ask.addresses(host, like=like)
                self._heard(answer)
                found += answer.records
        return found

    def _count(self) -> None:
        self._questions += 1
        if self._questions > MAX_QUESTIONS:
            raise _Unflattenable(f"it needs more than {MAX_QUESTIONS} questions")

    def _heard(self, answer: Answer[object]) -> None:
        if answer.records:
            self.ttl = min(self.ttl, answer.ttl)


def _name(spec: MacroString | None, domain: str) -> str:
    name = fixed_target(spec, domain)
    if name is None:
        raise _Unflattenable("its macros depend on the client")
    return name


def _network(address: Address, length: int) -> Network:
    kind = IPv4Network if address.version == 4 else IPv6Network  # noqa: PLR2004 - of IP
    return kind((int(address), length), strict=False)


def _words(pieces: list[_Piece]) -> Iterator[str]:
    """The terms; the networks of adjacent ones with the same qualifier are merged."""
    for qualifier, row in groupby(pieces, key=lambda piece: piece.qualifier):
        sign = "" if qualifier is Qualifier.PASS else qualifier.value
        together = list(row)
        networks = [network for piece in together for network in piece.networks]
        ip4 = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
        ip6 = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
        for network in chain[Network](ip4, ip6):
            mechanism = f"{sign}ip{network.version}:{network.network_address}"
            whole = network.prefixlen == network.max_prefixlen
            yield mechanism if whole else f"{mechanism}/{network.prefixlen}"
        yield from (piece.text for piece in together if piece.text)
