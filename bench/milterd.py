"""`python -m bench.milterd PATH|PORT sign|verify KEY RECORD`: our milter, to be measured."""

import asyncio
import socket
import sys
from pathlib import Path

from bench.dkim import DOMAIN, SELECTOR
from mailauth.dns import Answer, AsyncResolver, Question, RRType, Status
from mailauth.dns.cache import Cache
from mailauth.milter.record import Fault, Record
from mailauth.milter.server import MilterServer
from mailauth.milter.settings import Settings, SigningSettings, VerifyingSettings
from mailauth.milter.tables.signingtable import SigningKey, SigningTable
from mailauth.milter.terms import Limits
from mailauth.service.processes.worker import settle


class _Silent:
    """A watch that ignores everything, except what must not happen."""

    def opened(self) -> None:
        """See `Watch`."""

    def closed(self) -> None:
        """See `Watch`."""

    def refused(self, line: str) -> None:
        raise AssertionError(line)

    def started(self) -> int:
        return 1

    def ended(self, work: int, record: Record) -> None:
        """See `Watch`."""

    def forged(self, recipient: str, client: str) -> None:
        raise AssertionError(recipient, client)

    def dropped(self, work: int) -> None:
        raise AssertionError(work)

    def failed(self, fault: Fault) -> None:
        raise AssertionError(fault)

    def violated(self, line: str) -> None:
        raise AssertionError(line)

    def overdue(self, line: str) -> None:
        raise AssertionError(line)


async def _serve(where: str, mode: str, key: str, record: bytes) -> None:
    table = SigningTable.of([(DOMAIN, SigningKey(DOMAIN, SELECTOR, key))])
    settings = Settings(signing=SigningSettings(table))
    if mode == "verify":
        settings = Settings(verifying=VerifyingSettings("mx.example.org", spf=False, dmarc=False))
    cache = Cache()
    question = Question(f"{SELECTOR}._domainkey.{DOMAIN}", RRType.TXT)
    cache.put(question, Answer(Status.EXISTS, (record,), ttl=86_400))
    resolver = AsyncResolver(["127.0.0.1"], cache=cache)
    server = MilterServer(settings, resolver=resolver, limits=Limits(), watch=_Silent())
    listening = socket.socket(socket.AF_INET if where.isdigit() else socket.AF_UNIX)
    listening.bind(("127.0.0.1", int(where)) if where.isdigit() else where)
    listening.listen(64)
    settle()
    await server.serve(listening)


asyncio.run(_serve(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]).read_bytes()))
