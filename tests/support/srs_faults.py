"""`mailauth serve` whose look-ups can be made to fail: `python srs_faults.py FILE`.

The local part of the key says how; the program itself has no such hook.
"""

import dataclasses
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from mailauth.errors import MailauthError
from mailauth.postfix import Reply, Request, Rewriting
from mailauth.service import start

honest = Rewriting.answer


def answer(policy: Rewriting, request: Request, *, now: int) -> Reply:
    """The honest answer, unless a fault is asked for."""
    fault = request.key.partition("@")[0]
    if fault == "spin":
        while True:
            pass
    if fault == "sleep":
        time.sleep(3600)
    if fault == "raise":
        raise RuntimeError("a fault that was asked for")
    if fault == "child":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(999)", *sys.argv])
    return honest(policy, request, now=now)


if __name__ == "__main__":
    assert dataclasses.is_dataclass(Rewriting)
    with mock.patch.object(Rewriting, "answer", answer):
        try:
            sys.exit(start.serve(Path(sys.argv[1])))
        except MailauthError as refused:
            sys.stderr.write(f"{refused}\n")
            sys.exit(2)
