"""A milter server on loopback, a watch for it, and a scripted MTA to talk to it."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import mta

from mailauth.dns import Answer, Question, Zone
from mailauth.dns.lookups import Lookups, Together, known, run_async
from mailauth.milter.record import Fault, Record
from mailauth.milter.server import MilterServer
from mailauth.milter.settings import Settings
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.terms import Limits

T = TypeVar("T")


class ZoneResolver:
    """Answers from a zone, after awaiting `wait`."""

    def __init__(
        self, zone: Zone, wait: Callable[[Question], Awaitable[None]] | None = None
    ) -> None:
        self.zone = zone
        self.wait = wait

    def remembered(self, asked: Question | Together) -> Any:
        """The answer, for names below remembered.example; None for all others."""
        return known(asked, self._remembered)

    def _remembered(self, question: Question) -> Answer[Any] | None:
        here = question.name.endswith("remembered.example")
        return self.zone.resolve(question) if here else None

    async def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`."""
        return await run_async(lookups, self._resolve)

    async def _resolve(self, question: Question) -> Answer[Any]:
        if self.wait is not None:
            await self.wait(question)
        return self.zone.resolve(question)


class Recorder:
    """A watch that records everything."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.dropped_count = 0
        self.faults: list[Fault] = []
        self.lines: list[str] = []
        self.open = 0
        self.started_count = 0

    def opened(self) -> None:
        """See `Watch`."""
        self.open += 1

    def closed(self) -> None:
        """See `Watch`."""
        self.open -= 1

    def refused(self, line: str) -> None:
        """See `Watch`."""
        self.lines.append(f"refused: {line}")

    def started(self) -> int:
        """See `Watch`."""
        self.started_count += 1
        return self.started_count

    def ended(self, work: int, record: Record) -> None:
        """See `Watch`."""
        assert 0 < work <= self.started_count
        self.records.append(record)

    def forged(self, recipient: str, client: str) -> None:
        """See `Watch`."""
        self.lines.append(f"forged: {recipient} {client}")

    def dropped(self, work: int) -> None:
        """See `Watch`."""
        assert 0 < work <= self.started_count
        self.dropped_count += 1

    def failed(self, fault: Fault) -> None:
        """See `Watch`."""
        self.faults.append(fault)

    def violated(self, line: str) -> None:
        """See `Watch`."""
        self.lines.append(f"violated: {line}")

    def overdue(self, line: str) -> None:
        """See `Watch`."""
        self.lines.append(f"overdue: {line}")


class Mta:
    """One connection to a milter."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *frames: bytes) -> None:
        """Write these frames."""
        self.writer.write(b"".join(frames))

    async def read(self) -> tuple[bytes, bytes]:
        """The next reply."""
        (length,) = struct.unpack(">I", await self.reader.readexactly(4))
        octets = await self.reader.readexactly(length)
        return octets[:1], octets[1:]

    async def read_verdict(self) -> list[tuple[bytes, bytes]]:
        """The replies to the end of a message."""
        said = [await self.read()]
        while said[-1][0] in b"himbepq+2-":
            said.append(await self.read())
        return said

    async def open(self, **client: str) -> "Mta":
        """Get past CONNECT and HELO, with the options of Postfix."""
        self.say(mta.offer())
        assert (await self.read())[0] == b"O"
        self.say(mta.macros(b"C", {"j": "mx"}), mta.connect(**client), mta.helo())
        return self

    async def deliver(self, message: bytes, sender: str = "<ada@example.com>") -> Any:
        """The replies to one message."""
        self.say(mta.mail(sender), *mta.message(message))
        return await self.read_verdict()

    async def ended(self) -> bool:
        """Wait until the milter has closed the connection."""
        with suppress(ConnectionError):
            await self.reader.read()
        return True

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()


class Served:
    """A running server."""

    def __init__(self, server: MilterServer, watch: Recorder, where: Any, serving: Any) -> None:
        self.server = server
        self.watch = watch
        self.where = where
        self.serving: asyncio.Task[None] = serving
        self.mtas: list[Mta] = []

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait until something is true."""
        while not what():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.01)

    async def connect(self) -> Mta:
        """A new connection."""
        if isinstance(self.where, str):
            streams = await asyncio.open_unix_connection(self.where)
        else:
            streams = await asyncio.open_connection(*self.where)
        self.mtas.append(Mta(*streams))
        return self.mtas[-1]


@asynccontextmanager
async def serving(
    settings: Settings,
    zone: Zone | None = None,
    *,
    limits: Limits | None = None,
    path: Path | None = None,
    wait: Callable[[Question], Awaitable[None]] | None = None,
) -> AsyncGenerator[Served]:
    """A server on a loopback port, or on a Unix socket."""
    listening = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listening.bind(str(path) if path else ("127.0.0.1", 0))
    listening.listen(128)
    watch = Recorder()
    resolver = ZoneResolver(zone or Zone({}), wait)
    server = MilterServer(
        settings, resolver=resolver, limits=limits or Limits(), watch=watch, keys=KeyRing()
    )
    task = asyncio.create_task(server.serve(listening))
    served = Served(server, watch, listening.getsockname(), task)
    try:
        yield served
    finally:
        for each in served.mtas:
            each.close()
        task.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await task
        await asyncio.sleep(0)
        listening.close()
    assert watch.open == 0, "each connection that was accepted has been told to be closed"
