"""One question put to nameservers: what to send next, and what a reply means.

This is the whole of the resolvers that does no I/O.  `resolution` is a
generator: it yields an `Attempt`, is sent the reply or what went wrong, and
returns the `Answer`; the blocking and the asyncio resolver drive it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mailauth.dns.lookups import MX, Answer, Question, RRType, Status
from mailauth.dns.names import labels, text
from mailauth.errors import BadArgument

MAX_CHAIN = 10
"""How many aliases are followed (CNAME)."""
MAX_RECORDS = 1000
MAX_OCTETS = 65_536
"""How much of one answer is accepted; more is a server failure, never a part of it."""
ROUNDS = 2
"""How often each nameserver is asked."""
_PAYLOAD = 1232  # an EDNS size that is not fragmented
_NEGATIVE_TTL = 60  # of a negative answer without a SOA


class Transport(Enum):
    """How a question travels."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"  # RFC 7858
    HTTPS = "https"  # RFC 8484


@dataclass(frozen=True, slots=True)
class Nameserver:
    """Where to ask: an address and port, or for DoH a URL in `where`."""

    where: str
    port: int = 53
    transport: Transport = Transport.UDP
    hostname: str | None = None
    """The name in the certificate, if it is not the address."""

    @classmethod
    def parse(cls, spec: str) -> "Nameserver":
        """A server: `192.0.2.1:5353`, `2001:db8::1`, `tls://192.0.2.1#dns.example`, `https://...`.

        **Raises** BadArgument.
        """
        if spec.startswith("https://"):
            return cls(spec, 443, Transport.HTTPS)
        tls = spec.startswith("tls://")
        bare = not tls and spec.count(":") > 1 and not spec.startswith("[")
        try:
            parts = urlsplit(spec if tls else f"udp://[{spec}]" if bare else f"udp://{spec}")
            address = str(ip_address(parts.hostname or ""))
            port = parts.port
        except ValueError:
            msg = f"{spec!r} is not a nameserver: an IP address with or without :port, or a URL"
            raise BadArgument(msg) from None
        if tls:
            return cls(address, port or 853, Transport.TLS, parts.fragment or None)
        return cls(address, port or 53)


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


Exchange: TypeAlias = Generator[Attempt, dns.message.Message | Failure, Answer[Any]]


def resolution(question: Question, nameservers: Sequence[Nameserver]) -> Exchange:
    """The answer to a question, by whatever nameserver gives one first."""
    parts = labels(question.name)
    if parts is None:
        return Answer(Status.MALFORMED_NAME)
    if not nameservers:
        return Answer(Status.SERVER_FAILURE, reason="no nameserver is configured")
    name = dns.name.Name([*parts, b""])
    ttl = 86_400
    secure = True
    for _ in range(MAX_CHAIN + 1):
        reply = yield from _reply(name, question.rrtype, nameservers)
        if isinstance(reply, Failure):
            return Answer(reply.status, reason=reply.reason)
        secure &= bool(reply.flags & dns.flags.AD)
        found = _Found(reply, name, question.rrtype, ttl)
        if found.alias is None:
            return found.answer(secure=secure)
        name, ttl = found.alias, found.ttl
    return Answer(Status.SERVER_FAILURE, reason=f"more than {MAX_CHAIN} aliases in a chain")


def _reply(
    name: dns.name.Name, rrtype: RRType, nameservers: Sequence[Nameserver]
) -> Generator[Attempt, dns.message.Message | Failure, dns.message.Message | Failure]:
    """The first reply that answers, or the last failure."""
    last = Failure(Status.TIMEOUT, "no nameserver answered")
    for _ in range(ROUNDS):
        for nameserver in nameservers:
            reply = yield from _ask(nameserver, name, rrtype)
            if not isinstance(reply, Failure):
                return reply
            last = reply
    return last


def _ask(
    nameserver: Nameserver, name: dns.name.Name, rrtype: RRType
) -> Generator[Attempt, dns.message.Message | Failure, dns.message.Message | Failure]:
    transport = nameserver.transport
    reply = yield Attempt(nameserver, _query(name, rrtype, edns=True), transport)
    if _rejects_edns(reply):
        reply = yield Attempt(nameserver, _query(name, rrtype, edns=False), transport)
    if not isinstance(reply, Failure) and reply.flags & dns.flags.TC:
        # A truncated reply is never read, also if TCP fails.
        reply = yield Attempt(nameserver, _query(name, rrtype, edns=True), Transport.TCP)
        if isinstance(reply, Failure):
            return Failure(Status.SERVER_FAILURE, f"truncated, and by TCP: {reply.reason}")
        if reply.flags & dns.flags.TC:
            return Failure(Status.SERVER_FAILURE, f"{nameserver.where} truncates over TCP")
    return reply if isinstance(reply, Failure) else _refused(nameserver, reply)


def _query(name: dns.name.Name, rrtype: RRType, *, edns: bool) -> dns.message.QueryMessage:
    query = dns.message.make_query(name, dns.rdatatype.RdataType[rrtype])
    query.flags |= dns.flags.AD  # RFC 6840 §5.7: tell me whether you validated
    if edns:
        query.use_edns(0, 0, _PAYLOAD)
    return query


def _rejects_edns(reply: dns.message.Message | Failure) -> bool:
    return not isinstance(reply, Failure) and reply.rcode() in (
        dns.rcode.FORMERR,
        dns.rcode.NOTIMP,
        dns.rcode.BADVERS,
    )


def _refused(nameserver: Nameserver, reply: dns.message.Message) -> dns.message.Message | Failure:
    rcode = reply.rcode()
    if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return reply
    status = Status.REFUSED if rcode == dns.rcode.REFUSED else Status.SERVER_FAILURE
    return Failure(status, f"{nameserver.where} says {dns.rcode.to_text(rcode)}")


class _Found:
    """What a reply holds for a name: only records of the chain that starts there count."""

    def __init__(
        self, reply: dns.message.Message, name: dns.name.Name, rrtype: RRType, ttl: int
    ) -> None:
        self._reply = reply
        self._rrtype = rrtype
        self.ttl = ttl
        self.alias: dns.name.Name | None = None
        """Where the chain goes on, if this reply does not tell."""
        rdtype = dns.rdatatype.RdataType[rrtype]
        self._rrset: dns.rrset.RRset | None = None
        chain = 0
        while True:
            self._rrset = self._of(name, rdtype)
            alias = None if self._rrset else self._of(name, dns.rdatatype.CNAME)
            if alias is None or chain > MAX_CHAIN:
                break
            name = alias[0].target
            chain += 1
        self._too_long = chain > MAX_CHAIN
        ended = self._rrset or reply.rcode() == dns.rcode.NXDOMAIN or self._soa() is not None
        if chain and not self._too_long and not ended:
            self.alias = name

    def answer(self, *, secure: bool) -> Answer[Any]:
        if self._too_long:
            reason = f"more than {MAX_CHAIN} aliases in a chain"
            return Answer(Status.SERVER_FAILURE, reason=reason)
        if self._rrset is None:
            soa = self._soa()
            self.ttl = min(self.ttl, _NEGATIVE_TTL if soa is None else min(soa.ttl, soa[0].minimum))
            nxdomain = self._reply.rcode() == dns.rcode.NXDOMAIN
            status = Status.NO_SUCH_NAME if nxdomain else Status.NO_DATA
            return Answer(status, (), self.ttl, secure)
        records = tuple(_RECORD[self._rrtype](rdata) for rdata in self._rrset)
        octets = sum(len(record) for record in records if isinstance(record, bytes))
        if len(records) > MAX_RECORDS or octets > MAX_OCTETS:
            reason = f"an answer of {len(records)} records and {octets} octets is too large"
            return Answer(Status.SERVER_FAILURE, reason=reason)
        return Answer(Status.EXISTS, records, self.ttl, secure)

    def _of(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        rrset = self._reply.get_rrset(self._reply.answer, name, dns.rdataclass.IN, rdtype)
        if rrset is not None:
            self.ttl = min(self.ttl, rrset.ttl)
        return rrset

    def _soa(self) -> dns.rrset.RRset | None:
        """The SOA of a negative answer (RFC 2308 §2)."""
        for rrset in self._reply.authority:
            if rrset.rdtype == dns.rdatatype.SOA and rrset:
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
}
