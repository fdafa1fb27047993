"""A look-up server within the test, and a watch that records events."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailauth.postfix import Answer, Limits, LookupProtocol, LookupServer, Outcome, Reply, Request


@dataclass
class Recorder:
    """A watch that records what happened, in order."""

    told: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    open: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def opened(self) -> None:
        """One more connection is open."""
        self._now_open(self.open + 1)

    def closed(self) -> None:
        """One fewer connection is open."""
        self._now_open(self.open - 1)

    def refused(self, line: str) -> None:
        """Kept."""
        self._keep("refused", line)

    def started(self, request: Request) -> None:
        """Kept."""
        self.told.append(f"started {request.key}")

    def ended(self, request: Request, reply: Reply) -> None:
        """Kept."""
        self.told.append(f"ended {request.key}")
        self.replies.append(reply)

    def failed(self, request: Request, fault: Exception) -> None:
        """Kept."""
        self.told.append(f"failed {request.key}")
        self.faults.append(fault)

    def violated(self, line: str) -> None:
        """Kept."""
        self._keep("violated", line)

    def overdue(self, line: str) -> None:
        """Kept."""
        self._keep("overdue", line)

    async def until_open(self, number: int) -> None:
        """Wait until so many connections are open."""
        while self.open != number:
            self._changed.clear()
            await self._changed.wait()

    def _now_open(self, number: int) -> None:
        self.open = number
        self._changed.set()

    def _keep(self, event: str, line: str) -> None:
        self.told.append(event)
        self.lines.append(line)


def echo(request: Request) -> Reply:
    """Finds the key itself."""
    return Reply(Outcome.FOUND, request.key)


@dataclass
class Served:
    """A running server."""

    server: LookupServer
    watch: Recorder
    where: Any
    task: "asyncio.Task[None]"
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(
        self, *, limit: int = 65_536
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection, closed at the end; it reads ahead up to `limit` octets."""
        if isinstance(self.where, str):
            reader, writer = await asyncio.open_unix_connection(self.where, limit=limit)
        else:
            reader, writer = await asyncio.open_connection(*self.where, limit=limit)
        self._writers.append(writer)
        return reader, writer

    async def ask(self, octets: bytes) -> bytes:
        """The octets that come back for these, on a new connection, until it is closed."""
        reader, writer = await self.connect()
        writer.write(octets)
        writer.write_eof()
        return await reader.read()

    async def stop(self) -> None:
        """Drain the server, then close what is left."""
        await self.server.drain(1)
        await self.task
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):  # the server was faster
                await writer.wait_closed()


@asynccontextmanager
async def serving(
    answer: Answer = echo,
    *,
    protocol: LookupProtocol = LookupProtocol.TCP_TABLE,
    limits: Limits | None = None,
    path: Path | None = None,
    shared: bool = False,
) -> AsyncIterator[Served]:
    """A server on loopback, or on a Unix socket; drained at the end."""
    if path is None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen(512)
    watch = Recorder()
    map_name = "forward" if protocol is LookupProtocol.TCP_TABLE else ""
    server = LookupServer(
        protocol, answer, map_name=map_name, limits=limits or Limits(), watch=watch
    )
    with listening:
        task = asyncio.create_task(server.serve(listening, shared=shared))
        await asyncio.sleep(0)
        served = Served(server, watch, listening.getsockname(), task)
        try:
            yield served
        finally:
            await served.stop()
