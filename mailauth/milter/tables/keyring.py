"""Private keys of files: loaded on their first use, so that 100,000 of them delay no start.

A key whose file has changed is loaded anew.  If that cannot be done the previous
one stays in use, and the fault is told; a key that could never be loaded is an
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
"""Keys that are kept; an RSA key takes some ten kilobytes."""
LOOK_AGAIN: Final = 30.0
"""Seconds after which a file is looked at again."""


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
        """`on_fault` is told in a sentence of each key that stays in use though its file is bad."""
        self.look_again = LOOK_AGAIN
        self._on_fault = on_fault
        self._clock = clock
        self._max_keys = max_keys
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def get(self, path: str) -> PrivateKey:
        """The key in a file.

        **Raises** UnusableKey: there is none that can be used, and never was.
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
        """Read these keys anew, as many as are kept; of the others, look at the files.

        What cannot be used comes back by its path.  A previous key whose file is
        bad stays in use, and `on_fault` is told.
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
            return kept._replace(looked=now)  # and it is told again, until the file is mended

    def _keep(self, path: str, kept: _Kept) -> None:
        self._kept[path] = kept
        if len(self._kept) > self._max_keys:
            self._kept.popitem(last=False)
