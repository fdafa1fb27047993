"""Private keys from files: a limited number is kept, the others are loaded when needed.

A key whose file has changed is loaded again.  If that fails, the previous key stays
in use and the fault is reported; a key that could never be loaded is an
`UnusableKey`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mailauth.errors import UnusableKey
from mailauth.keys import PrivateKey, files
from mailauth.reading import FileState, state_of

MAX_KEYS: Final = 2000
"""Keys that are kept; an RSA key takes about ten kilobytes."""
LOOK_AGAIN: Final = 30.0
"""Seconds after which a file is checked again."""


class _Kept(NamedTuple):
    key: PrivateKey
    file: FileState | None
    looked: float


class KeyRing:
    """Private keys by the paths of their files."""

    def __init__(
        self,
        *,
        on_fault: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        """`on_fault` gets a sentence about each key that stays in use though its file is bad."""
        self.look_again = LOOK_AGAIN
        self._on_fault = on_fault
        self._clock = clock
        self._max_keys = max_keys
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def get(self, path: str) -> PrivateKey:
        """The key in a file.

        **Raises** UnusableKey: there is no usable key, and none is kept from before.
        """
        now = self._clock()
        kept = self._kept.get(path)
        if kept is None:
            file = state_of(path)
            kept = _Kept(PrivateKey.read(path), file, now)
            self._keep(path, kept)
        elif now - kept.looked >= self.look_again:
            kept = self._looked_at(path, kept, now)
            self._keep(path, kept)
        self._kept.move_to_end(path)
        return kept.key

    def load(self, paths: Iterable[str]) -> dict[str, UnusableKey]:
        """Read these keys again, as many as can be kept; of the others, only check the files.

        Returns the faults by path.  A previous key whose file is bad stays in use, and
        `on_fault` is called.
        """
        faults: dict[str, UnusableKey] = {}
        now = self._clock()
        for count, path in enumerate(dict.fromkeys(paths)):
            kept = self._kept.get(path)
            try:
                if kept is not None:
                    self._keep(path, self._read_anew(path, kept, now))
                elif count < self._max_keys:
                    file = state_of(path)
                    self._keep(path, _Kept(PrivateKey.read(path), file, now))
                else:
                    files.look(path)
            except UnusableKey as fault:
                faults[path] = fault
        return faults

    def _looked_at(self, path: str, kept: _Kept, now: float) -> _Kept:
        if state_of(path) == kept.file:
            return kept._replace(looked=now)
        return self._read_anew(path, kept, now)

    def _read_anew(self, path: str, kept: _Kept, now: float) -> _Kept:
        file = state_of(path)
        try:
            return _Kept(PrivateKey.read(path), file, now)
        except UnusableKey as fault:
            self._on_fault(f"the previous key stays in use: {fault}")
            return kept._replace(looked=now)  # reported each time, until the file is mended

    def _keep(self, path: str, kept: _Kept) -> None:
        self._kept[path] = kept
        if len(self._kept) > self._max_keys:
            self._kept.popitem(last=False)
