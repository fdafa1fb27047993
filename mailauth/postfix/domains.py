"""The domains and addresses of a list: those that are ours, or left alone.

An entry is a domain, `.example.com` for all that is below it but not itself,
`@example.com` for the domain as Postfix's tables write it, or a whole address.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains


@dataclass(frozen=True, slots=True)
class DomainList:
    """What the entries of a list come to."""

    names: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    """Whatever is below one of these is meant."""
    addresses: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "DomainList":
        """The list of these entries.  **Raises** BadArgument."""
        names, above, addresses = set(), set(), set()
        for entry in entries:
            local, at, name = entry.rpartition("@")
            try:
                if local:
                    addresses.add(f"{local}@{domains.parse(name)}")
                elif name.startswith(".") and not at:
                    above.add(domains.parse(name[1:]))
                else:
                    names.add(domains.parse(name))
            except SyntaxFault as fault:
                raise BadArgument(f"{entry!r} is no domain: {fault}") from None
        return cls(frozenset(names), frozenset(above), frozenset(addresses))

    @classmethod
    def parse(cls, text: str) -> "DomainList":
        """The list in a file: one entry a line, after `#` a comment.

        Of a line with several words the first counts: a Postfix table that maps
        each address to itself is such a file.  **Raises** BadArgument.
        """
        lines = (line.partition("#")[0].split() for line in text.splitlines())
        return cls.of(words[0] for words in lines if words)

    def __or__(self, other: "DomainList") -> "DomainList":
        return DomainList(
            self.names | other.names, self.above | other.above, self.addresses | other.addresses
        )

    def has(self, local_part: str, domain: str) -> bool:
        """Whether an address is in the list, by itself or by its domain as `canonical` gives it."""
        if domain in self.names:
            return True
        above = domain if self.above else ""
        while above:
            above = above.partition(".")[2]
            if above in self.above:
                return True
        return bool(self.addresses) and f"{local_part}@{domain}" in self.addresses


def canonical(name: str) -> str:
    """A domain of an address in the one form that lists have; what is none is in no list."""
    if name.isascii():
        return name.removesuffix(".").lower()
    try:
        return domains.parse(name)
    except SyntaxFault:
        return name
