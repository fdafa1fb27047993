"""`python -m fuzz [SECONDS [TARGET...]]`: runs each target for so long; saves to fuzz/found/."""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from fuzz.mutations import mutate, seeds
from fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"
SLOW = 5.0  # seconds for 20 kB; nothing linear needs a hundredth of it


def fuzz(name: str, seconds: float, dice: random.Random) -> tuple[int, bytes | None]:
    """The number of inputs tried, and the first that broke the invariant, if any."""
    corpus = seeds()
    target = TARGETS[name]
    end = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < end:
        octets = mutate(dice.choice(corpus), corpus, dice)
        tried += 1
        begin = time.process_time()
        try:
            target(octets)
        except Exception:  # noqa: BLE001 - this is what we look for
            traceback.print_exc()
            return tried, octets
        if time.process_time() - begin > SLOW:
            print(f"{name}: took more than {SLOW} seconds")
            return tried, octets
    return tried, None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("scripts/fuzz", description="Look for inputs that break us.")
    parser.add_argument("seconds", nargs="?", type=float, default=10.0, metavar="SECONDS",
                        help="for each target; 10 by default")  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="TARGET",
                        help=f"all by default: {', '.join(TARGETS)}")  # fmt: skip
    given = parser.parse_args(arguments)
    unknown = set(given.names).difference(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    status = 0
    for name in given.names or TARGETS:
        seed = random.SystemRandom().getrandbits(32)
        tried, finding = fuzz(name, given.seconds, random.Random(seed))
        print(f"{name}: {tried} inputs, dice {seed}" + ("" if finding is None else ": BROKEN"))
        if finding is not None:
            status = 1
            FOUND.mkdir(exist_ok=True)
            path = FOUND / f"{name}-{hashlib.sha256(finding).hexdigest()[:12]}"
            path.write_bytes(finding)
            print(f"kept in {path}: {finding[:200]!r}")
    return status


sys.exit(main())
