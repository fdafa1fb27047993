"""`python -m bench [--table] [WORD...]`: the cells whose names have these words, all by default.

With --table the document docs/performance.md gets what was measured.
"""

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
MEMORY_GOAL = 60  # megabytes
SLOWEST_GOAL = 5  # milliseconds
LOOKUPS_MEMORY_GOAL = 40  # megabytes


def main(arguments: list[str]) -> int:
    keep = "--table" in arguments
    words = [argument for argument in arguments if argument != "--table"]
    if keep and words:
        print("the table is of all cells: give no WORD with --table", file=sys.stderr)
        return 2
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
        memory = program.peak_memory(folder)
        slowest = lookups.slowest(folder)
        taken = lookups.memory(folder)
        loads = list(milterload.sentences(folder))
    met = "met" if memory < MEMORY_GOAL else "not met"
    sentence = (
        f"Peak memory of `mailauth verify` with a file of 25 MB: {memory:.0f} MB "
        f"(goal: below {MEMORY_GOAL} MB, {met})."
    )
    met = "met" if slowest < SLOWEST_GOAL else "not met"
    sentence += (
        f"\nAt half of the greatest load 99 of 100 look-ups are answered within {slowest:.1f} ms "
        f"(goal: {SLOWEST_GOAL} ms, {met})."
    )
    met = "met" if taken < LOOKUPS_MEMORY_GOAL else "not met"
    sentence += (
        f"\nA worker of look-ups takes {taken:.0f} MB under load "
        f"(goal: below {LOOKUPS_MEMORY_GOAL} MB, {met})."
    )
    sentence = "\n".join([sentence, *loads])
    print(sentence)
    if keep:
        day = datetime.now(UTC).date().isoformat()
        head = f"On {report.machine()}, {day}, by `scripts/bench --table`:\n"
        tables = [f"\n### {title}\n\n{report.table(cells)}" for title, cells in measured.items()]
        report.write(DOCUMENT, f"{head}{''.join(tables)}\n{sentence}\n")
    return 0


sys.exit(main(sys.argv[1:]))
