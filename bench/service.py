"""`mailauth serve` as installed, and the memory that its processes take."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailauth.service.settings.address import parse
from mailauth.service.telling import status


@contextmanager
def serving(folder: Path, tables: str, workers: int = 1) -> Iterator[list[int]]:
    """The pids of the workers of a service with these tables in its file."""
    file = folder / "mailauth.toml"
    where = f"unix:{folder}/status"
    file.write_text(f'[service]\nworkers = {workers}\nstatus = "{where}"\n{tables}')
    command = [sys.executable, "-m", "mailauth", "serve", "--config", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as service:
        try:
            assert service.stderr is not None
            for line in service.stderr:
                if b"serves with" in line:
                    break
            told = status.ask(parse(where))
            yield [one["pid"] for one in told["processes"] if one["role"] == "worker"]
        finally:
            service.terminate()
            service.communicate()


def free_port() -> int:
    """A port on loopback where nobody listens now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def resident(pid: int) -> float:
    """Megabytes that a process takes now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
