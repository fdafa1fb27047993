"""How far a long run is: a bar on standard error, when somebody is there to see it."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

import click

from mailauth.cli import mailfiles
from mailauth.errors import BadArgument

Item = TypeVar("Item", bound=mailfiles.Source | BadArgument)

PATIENCE = 2.0
"""Seconds after which the bar appears."""


def is_wanted() -> bool:
    """Whether a bar has a place: not beside results, which show the progress themselves."""
    return sys.stderr.isatty() and not sys.stdout.isatty()


def shown(items: Iterable[Item], files: Iterable[str | BadArgument]) -> Iterator[Item]:
    """The messages in `files`, with a bar of their octets if it takes long."""
    total = sum(map(_size, files))
    started, done = time.monotonic(), 0
    with ExitStack() as stack:
        bar = None
        for item in items:
            yield item
            octets = len(item.octets) if isinstance(item, mailfiles.Source) else 0
            done += octets
            if bar is not None:
                bar.update(octets)
            elif time.monotonic() - started > PATIENCE:
                bar = stack.enter_context(
                    click.progressbar(length=max(total, done), label="verifying", file=sys.stderr)
                )
                bar.update(done)


def _size(file: str | BadArgument) -> int:
    with suppress(OSError):
        return Path(file).stat().st_size if isinstance(file, str) else 0
    return 0
