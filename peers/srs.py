"""Other implementations of SRS, as programs that answer lines and report how long they took.

Each takes a file with a secret.  Without further arguments it reads lines of
`forward ADDRESS DOMAIN` and `reverse ADDRESS`, and answers each with the address
or with a line that begins with `!`.  With a number it forwards and reverses one
address that many times, and prints the CPU seconds.
"""

import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from peers import HERE, Program, runs


class SRSPeer(Program):
    """One implementation of SRS."""

    def answers(self, secret: Path, questions: Sequence[str]) -> list[str]:
        """Its answer to each question."""
        given = "".join(f"{question}\n" for question in questions)
        done = subprocess.run(
            [*self.command, str(secret)],
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=True,
        )
        return done.stdout.decode("utf-8", "surrogateescape").splitlines()

    def seconds(self, secret: Path, count: int) -> float:
        """CPU seconds for forwarding and reversing an address so many times."""
        done = subprocess.run(
            [*self.command, str(secret), str(count)], capture_output=True, text=True, check=True
        )
        return float(done.stdout)


@cache
def pysrs() -> SRSPeer:
    """Debian's python3-srs, which runs with Debian's Python."""
    return _peer("pysrs", "/usr/bin/python3", HERE / "pysrs_peer.py", "python3-srs")


@cache
def mail_srs() -> SRSPeer:
    """Mail::SRS, of Debian's libmail-srs-perl."""
    return _peer("Mail::SRS", "perl", HERE / "mailsrs.pl", "libmail-srs-perl")


@cache
def postsrsd() -> SRSPeer:
    """Debian's postsrsd 1.x; it only answers here, since as a daemon it is measured elsewhere."""
    return _peer("postsrsd", sys.executable, HERE / "postsrsd_peer.py", "postsrsd")


def _peer(name: str, program: str, script: Path, package: str) -> SRSPeer:
    command = (program, str(script))
    if not runs([*command, "/dev/null", "check"]):
        return SRSPeer(name, missing=f"Debian's {package} is not installed")
    return SRSPeer(name, command)
