"""One question put to nameservers: what to send next, and what a reply means.

This is the part of the resolvers that does no I/O.  `resolution` is a generator:
it yields an `Attempt`, is sent the reply or a `Failure`, and returns the `Answer`;
the blocking and the asyncio resolver drive it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias, TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mailauth.dns.lookups import MAX_CHAIN, MAX_TTL, MX, Answer, Question, RRType, Status
from mailauth.dns.names import labels, text
from mailauth.dns.nameserver import Nameserver, Transport

MAX_RECORDS = 1000
MAX_OCTETS = 65_536
"""Records, and octets of TXT, in the largest answer that is accepted; more is a server failure."""
_PAYLOAD = 1232  # an EDNS size that avoids fragmentation
_NEGATIVE_TTL = 60  # seconds, for a negative answer without an SOA

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message to send to one server."""

    nameserver: Nameserver
    query: dns.message.QueryMessage
    transport: Transport


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt brought no reply."""

    status: Status
    reason: str


Exchange: TypeAlias = Generator[Attempt, dns.message.Message | Failure, T]


def resolution(question: Question, nameservers: Sequence[Nameserver]) -> Exchange[Answer[Any]]:
    """The answer to a question, from the first nameserver that gives one.

    It ends only with an answer or when each nameserver has failed: as long as one is
    merely silent, there is a next attempt, and the caller stops when time is up.
    """
    parts = labels(question.name)
    if parts is None:
        return Answer(Status.MALFORMED_NAME)
    if not nameservers:
        return Answer(Status.SERVER_FAILURE, reason="no nameserver is configured")
    chain = _Chain(dns.name.Name([*parts, b""]), question.rrtype)
    while True:
        reply = yield from _reply(chain.name, question.rrtype, nameservers)
        if isinstance(reply, Failure):
            return Answer(reply.status, reason=reply.reason)
        answer = chain.read(reply)
        if answer is not None:
            return answer


def _reply(
    name: dns.name.Name, rrtype: RRType, nameservers: Sequence[Nameserver]
) -> Exchange[dns.message.Message | Failure]:
    """The first reply that answers, or the last failure.

    A server that keeps silent is asked again and again, since it may still be resolving
    the name; one that fails otherwise, once.
    """
    last = Failure(Status.TIMEOUT, "no nameserver answered")
    asked = nameservers
    while asked:
        silent = []
        for nameserver in asked:
            reply = yield from _ask(nameserver, name, rrtype)
            if not isinstance(reply, Failure):
                return reply
            last = reply
            if reply.status is Status.TIMEOUT:
                silent.append(nameserver)
        asked = silent
    return last


def _ask(
    nameserver: Nameserver, name: dns.name.Name, rrtype: RRType
) -> Exchange[dns.message.Message | Failure]:
    """The reply of one nameserver: without EDNS if it rejects that, by TCP if UDP truncates."""
    transport = nameserver.transport
    query = _query(name, rrtype, edns=True)
    reply = yield Attempt(nameserver, query, transport)
    if _rejects_edns(reply):
        query = _query(name, rrtype, edns=False)
        reply = yield Attempt(nameserver, query, transport)
    if _truncated(reply) and transport is Transport.UDP:
        reply = yield Attempt(nameserver, query, Transport.TCP)
        if isinstance(reply, Failure):
            return Failure(Status.SERVER_FAILURE, f"truncated, and by TCP: {reply.reason}")
    return reply if isinstance(reply, Failure) else _judged(nameserver, reply)


def _query(name: dns.name.Name, rrtype: RRType, *, edns: bool) -> dns.message.QueryMessage:
    query = dns.message.make_query(name, dns.rdatatype.RdataType[rrtype])
    query.flags |= dns.flags.AD  # RFC 6840 §5.7: tell me whether you validated
    if edns:
        query.use_edns(0, 0, _PAYLOAD)
    return query


def _truncated(reply: dns.message.Message | Failure) -> bool:
    return not isinstance(reply, Failure) and bool(reply.flags & dns.flags.TC)


def _rejects_edns(reply: dns.message.Message | Failure) -> bool:
    return not isinstance(reply, Failure) and reply.rcode() in (
        dns.rcode.FORMERR,
        dns.rcode.NOTIMP,
        dns.rcode.BADVERS,
    )


def _judged(nameserver: Nameserver, reply: dns.message.Message) -> dns.message.Message | Failure:
    """The reply, if it answers the question; a truncated one is never read."""
    where = nameserver.where
    rcode = reply.rcode()
    if rcode == dns.rcode.REFUSED:
        return Failure(Status.REFUSED, f"{where} says REFUSED")
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Failure(Status.SERVER_FAILURE, f"{where} says {dns.rcode.to_text(rcode)}")
    if _truncated(reply):
        return Failure(Status.SERVER_FAILURE, f"{where} truncates its reply")
    if _refers(reply):
        return Failure(
            Status.SERVER_FAILURE, f"{where} does not resolve other domains (no recursion)"
        )
    if not nameserver.trusted:
        reply.flags &= ~dns.flags.AD
    return reply


def _refers(reply: dns.message.Message) -> bool:
    """Whether it is a referral, which only looks like an answer without data (RFC 2308 §2.2)."""
    types = {rrset.rdtype for rrset in reply.authority}
    final = reply.answer or reply.flags & dns.flags.AA or reply.rcode() != dns.rcode.NOERROR
    return not final and dns.rdatatype.NS in types and dns.rdatatype.SOA not in types


class _Chain:
    """The chain of aliases from the name asked for; records outside it are ignored."""

    def __init__(self, name: dns.name.Name, rrtype: RRType) -> None:
        self.name = name
        """The name that the aliases have led to, which is asked for next."""
        self._rrtype = rrtype
        self._aliases = 0
        self._ttl = MAX_TTL
        self._secure = True

    def read(self, reply: dns.message.Message) -> Answer[Any] | None:
        """The answer; None: the reply ends with an alias, and `name` has to be asked for."""
        self._secure &= bool(reply.flags & dns.flags.AD)
        asked_for = self.name
        while (rrset := self._find(reply, dns.rdatatype.RdataType[self._rrtype])) is None:
            alias = self._find(reply, dns.rdatatype.CNAME)
            if alias is None:
                return self._without_records(reply, alias_last=self.name != asked_for)
            self._aliases += 1
            if self._aliases > MAX_CHAIN:
                reason = f"more than {MAX_CHAIN} aliases in a chain"
                return Answer(Status.SERVER_FAILURE, reason=reason)
            self.name = alias[0].target
        return self._with_records(rrset)

    def _with_records(self, rrset: dns.rrset.RRset) -> Answer[Any]:
        records = tuple(map(_RECORD[self._rrtype], rrset))
        octets = sum(len(record) for record in records if isinstance(record, bytes))
        if len(records) > MAX_RECORDS or octets > MAX_OCTETS:
            reason = f"an answer of {len(records)} records and {octets} octets is too large"
            return Answer(Status.SERVER_FAILURE, reason=reason)
        return Answer(Status.EXISTS, records, self._ttl, self._secure)

    def _without_records(
        self, reply: dns.message.Message, *, alias_last: bool
    ) -> Answer[Any] | None:
        soa = self._soa(reply)
        absent = reply.rcode() == dns.rcode.NXDOMAIN
        if alias_last and not absent and soa is None:
            return None
        negative = _NEGATIVE_TTL if soa is None else min(soa.ttl, soa[0].minimum)
        status = Status.NO_SUCH_NAME if absent else Status.NO_DATA
        return Answer(status, (), min(self._ttl, negative), self._secure)

    def _find(
        self, reply: dns.message.Message, rdtype: dns.rdatatype.RdataType
    ) -> dns.rrset.RRset | None:
        rrset = reply.get_rrset(reply.answer, self.name, dns.rdataclass.IN, rdtype)
        if not rrset:
            return None
        self._ttl = min(self._ttl, rrset.ttl)
        return rrset

    def _soa(self, reply: dns.message.Message) -> dns.rrset.RRset | None:
        """The SOA of a negative answer, if its zone contains the name (RFC 2308 §2)."""
        for rrset in reply.authority:
            if rrset.rdtype == dns.rdatatype.SOA and self.name.is_subdomain(rrset.name):
                return rrset
        return None


def _host(name: dns.name.Name) -> str:
    return text(name.labels[:-1])


_RECORD: dict[RRType, Any] = {
    RRType.TXT: lambda rdata: b"".join(rdata.strings),
    RRType.A: lambda rdata: IPv4Address(rdata.address),
    RRType.AAAA: lambda rdata: IPv6Address(rdata.address),
    RRType.MX: lambda rdata: MX(rdata.preference, _host(rdata.exchange)),
    RRType.PTR: lambda rdata: _host(rdata.target),
    RRType.CNAME: lambda rdata: _host(rdata.target),
}
