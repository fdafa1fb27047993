"""Accepting connections on one listening socket, which several processes may share.

One connection is accepted for each turn of the event loop, so that no process
hoards them.  When descriptors run out, the one who waits is told at once, with
a descriptor that was kept for it, and accepting rests for a moment.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

BACK_OFF: Final = 0.5
"""Seconds without accepting, when the system has nothing left to accept with."""
EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
GONE: Final = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EINTR, errno.EAGAIN}
"""What `accept` says of a peer that is no longer there, or when another process was faster."""


class Acceptor:
    """Accepts on `listening` from its making until `stop`."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        *,
        why_not: Callable[[], str],
        refused: Callable[[str], None],
    ) -> None:
        """`why_not` says why no more can be served, or ""; `refused` is told of each refusal."""
        self._listening = listening
        self._make = make
        self._why_not = why_not
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._accepting = True
        self._reserve = _reserve()
        self.arriving: set[asyncio.Task[object]] = set()
        """Connections that are accepted and are not yet in the hands of their protocol."""
        self.broken: asyncio.Future[None] = self._loop.create_future()
        """Raises what makes the socket useless; done when accepting has been stopped."""
        listening.setblocking(False)  # noqa: FBT003 - that is how sockets have it
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

    def _arrived(self, accepted: socket.socket, task: "asyncio.Task[object]") -> None:
        self.arriving.discard(task)
        if task.cancelled() or task.exception() is not None:
            accepted.close()

    def _rest(self, fault: OSError) -> None:
        if self._reserve >= 0:
            os.close(self._reserve)
            with suppress(OSError):  # it is gone, or there is still nothing to accept it with
                self._listening.accept()[0].close()
            self._reserve = _reserve()
        self._refused(f"cannot accept: {fault.strerror}")
        self._loop.remove_reader(self._listening)
        self._loop.call_later(BACK_OFF, self._accept_again)

    def _accept_again(self) -> None:
        if self._accepting:
            self._loop.add_reader(self._listening, self._accept)


def _reserve() -> int:
    """A descriptor that is given up when there are no others; -1 if there is none even now."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
