"""Files that are checked now and then: which of them have changed and are stable again.

A file may be incomplete while it is being written.  So a change counts only once two looks
in a row have found all files the same; then it is reported, once.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from mailauth.reading import FileState, state_of

Look: TypeAlias = Mapping[str, FileState | None]


class WatchedFiles:
    """Files, remembered as they are now; make this before reading them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._known = self._last = self._look()

    def changed(self) -> list[str]:
        """Look again; returns the files that have changed and are stable."""
        look, last = self._look(), self._last
        self._last = look
        if look == self._known or look != last:
            return []
        found = [path for path in self._paths if look[path] != self._known[path]]
        self._known = look
        return found

    def _look(self) -> Look:
        return {path: state_of(path) for path in self._paths}
