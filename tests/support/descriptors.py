"""Descriptors: many more of them, few, or none that is left."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

MANY = 4096


@contextmanager
def many() -> Iterator[None]:
    """So many may be open, here and in what is started meanwhile; or the test is skipped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY:
        pytest.skip(f"fewer than {MANY} descriptors are allowed here")
    with _limited(max(soft, MANY)):
        yield


@contextmanager
def none() -> Iterator[None]:
    """None is left, until the end."""
    opened = len(list(Path("/proc/self/fd").iterdir()))
    with ExitStack() as taken, _limited(opened):
        with suppress(OSError):  # between those that are open some are free
            while True:
                taken.enter_context(socket.socket())
        yield


def few(number: int) -> None:
    """So many at most, from now on, in this process: for one that is being started."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


@contextmanager
def _limited(number: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
