"""The act of the service: a look-up as Postfix makes it, and one while the worker hangs."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from mailauth.cli.given import mailfiles
from mailauth.cli.shown.output import printable

_SENDER: Final = "ada@example.com"
_PATIENCE: Final = 20.0
_TOML: Final = """
[service]
workers = 1
status = "unix:{folder}/status"
[watchdog]
beat = 0.1
silence = 2
backtrace = 0.2
terminate = 0.2
[srs]
domain = "forwarder.example"
secrets = "{folder}/secrets"
own_domains = ["forwarder.example"]
[[listen]]
kind = "socketmap"
address = "unix:{folder}/map"
"""


def act(_: Sequence[mailfiles.Source]) -> bool:
    """Ask a service of one worker, stop that worker as if it hung, and ask again."""
    from importlib.util import find_spec

    if find_spec("msgspec") is None or sys.platform != "linux":
        click.echo("\nNo service: it needs Linux and the extra `service`.")
        return True
    click.secho("\nThe service: what Postfix asks, and a worker that hangs\n", bold=True)
    with tempfile.TemporaryDirectory() as folder:
        return _with_service(Path(folder))


def _with_service(folder: Path) -> bool:
    from mailauth.keys import files

    files.write(folder / "secrets", os.urandom(24).hex().encode() + b"\n", noun="secrets file")
    (folder / "mailauth.toml").write_text(_TOML.format(folder=folder))
    command = [sys.executable, "-m", "mailauth", "serve", "--config", f"{folder}/mailauth.toml"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stderr=log) as service,  # noqa: S603 - our own command
    ):
        try:
            return _show(folder, service)
        except OSError as fault:  # also a time-out
            click.echo(f"  {fault}; its log:")
            for line in (folder / "log").read_text().splitlines():
                click.echo(f"    {printable(line)}")
            return False
        finally:
            service.terminate()


def _show(folder: Path, service: subprocess.Popen[bytes]) -> bool:
    worker = _worker(folder, service)
    first = _look_up(folder)
    click.echo(f"  forward {_SENDER}: {first}")
    click.echo(f"  the worker {worker} is stopped, and the same is asked again ...")
    os.kill(worker, signal.SIGSTOP)
    second = _look_up(folder)
    click.echo(
        f"  forward {_SENDER}: {second}\n  by the worker {_worker(folder, service)}; in the log:"
    )
    for line in (folder / "log").read_text().splitlines():
        if f"the worker {worker} " in line:
            click.echo(f"    {printable(line.partition('mailauth ')[2])}")
    return first == second and first.startswith("OK SRS0=")


def _worker(folder: Path, service: subprocess.Popen[bytes]) -> int:
    """The process id of the worker, once it works."""
    from mailauth.service.settings.address import parse
    from mailauth.service.telling import status

    end = time.monotonic() + _PATIENCE
    while True:
        try:
            told = status.ask(parse(f"unix:{folder}/status"))
        except status.NoService:
            told = {"processes": []}
        for one in told["processes"]:
            if one["role"] == "worker" and one["phase"] == "working":
                return int(one["pid"])
        if time.monotonic() > end or service.poll() is not None:
            raise TimeoutError("the service did not start")
        time.sleep(0.05)


def _look_up(folder: Path) -> str:
    """The reply of the socketmap for the sender (socketmap_table(5))."""
    request = f"forward {_SENDER}".encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_PATIENCE)
        client.connect(f"{folder}/map")
        client.sendall(b"%d:%b," % (len(request), request))
        reply = client.recv(4096)
    return reply.decode("ascii", "replace").partition(":")[2].removesuffix(",")
