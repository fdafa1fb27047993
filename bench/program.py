"""The command line as a whole: how long a run takes from start to end, and how much memory."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import corpus, report
from bench.dkim import DOMAIN, SELECTOR, signed_by
from bench.measure import Cell, Contestant, Goal
from mailauth import dkim
from mailauth.keys import PrivateKey

# dkimverify asks the DNS; here it gets the record directly, so no time is lost waiting.
DKIMVERIFY = """
import sys
import dkim.dnsplug
record = open(sys.argv.pop()).read()
dkim.dnsplug._get_txt = lambda name, timeout=5: record
from dkim.dkimverify import main
main()
"""
MEMORY_GOAL = 60  # megabytes
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


def cells(folder: Path) -> Iterator[Cell]:
    """Signing and verifying one small file, including start and exit."""
    key = PrivateKey.generate()
    pem, zone, record = folder / "key.pem", folder / "key.json", folder / "key.txt"
    key.write(pem)
    text = dkim.KeyRecord.for_key(key.public_key).format()
    record.write_text(text)
    zone.write_text(_zone(text))
    mail = folder / "mail.eml"
    mail.write_bytes(corpus.text())
    signed = folder / "signed.eml"
    signed.write_bytes(signed_by(key, corpus.text()))
    python = sys.executable
    mailauth, dkimsign = (str(Path(python).with_name(name)) for name in ("mailauth", "dkimsign"))
    yield Cell(
        "the command that signs a file",
        [
            _command("mailauth", mailauth, "sign", "-d", DOMAIN, "-s", SELECTOR, "-k", pem, mail),
            _command("dkimpy", dkimsign, SELECTOR, DOMAIN, pem, stdin=mail),
        ],
        [Goal("dkimpy", 1)],
    )
    yield Cell(
        "the command that verifies a file",
        [
            _command("mailauth", mailauth, "verify", "--zone", zone, signed),
            _command("dkimpy", python, "-c", DKIMVERIFY, record, stdin=signed),
        ],
        [Goal("dkimpy", 1)],
    )


def sentences(folder: Path) -> Iterator[str]:
    """The peak memory, in a sentence."""
    memory = _peak_memory(folder)
    goal = report.goal(f"below {MEMORY_GOAL} MB", met=memory < MEMORY_GOAL)
    yield f"Peak memory of `mailauth verify` with a file of 25 MB: {memory:.0f} MB {goal}."


def _peak_memory(folder: Path) -> float:
    """Megabytes that the whole process takes at most when it verifies a file of 25 MB."""
    key = PrivateKey.generate()
    big, zone = folder / "big.eml", folder / "big.json"
    big.write_bytes(signed_by(key, corpus.attachment(25_000_000)))
    zone.write_text(_zone(dkim.KeyRecord.for_key(key.public_key).format()))
    program = (
        "import sys\n"
        "from mailauth.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(open('/proc/self/status').read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "verify", "--zone", zone, big],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=True,
    )
    assert "  pass " in done.stdout, done.stdout
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found, done.stdout
    return int(found[1]) * 1024 / 1e6


def _zone(record: str) -> str:
    return json.dumps({f"{SELECTOR}._domainkey.{DOMAIN}": {"TXT": [[record]]}})


def _command(name: str, *command: str | Path, stdin: Path | None = None) -> Contestant:
    def turns(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            with (stdin or Path(os.devnull)).open("rb") as source:
                subprocess.run(
                    command, stdin=source, capture_output=True, env=ENVIRONMENT, check=True
                )
        return time.perf_counter() - begin

    return Contestant(name, turns)
