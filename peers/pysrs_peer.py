"""pysrs as a peer: see `peers.srs`.  It runs with Debian's Python, not with ours."""

import sys
import time
from pathlib import Path

from SRS.Guarded import Guarded


def answer(rewriter: Guarded, line: str) -> str:
    """The answer to one question."""
    what, *words = line.split(" ")
    try:
        return str(getattr(rewriter, what)(*words))
    except (ValueError, AssertionError) as fault:
        return f"!{fault}"


def main(secret: str, count: str = "") -> None:
    """Answer lines, or measure."""
    if count == "check":
        return
    rewriter = Guarded()
    rewriter.set_secret(Path(secret).read_text().rstrip("\n"))
    if not count:
        for line in sys.stdin:
            print(answer(rewriter, line.rstrip("\n")))
        return
    begin = time.process_time()
    for _ in range(int(count)):
        rewriter.reverse(rewriter.forward("test@otherdomain.com", "example.com"))
    print(time.process_time() - begin)


main(*sys.argv[1:])
