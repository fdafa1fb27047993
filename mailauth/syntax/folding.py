"""Header fields for output: lines of at most 78 columns (RFC 5322 §2.1.1, §2.2.3).

A field is given as words; a line may end before any of them.  A word that is
longer than a line is left whole, unless its writer cut it with `cut`.
"""

from collections.abc import Iterable
from typing import NamedTuple

WIDTH = 78


class Folded(NamedTuple):
    """A field so far: the lines that are full, and the line that more words are added to."""

    lines: tuple[str, ...]
    start: str
    """What precedes the first word of the line."""
    line: str

    @classmethod
    def begin(cls, name: str) -> "Folded":
        """A field with only its name so far."""
        return cls((), f"{name}: ", f"{name}: ")

    def add(self, words: Iterable[str]) -> "Folded":
        """The field with more words.

        A word that ends in a blank is followed by the next word on the line; blanks
        at the end of a line are dropped, because relays drop them too.
        """
        full, start, line = self
        lines = list(full)
        for word in words:
            if line != start and len(line) + len(word.rstrip()) > WIDTH:
                lines.append(line.rstrip())
                line = start = "\t"
            line += word
        return Folded(tuple(lines), start, line)

    def octets(self) -> bytes:
        """The whole field with its final CRLF."""
        return ("\r\n".join((*self.lines, self.line.rstrip())) + "\r\n").encode()


def fold(name: str, words: Iterable[str]) -> bytes:
    """The field `name: word word ...`, folded before words, with its final CRLF."""
    return Folded.begin(name).add(words).octets()


def cut(octets: bytes, *, first: int) -> list[bytes]:
    """Base64, in which blanks mean nothing, cut into pieces that each fit on a line.

    `first` is the room for the first piece; each other one has a line less its tab.
    """
    rest = range(first, len(octets), WIDTH - 1)
    return [octets[:first], *[octets[at : at + WIDTH - 1] for at in rest]]
