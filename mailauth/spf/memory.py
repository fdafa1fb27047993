"""A memory for what was read, bounded by its weight and not by the number of values.

A record that an attacker publishes may take sixty times its octets once it is
parsed, so a bound on the number of records would bound nothing.
"""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

from mailauth import forks

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key; the oldest are forgotten when together they weigh more than `most`."""

    __slots__ = ("__weakref__", "_heavy", "_lock", "_most", "_values", "_weight", "get")

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._heavy: dict[K, int] = {}
        self._values: dict[K, V] = {}
        self._lock = Lock()
        self.get = self._values.get
        """The value that is remembered under a key, or None."""
        forks.keep(self)

    def put(self, key: K, value: V, weight: int) -> None:
        """Remember a value in place of the previous one, but not if it is too heavy by itself."""
        with self._lock:
            self._forget(key)
            if weight > self._most:
                return
            self._values[key], self._heavy[key] = value, weight
            self._weight += weight
            while self._weight > self._most:
                self._forget(next(iter(self._heavy)))

    def begin_in_child(self) -> None:
        """Forget everything in a forked child, if a thread was just changing it."""
        if forks.is_held(self._lock):
            self._lock = Lock()
            self._values.clear()
            self._heavy.clear()
            self._weight = 0

    def _forget(self, key: K) -> None:
        self._values.pop(key, None)
        self._weight -= self._heavy.pop(key, 0)
