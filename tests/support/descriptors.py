"""File descriptors: many more of them, only a few, or none left."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

MANY = 4096


@contextmanager
def many() -> Iterator[None]:
    """Many may be open, here and in processes started meanwhile; else the test is skipped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY:
        pytest.skip(f"fewer than {MANY} descriptors are allowed here")
    with _limited(max(soft, MANY)):
        yield


@contextmanager
def none() -> Iterator[None]:
    """No descriptor is left, until the end of the context."""
    opened = len(list(Path("/proc/self/fd").iterdir()))
    with ExitStack() as taken, _limited(opened):
        with suppress(OSError):  # some are free between those that are open
            while True:
                taken.enter_context(socket.socket())
        yield


def few(number: int) -> None:
    """From now on this process has at most so many; for a process that is being started."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


@contextmanager
def _limited(number: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
