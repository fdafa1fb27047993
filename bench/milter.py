"""The milter: messages signed and verified per CPU second, compared with Debian's opendkim.

An MTA that speaks like Postfix, with eight messages under way, sends them to a filter
over a Unix socket; what counts is the CPU time of the filter's process.
"""

import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from bench import corpus
from bench.dkim import DOMAIN, OPENSSL, SELECTOR, openssl_speed, signed_by
from bench.measure import Cell, Contestant, Goal, cpu_seconds
from bench.service import free_port, resident
from mailauth import dkim
from mailauth.keys import PrivateKey
from mailauth.milter.client import CHANGES, LEFT_OUT
from mailauth.milter.protocol import commands
from mailauth.milter.protocol.codes import MACROS
from mailauth.milter.protocol.options import Steps
from mailauth.milter.protocol.replies import NO_REPLY

AT_ONCE = 8
OPENDKIM = shutil.which("opendkim") or "/usr/sbin/opendkim"
CONF = """
Socket local:{socket}
Mode {mode}
Domain {domain}
Selector {selector}
KeyFile {key}
Canonicalization relaxed/relaxed
InternalHosts 127.0.0.1
TestPublicKeys {keys}
AuthservID mx.example.org
RequireSafeKeys no
UMask 000
"""


def cells(folder: Path) -> Iterator[Cell]:
    """All cells; each filter runs while its cells are measured."""
    if not Path(OPENDKIM).exists():
        return
    key = PrivateKey.generate()
    pem, record = folder / "milter.pem", folder / "milter.txt"
    key.write(pem)
    record.write_text(dkim.KeyRecord.for_key(key.public_key).format())
    for name, plain, goals in (
        ("2 KB text", corpus.text(), (2.5, 3.5)),
        ("50 KB HTML", corpus.html(), (2.5, 2.5)),
    ):
        signed = signed_by(key, plain)
        for mode, message, goal in (("sign", plain, goals[0]), ("verify", signed, goals[1])):
            with ExitStack() as stack:
                filters = [
                    stack.enter_context(Filter("mailauth", folder, mode, pem, record)),
                    stack.enter_context(Filter("opendkim", folder, mode, pem, record)),
                ]
                contestants = [Contestant(each.name, each.turns(message)) for each in filters]
                wanted = [Goal("opendkim", goal)]
                if mode == "sign":
                    contestants.append(Contestant(OPENSSL, openssl_speed))
                    wanted.append(Goal(OPENSSL, 0.75))
                yield Cell(f"milter: {mode} RSA, {name}", contestants, wanted)


class Filter:
    """A milter in its own process."""

    def __init__(
        self, name: str, folder: Path, mode: str, key: Path, record: Path, *, tcp: bool = False
    ) -> None:
        self.name = name
        self._path = folder / f"{name}-{mode}.sock"
        self._path.unlink(missing_ok=True)
        where = f"{free_port()}" if tcp else f"{self._path}"
        self._where = where
        self._mode = mode
        if name == "mailauth":
            command = [sys.executable, "-m", "bench.milterd", where, mode, f"{key}", f"{record}"]
        else:
            command = self._configure(folder, key, record)
        self._process = subprocess.Popen(command)

    def _configure(self, folder: Path, key: Path, record: Path) -> list[str]:
        keys = folder / "opendkim.keys"
        keys.write_text(f"{SELECTOR}._domainkey.{DOMAIN} {record.read_text()}\n")
        conf = folder / f"opendkim-{self._mode}.conf"
        conf.write_text(
            CONF.format(
                socket=self._path,
                mode=self._mode[0],
                domain=DOMAIN,
                selector=SELECTOR,
                key=key,
                keys=keys,
            )
        )
        return [OPENDKIM, "-f", "-x", str(conf)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def turns(self, message: bytes) -> Callable[[int], float]:
        """A function that sends so many messages and returns the filter's CPU seconds."""
        mtas = self.mtas(message)
        want = b"DKIM-Signature" if self._mode == "sign" else b"dkim=pass"

        def turns(count: int) -> float:
            begin = cpu_seconds(self._process.pid)
            said: list[list[bytes]] = []
            for _ in range(-(-count // AT_ONCE)):
                for step in range(len(mtas[0].segments)):
                    for mta in mtas:
                        mta.say(step)
                    said = [mta.read() for mta in mtas]
                assert all(want in b"".join(each) for each in said), (self.name, said)
            spent = cpu_seconds(self._process.pid) - begin
            return spent * count / (-(-count // AT_ONCE) * AT_ONCE)

        return turns

    def mtas(self, message: bytes) -> list["Mta"]:
        """Connections that send this message."""
        address = "127.0.0.1" if self._mode == "sign" else "192.0.2.7"
        return [Mta(connected(self._where), address, message) for _ in range(AT_ONCE)]

    def resident(self) -> float:
        """Megabytes that the filter takes now."""
        return resident(self._process.pid)


def connected(where: str) -> socket.socket:
    """A connection to a path, or to a port on loopback."""
    for _ in range(200):
        end = socket.socket(socket.AF_INET if where.isdigit() else socket.AF_UNIX)
        try:
            end.connect(("127.0.0.1", int(where)) if where.isdigit() else where)
        except OSError:
            end.close()
            time.sleep(0.05)
        else:
            if where.isdigit():
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return end
    raise AssertionError(f"nobody listens at {where}")


class Mta:
    """One connection, and the message that it sends again and again."""

    def __init__(self, end: socket.socket, address: str, message: bytes) -> None:
        self._end = end
        self._buffer = b""
        self._end.sendall(commands.offer())
        (options,) = self.read()
        (self._steps,) = struct.unpack_from(">I", options, 9)
        client = [commands.connect(address, "c.example", "4"), commands.helo("c.example")]
        answered, rest = self._cut(client)
        for segment in answered:
            self._end.sendall(segment)
            self.read()
        self._end.sendall(rest)
        frames = _frames(message, leading_space=bool(self._steps & Steps.LEADING_SPACE))
        self.segments, _ = self._cut(frames)

    def fileno(self) -> int:
        """The descriptor of its socket."""
        return self._end.fileno()

    def say(self, step: int) -> None:
        """Send everything up to the next reply."""
        self._end.sendall(self.segments[step])

    def read(self) -> list[bytes]:
        """The frames up to a reply that ends a stage, each with its code."""
        said: list[bytes] = []
        while not said or said[-1][:1] in {b"p", *CHANGES}:
            while len(self._buffer) < 4 or len(self._buffer) < 4 + self._length():
                self._buffer += self._end.recv(65_536)
            end = 4 + self._length()
            said.append(self._buffer[4:end])
            self._buffer = self._buffer[end:]
        return said

    def _length(self) -> int:
        return int.from_bytes(self._buffer[:4], "big")

    def _cut(self, frames: Sequence[bytes]) -> tuple[list[bytes], bytes]:
        """The frames that the filter wants, cut after each that it answers, and the rest."""
        segments = [b""]
        for frame in frames:
            code = frame[4:5]
            if self._steps & LEFT_OUT.get(code, 0):
                continue
            segments[-1] += frame
            if code != MACROS and not self._steps & NO_REPLY.get(code, 0):
                segments.append(b"")
        return segments[:-1], segments[-1]


def _frames(message: bytes, *, leading_space: bool) -> list[bytes]:
    return [
        commands.macros(b"M", {}),
        commands.mail("<sender@example.com>", "SIZE=2000"),
        commands.macros(b"R", {"i": "4XqZ"}),
        commands.rcpt("<reader@example.org>"),
        commands.data(),
        *commands.message(message, queue_id="4XqZ", leading_space=leading_space),
    ]
