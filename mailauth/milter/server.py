"""A milter on one listening socket, which several processes may share.

It stops in two steps: it accepts no more and lets messages come to their end;
then what is left is deferred and closed, so that the MTA keeps it.
"""

import asyncio
import socket
from functools import partial

from mailauth.milter.accepting import Acceptor
from mailauth.milter.conversation import Conversation, Limits, Resolver, Watch
from mailauth.milter.keyring import KeyRing
from mailauth.milter.session import Session
from mailauth.milter.settings import Settings


class MilterServer:
    """Serves the MTAs that connect to one socket.

    `resolver` is an `AsyncResolver`, whose budget is that of one message;
    `keys` may be shared by the servers of one event loop.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        resolver: Resolver,
        limits: Limits,
        watch: Watch,
        keys: KeyRing | None = None,
    ) -> None:
        self._begin = partial(Session, settings, keys or KeyRing())
        self._resolver = resolver
        self._limits = limits
        self._watch = watch
        self._roster: set[Conversation] = set()
        self._acceptor: Acceptor | None = None
        self._stopped: asyncio.Future[None] | None = None

    async def serve(self, listening: socket.socket) -> None:
        """Accept and answer until `drain`, or until cancelled, when the connections are closed.

        `listening` is a listening socket, which stays open.
        """
        loop = asyncio.get_running_loop()
        self._stopped = loop.create_future()
        acceptor = self._acceptor = Acceptor(
            listening, self._converse, why_not=self._why_not, refused=self._watch.refused
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
        """Accept no more, let messages end, and close within `limit` seconds."""
        acceptor, stopped = self._acceptor, self._stopped
        if acceptor is None or stopped is None:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        acceptor.stop()
        if acceptor.arriving:
            await asyncio.wait(acceptor.arriving, timeout=limit)
        for _ in range(2):  # the loop looks at its sockets, then reads what has come in by now
            await asyncio.sleep(0)
        closing = [conversation.finish() for conversation in tuple(self._roster)]
        if closing:
            await asyncio.wait(closing, timeout=max(0.0, end - loop.time()))
        self._abort()
        if not stopped.done():
            stopped.set_result(None)

    def _converse(self) -> Conversation:
        return Conversation(
            self._begin,
            resolver=self._resolver,
            limits=self._limits,
            watch=self._watch,
            roster=self._roster,
        )

    def _why_not(self) -> str:
        arriving = len(self._acceptor.arriving) if self._acceptor else 0
        if len(self._roster) + arriving < self._limits.connections:
            return ""
        return f"there are {self._limits.connections} connections"

    def _end(self, broken: asyncio.Future[None]) -> None:
        """The socket itself is of no use: `serve` raises."""
        fault = broken.exception()
        if fault is not None and self._stopped is not None and not self._stopped.done():
            self._stopped.set_exception(fault)

    def _abort(self) -> None:
        for conversation in tuple(self._roster):
            conversation.abort()

    async def _tick(self) -> None:
        """Look at the deadlines of all."""
        loop = asyncio.get_running_loop()
        limits = self._limits
        shortest = min(limits.idle, limits.frame, limits.content, limits.judging, limits.progress)
        while True:
            await asyncio.sleep(min(1.0, shortest / 4))
            now = loop.time()
            for conversation in tuple(self._roster):
                conversation.tick(now)
