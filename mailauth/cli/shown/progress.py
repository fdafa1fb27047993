"""How far a long run is: a bar on standard error, when somebody is there to see it."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TypeVar

import click

Item = TypeVar("Item")

PATIENCE = 2.0
"""Seconds after which the bar appears."""


def is_wanted() -> bool:
    """Whether a bar has a place: not beside results, which show the progress themselves."""
    return sys.stderr.isatty() and not sys.stdout.isatty()


def shown(
    items: Iterable[Item], size: Callable[[Item], int], *, total: int, label: str
) -> Iterator[Item]:
    """The items, with a bar of their sizes, `total` together, if it takes long."""
    started, done = time.monotonic(), 0
    with ExitStack() as stack:
        bar = None
        for item in items:
            yield item
            done += size(item)
            if bar is not None:
                bar.update(size(item))
            elif time.monotonic() - started > PATIENCE:
                bar = stack.enter_context(
                    click.progressbar(length=max(total, done), label=label, file=sys.stderr)
                )
                bar.update(done)
