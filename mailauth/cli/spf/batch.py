"""Many SPF checks: a list of clients in, a JSON object for each out.

Each line is read by itself, so that a stray quote or an endless line spoils no other.
Lines are checked side by side in chunks, so that memory use stays constant.
"""

import csv
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mailauth import reading
from mailauth.cli.shown import progress
from mailauth.errors import BadArgument
from mailauth.spf.identity import client

if TYPE_CHECKING:
    from mailauth.dns import Lookups, Resolver, Zone
    from mailauth.spf import Policy, Verdict

CHUNK = 500
"""Lines that are checked side by side."""
MAX_LINE = 4096
"""The most octets of a line."""
COLUMNS = ["ip", "helo", "sender"]


class Line(NamedTuple):
    """A line of the list: where it is, its size, and what it says."""

    place: str
    number: int
    octets: int
    client: dict[str, str]
    """The columns; without `sender` the HELO identity is checked."""
    fault: str = ""


def reports(
    path: str, ask: "Resolver | Zone", policy: "Policy", now: int
) -> Iterator[dict[str, Any] | BadArgument]:
    """The reports on the lines of a list, in order; a fault for a line that cannot be read.

    **Raises** BadArgument: the file cannot be read.
    """
    with ExitStack() as stack:
        file, total = sys.stdin.buffer, 0
        if path != "-":
            try:
                file = stack.enter_context(Path(path).open("rb"))
                total = Path(path).stat().st_size
            except OSError as fault:
                raise reading.unreadable(path, fault) from None
        lines = _lines(path, file)
        if progress.is_wanted():
            lines = progress.shown(lines, lambda line: line.octets, total=total, label="checking")
        while chunk := _chunk(path, lines):
            checks = [_check(line.client, policy, now) for line in chunk if not line.fault]
            verdicts = iter(ask.run_all(checks))
            for line in chunk:
                if line.fault:
                    yield BadArgument(f"{line.place}: {line.fault}")
                else:
                    yield {"line": line.number, **line.client, **next(verdicts).as_dict()}


def _chunk(path: str, lines: Iterator[Line]) -> list[Line]:
    """The next lines.  **Raises** BadArgument: they cannot be read."""
    try:
        return list(islice(lines, CHUNK))
    except OSError as fault:
        raise reading.unreadable(path, fault) from None


def _lines(path: str, file: BinaryIO) -> Iterator[Line]:
    """The lines with content: no empty ones, no comments, no heading.

    A spreadsheet may write a byte order mark before the first.
    """
    number = 0
    while octets := file.readline(MAX_LINE):
        number += 1
        place = f"{path}, line {number}"
        if not octets.endswith(b"\n") and len(octets) == MAX_LINE:
            size = len(octets) + _skipped(file, place)
            yield Line(place, number, size, {}, f"more than {MAX_LINE} octets")
            continue
        said = octets.removeprefix(BOM_UTF8) if number == 1 else octets
        text = said.decode("utf-8", "surrogateescape").strip()
        if text and not text.startswith("#") and text.replace(" ", "").split(",") != COLUMNS:
            columns, fault = _read(text)
            yield Line(place, number, len(octets), columns, fault)


def _skipped(file: BinaryIO, place: str) -> int:
    """Skip the rest of a line; returns its octets.  **Raises** BadArgument: the line has no end."""
    size = 0
    while more := file.readline(MAX_LINE):
        size += len(more)
        if more.endswith(b"\n"):
            break
        if size > reading.MAX_TEXT:
            raise BadArgument(f"{place}: the line has no end; this is not a list of clients")
    return size


def _read(text: str) -> tuple[dict[str, str], str]:
    """The columns of ip,helo[,sender] as CSV, and what is wrong with them."""
    try:
        columns = [
            column.strip()
            for column in next(csv.reader([text], strict=True, skipinitialspace=True))
        ]
    except csv.Error as fault:
        return {}, f"not CSV: {fault}"
    if len(columns) not in (len(COLUMNS) - 1, len(COLUMNS)):
        return {}, f"{len(columns)} columns; give ip,helo,sender, or ip,helo"
    try:
        client(columns[0])
    except BadArgument as fault:
        return {}, str(fault)
    return dict(zip(COLUMNS, columns, strict=False)), ""


def _check(client: dict[str, str], policy: "Policy", now: int) -> "Lookups[Verdict]":
    from mailauth import spf

    came: dict[str, Any] = {"ip": client["ip"], "helo": client["helo"], "policy": policy}
    if "sender" in client:
        return spf.check(**came, sender=client["sender"], now=now)
    return spf.check_helo(**came, now=now)
