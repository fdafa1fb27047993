"""Files that are looked at now and then: which of them have changed, and have come to rest.

A file that is being written is not whole.  So a change counts once two looks in
a row have found the file the same; then it is told of, once.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from mailauth.reading import FileState, state_of

Look: TypeAlias = Mapping[str, FileState | None]


class WatchedFiles:
    """These files, as they were when this was made: before they were read."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._known = self._last = self._look()

    def changed(self) -> list[str]:
        """Look again: those that are other than before and rest."""
        look, last = self._look(), self._last
        self._last = look
        if look == self._known or look != last:
            return []
        found = [path for path in self._paths if look[path] != self._known[path]]
        self._known = look
        return found

    def _look(self) -> Look:
        return {path: state_of(path) for path in self._paths}
