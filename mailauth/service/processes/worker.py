"""A worker: serves the shared sockets in one event loop, and beats from that loop.

It knows no protocol.  It ends when it is asked to, once what is in work is done; or,
with a fault in the log, when one of its servers ends unasked.
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from mailauth.service.listeners.kinds import Build, Server
from mailauth.service.settings.tables import Watchdog
from mailauth.service.telling.beat import Beat
from mailauth.service.telling.tally import Tally, oldest

logger = logging.getLogger(__name__)

_FAILED = 70  # EX_SOFTWARE of sysexits.h
_MOST_TASKS = 100
_YOUNG: Final = 10_000
"""The collector's first threshold: containers made but not dropped; Python has 700 or 2000."""


def work(
    channel: socket.socket,
    listeners: Sequence[tuple[socket.socket, Build]],
    limits: Watchdog,
    make_tally: Callable[[], Tally],
    *,
    shared: bool,
) -> int:
    """Run a worker; returns its exit status.  `shared` says that it is not the only one."""
    return asyncio.run(_Worker(channel, listeners, limits, make_tally, shared=shared).live())


def settle() -> None:
    """Have the garbage collector ignore all present objects, because they stay."""
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


class _Worker:
    def __init__(
        self,
        channel: socket.socket,
        listeners: Sequence[tuple[socket.socket, Build]],
        limits: Watchdog,
        make_tally: Callable[[], Tally],
        *,
        shared: bool,
    ) -> None:
        self._channel = channel
        self._limits = limits
        self._shared = shared
        self._sockets = [listening for listening, _ in listeners]
        self._tallies = [make_tally() for _ in listeners]
        self._servers: list[Server] = [
            build(tally) for (_, build), tally in zip(listeners, self._tallies, strict=True)
        ]

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, _show_tasks)
        serving = [
            asyncio.create_task(server.serve(listening, shared=self._shared))
            for server, listening in zip(self._servers, self._sockets, strict=True)
        ]
        asked = asyncio.create_task(stop.wait())
        await asyncio.sleep(0)  # a server that cannot even begin must fail before the first beat
        settle()
        beating = asyncio.create_task(self._beat(asked, serving))
        await asyncio.wait([asked, beating, *serving], return_when=asyncio.FIRST_COMPLETED)
        fault = None if asked.done() else _fault([beating, *serving])
        await self._drain()
        if fault is None:
            self._say()  # the last figures
        for task in (asked, beating, *serving):
            task.cancel()
        await asyncio.gather(asked, beating, *serving, return_exceptions=True)
        if fault is not None:
            logger.error("a server ended unexpectedly", exc_info=fault)
            return _FAILED
        return 0

    async def _drain(self) -> None:
        """Stop listening, and finish what is in work.

        If the sockets stayed open here, the kernel would accept connections for nobody.
        """
        loop = asyncio.get_running_loop()
        drains = [loop.create_task(server.drain(self._limits.stop)) for server in self._servers]
        await asyncio.sleep(0)  # now each has stopped accepting
        for listening in self._sockets:
            listening.close()
        for outcome in await asyncio.gather(*drains, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger.error("a server could not finish its work", exc_info=outcome)

    async def _beat(self, asked: asyncio.Task[bool], serving: Sequence[asyncio.Task[None]]) -> None:
        """Beat until a server ends unasked, or the supervisor is gone; the first beat says: ready.

        Once they are asked to end, some servers may do so long before the others.
        """
        while asked.done() or not any(task.done() for task in serving):
            if not self._say():
                return
            await asyncio.sleep(self._limits.beat)

    def _say(self) -> bool:
        """Send a beat; returns whether anybody may have heard it."""
        figures = tuple(tally.figures for tally in self._tallies)
        try:
            self._channel.send(Beat(oldest(self._tallies), 0, figures).pack())
        except BlockingIOError:  # the supervisor is suspended: let it find us at work
            pass
        except OSError:
            return False
        return True


def _show_tasks() -> None:
    """Log where each task stands: the stack of the thread shows only the running one."""
    for task in list(asyncio.all_tasks())[:_MOST_TASKS]:
        values = {"task": task.get_name(), "places": ", ".join(_places(task.get_coro()))}
        logger.critical("task %(task)s waits: %(places)s", values)  # none is held back


def _places(awaited: Any) -> Iterator[str]:  # noqa: ANN401 - whatever can be awaited
    """Where a coroutine stands, then the one that it awaits, and so on inwards."""
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        code = frame.f_code
        yield f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
        awaited = awaited.cr_await


def _fault(tasks: Sequence[asyncio.Task[None]]) -> BaseException:
    """Why a task ended that should not have ended."""
    for task in tasks:
        if task.done() and not task.cancelled() and (fault := task.exception()) is not None:
            return fault
    return RuntimeError("it stopped without being asked, or the supervisor is gone")
