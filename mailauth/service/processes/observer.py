"""The observer: probes the service from outside, and shows its figures to Prometheus.

A frozen process still seems to accept connections, because the kernel does so.  So
each listener is asked a harmless question now and then, as a client would ask; a client
that is answered, or turned away at once, has met a living server.  Only silence counts,
and only twice in a row.

The figures come from the supervisor as JSON, in datagrams; they are shown only while
the supervisor keeps sending them.
"""

import asyncio
import json
import logging
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from mailauth.service.processes.generation import Probe
from mailauth.service.settings.tables import Watchdog
from mailauth.service.telling.beat import Beat, nothing

logger = logging.getLogger(__name__)

_MAX_SNAPSHOT: Final = 1_048_576
_MAX_REQUEST: Final = 8192
_MAX_ANSWER: Final = 65_536
_CLIENTS: Final = 16
_REQUEST_LIMIT: Final = 5.0
_SILENCES: Final = 2


def observe(
    channel: socket.socket,
    probes: Sequence[Probe],
    metrics: socket.socket | None,
    limits: Watchdog,
) -> int:
    """Run the observer; returns its exit status."""
    return asyncio.run(_Observer(channel, probes, metrics, limits).live())


class _Observer:
    def __init__(
        self,
        channel: socket.socket,
        probes: Sequence[Probe],
        metrics: socket.socket | None,
        limits: Watchdog,
    ) -> None:
        self._channel = channel
        self._probes = probes
        self._metrics = metrics
        self._limits = limits
        self._snapshot: dict[str, Any] = {}
        self._told = time.monotonic()
        """When the supervisor last sent a snapshot."""
        self._clients = 0

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_reader(self._channel, self._hear)
        server = None
        if self._metrics is not None:
            server = await asyncio.start_server(self._show, sock=self._metrics, limit=_MAX_REQUEST)
        tasks = [asyncio.create_task(self._beat(), name="beat")]
        tasks += [asyncio.create_task(self._ask_again(n)) for n in range(len(self._probes))]
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait([asked, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()
        if server is not None:
            server.close()
        return 0

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            octets = self._channel.recv(_MAX_SNAPSHOT)
            if octets:
                self._snapshot = json.loads(octets)
                self._told = time.monotonic()

    async def _beat(self) -> None:
        while True:
            if not self._say(0):
                return
            await asyncio.sleep(self._limits.beat)

    def _say(self, unanswered: int) -> bool:
        figures = tuple(nothing() for _ in self._probes)
        try:
            self._channel.send(Beat(0.0, unanswered, figures).pack())
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    async def _ask_again(self, index: int) -> None:
        """Ask one listener for ever; report two silences in a row to the supervisor."""
        silences = 0
        while True:
            try:
                async with asyncio.timeout(self._limits.probe):
                    await _ask(self._probes[index])
                silences = 0
            except TimeoutError:
                silences += 1
            except OSError as fault:
                silences = 0
                values = {"address": str(self._probes[index].address), "fault": str(fault)}
                logger.warning("cannot reach %(address)s: %(fault)s", values)
            if silences >= _SILENCES:
                self._say(index + 1)
                silences = 0
            await asyncio.sleep(self._limits.probe / 2)

    async def _show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request for metrics, whatever its path, and close."""
        self._clients += 1
        try:
            if self._clients <= _CLIENTS:
                async with asyncio.timeout(_REQUEST_LIMIT):
                    writer.write(await self._response(reader))
                    await writer.drain()
        except (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # a client that goes away, dawdles, or sends too much
        except asyncio.CancelledError:
            pass  # the observer ends; some versions of asyncio log a cancelled handler
        finally:
            self._clients -= 1
            writer.close()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"GET ", b"HEAD ")):
            return b"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n"
        silent = time.monotonic() - self._told
        if not self._snapshot or silent > self._limits.silence:  # old figures would look sound
            why = f"the supervisor has sent nothing for {silent:.1f} s\n"
            lines = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
            return f"{lines}Connection: close\r\n\r\n{why}".encode()
        from mailauth.service.telling import metrics  # noqa: PLC0415 - only where metrics are wanted

        kind, body = metrics.exposition(self._snapshot)
        lines = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        content = body if head.startswith(b"GET ") else b""
        return lines.encode() + b"Connection: close\r\n\r\n" + content


async def _ask(probe: Probe) -> None:
    """Return once there is an answer, or the connection is closed.  **Raises** OSError."""
    if probe.address.family == socket.AF_UNIX:
        opened = asyncio.open_unix_connection(probe.address.host)
    else:
        opened = asyncio.open_connection(probe.address.host, probe.address.port)
    reader, writer = await opened
    try:
        writer.write(probe.question)
        answer = b""
        while not probe.is_answer(answer) and len(answer) < _MAX_ANSWER:
            octets = await reader.read(4096)
            if not octets:
                return
            answer += octets
    except ConnectionError:
        return
    finally:
        writer.close()
