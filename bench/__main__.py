"""`python -m bench [--table] [WORD...]`: the cells with all these words in their names, or all.

With --table, the results go into docs/performance.md.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from bench import dkim, lookups, messages, milter, milterload, program, report, spf, spfnet, srs
from bench.measure import Measured, measure
from peers import maildkim, msgauth, opendkim
from peers.messages import node_mailauth
from peers.spf import blitiri, libspf2
from peers.srs import mail_srs, pysrs

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
CHAPTERS = {
    "DKIM and ARC": (dkim,),
    "The command line": (program,),
    "SPF": (spf, spfnet),
    "A message as a whole": (messages,),
    "SRS and its look-ups": (srs, lookups),
    "The milter": (milter,),
}
"""What is measured, under the headings of the document."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("scripts/bench", description="Measure us beside others.")
    parser.add_argument("words", nargs="*", metavar="WORD",
                        help="only cells whose names have all these words")  # fmt: skip
    parser.add_argument("--table", action="store_true",
                        help="measure all, and put it into docs/performance.md")  # fmt: skip
    given = parser.parse_args(arguments)
    keep, words = given.table, given.words
    if keep and words:
        parser.error("the table is of all cells: give no WORD with --table")
    print(f"on {report.machine()}")
    of_dkim, of_spf = (opendkim(), msgauth(), maildkim()), (libspf2(), blitiri())
    for peer in (*of_dkim, *of_spf, node_mailauth(), pysrs(), mail_srs()):
        if peer.missing:
            print(f"without {peer.name}: {peer.missing}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured: dict[str, list[Measured]] = {title: [] for title in CHAPTERS}
        for title, rooms in CHAPTERS.items():
            for cell in chain.from_iterable(room.cells(folder) for room in rooms):
                if all(word in cell.name for word in words):
                    measured[title].append(measure(cell))
                    print("\n".join(report.lines(measured[title][-1])), flush=True)
        if words:
            return 0
        sentences = [
            each for room in (program, lookups, milterload) for each in room.sentences(folder)
        ]
    told = "\n".join(sentences)
    print(told)
    if keep:
        day = datetime.now(UTC).date().isoformat()
        head = f"On {report.machine()}, {day}, by `scripts/bench --table`:\n"
        tables = [f"\n### {title}\n\n{report.table(cells)}" for title, cells in measured.items()]
        report.write(DOCUMENT, f"{head}{''.join(tables)}\n{told}\n")
    return 0


sys.exit(main())
