"""Lists of domains and addresses: those that are ours, or left alone.

An entry is a domain, `.example.com` for everything below it but not the domain itself,
`@example.com` for the domain as Postfix's tables write it, or a whole address.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains

MAX_FAULTS: Final = 1000
"""Only so many wrong entries of a list or file are reported."""


class WrongEntries(BadArgument):
    """Entries that are not of these forms; the text names the first ten."""

    def __init__(self, faults: Sequence[tuple[int, str]], noun: str) -> None:
        super().__init__(faults, noun)
        self.faults = tuple(faults)
        """The number of each entry or line, from 1, and what is wrong with it."""
        self._noun = noun

    def __str__(self) -> str:
        told = [f"{self._noun} {number}: {fault}" for number, fault in self.faults[:_TOLD]]
        return "; ".join(told + ["and others"] * (len(self.faults) > _TOLD))


@dataclass(frozen=True, slots=True)
class DomainList:
    """The entries of a list, sorted by form."""

    names: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    """Everything below one of these is in the list."""
    addresses: frozenset[str] = frozenset()
    """Their local parts are case-folded: case does not count, as in Postfix's tables."""

    @classmethod
    def of(cls, entries: Iterable[str]) -> "DomainList":
        """The list of these entries.  **Raises** WrongEntries."""
        return _gathered(enumerate(entries, 1), "entry")

    @classmethod
    def parse(cls, text: str) -> "DomainList":
        """The list in a file, which is read as Postfix reads its tables (postmap(1)).

        One entry a line.  Only the first word of a line counts, so a table that maps
        each address to itself will do.  A line is a comment if its first visible
        character is `#`, and continues the line before if it begins with a blank.
        **Raises** WrongEntries.
        """
        return _gathered(_lines(text), "line")

    def __or__(self, other: "DomainList") -> "DomainList":
        return DomainList(
            self.names | other.names, self.above | other.above, self.addresses | other.addresses
        )

    def has(self, local_part: str, domain: str) -> bool:
        """Whether an address is in the list, itself or by its domain, in `canonical` form."""
        if domain in self.names:
            return True
        # Each step copies the rest, so text longer than any domain is not even tried.
        above = domain if self.above and len(domain) <= domains.MAX_NAME else ""
        while above:
            above = above.partition(".")[2]
            if above in self.above:
                return True
        return bool(self.addresses) and f"{local_part.casefold()}@{domain}" in self.addresses


def canonical(name: str) -> str:
    """The domain of an address in the form that lists use.

    Text that is not a domain comes back as text that matches nothing.
    """
    if name.isascii():
        return name.removesuffix(".").lower()
    try:
        return domains.parse(name)
    except SyntaxFault:
        return name


_TOLD: Final = 10
_SHOWN: Final = 60
_BLANKS: Final = (" ", "\t")


def _gathered(entries: Iterable[tuple[int, str]], noun: str) -> DomainList:
    fields: dict[str, set[str]] = {"names": set(), "above": set(), "addresses": set()}
    faults: list[tuple[int, str]] = []
    for number, entry in entries:
        try:
            field, name = _sorted(entry)
        except BadArgument as fault:
            faults.append((number, f"{fault}"))
            if len(faults) == MAX_FAULTS:
                break
        else:
            fields[field].add(name)
    if faults:
        raise WrongEntries(faults, noun)
    return DomainList(**{field: frozenset(found) for field, found in fields.items()})


def _sorted(entry: str) -> tuple[str, str]:
    """The field of `DomainList` to which an entry belongs, and the entry in its form there.

    **Raises** BadArgument.
    """
    if entry[:1] in _BLANKS:
        raise BadArgument("it begins with a blank, but there is no line for it to continue")
    if entry.startswith("*."):
        shown = entry[:_SHOWN]
        remedy = f"for all below {shown[2:]} write {shown[1:]}"
        raise BadArgument(f"{shown!r} is not a domain: {remedy}")
    local, at, name = entry.rpartition("@")
    try:
        if local:
            return "addresses", f"{local.casefold()}@{domains.parse(name)}"
        if name.startswith(".") and not at:
            return "above", domains.parse(name[1:])
        return "names", domains.parse(name)
    except SyntaxFault as fault:
        raise BadArgument(f"{entry[:_SHOWN]!r} is not a domain: {fault}") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The numbers and first words of lines that are no comments and continue no other line."""
    continued = False
    for number, line in enumerate(text.split("\n"), 1):
        visible = line.lstrip()
        blank = line[:1] in _BLANKS
        if not visible or visible.startswith("#") or (continued and blank):
            continue
        continued = not blank
        yield number, line if blank else line.split(maxsplit=1)[0]
