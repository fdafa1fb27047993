"""Look-ups as Postfix makes them: the cells, and how long one takes at half load.

Servers are processes of their own, each with one worker; the load comes from
this one.  The clock is that of the wall, because what a server waits for counts.
"""

import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.lookup_server import DOMAIN, SECRETS
from bench.measure import Cell, Contestant, Goal

ECHO, POSTSRSD = "asyncio echo", "postsrsd"
SENDERS = [f"some.sender{number:02}@mail{number}.example.com" for number in range(64)]
LINES = [b"get %b\n" % sender.encode() for sender in SENDERS]
NETSTRINGS = [b"%d:forward %b," % (8 + len(sender), sender.encode()) for sender in SENDERS]
MANY = 200
POSTFIX = 8
"""In flight at a time, by a Postfix that is busy."""
HALF_LOAD_SECONDS = 3.0


class Client:
    """One connection with a number of look-ups in flight."""

    def __init__(self, port: int, requests: list[bytes], end: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests * 10
        self._end = end
        self._at = 0

    def turns(self, count: int, in_flight: int) -> float:
        """Seconds for so many look-ups, of which so many are under way at a time."""
        begin = time.perf_counter()
        sent, done = min(count, in_flight), 0
        self._send(sent)
        while done < count:
            octets = self._socket.recv(262_144)
            assert octets, "the server has closed"
            answered = octets.count(self._end)
            done += answered
            more = min(answered, count - sent)
            if more:
                self._send(more)
                sent += more
        return time.perf_counter() - begin

    def latencies(self, rate: float) -> list[float]:
        """Seconds that each look-up took, counted from when it was due, at so many a second."""
        begin, sent, taken = time.perf_counter(), 0, list[float]()
        number = int(rate * HALF_LOAD_SECONDS)
        while len(taken) < number:
            now = time.perf_counter()
            due = min(number, int((now - begin) * rate) + 1)
            if due > sent:
                self._send(due - sent)
                sent = due
            wait = max(0.0, begin + sent / rate - now) if sent < number else 1.0
            if select.select([self._socket], [], [], wait)[0]:
                answered = self._socket.recv(262_144).count(self._end)
                now = time.perf_counter()
                first = len(taken)
                taken += [now - begin - (first + each) / rate for each in range(answered)]
        return taken

    def _send(self, number: int) -> None:
        self._at %= len(self._requests) - MANY
        self._socket.sendall(b"".join(self._requests[self._at : self._at + number]))
        self._at += number


@contextmanager
def clients(folder: Path) -> Iterator[dict[str, Client]]:
    """A client of each server; postsrsd is among them where Debian has it."""
    with ExitStack() as stack:
        found = {
            name: Client(stack.enter_context(_ours(kind)), requests, end)
            for name, kind, requests, end in (
                ("tcp_table", "tcp_table", LINES, b"\n"),
                ("socketmap", "socketmap", NETSTRINGS, b","),
                (ECHO, "echo", LINES, b"\n"),
            )
        }
        if shutil.which("postsrsd"):
            port = stack.enter_context(_postsrsd(folder))
            found[POSTSRSD] = Client(port, LINES, b"\n")
        yield found


def cells(clients: dict[str, Client]) -> Iterator[Cell]:
    """Each protocol with few and with many look-ups in flight."""
    for protocol in ("tcp_table", "socketmap"):
        others = [name for name in (ECHO, POSTSRSD) if name in clients]
        yield Cell(
            f"{protocol} look-ups, {POSTFIX} in flight",
            [_contestant(clients, name, POSTFIX) for name in (protocol, *others)],
            [Goal(POSTSRSD, 1.5), Goal(ECHO, 0.8)],
        )
        yield Cell(
            f"{protocol} look-ups, {MANY} in flight",
            [_contestant(clients, name, MANY) for name in (protocol, *others)],
            [Goal(POSTSRSD, 1.5)],
        )


def slowest(client: Client, rate: float) -> float:
    """Milliseconds within which 99 of 100 look-ups are answered, at half of this rate."""
    taken = sorted(client.latencies(rate / 2))
    return taken[len(taken) * 99 // 100] * 1000


def _contestant(clients: dict[str, Client], name: str, in_flight: int) -> Contestant:
    shown = name if name in {ECHO, POSTSRSD} else "mailauth"
    return Contestant(shown, lambda count: clients[name].turns(count, in_flight))


@contextmanager
def _ours(kind: str) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.lookup_server", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.terminate()


@contextmanager
def _postsrsd(folder: Path) -> Iterator[int]:
    """Debian's postsrsd 1.x with the same secret."""
    secret = folder / "secret"
    secret.write_bytes(SECRETS)
    port = _free_port()
    ports = ["-f", f"{port}", "-r", f"{_free_port()}"]
    command = ["postsrsd", "-d", DOMAIN, "-s", secret, *ports, "-4"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port}")
