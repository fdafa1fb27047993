"""Other implementations of SPF, as programs that answer questions and report how long they took.

Each takes a file with a zone, one record a line: `NAME TYPE DATA`.  From standard input
it reads questions, `IP HELO SENDER`, and answers each with a result.  With a number as
its second argument it checks each question that many times, and prints the CPU seconds.
Mail::SPF takes the port of a nameserver instead of a zone.
"""

import subprocess
from collections.abc import Sequence
from functools import cache

from peers import BUILT, HERE, Program, built, runs


class SPFPeer(Program):
    """One implementation of SPF."""

    def answers(self, where: str, questions: Sequence[str]) -> list[str]:
        """Its result for each question, with the zone in a file or at a port."""
        return self._ask([where], questions)

    def seconds(self, where: str, question: str, count: int) -> float:
        """CPU seconds for so many checks."""
        return float(self._ask([where, str(count)], [question])[0])

    def _ask(self, arguments: list[str], questions: Sequence[str]) -> list[str]:
        given = "".join(f"{question}\n" for question in questions)
        done = subprocess.run(
            [*self.command, *arguments], input=given, capture_output=True, text=True, check=True
        )
        return done.stdout.split()


@cache
def libspf2() -> SPFPeer:
    """libspf2, of Debian's libspf2-dev."""
    program, source = BUILT / "libspf2", HERE / "libspf2.c"
    missing = built(["cc", "-O2", "-D_GNU_SOURCE", "-o", program, source, "-lspf2"])
    return SPFPeer("libspf2", (str(program),), missing)


@cache
def blitiri() -> SPFPeer:
    """The Go package blitiri.com.ar/go/spf, of Debian's golang-blitiri-go-spf-dev."""
    program = BUILT / "blitiri"
    in_debian = ["env", "GO111MODULE=off", "GOPATH=/usr/share/gocode"]
    missing = built([*in_debian, "go", "build", "-o", program, HERE / "blitiri.go"])
    return SPFPeer("blitiri", (str(program),), missing)


@cache
def mail_spf() -> SPFPeer:
    """Mail::SPF, of Debian's libmail-spf-perl."""
    command = ("perl", str(HERE / "mailspf.pl"))
    missing = "" if runs([*command, "check"]) else "perl with Mail::SPF is not installed"
    return SPFPeer("Mail::SPF", command, missing)
