"""A server of look-ups on one listening socket, which several processes may share.

It accepts one connection for each turn of the event loop, so that no process
hoards them; closes the one that is idle longest to make room for a new one; and
goes on when descriptors run out.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Final

from mailauth.errors import BadArgument
from mailauth.postfix.connection import Answer, Connection, Limits, Watch
from mailauth.postfix.lookup import Wire
from mailauth.postfix.socketmap import Socketmap
from mailauth.postfix.tcptable import TcpTable

GRACE: Final = 1.0
"""Seconds for which an idle connection makes no room for another."""
BACK_OFF: Final = 0.5
"""Seconds without accepting, when the system has nothing left to accept with."""
EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
GONE: Final = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EINTR, errno.EAGAIN}
"""What `accept` says of a peer that is no longer there, or when another process was faster."""


class LookupProtocol(StrEnum):
    """How Postfix asks."""

    TCP_TABLE = "tcp_table"
    SOCKETMAP = "socketmap"


class LookupServer:
    """Answers the look-ups that come in on one socket.

    `answer` is asked once for each request, one after another; it must be quick,
    and what it raises is a temporary failure.  `map_name` is the map of a
    tcp_table, which cannot name one.

    **Raises** BadArgument: a tcp_table without a map, or a socketmap with one.
    """

    def __init__(
        self,
        protocol: LookupProtocol,
        answer: Answer,
        *,
        map_name: str = "",
        limits: Limits,
        watch: Watch,
    ) -> None:
        self._wire = _wire(protocol, map_name)
        self._answer = answer
        self._limits = limits
        self._watch = watch
        self._connections: set[Connection] = set()
        self._buffer = memoryview(bytearray(_READ))
        self._arriving: set[asyncio.Task[object]] = set()
        self._stopped: asyncio.Future[None] | None = None
        self._listening: socket.socket | None = None
        self._reserve = -1

    async def serve(self, listening: socket.socket) -> None:
        """Accept and answer until `drain`, or until cancelled, when the connections are closed.

        `listening` is a listening socket, which stays open.
        """
        loop = asyncio.get_running_loop()
        listening.setblocking(False)  # noqa: FBT003 - that is how sockets have it
        self._listening = listening
        self._stopped = loop.create_future()
        self._reserve = _reserve()
        loop.add_reader(listening, self._accept)
        sweep = loop.create_task(self._sweep())
        try:
            await self._stopped
        finally:
            self._stop_accepting()
            sweep.cancel()
            for arriving in self._arriving:
                arriving.cancel()
            self._abort()

    async def drain(self, limit: float) -> None:
        """Accept no more, answer what is under way, and close within `limit` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        self._stop_accepting()
        if self._arriving:
            await asyncio.wait(self._arriving, timeout=limit)
        for _ in range(2):  # the loop looks at its sockets, then reads what has come in by now
            await asyncio.sleep(0)
        closing = [connection.finish() for connection in tuple(self._connections)]
        if closing:
            await asyncio.wait(closing, timeout=end - loop.time())
        self._abort()
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)

    def _accept(self) -> None:
        """One connection is waiting, unless another process was faster."""
        listening = self._listening
        if listening is None:
            return
        try:
            accepted, _ = listening.accept()
        except OSError as fault:
            if fault.errno in EXHAUSTED:
                self._refuse_exhausted(listening, fault)
            elif fault.errno not in GONE:
                self._fail(fault)
            return
        if not self._make_room():
            accepted.close()
            self._watch.refused(f"there are {self._limits.connections} connections, all busy")
            return
        accepted.setblocking(False)  # noqa: FBT003
        loop = asyncio.get_running_loop()
        arriving = loop.create_task(loop.connect_accepted_socket(self._connection, accepted))
        self._arriving.add(arriving)
        arriving.add_done_callback(partial(self._arrived, accepted))

    def _connection(self) -> Connection:
        return Connection(
            self._wire(),
            self._answer,
            limits=self._limits,
            watch=self._watch,
            roster=self._connections,
            buffer=self._buffer,
        )

    def _arrived(self, accepted: socket.socket, task: "asyncio.Task[object]") -> None:
        self._arriving.discard(task)
        if task.cancelled() or task.exception() is not None:
            accepted.close()

    def _make_room(self) -> bool:
        """Whether one more connection may be; the one that is idle longest may go for it."""
        if len(self._connections) + len(self._arriving) < self._limits.connections:
            return True
        before = asyncio.get_running_loop().time() - GRACE
        idle = [each for each in self._connections if each.touched < before and each.idle]
        if not idle:
            return False
        oldest = min(idle, key=lambda each: each.touched)
        self._connections.discard(oldest)
        oldest.abort()
        return True

    def _refuse_exhausted(self, listening: socket.socket, fault: OSError) -> None:
        """Tell the one who waits at once, with the descriptor that was kept for it; then rest."""
        if self._reserve >= 0:
            os.close(self._reserve)
            with suppress(OSError):  # it is gone, or there is still nothing to accept it with
                listening.accept()[0].close()
            self._reserve = _reserve()
        self._watch.refused(f"cannot accept: {fault.strerror}")
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(BACK_OFF, self._accept_again)

    def _accept_again(self) -> None:
        if self._listening is not None:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _fail(self, fault: OSError) -> None:
        """The socket itself is of no use: `serve` raises."""
        self._stop_accepting()
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_exception(fault)

    def _stop_accepting(self) -> None:
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening = None
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1

    def _abort(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()

    async def _sweep(self) -> None:
        """Close the connections whose deadline has passed."""
        loop = asyncio.get_running_loop()
        step = min(1.0, self._limits.idle / 4, self._limits.request / 4)
        while True:
            await asyncio.sleep(step)
            now = loop.time()
            for connection in tuple(self._connections):
                if connection.deadline <= now:
                    connection.expire()


_READ: Final = 65_536
"""Octets that are read at a time."""


def _wire(protocol: LookupProtocol, map_name: str) -> Callable[[], Wire]:
    """What makes the state of a connection."""
    if (protocol is LookupProtocol.TCP_TABLE) != bool(map_name):
        raise BadArgument("a tcp_table serves one map, by its name; a socketmap serves all")
    return partial(TcpTable, map_name) if map_name else Socketmap


def _reserve() -> int:
    """A descriptor that is given up when there are no others; -1 if there is none even now."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
