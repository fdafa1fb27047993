"""A nameserver on loopback that misbehaves on demand, by UDP and TCP, and counts its questions.

A script says what happens to one question: a function from the `Ask` to the replies to
send, and the seconds to wait between them.  The scripts below are small; tests combine
them.
"""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from mailauth.dns import MX, Question, RRType, Status, Zone, present


@dataclass(frozen=True)
class Ask:
    """One question that arrived."""

    query: dns.message.Message
    transport: str
    """`udp` or `tcp`."""

    @property
    def name(self) -> str:
        """The name, without its final dot."""
        return self.query.question[0].name.to_text(omit_final_dot=True)

    @property
    def rrtype(self) -> str:
        """The type, as text."""
        return dns.rdatatype.to_text(self.query.question[0].rdtype)

    def reply(self, rcode: int = dns.rcode.NOERROR) -> dns.message.Message:
        """An empty reply, as a recursive server would give."""
        reply = dns.message.make_response(self.query, recursion_available=True)
        reply.set_rcode(dns.rcode.Rcode(rcode))
        return reply


Reply: TypeAlias = dns.message.Message | bytes
Script: TypeAlias = Callable[[Ask], Iterable[Reply | float]]
"""Yields replies to send, and seconds to wait before the next one."""


def answer(*records: str, authority: Iterable[str] = (), flags: int = 0, rcode: int = 0) -> Script:
    """Answer with these records, each a line `name ttl IN type data`."""

    def script(ask: Ask) -> Iterator[Reply]:
        reply = ask.reply(rcode)
        reply.answer.extend(map(_rrset, records))
        reply.authority.extend(map(_rrset, authority))
        reply.flags |= flags
        yield reply

    return script


def _rrset(line: str) -> dns.rrset.RRset:
    name, ttl, rdclass, rdtype, *data = line.split(" ")
    return dns.rrset.from_text(f"{name}.", int(ttl), rdclass, rdtype, " ".join(data))


def fails(rcode: int) -> Script:
    """A reply with this code and nothing else."""
    return answer(rcode=rcode)


def drops(_: Ask) -> Iterator[Reply]:
    """No reply at all."""
    return iter(())


def truncates(by_tcp: Script) -> Script:
    """An empty reply with TC by UDP; by TCP, what `by_tcp` says."""

    def script(ask: Ask) -> Iterable[Reply | float]:
        if ask.transport == "tcp":
            return by_tcp(ask)
        reply = ask.reply()
        reply.flags |= dns.flags.TC
        return [reply]

    return script


def after(wait: float, script: Script) -> Script:
    """The same after `wait` seconds."""

    def later(ask: Ask) -> Iterator[Reply | float]:
        yield wait
        yield from script(ask)

    return later


def once_open(count: int, script: Script) -> Script:
    """The same once `count` questions are open at the same time; no reply if they never are."""
    meeting = threading.Barrier(count)

    def waiting(ask: Ask) -> Iterator[Reply | float]:
        try:
            meeting.wait(5)
        except threading.BrokenBarrierError:
            return
        yield from script(ask)

    return waiting


def octets(change: Callable[[bytes], bytes], script: Script) -> Script:
    """The same, with the octets of the reply changed."""

    def changed(ask: Ask) -> Iterator[Reply]:
        for reply in script(ask):
            if isinstance(reply, dns.message.Message):
                yield change(reply.to_wire(max_size=65_535))

    return changed


def in_turn(*scripts: Script) -> Script:
    """The first script for the first question, and so on; the last one for all that follow."""
    left = list(scripts)

    def script(ask: Ask) -> Iterable[Reply | float]:
        following = left.pop(0) if len(left) > 1 else left[0]
        return following(ask)

    return script


def both(*scripts: Script) -> Script:
    """The replies of all scripts, one after another."""

    def script(ask: Ask) -> Iterator[Reply | float]:
        for each in scripts:
            yield from each(ask)

    return script


def from_zone(zone: Zone) -> Script:
    """The answers of a zone in memory."""

    def script(ask: Ask) -> Iterator[Reply | float]:
        if ask.rrtype not in _TYPES:
            yield ask.reply()
            return
        found = zone.resolve(Question(ask.name.lower(), RRType(ask.rrtype)))
        if not found.records:
            failed = dns.rcode.SERVFAIL if found.failed else dns.rcode.NOERROR
            yield ask.reply(dns.rcode.NXDOMAIN if found.status is Status.NO_SUCH_NAME else failed)
            return
        lines = [f"{ask.name} 3600 IN {ask.rrtype} {_data(each)}" for each in found.records]
        yield from answer(*lines)(ask)

    return script


_TYPES = frozenset(RRType)


def _data(record: Any) -> str:
    if isinstance(record, bytes):
        return " ".join(f'"{piece.decode()}"' for piece in present.strings(record))
    if isinstance(record, str):  # the name in a PTR or CNAME
        return f"{record}."
    return f"{record.preference} {record.host}." if isinstance(record, MX) else str(record)


@dataclass
class Nameserver:
    """A running server: where it is, what it does, and what it was asked."""

    script: Script
    where: str = ""
    asked: list[Ask] = field(default_factory=list)

    def names(self) -> list[str]:
        """The names that it was asked about, in order."""
        return [ask.name for ask in self.asked]

    def replies(self, wire: bytes, transport: str) -> Iterator[bytes]:
        """The replies to a question, each yielded when it is to be sent."""
        ask = Ask(dns.message.from_wire(wire), transport)
        self.asked.append(ask)
        for reply in self.script(ask):
            if isinstance(reply, float):
                time.sleep(reply)
            else:
                yield reply if isinstance(reply, bytes) else reply.to_wire(max_size=65_535)


@contextmanager
def serve(script: Script) -> Iterator[Nameserver]:
    """A server of this script on 127.0.0.1, on one port by UDP and TCP."""
    server = Nameserver(script)

    class ByUDP(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            for reply in server.replies(wire, "udp"):
                sock.sendto(reply, self.client_address)

    class ByTCP(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2, socket.MSG_WAITALL))
            wire = self.request.recv(length, socket.MSG_WAITALL)
            for reply in server.replies(wire, "tcp"):
                self.request.sendall(struct.pack("!H", len(reply)) + reply)

    udp, tcp = _on_one_port(ByUDP, ByTCP)
    server.where = f"127.0.0.1:{udp.server_address[1]}"
    threads = [threading.Thread(target=each.serve_forever, args=(0.01,)) for each in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        for each in (udp, tcp):
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()


def _on_one_port(
    by_udp: type[socketserver.BaseRequestHandler], by_tcp: type[socketserver.BaseRequestHandler]
) -> tuple["_Quiet", "_QuietTCP"]:
    """Both servers on a port that is free for both: somebody else may have it by TCP."""
    while True:
        tcp = _QuietTCP(("127.0.0.1", 0), by_tcp)
        try:
            return _Quiet(tcp.server_address, by_udp), tcp
        except OSError:
            tcp.server_close()


class _Threads(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no news."""


class _Quiet(_Threads, socketserver.UDPServer):
    pass


class _QuietTCP(_Threads, socketserver.TCPServer):
    allow_reuse_address = True
