"""The service that most tests of this room start."""

from collections.abc import Iterator

import pytest
from tree import Tree


@pytest.fixture
def tree() -> Iterator[Tree]:
    """A tree that is not started yet; nothing of it may outlive the test."""
    one = Tree()
    try:
        yield one
    finally:
        one.close()
