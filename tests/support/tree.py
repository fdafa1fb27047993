"""The process tree of a service under test: started, talked to, and gone without a trace."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGHUP, Signals
from typing import Any, TypeVar

from program import ROOT

from mailauth.service.settings.address import parse
from mailauth.service.telling import status

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a test waits for what must happen; no test asserts how soon it does."""

WATCHDOG = """
[watchdog]
start = 20
beat = 0.1
silence = 2
request = 30
probe = 20
backtrace = 0.5
terminate = 0.5
stop = 10
restart_delay = 0.05
restart_delay_most = 0.2
"""
ECHO = Path(__file__).with_name("echo.py")


class Tree:
    """One service in its own folder with a short name; `configuration` is its TOML."""

    def __init__(self, program: Sequence[str] = (str(ECHO),)) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mailauth-"))
        self.file = self.folder / "mailauth.toml"
        self.log_file = self.folder / "log"
        self.socket = f"unix:{self.folder}/echo"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def configure(
        self, text: str = "", *, workers: int = 2, service: str = "", **watchdog: float
    ) -> None:
        """Write the configuration: an echo listener, and what `text` adds.

        `service` is a line for the table `[service]`.
        """
        limits = WATCHDOG
        for name, value in watchdog.items():
            lines = [line for line in limits.splitlines() if not line.startswith(f"{name} =")]
            limits = "\n".join([*lines, f"{name} = {value}"])
        self.file.write_text(
            f'[service]\nworkers = {workers}\nstatus = "unix:{self.folder}/status"\n'
            f'{service}\n{limits}\n[limits]\nrequest = 1\n[[listen]]\nkind = "echo"\n'
            f'address = "{self.socket}"\n{text}\n'
        )

    def spawn(self, *, stderr: Any = None, prefix: Sequence[str] = (), **options: Any) -> None:
        """Start the program without waiting."""
        if not self.file.exists():
            self.configure()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, *self._program, str(self.file)],
                stderr=log if stderr is None else stderr,
                env=environment,
                **options,
            )

    def start(self, **options: Any) -> "Tree":
        """Start the service, and wait until it serves."""
        self.spawn(**options)
        self.wait_for(lambda: self.state() == "serving", "the service to serve")
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The supervisor."""
        assert self._process is not None
        return self._process

    def status(self) -> dict[str, Any]:
        """What the supervisor reports of itself."""
        return status.ask(parse(f"unix:{self.folder}/status"))

    def state(self) -> str:
        """The state of the service; `absent` if nobody answers."""
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended: {self.process.returncode}\n{self.log()}")
        try:
            return str(self.status()["state"])
        except status.NoService:
            return "absent"

    def pids(self, role: str = "worker") -> list[int]:
        """The pids of the working processes of a role."""
        return [
            one["pid"]
            for one in self.status()["processes"]
            if one["role"] == role and one["phase"] == "working"
        ]

    def log(self) -> str:
        """The log so far."""
        return self.log_file.read_text(errors="replace")

    def connect(self, address: str = "") -> socket.socket:
        """A connection to the service, as a client."""
        where = parse(address or self.socket)
        client = socket.socket(where.family, socket.SOCK_STREAM)
        try:
            client.connect(where.place)  # waits while the backlog of a Unix socket is full
            client.settimeout(PATIENCE)
        except OSError:
            client.close()
            raise
        return client

    def say(self, line: str, address: str = "") -> str:
        """The answer to a request on its own connection; empty if that was closed."""
        with self.connect(address) as client:
            return talk(client, line)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        self.process.send_signal(number)

    def reload(self, number: Signals = SIGHUP) -> None:
        """Reload the configuration, and wait until only the new workers are left."""
        old = self.pids()
        generation = self.status()["generation"]
        self.signal(number)
        self.wait_for(lambda: self.status()["generation"] == generation + 1, "the reload")
        self.wait_for(lambda: not set(old) & set(self.processes()), "the old workers to go")

    def wait_for_log(self, *words: str, since: int = 0) -> str:
        """Wait until the log, from position `since` on, has all these words; returns the log."""
        self.wait_for(lambda: all(word in self.log()[since:] for word in words), f"{words}")
        return self.log()[since:]

    def wait_for(self, condition: Callable[[], T], what: str = "it") -> T:
        """Wait until a condition holds; returns its value."""
        until = time.monotonic() + PATIENCE
        while not (result := condition()):
            assert time.monotonic() < until, f"waited for {what} in vain\n{self.log()}"
            time.sleep(0.02)
        return result

    def wait(self) -> int:
        """Wait for the end of the service; returns its exit status."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the service does not end\n{self.log()}") from None

    def stop(self) -> int:
        """Stop the service; returns its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def processes(self) -> list[int]:
        """The pids of this tree, found by the name of its configuration; zombies too."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and str(self.file).encode() in (
                    (entry / "cmdline").read_bytes()
                ):
                    found.append(int(entry.name))
        return found

    def close(self) -> None:
        """End the tree, by force if need be, and assert that nothing of it is left."""
        try:
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()
                try:
                    self._process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            until = time.monotonic() + PATIENCE
            while (left := self.processes()) and time.monotonic() < until:
                time.sleep(0.02)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            assert not left, f"left behind: {left}\n{self.log()}"
        finally:
            shutil.rmtree(self.folder)


def talk(client: socket.socket, line: str) -> str:
    """Send a request and read the answer; empty if the connection ended without one."""
    answer = b""
    try:
        client.sendall(line.encode() + b"\n")
        while not answer.endswith(b"\n"):
            octets = client.recv(4096)
            if not octets:
                return ""
            answer += octets
    except ConnectionError:
        return ""
    return answer.decode().strip()
