"""A service for tests: a process tree whose workers do what a client says, good or bad.

A request is a line, `WORD ARGUMENT`; each word is a method of `EchoServer`.  Run as a
program it serves a configuration: `python echo.py FILE`.
"""

import asyncio
import ctypes
import gc
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mailauth.errors import MailauthError
from mailauth.service import start
from mailauth.service.listeners.kinds import Build, Kind
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Listen
from mailauth.service.settings.tomlfile import Complaint
from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally


class EchoServer:
    """Answers `echo X` with X; the other words are faults."""

    def __init__(self, tally: Tally, secret: str) -> None:
        self._tally = tally
        self._secret = secret
        self._deaf = False
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listening: socket.socket, *, shared: bool) -> None:  # noqa: ARG002
        if self._secret == "cannot serve":  # noqa: S105 - no secret
            raise OSError("a server that cannot serve")
        loop = asyncio.get_running_loop()
        stopped = asyncio.create_task(self._stopped.wait())
        while not self._stopped.is_set():
            accepting = asyncio.create_task(loop.sock_accept(listening))
            await asyncio.wait([accepting, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not accepting.done():
                accepting.cancel()
                return
            client, _ = accepting.result()
            self._tally.count(Figure.CONNECTIONS)
            task = asyncio.create_task(self._attend(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def drain(self, limit: float) -> None:
        self._stopped.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit)

    async def _attend(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        if self._deaf:
            await asyncio.sleep(3600)
        with suppress(ConnectionError):  # the client no longer waits for its answer
            await self._converse(reader, writer)
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self._stopped.is_set():
            waiting = asyncio.create_task(reader.readline())
            stopped = asyncio.create_task(self._stopped.wait())
            await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not waiting.done():
                waiting.cancel()
                break
            line = waiting.result()
            if not line:
                break
            word, _, argument = line.decode().strip().partition(" ")
            request = self._tally.begin()
            try:
                answer = await getattr(self, f"do_{word}")(argument)
            finally:
                self._tally.end(request)
            self._tally.count(Figure.FOUND)
            writer.write(f"{answer}\n".encode())

    async def do_echo(self, text: str) -> str:
        return text

    async def do_who(self, _: str) -> int:
        return os.getpid()

    async def do_secret(self, _: str) -> str:
        return self._secret

    async def do_ids(self, _: str) -> str:
        return f"{os.getresuid()} {os.getresgid()} {os.getgroups()}"

    async def do_core(self, _: str) -> str:
        dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
        return f"{resource.getrlimit(resource.RLIMIT_CORE)} {dumpable}"

    async def do_gorge(self, megabytes: str) -> str:
        try:
            return f"{len(bytes(int(megabytes) << 20)) >> 20} taken"
        except MemoryError:
            return "refused"

    async def do_collector(self, _: str) -> str:
        return f"{gc.get_freeze_count() > 0} {gc.get_threshold()[0]}"

    async def do_sleep(self, seconds: str) -> str:
        await asyncio.sleep(float(seconds))
        return "slept"

    async def do_spin(self, _: str) -> str:
        """An endless loop within a request: the whole worker is stuck."""
        threading.Thread(target=time.sleep, args=(3600,), daemon=True, name="bystander").start()
        while True:
            pass

    async def do_child(self, kind: str) -> str:
        """A child process that does not end by itself, nor by SIGTERM."""
        code = (
            "import signal,time;signal.signal(15,signal.SIG_IGN);print(flush=True);time.sleep(999)"
        )
        child = subprocess.Popen(  # noqa: ASYNC220 - an intended fault
            [sys.executable, "-c", code, *sys.argv],  # the arguments tell whose child it is
            stdout=subprocess.PIPE,
            start_new_session=kind == "escaped",
        )
        assert child.stdout is not None
        child.stdout.readline()
        return str(child.pid)

    async def do_die(self, _: str) -> str:
        os._exit(3)

    async def do_deaf(self, _: str) -> str:
        """From now on connections are accepted, but no request on them is answered."""
        self._deaf = True
        return "deaf"

    async def do_fail(self, _: str) -> str:
        """The server ends by itself."""
        self._stopped.set()
        return "failing"

    async def do_hoard(self, _: str) -> str:
        """All descriptors are used up, and closing some does not free any."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
        return "hoarded"


def check(configuration: Configuration, index: int) -> Iterable[Complaint]:
    if configuration.listen[index].map == "wrong":
        yield Complaint(("listen", index, "map"), "is wrong")


def prepare(_: Configuration, listen: Listen) -> Build:
    """`map` is a file, whose content `secret` answers; what else it may hold is a fault."""
    content = ""
    if listen.map is not None:
        try:
            content = Path(listen.map).read_text().strip()
        except OSError as fault:
            raise MailauthError(f"{listen.map}: {fault.strerror}") from None
    if content == "bug":
        raise RuntimeError("nobody thought of this")

    def build(tally: Tally) -> EchoServer:
        if content == "broken":
            raise RuntimeError("a worker that cannot start")
        if content == "full":
            raise MailauthError("there is no room for the store")
        if content == "late":
            time.sleep(3600)
        return EchoServer(tally, content)

    return build


KINDS = {
    "echo": Kind(check, prepare, lambda _: b"echo probe\n", lambda answer: answer.endswith(b"\n"))
}

if __name__ == "__main__":
    try:
        sys.exit(start.serve(Path(sys.argv[1]), KINDS))
    except MailauthError as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(2)
