"""`mailauth serve` with SRS look-ups on four ports, until it is killed."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mailauth.postfix import LookupProtocol

SECRETS = b"a secret for the tests\n"
SRS_DOMAIN = "srs.test"
MAPS = ("forward", "reverse", "exists")


@dataclass
class Lookups:
    """The running service and its ports: a tcp_table for each map, and a socketmap."""

    folder: Path
    ports: list[int]
    _service: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        secrets = self.folder / "secrets"
        secrets.write_bytes(SECRETS)
        secrets.chmod(0o600)
        configuration = self.folder / "mailauth.toml"
        configuration.write_text(self._toml(secrets))
        command = [sys.executable, "-m", "mailauth", "serve", "--config", str(configuration)]
        self._service = subprocess.Popen(
            command, stderr=subprocess.PIPE, start_new_session=True, cwd=self.folder
        )
        assert self._service.stderr is not None
        log = b""
        while b"serves with" not in log:
            line = self._service.stderr.readline()
            assert line, log.decode()
            log += line

    def kill(self) -> None:
        """Kill it in the middle of whatever it is doing; its workers die with it."""
        if self._service is not None:
            os.kill(self._service.pid, signal.SIGKILL)
            self._service.communicate()  # until the last of them has closed the log
            self._service = None

    def tables(self, protocol: LookupProtocol) -> dict[str, str]:
        """The tables for main.cf, by map name."""
        if protocol is LookupProtocol.SOCKETMAP:
            where = f"socketmap:inet:127.0.0.1:{self.ports[-1]}"
            return {name: f"{where}:{name}" for name in (*MAPS, "access")}
        return {name: f"tcp:127.0.0.1:{port}" for name, port in zip(MAPS, self.ports, strict=False)}

    def ports_of_the_guide(self) -> dict[str, int]:
        """By port of the guide to SRS for Postfix, the port that takes its place here."""
        forward, reverse, *_, socketmap = self.ports
        return {"10001": forward, "10002": reverse, "10003": socketmap}

    def _toml(self, secrets: Path) -> str:
        text = f"""
[service]
workers = 2

[srs]
domain = "{SRS_DOMAIN}"
more_domains = ["lists.test"]
secrets = "{secrets}"
own_domains = ["fwd.test", "local.test", ".fwd.test"]
"""
        kinds = [("tcp_table", f'map = "{name}"\n') for name in MAPS] + [("socketmap", "")]
        for (kind, name), port in zip(kinds, self.ports, strict=True):
            text += f'\n[[listen]]\nkind = "{kind}"\n{name}address = "inet:127.0.0.1:{port}"\n'
        return text
