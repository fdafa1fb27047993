"""A nameserver on loopback that answers TXT questions from a zone, each after a delay.

Each answer is delayed independently, so questions asked together are answered together.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from mailauth.dns import Question, RRType, Zone, present


class _Server(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone, wait: float) -> None:
        self._zone, self._wait = zone, wait

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio has no type for it
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._reply(data)
        asyncio.get_running_loop().call_later(self._wait, self._transport.sendto, reply, addr)

    def _reply(self, wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query, recursion_available=True)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        found: tuple[bytes, ...] = ()
        if asked.rdtype == dns.rdatatype.TXT:
            found = self._zone.resolve(Question(name, RRType.TXT)).records
        if found:
            texts = [present.one_line(each) for each in found]
            reply.answer.append(dns.rrset.from_text(asked.name, 3600, "IN", "TXT", *texts))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()


@contextmanager
def serve(zone: Zone, wait: float) -> Iterator[int]:
    """The port of a server that takes `wait` seconds for each answer."""
    loop = asyncio.new_event_loop()
    opening = loop.create_datagram_endpoint(lambda: _Server(zone, wait), ("127.0.0.1", 0))
    transport, _ = loop.run_until_complete(opening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
