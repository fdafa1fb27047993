"""The domains and addresses of a list: those that are ours, or left alone.

An entry is a domain, `.example.com` for all that is below it but not itself,
`@example.com` for the domain as Postfix's tables write it, or a whole address.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains

MAX_FAULTS: Final = 1000
"""Of a file with more lines that are wrong the first are told."""


class BadLines(BadArgument):
    """Lines of a list that are no entries; the text tells the first ten of them."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        told = [f"line {number}: {fault}" for number, fault in faults[:_TOLD]]
        super().__init__("; ".join(told + ["and other lines"] * (len(faults) > _TOLD)))
        self.faults = tuple(faults)
        """The number of each line, from 1 on, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DomainList:
    """What the entries of a list come to."""

    names: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    """Whatever is below one of these is meant."""
    addresses: frozenset[str] = frozenset()
    """Their local parts in the one case that Postfix's tables have: it does not count."""

    @classmethod
    def of(cls, entries: Iterable[str]) -> "DomainList":
        """The list of these entries.  **Raises** BadArgument."""
        return _gathered(_sorted(entry) for entry in entries)

    @classmethod
    def parse(cls, text: str) -> "DomainList":
        """The list in a file, which is read as Postfix reads its tables (postmap(1)).

        One entry a line.  Of a line with several words the first counts, so a table
        that maps each address to itself is such a file.  A line is a comment if its
        first visible character is `#`, and belongs to the line before if it begins
        with a blank.  **Raises** BadLines.
        """
        found: list[tuple[str, str]] = []
        faults: list[tuple[int, str]] = []
        for number, line in _lines(text):
            try:
                found.append(_sorted(_key(line)))
            except BadArgument as fault:
                faults.append((number, f"{fault}"))
                if len(faults) == MAX_FAULTS:
                    break
        if faults:
            raise BadLines(faults)
        return _gathered(found)

    def __or__(self, other: "DomainList") -> "DomainList":
        return DomainList(
            self.names | other.names, self.above | other.above, self.addresses | other.addresses
        )

    def has(self, local_part: str, domain: str) -> bool:
        """Whether an address is in the list, by itself or by its domain as `canonical` gives it."""
        if domain in self.names:
            return True
        # Each step copies what is left, so text that is longer than a domain is in none.
        above = domain if self.above and len(domain) <= domains.MAX_NAME else ""
        while above:
            above = above.partition(".")[2]
            if above in self.above:
                return True
        return bool(self.addresses) and f"{local_part.casefold()}@{domain}" in self.addresses


def canonical(name: str) -> str:
    """A domain of an address in the one form that lists have.

    Text that is not a domain is returned as it is and matches nothing.
    """
    if name.isascii():
        return name.removesuffix(".").lower()
    try:
        return domains.parse(name)
    except SyntaxFault:
        return name


_TOLD: Final = 10
_SHOWN: Final = 60
_BLANKS: Final = " \t"


def _sorted(entry: str) -> tuple[str, str]:
    """The field of a list to which an entry belongs, and the entry as it has it.

    **Raises** BadArgument.
    """
    local, at, name = entry.rpartition("@")
    try:
        if local:
            return "addresses", f"{local.casefold()}@{domains.parse(name)}"
        if name.startswith(".") and not at:
            return "above", domains.parse(name[1:])
        return "names", domains.parse(name)
    except SyntaxFault as fault:
        raise BadArgument(f"{entry[:_SHOWN]!r} is no domain: {fault}") from None


def _gathered(entries: Iterable[tuple[str, str]]) -> DomainList:
    fields: dict[str, set[str]] = {"names": set(), "above": set(), "addresses": set()}
    for field, entry in entries:
        fields[field].add(entry)
    return DomainList(**{field: frozenset(found) for field, found in fields.items()})


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Those that are no comment and continue no other, and the number of each."""
    continued = False
    for number, line in enumerate(text.split("\n"), 1):
        visible = line.lstrip()
        if not visible or visible.startswith("#") or (continued and line[0] in _BLANKS):
            continue
        continued = line[0] not in _BLANKS
        yield number, line


def _key(line: str) -> str:
    """The first word of a line.  **Raises** BadArgument: it is one that continues another."""
    if line[0] in _BLANKS:
        raise BadArgument("it begins with a blank, and there is no line that it continues")
    return line.split(maxsplit=1)[0]
