"""Other implementations that judge a message as a whole: SPF, DKIM and DMARC in one go.

Node's mailauth runs as a program.  It takes a file with a zone, one record a line:
`NAME TYPE DATA`; a file with a message; IP, HELO and MAIL FROM; and how many times to
judge it.  It prints the results, separated by commas, and the total CPU seconds.
"""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from peers import BUILT, HERE, Program

FOLDER = BUILT / "node"
MAILAUTH = "7.1.0"
NODE = "22.23.3"
"""The Node that this release of mailauth needs; Debian's is older."""
_PROCESSORS = {"x86_64": "x64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Arrival:
    """A message, how it arrived, and the DNS."""

    zone: Path
    message: Path
    ip: str
    helo: str
    mail_from: str


class MessagePeer(Program):
    """One implementation of SPF, DKIM and DMARC together."""

    def results(self, arrival: Arrival) -> list[str]:
        """What it says of SPF, of each signature, and of DMARC."""
        return self._ask(arrival, 0)[0].split(",")

    def seconds(self, arrival: Arrival, count: int) -> float:
        """CPU seconds for judging it so many times."""
        return float(self._ask(arrival, count)[1])

    def _ask(self, arrival: Arrival, count: int) -> list[str]:
        of_client = (arrival.ip, arrival.helo, arrival.mail_from)
        files = (str(arrival.zone), str(arrival.message))
        done = subprocess.run(
            [*self.command, *files, *of_client, str(count)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"NODE_PATH": str(FOLDER / "node_modules")},
        )
        return done.stdout.split()


@cache
def node_mailauth() -> MessagePeer:
    """The npm package mailauth, with a Node from npm too."""
    name = "Node's mailauth"
    processor = _PROCESSORS.get(platform.machine())
    if processor is None:
        return MessagePeer(name, missing=f"there is no Node for {platform.machine()}")
    node = f"node-linux-{processor}"
    program = FOLDER / "node_modules" / node / "bin" / "node"
    missing = "" if program.exists() else _install(f"mailauth@{MAILAUTH}", f"{node}@{NODE}")
    return MessagePeer(name, (str(program), str(HERE / "nodemailauth.js")), missing)


def _install(*packages: str) -> str:
    """Install packages; returns why that failed, or ""."""
    if shutil.which("npm") is None:
        return "npm is not installed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    quiet = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts")
    done = subprocess.run(
        ["npm", "install", "--prefix", str(FOLDER), *quiet, *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"it cannot be installed: {done.stderr.strip()[-200:]}" if done.returncode else ""
