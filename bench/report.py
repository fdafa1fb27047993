"""What was measured, as lines for the terminal and as the table of docs/performance.md."""

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Measured

BEGIN, END = "<!-- bench begins -->\n", "<!-- bench ends -->\n"


def lines(measured: Measured) -> list[str]:
    """A cell: our rate, then everybody else's with the ratio, and the goal if there is one."""
    goals = {goal.against: goal.ratio for goal in measured.cell.goals}
    ours = measured.cell.contestants[0].name
    told = [f"{measured.cell.name}: {ours} {_rate(measured.ours)} {measured.cell.unit}"]
    for name, rate in measured.rates.items():
        if name == ours:
            continue
        line = f"    {name:<14} {_rate(rate):>12}   {_times(measured.ratio(name))}"
        if name in goals:
            met = "met" if measured.ratio(name) >= goals[name] else "NOT MET"
            line += f"   goal {goals[name]:g}: {met}"
        told.append(line)
    return told


def table(cells: Sequence[Measured]) -> str:
    """Cells in Markdown: our rate, and how many times the rate of each other contestant it is."""
    names = list(dict.fromkeys(name for each in cells for name in each.rates))[1:]
    rows = [
        "| work | mailauth | " + " | ".join(f"x {name}" for name in names) + " | goals |",
        "|---" * (len(names) + 3) + "|",
    ]
    for each in cells:
        ratios = [
            _times(each.ratio(name)).removesuffix(" x") if name in each.rates else ""
            for name in names
        ]
        goals = [
            f"{goal.ratio:g} x {goal.against}"
            + ("" if each.ratio(goal.against) >= goal.ratio else " (not met)")
            for goal in each.cell.goals
            if goal.against in each.rates
        ]
        rate = f"{_rate(each.ours)} {each.cell.unit}"
        rows.append(f"| {each.cell.name} | {rate} | {' | '.join(ratios)} | {', '.join(goals)} |")
    return "\n".join(rows) + "\n"


def machine() -> str:
    """The machine on which the figures were measured."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    processor = f"{models[0]}, {len(models)} cores" if models else platform.machine()
    builder = (
        "Debian's " if sys.base_prefix == "/usr" and Path("/etc/debian_version").exists() else ""
    )
    return f"{processor}, {platform.system()}, {builder}Python {platform.python_version()}"


def goal(words: str, *, met: bool) -> str:
    """A goal in words, and whether it was met."""
    return f"(goal: {words}, {'met' if met else 'not met'})"


def write(document: Path, text: str) -> None:
    """Put `text` between the marks of the document."""
    head, _, rest = document.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    document.write_text(head + BEGIN + text + END + tail)


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.2f}"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} x" if ratio >= 2 else f"{ratio:.2f} x"
