"""Look-ups as Postfix makes them: the cells, and how long one takes at half load.

Servers run in their own processes; the load comes from this one.  What counts is the CPU
time of a server and its children (postsrsd has one for each connection), so that other
work on the machine does not change the figures.
"""

import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import report
from bench.lookup_server import DOMAIN, SECRETS
from bench.measure import Cell, Contestant, Goal, cpu_seconds
from bench.service import free_port, resident, serving
from mailauth.postfix.remembered import MOST

ECHO, POSTSRSD = "asyncio echo", "postsrsd"
SENDERS = [f"some.sender{number:02}@mail{number}.example.com" for number in range(64)]
LINES = [b"get %b\n" % sender.encode() for sender in SENDERS]
STRANGERS = [b"get some.sender%d@mail.example.com\n" % number for number in range(5 * MOST)]
"""So many that none is still remembered when it comes again."""
NETSTRINGS = [b"%d:forward %b," % (8 + len(sender), sender.encode()) for sender in SENDERS]
FEW, MANY = 8, 200
POSTFIX = 8
"""Postfix processes that ask at the same time, each on its own connection, one after another."""
HALF_LOAD_SECONDS = 1.0
SLOWEST_GOAL = 5  # milliseconds
MEMORY_GOAL = 40  # megabytes
TOML = """
[srs]
domain = "{domain}"
secrets = "{secrets}"
[[listen]]
kind = "tcp_table"
map = "forward"
address = "inet:127.0.0.1:{port}"
"""
ROUNDS = 4
"""The best round counts: interference makes a measurement slower, never faster."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int

    def seconds(self) -> float:
        """CPU seconds that it and its children have used."""
        tasks = Path(f"/proc/{self.pid}/task/{self.pid}")
        pids = [self.pid, *map(int, (tasks / "children").read_text().split())]
        return sum(map(cpu_seconds, pids))


class Client:
    """Connections to one server, with one look-up or many in flight."""

    def __init__(self, server: Server, requests: list[bytes], end: bytes) -> None:
        self._server = server
        self._sockets = [_connected(server.port) for _ in range(POSTFIX)]
        self._poll = select.epoll()
        for each in self._sockets:
            self._poll.register(each, select.EPOLLIN)
        self._by_descriptor = {each.fileno(): each for each in self._sockets}
        self._requests = requests * 10
        self._end = end
        self._at = 0

    def one_each(self, count: int) -> float:
        """CPU seconds for so many look-ups, one at a time on each connection, as in Postfix."""
        begin = self._server.seconds()
        for each in self._sockets:
            self._send(each, 1)
        sent, done = len(self._sockets), 0
        while done < sent:
            for descriptor, _ in self._poll.poll():
                done += self._receive(self._by_descriptor[descriptor])
                if sent < count:
                    self._send(self._by_descriptor[descriptor], 1)
                    sent += 1
        return self._server.seconds() - begin

    def on_one(self, at_once: int, count: int) -> float:
        """CPU seconds for so many look-ups, `at_once` of them in flight on one connection."""
        begin = self._server.seconds()
        one = self._sockets[0]
        sent, done = min(count, at_once), 0
        self._send(one, sent)
        while done < count:
            answered = self._receive(one)
            done += answered
            more = min(answered, count - sent)
            if more:
                self._send(one, more)
                sent += more
        return self._server.seconds() - begin

    def latencies(self, rate: float) -> list[float]:
        """Seconds that each look-up took since it was due, at a rate of so many a second."""
        one = self._sockets[0]
        begin, sent, taken = time.perf_counter(), 0, list[float]()
        number = int(rate * HALF_LOAD_SECONDS)
        while len(taken) < number:
            now = time.perf_counter()
            due = min(number, int((now - begin) * rate) + 1, sent + MANY)
            if due > sent:
                self._send(one, due - sent)
                sent = due
            wait = max(0.0, begin + sent / rate - now) if sent < number else 1.0
            if self._poll.poll(wait):
                answered = self._receive(one)
                now = time.perf_counter()
                first = len(taken)
                taken += [now - begin - (first + each) / rate for each in range(answered)]
        return taken

    def _send(self, where: socket.socket, number: int) -> None:
        self._at %= len(self._requests) - MANY
        where.sendall(b"".join(self._requests[self._at : self._at + number]))
        self._at += number

    def _receive(self, where: socket.socket) -> int:
        octets = where.recv(262_144)
        assert octets, "the server has closed"
        return octets.count(self._end)


@contextmanager
def clients(folder: Path) -> Iterator[dict[str, Client]]:
    """A client for each server, including postsrsd where Debian has it."""
    with ExitStack() as stack:
        found = {
            name: Client(stack.enter_context(_ours(kind)), requests, end)
            for name, kind, requests, end in (
                ("tcp_table", "tcp_table", LINES, b"\n"),
                ("strangers", "tcp_table", STRANGERS, b"\n"),
                ("socketmap", "socketmap", NETSTRINGS, b","),
                (ECHO, "echo", LINES, b"\n"),
            )
        }
        if shutil.which("postsrsd"):
            found[POSTSRSD] = Client(stack.enter_context(_postsrsd(folder)), LINES, b"\n")
        yield found


def cells(folder: Path) -> Iterator[Cell]:
    """Each protocol as Postfix asks, and with many look-ups on one connection."""
    with clients(folder) as ready:
        yield from _cells(ready)


def _cells(clients: dict[str, Client]) -> Iterator[Cell]:
    for protocol in ("tcp_table", "socketmap"):
        contestants = _contestants(clients, protocol)
        yield Cell(
            f"{protocol} look-ups, {POSTFIX} connections",
            [Contestant(name, client.one_each) for name, client in contestants],
            [Goal(ECHO, 0.8)],
        )
        yield from _on_one(f"{protocol} look-ups", contestants)
    yield from _on_one("tcp_table look-ups of strangers", _contestants(clients, "strangers"))


def _contestants(clients: dict[str, Client], ours: str) -> list[tuple[str, Client]]:
    others = [(name, clients[name]) for name in (ECHO, POSTSRSD) if name in clients]
    return [("mailauth", clients[ours]), *others]


def _on_one(name: str, contestants: list[tuple[str, Client]]) -> Iterator[Cell]:
    for at_once, goals in (
        (FEW, [Goal(POSTSRSD, 1.5), Goal(ECHO, 0.8)]),
        (MANY, [Goal(POSTSRSD, 1.5)]),
    ):
        yield Cell(
            f"{name}, {at_once} in flight on one connection",
            [Contestant(name, partial(client.on_one, at_once)) for name, client in contestants],
            goals,
        )


def sentences(folder: Path) -> Iterator[str]:
    """How long a look-up takes at half load, and how much memory a worker takes."""
    slowest = _slowest(folder)
    goal = report.goal(f"{SLOWEST_GOAL} ms", met=slowest < SLOWEST_GOAL)
    yield (
        "At half of the greatest load 99 of 100 look-ups are answered "
        f"within {slowest:.1f} ms {goal}."
    )
    taken = _memory(folder)
    goal = report.goal(f"below {MEMORY_GOAL} MB", met=taken < MEMORY_GOAL)
    yield f"A worker of look-ups takes {taken:.0f} MB under load {goal}."


def _slowest(folder: Path) -> float:
    """Milliseconds within which 99 of 100 look-ups are answered, at half the maximum load."""
    with clients(folder) as ready:
        client = ready["tcp_table"]
        client.one_each(1000)
        begin = time.perf_counter()
        client.one_each(10_000)
        rate = 10_000 / (time.perf_counter() - begin)
        rounds = [sorted(client.latencies(rate / 2)) for _ in range(ROUNDS)]
    return min(taken[len(taken) * 99 // 100] for taken in rounds) * 1000


def _memory(folder: Path) -> float:
    """Megabytes that a look-up worker takes once it remembers as much as it can."""
    secrets = folder / "secrets"
    secrets.write_bytes(SECRETS)
    secrets.chmod(0o600)
    port = free_port()
    with serving(folder, TOML.format(domain=DOMAIN, secrets=secrets, port=port)) as (worker,):
        Client(Server(worker, port), STRANGERS, b"\n").on_one(MANY, 2 * len(STRANGERS))
        return resident(worker)


def _connected(port: int) -> socket.socket:
    connected = socket.create_connection(("127.0.0.1", port))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


@contextmanager
def _ours(kind: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "bench.lookup_server", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield Server(server.pid, int(server.stdout.readline()))
        finally:
            server.terminate()


@contextmanager
def _postsrsd(folder: Path) -> Iterator[Server]:
    """Debian's postsrsd 1.x with the same secret."""
    secret = folder / "secret"
    secret.write_bytes(SECRETS)
    port = free_port()
    ports = ["-f", f"{port}", "-r", f"{free_port()}"]
    command = ["postsrsd", "-d", DOMAIN, "-s", f"{secret}", *ports, "-4"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            yield Server(server.pid, port)
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port}")
