"""OpenDKIM's data sets: keys with values, one a line; and its two tables for signing.

A data set is a file of lines (`file:`, or a bare path), a file of patterns (`refile:`),
or a list (`csl:`, or values with commas).  Anything that cannot be read is a
`BadTable` with file and line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Final, NamedTuple

from mailauth import reading
from mailauth.dkim import claims
from mailauth.errors import BadArgument, MailauthError
from mailauth.keys import Algorithm
from mailauth.milter.tables.clients import Clients
from mailauth.milter.tables.signingtable import AUTHOR, BY_AUTHOR, SigningKey, SigningTable

MAX_OCTETS: Final = 64 * 1024 * 1024
"""The largest file that is read."""


_SOME: Final = "a.example"
"""Stands for the domain of an author."""


class BadTable(MailauthError):
    """An OpenDKIM file that cannot be read; the text says where and why."""


class Entry(NamedTuple):
    """One line of a data set, or one value of a list."""

    key: str
    value: str
    where: str
    """File and line."""


def read_signing_table(
    signing_table: str, key_table: str, *, multiple: bool = False
) -> SigningTable:
    """The table that two data sets make; with `multiple` all matches sign.

    **Raises** BadTable.
    """
    keys = {entry.key: key for entry, key in _keys(key_table)}
    rows: list[tuple[str, SigningKey]] = []
    patterns = signing_table.startswith("refile:")
    seen: set[str] = set()
    for entry in dataset(signing_table):
        if patterns or multiple or entry.key.lower() not in seen:  # the first row of a name decides
            rows.append((entry.key, _row(entry, keys)))
            seen.add(entry.key.lower())
    make = SigningTable.of_patterns if patterns else SigningTable.of
    try:
        table = make(rows, all_matches=multiple)
    except MailauthError as fault:
        raise BadTable(f"{signing_table}: {fault}") from None
    return replace(table, by_author=keys)


def dataset(text: str, where: str = "") -> Iterator[Entry]:
    """The entries of a data set, each a key and an optional value.  **Raises** BadTable."""
    try:
        check_type(text)
    except BadTable as fault:
        raise BadTable(f"{where}: {fault}") from None
    if is_file(text):
        yield from lines(Path(path_of(text)))
    else:
        for word in text.removeprefix("csl:").split(","):
            if word.strip():
                key, _, value = word.strip().partition("=")
                yield Entry(key.strip(), value.strip(), where)


def check_type(text: str) -> None:
    """**Raises** BadTable: the data set is of a type that is not read here, a database say."""
    kind, colon, _ = text.partition(":")
    if colon and kind in _UNREADABLE:
        raise BadTable(f"a data set of the type {kind!r} cannot be read; write it to a file")


def lines(path: Path) -> Iterator[Entry]:
    """[key [WSP value]] [comment], one a line.  **Raises** BadTable."""
    try:
        octets = reading.regular(path, MAX_OCTETS)
    except BadArgument as fault:
        raise BadTable(str(fault)) from None
    for number, line in enumerate(octets.split(b"\n"), 1):
        try:
            text = line.partition(b"#")[0].decode().strip(" \t\r")
        except UnicodeDecodeError:
            raise BadTable(f"{path}:{number}: is not UTF-8") from None
        if text:
            key, *rest = text.replace("\t", " ").split(" ", maxsplit=1)
            yield Entry(key, rest[0].strip(" ") if rest else "", f"{path}:{number}")


def _keys(key_table: str) -> Iterator[tuple[Entry, SigningKey]]:
    """The keys of a KeyTable; of several with one name, the first.  **Raises** BadTable."""
    seen: set[str] = set()
    for entry in dataset(key_table):
        key = _key(entry)
        if entry.key not in seen:
            yield entry, key
        seen.add(entry.key)


def _key(entry: Entry) -> SigningKey:
    """value = domain ":" selector ":" path [":" algorithm], in a KeyTable."""
    words = entry.value.split(":")
    if len(words) not in {3, 4}:
        form = "domain:selector:path or domain:selector:path:algorithm"
        raise BadTable(f"{entry.where}: {entry.value[:60]!r} is not of the form {form}")
    domain, selector, path, *algorithm = (word.strip() for word in words)
    if not path.startswith(_PATHS):
        needed = "the key must be in a file, whose path begins with /, ./ or ../"
        raise BadTable(f"{entry.where}: {needed}")
    if algorithm and algorithm[0] not in set(Algorithm):
        raise BadTable(f"{entry.where}: the algorithm {algorithm[0]!r} is not supported")
    if not (domain and selector):
        raise BadTable(f"{entry.where}: the domain or the selector is empty")
    try:
        claims.place(_SOME if domain == AUTHOR else domain, selector)
    except BadArgument as fault:
        raise BadTable(f"{entry.where}: {fault}") from None
    return SigningKey(domain, selector, path)


def _row(entry: Entry, keys: Mapping[str, SigningKey]) -> SigningKey:
    """value = key name [":" signer], in a SigningTable."""
    name, _, signer = entry.value.partition(":")
    if name == "%":
        return BY_AUTHOR
    key = keys.get(name)
    if key is None:
        raise BadTable(f"{entry.where}: the KeyTable has no key {name!r}")
    if not signer:
        return key
    # With a signer outside the domain no signature could be made (RFC 6376 §3.5).
    domain = signer.rpartition("@")[2]
    if key.domain not in {"%", domain} and not domain.endswith(f".{key.domain}"):
        return key
    identity = signer if "@" in signer else f"@{signer}"
    try:
        claims.identity(identity.replace(AUTHOR, _SOME))
    except BadArgument as fault:
        raise BadTable(f"{entry.where}: {fault}") from None
    return replace(key, identity=identity)


def placed_keys(key_table: str) -> Iterator[tuple[str, SigningKey]]:
    """The keys of a KeyTable, each with the file and line that name it.

    **Raises** BadTable.
    """
    for entry, key in _keys(key_table):
        yield entry.where, key


def is_file(text: str) -> bool:
    """Whether a data set is a file, and not a list or something that cannot be read."""
    return text.startswith((*_PATHS, *_PREFIXES))


def path_of(text: str) -> str:
    """The path of a data set that is a file."""
    return text.partition(":")[2] if text.startswith(_PREFIXES) else text


def read_networks(text: str) -> list[str]:
    """The entries of a data set of clients, each checked.  **Raises** BadTable."""
    return [network(entry) for entry in dataset(text)]


def network(entry: Entry) -> str:
    """An entry of a data set of clients, checked.  **Raises** BadTable."""
    text = _masked(entry.key)
    try:
        Clients.parse([text])
    except BadArgument as fault:
        raise BadTable(f"{entry.where}: {fault}") from None
    return text


def _masked(text: str) -> str:
    """An entry with its host bits masked out; OpenDKIM takes others, and they match nothing."""
    bang = "!" if text.startswith("!") else ""
    bare = text.removeprefix("!").replace("[", "").replace("]", "")
    try:
        return f"{bang}{ip_network(bare, strict=False)}"
    except ValueError:
        return text


_PATHS: Final = ("/", "./", "../")
"""What the path of a file begins with."""
_PREFIXES: Final = ("file:", "refile:")
_UNREADABLE: Final = frozenset(
    {"db", "dsn", "ldap", "ldaps", "ldapi", "lua", "memcache", "socket", "repute", "erlang", "mdb"}
)
