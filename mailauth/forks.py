"""What threads share under a lock, when their process forks.

Of all threads only the one that forks lives on in the child.  A lock that another one
held there would never be released, and what that thread was changing may be half
changed.  So everything that has a lock is kept here, and told in the child.
"""

import os
from threading import Lock
from typing import Final, Protocol
from weakref import WeakSet


class Shared(Protocol):
    """What several threads use."""

    def begin_in_child(self) -> None:
        """Make it fit for use in a child, where no other thread uses it."""


_ALL: Final[WeakSet[Shared]] = WeakSet()


def is_held(lock: Lock) -> bool:
    """Whether a thread holds the lock.

    `lock.locked` does not see a thread that was given the lock and has not run since.
    """
    if not lock.acquire(blocking=False):
        return True
    lock.release()
    return False


def keep(shared: Shared) -> None:
    """Have it told in each child, for as long as it is used."""
    _ALL.add(shared)


def _tell_all() -> None:
    for shared in _ALL:
        shared.begin_in_child()


os.register_at_fork(after_in_child=_tell_all)
