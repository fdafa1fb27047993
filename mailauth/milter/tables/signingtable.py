"""Which signatures a message gets: a table from the author's address to keys.

What a row may name, the most precise first: `ada@example.com`, `example.com`,
`ada@.example.com` and `.example.com` for all domains below, `ada@*`, and `*`
for everybody.  The most precise row decides; with `all_matches` each row that
matches adds its signatures.  In a table of patterns, as in OpenDKIM's refile, rows are
tried strictly in order instead; those of the form `*@example.com`, which most of them
are, are found without trying.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mailauth.dkim import claims
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax.mailbox import Mailbox

AUTHOR: Final = "%"
"""Stands for the domain of the author."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One signature to make: who signs, and where the key is."""

    domain: str  # d=
    """Or `%`."""
    selector: str  # s=
    path: str
    """The key file; a `%` in it stands for the domain of the author."""
    identity: str = ""  # i=
    """A `%` in it stands for the domain of the author."""

    @property
    def is_of_author(self) -> bool:
        """Whether any part of it depends on the domain of the author."""
        return AUTHOR in self.domain + self.path + self.identity

    def for_author(self, domain: str) -> "SigningKey":
        """The same for an author of this domain, which has passed `domain.parse`."""
        if not self.is_of_author:
            return self
        return SigningKey(
            domain if self.domain == AUTHOR else self.domain,
            self.selector,
            self.path.replace(AUTHOR, domain),
            self.identity.replace(AUTHOR, domain),
        )


BY_AUTHOR: Final = SigningKey(AUTHOR, "", "")
"""Stands for the key whose name is the domain of the author."""

Rows = Iterable[tuple[str, SigningKey]]


@dataclass(frozen=True, slots=True)
class SigningTable:
    """The table; made by `of` or `of_patterns`."""

    _rows: Mapping[str, tuple[SigningKey, ...]] = field(default_factory=dict, repr=False)
    _of_domains: Mapping[str, tuple[tuple[int, SigningKey], ...]] = field(
        default_factory=dict, repr=False
    )
    """By the domain of patterns like `*@example.com`, their positions and keys."""
    _patterns: tuple[tuple[int, str, SigningKey], ...] = ()
    all_matches: bool = False
    by_author: Mapping[str, SigningKey] = field(default_factory=dict, repr=False)
    """By domain, the keys that `BY_AUTHOR` stands for."""

    @classmethod
    def of(cls, rows: Rows, *, all_matches: bool = False) -> "SigningTable":
        """The table of these rows; rows of the same name sign together."""
        table: dict[str, tuple[SigningKey, ...]] = {}
        for name, key in rows:
            table[_folded(name)] = (*table.get(_folded(name), ()), key)
        return cls(table, all_matches=all_matches)

    @classmethod
    def of_patterns(cls, rows: Rows, *, all_matches: bool = False) -> "SigningTable":
        """The table of these patterns, in which an asterisk stands for any characters."""
        of_domains: dict[str, tuple[tuple[int, SigningKey], ...]] = {}
        patterns = []
        for place, (name, key) in enumerate(rows):
            pattern = _folded(name)
            domain = pattern.removeprefix("*@")
            if domain != pattern and "*" not in domain and "@" not in domain:
                of_domains[domain] = (*of_domains.get(domain, ()), (place, key))
            else:
                patterns.append((place, pattern, key))
        return cls({}, of_domains, tuple(patterns), all_matches)

    def find(self, author: Mailbox) -> tuple[SigningKey, ...]:
        """The keys that sign mail of this author; none if no row matches."""
        found: list[SigningKey] = []
        for keys in self._matches(author):
            found += self._named(keys, author.domain)
            if found and not self.all_matches:
                break
        return tuple(dict.fromkeys(found))

    def _named(self, keys: Iterable[SigningKey], domain: str) -> Iterator[SigningKey]:
        for key in keys:
            named = self.by_author.get(domain) if key.selector == "" else key
            if named is not None and _is_fit(named, domain):
                yield named.for_author(domain)

    def signing_keys(self) -> Iterator[SigningKey]:
        """All keys of the table, to be checked."""
        yield from self.by_author.values()
        for keys in self._rows.values():
            yield from keys
        for pairs in self._of_domains.values():
            yield from (key for _, key in pairs)
        yield from (key for _, _, key in self._patterns)

    def _matches(self, author: Mailbox) -> Iterator[tuple[SigningKey, ...]]:
        for name in _names(author):
            if name in self._rows:
                yield self._rows[name]
        found = list(self._of_domains.get(author.domain, ()))
        address = _folded(str(author))
        limit = found[0][0] if found and not self.all_matches else None
        for place, pattern, key in self._patterns:
            if limit is not None and place > limit:
                break
            if matches(pattern, address):
                found.append((place, key))
        for _, key in sorted(found, key=lambda pair: pair[0]):
            yield (key,)


def _is_fit(key: SigningKey, domain: str) -> bool:
    """Whether a signature with this key for an author of the domain can count.

    An address in brackets is no domain, neither for d= nor for a path.
    """
    if not key.is_of_author:
        return True
    if domain.startswith("[") or (key.domain == AUTHOR and claims.unfit(domain, key.selector)):
        return False
    made = key.for_author(domain)
    name = made.identity.rpartition("@")[2]
    return not name or domains.is_same_or_subdomain(name, made.domain)  # RFC 6376 §3.5


def matches(pattern: str, text: str) -> bool:
    """Whether the text matches this pattern, in which an asterisk stands for any characters."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    at = len(first)
    for piece in middle:
        found = text.find(piece, at, len(text) - len(last))
        if found < 0:
            return False
        at = found + len(piece)
    return text.endswith(last)


def author_row(text: str) -> str:
    """The name of a row for `SigningTable.of`, which people also write as a pattern.

    `*@example.com` is `example.com`, and `*.example.com` is `.example.com`.

    **Raises** BadArgument: it would match nobody.
    """
    local, at, domain = text.rpartition("@")
    if domain.startswith("*."):
        domain = domain[1:]
    reason = ""
    if at and local != "*" and (not local or "*" in local):
        reason = "before the @ there must be one local part, or * for all"
    elif domain != "*":
        try:
            domains.parse(domain.removeprefix("."))
        except SyntaxFault as fault:
            reason = str(fault).partition("\n")[0]
    if reason:
        needed = "other patterns need a signing_table, refile:FILE"
        raise BadArgument(f"{text!r} would match nobody: {reason}; {needed}")
    return domain if local in {"", "*"} else f"{local}@{domain}"


def _names(author: Mailbox) -> Iterator[str]:
    local, domain = author.local_part.lower(), author.domain
    yield f"{local}@{domain}"
    yield domain
    above = [domain[at:] for at, character in enumerate(domain) if character == "."]
    yield from (f"{local}@{name}" for name in above)
    yield from above
    yield f"{local}@*"
    yield "*"


def _folded(name: str) -> str:
    """The name of a row as it is compared: in A-labels and lower case."""
    local, at, domain = name.rpartition("@")
    if not domain.isascii():
        domain = ".".join(domains.parse(label) if label else "" for label in domain.split("."))
    return f"{local}{at}{domain}".lower()
