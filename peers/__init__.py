"""Other implementations of DKIM, as programs that answer and report how long it took.

Each takes `verify|sign MESSAGE KEY COUNT HEADER BODY ALGORITHM`: the file of a message,
the file of a key record (verify) or of a PEM key (sign), how many times to do it, and for
signing the canonicalizations and the algorithm.  Each prints its result and the total CPU
seconds on one line, followed by the signature field that it made.  The domain is
example.com, the selector x.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
BUILT = HERE / "built"


@dataclass(frozen=True)
class Work:
    """What a peer is to do."""

    message: Path
    key: Path
    count: int = 1
    header: str = "relaxed"
    body: str = "relaxed"
    algorithm: str = "rsa-sha256"

    def times(self, count: int) -> "Work":
        """The same work, `count` times."""
        return replace(self, count=count)


@dataclass(frozen=True)
class Answer:
    """What a peer did: "pass" or its word for any other result, its CPU seconds, its field."""

    result: str
    seconds: float
    field: bytes


@dataclass(frozen=True)
class Program:
    """One implementation: its program, or why it is missing here."""

    name: str
    command: tuple[str, ...] = ()
    missing: str = ""


class Peer(Program):
    """One implementation of DKIM."""

    def verify(self, work: Work) -> Answer:
        """Verify the message with the key record."""
        return self._ask("verify", work)

    def sign(self, work: Work) -> Answer:
        """Sign the message with the key."""
        return self._ask("sign", work)

    def _ask(self, what: str, work: Work) -> Answer:
        arguments = (str(work.message), str(work.key), str(work.count))
        ways = (work.header, work.body, work.algorithm)
        done = subprocess.run(
            [*self.command, what, *arguments, *ways], capture_output=True, check=True
        )
        head, _, field = done.stdout.partition(b"\n")
        result, seconds = head.decode().rsplit(" ", 1)
        return Answer(result, float(seconds), field)


@cache
def opendkim() -> Peer:
    """OpenDKIM's library, of Debian's libopendkim-dev."""
    program = BUILT / "opendkim"
    source = HERE / "opendkim.c"
    return _built("OpenDKIM", program, ["cc", "-O2", "-o", program, source, "-lopendkim"])


@cache
def msgauth() -> Peer:
    """go-msgauth, of Debian's golang-github-emersion-go-msgauth-dev."""
    program = BUILT / "msgauth"
    build = ["env", "GO111MODULE=off", "GOPATH=/usr/share/gocode", "go", "build", "-o"]
    return _built("go-msgauth", program, [*build, program, HERE / "msgauth.go"])


@cache
def maildkim() -> Peer:
    """Mail::DKIM, of Debian's libmail-dkim-perl."""
    script = str(HERE / "maildkim.pl")
    if not runs(["perl", "-c", script]):
        return Peer("Mail::DKIM", missing="perl with Mail::DKIM is not installed")
    return Peer("Mail::DKIM", ("perl", script))


def runs(command: Sequence[str]) -> bool:
    """Whether a program is here, with everything that it needs."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def built(build: Sequence[str | Path]) -> str:
    """Build a program; returns why that failed, or ""."""
    BUILT.mkdir(exist_ok=True)
    if shutil.which(str(build[0])) is None:
        return f"{build[0]} is not installed"
    done = subprocess.run(list(map(str, build)), capture_output=True, text=True, check=False)
    return f"it cannot be built: {done.stderr.strip()[:200]}" if done.returncode else ""


def _built(name: str, program: Path, build: Sequence[str | Path]) -> Peer:
    return Peer(name, (str(program),), built(build))
