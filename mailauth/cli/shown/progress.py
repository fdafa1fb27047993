"""How far a long run has come: a bar on standard error, if somebody is there to see it."""

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
    """Whether to show a bar: not beside results on the terminal, which show progress themselves."""
    return sys.stderr.isatty() and not sys.stdout.isatty()


def shown(
    items: Iterable[Item], size: Callable[[Item], int], *, total: int, label: str
) -> Iterator[Item]:
    """The items; if they take long, with a bar that adds up their sizes to `total`."""
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
