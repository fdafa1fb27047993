"""One listening socket served by one event loop, whatever protocol its clients speak.

Several processes may share the socket.  A process that has accepted a connection
leaves the next one to the others for a moment, so that none hoards them; a process
that is full leaves it to them for longer before it turns a connection away.  When
descriptors run out, the waiting client is turned away at once, by means of a
descriptor kept in reserve, and accepting pauses for a moment.

A server stops in two steps: it accepts no more and lets what is under way finish;
then it closes what is left.
"""

import asyncio
import errno
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from mailauth.errors import EXHAUSTED

READ: Final = 262_144
"""The most octets that are read at a time."""
YIELD: Final = 0.001
"""Seconds for which the next connection is left to the other processes."""
LEAVE: Final = 0.05
"""Seconds for which a full process leaves a connection to others that may have room."""
BACK_OFF: Final = 0.5
"""Seconds without accepting, when the system has no descriptors left."""
GONE: Final = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EINTR, errno.EAGAIN}
"""The errors of `accept` if the peer has gone, or if another process was faster."""


class Watch(Protocol):
    """What any server reports while it works; calls must return quickly and not raise.

    Lines are printable ASCII without control characters, whatever a peer sent.
    """

    def opened(self) -> None:
        """A connection was accepted."""

    def closed(self) -> None:
        """A connection that was accepted has ended."""

    def refused(self, line: str) -> None:
        """A connection was closed at once: there are too many, or no descriptors are left."""

    def violated(self, line: str) -> None:
        """A connection is closed because its peer broke the protocol, or cannot be served."""

    def overdue(self, line: str) -> None:
        """A peer left something unfinished or unread for too long."""


class Client(asyncio.BufferedProtocol, ABC):
    """Our end of one connection, which is in its roster while it is open.

    All connections of a roster read through its one buffer, which is empty again before
    the next of them reads.  Without it, asyncio allocates 256 KB for each read.
    """

    def __init__(self, roster: "Roster[Any]") -> None:
        self._buffer = roster.buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's; it has none
        """Called by asyncio before it reads."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio when it has read."""
        self.receive(bytes(self._buffer[:nbytes]))

    @abstractmethod
    def receive(self, octets: bytes) -> None:
        """Take in octets that have arrived."""

    @abstractmethod
    def finish(self) -> "asyncio.Future[None]":
        """Close once nothing is under way; the future is done when it is closed."""

    @abstractmethod
    def abort(self) -> None:
        """Close now, whatever is under way."""

    @abstractmethod
    def tick(self, now: float) -> None:
        """Called now and then: check the deadlines."""


C = TypeVar("C", bound=Client)


class Roster(set[C]):
    """The open connections of one server, and the buffer that they read through."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = memoryview(bytearray(READ))


class SocketServer(Generic[C]):
    """Serves the clients that connect to one socket; `converse` makes each, given the roster.

    At most `connections` are open; `make_room` may close one to admit another, and returns
    whether it did.  Deadlines are checked every `step` seconds, and at least every second.
    """

    def __init__(
        self,
        converse: Callable[[Roster[C]], C],
        *,
        watch: Watch,
        connections: int,
        step: float,
        make_room: Callable[[Roster[C]], bool] = lambda _: False,
    ) -> None:
        self._converse = converse
        self._watch = watch
        self._connections = connections
        self._step = min(1.0, step)
        self._make_room = make_room
        self._roster: Roster[C] = Roster()
        self._acceptor: Acceptor | None = None
        self._stopped: asyncio.Future[None] | None = None

    async def serve(self, listening: socket.socket, *, shared: bool = False) -> None:
        """Accept and answer until `drain`, or until cancelled, which closes the connections.

        `listening` is a listening socket, which stays open; `shared` says that other
        processes accept from it too.
        """
        loop = asyncio.get_running_loop()
        self._stopped = loop.create_future()
        acceptor = self._acceptor = Acceptor(
            listening,
            lambda: self._converse(self._roster),
            is_full=self._is_full,
            why_not=self._why_not,
            refused=self._watch.refused,
            shared=shared,
        )
        acceptor.broken.add_done_callback(self._end)
        ticking = loop.create_task(self._tick())
        try:
            await self._stopped
        finally:
            acceptor.stop()
            ticking.cancel()
            for arriving in acceptor.arriving:
                arriving.cancel()
            self._abort()

    async def drain(self, limit: float) -> None:
        """Accept no more, let what is under way finish, and close within `limit` seconds."""
        acceptor, stopped = self._acceptor, self._stopped
        if acceptor is None or stopped is None:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        acceptor.stop()
        if acceptor.arriving:
            await asyncio.wait(acceptor.arriving, timeout=limit)
        for _ in range(2):  # the loop polls its sockets, then reads what has arrived by now
            await asyncio.sleep(0)
        closing = [client.finish() for client in tuple(self._roster)]
        if closing:
            await asyncio.wait(closing, timeout=max(0.0, end - loop.time()))
        self._abort()
        if not stopped.done():
            stopped.set_result(None)

    def _is_full(self) -> bool:
        arriving = len(self._acceptor.arriving) if self._acceptor else 0
        return len(self._roster) + arriving >= self._connections

    def _why_not(self) -> str:
        if not self._is_full() or self._make_room(self._roster):
            return ""
        return f"there are {self._connections} connections, all busy"

    def _end(self, broken: "asyncio.Future[None]") -> None:
        """The listening socket itself is useless: make `serve` raise."""
        fault = broken.exception()
        if fault is not None and self._stopped is not None and not self._stopped.done():
            self._stopped.set_exception(fault)

    def _abort(self) -> None:
        for client in tuple(self._roster):
            client.abort()

    async def _tick(self) -> None:
        """Check the deadlines of all connections."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._step)
            now = loop.time()
            for client in tuple(self._roster):
                client.tick(now)


class Acceptor:
    """Accepts connections on `listening`, from construction until `stop`."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.BaseProtocol],
        *,
        is_full: Callable[[], bool],
        why_not: Callable[[], str],
        refused: Callable[[str], None],
        shared: bool,
    ) -> None:
        """`why_not` says why no more can be served, or ""; `refused` is called on each refusal.

        `is_full` says whether there is no room, unless `why_not` makes some.
        """
        self._listening = listening
        self._make = make
        self._is_full = is_full
        self._why_not = why_not
        self._refused = refused
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._accepting = True
        self._reserve = _reserve()
        self.arriving: set[asyncio.Task[object]] = set()
        """Connections that have been accepted but have no protocol yet."""
        self.broken: asyncio.Future[None] = self._loop.create_future()
        """Fails with what makes the socket useless; done once accepting has stopped."""
        listening.setblocking(False)  # noqa: FBT003 - that is the signature of sockets
        self._loop.add_reader(listening, self._accept)

    def stop(self) -> None:
        """Accept no more; the socket stays open."""
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listening)
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1
        if not self.broken.done():
            self.broken.set_result(None)

    def _accept(self) -> None:
        if self._shared and self._is_full():
            self._loop.remove_reader(self._listening)
            self._loop.call_later(LEAVE, self._accept_what_is_left)
        else:
            self._take()

    def _accept_what_is_left(self) -> None:
        if self._accepting:
            self._loop.add_reader(self._listening, self._accept)
            self._take()

    def _take(self) -> None:
        try:
            accepted, _ = self._listening.accept()
        except OSError as fault:
            if fault.errno in EXHAUSTED:
                self._rest(fault)
            elif fault.errno not in GONE:
                self.broken.set_exception(fault)
                self.stop()
            return
        reason = self._why_not()
        if reason:
            accepted.close()
            self._refused(reason)
            return
        accepted.setblocking(False)  # noqa: FBT003
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, accepted))
        self.arriving.add(task)
        task.add_done_callback(partial(self._arrived, accepted))
        if self._shared:
            self._pause(YIELD)

    def _arrived(self, accepted: socket.socket, task: "asyncio.Task[object]") -> None:
        self.arriving.discard(task)
        if task.cancelled() or task.exception() is not None:
            accepted.close()

    def _rest(self, fault: OSError) -> None:
        if self._reserve >= 0:
            os.close(self._reserve)
            with suppress(OSError):  # it has gone, or there is still no descriptor for it
                self._listening.accept()[0].close()
            self._reserve = _reserve()
        self._refused(f"cannot accept: {fault.strerror}")
        self._pause(BACK_OFF)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listening)
        self._loop.call_later(seconds, self._accept_again)

    def _accept_again(self) -> None:
        if self._accepting:
            self._loop.add_reader(self._listening, self._accept)


def peer_of(transport: asyncio.BaseTransport) -> str:
    """Who is at the other end, for a line of the log."""
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return "a Unix socket"
    return f"{name[0]} port {name[1]}"


def _reserve() -> int:
    """A descriptor to give up when there are no others; -1 if there is none even now."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
