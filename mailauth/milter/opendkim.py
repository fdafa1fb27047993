"""The configuration of OpenDKIM, read as it is: opendkim.conf(5) and the tables that it names.

`read` comes to an `Installation`, which has what we do alike; what we do not is
in its notes, a sentence each.  Data sets are files of lines (`file:`, or a bare
path), of patterns (`refile:`), or lists (`csl:`, or values with commas).
Whatever cannot be read is a `BadTable` with file and line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Final, NamedTuple

from mailauth.errors import BadArgument, MailauthError
from mailauth.keys import Algorithm
from mailauth.milter.clients import NOBODY, Clients
from mailauth.milter.settings import Ours, SigningSettings
from mailauth.milter.signingtable import BY_AUTHOR, SigningKey, SigningTable

MAX_OCTETS: Final = 64 * 1024 * 1024
"""Of one file."""


class BadTable(MailauthError):
    """A file of OpenDKIM that cannot be read; the text says where and why."""


class Entry(NamedTuple):
    """One line of a data set, or one value of a list."""

    key: str
    value: str
    where: str
    """File and line."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What an opendkim.conf comes to."""

    signs: bool
    verifies: bool
    table: SigningTable
    internal: Clients
    """Whose mail is signed (InternalHosts)."""
    external_ignored: Clients
    """Who may send for the domains and is not signed for (ExternalIgnoreList)."""
    peers: Clients
    """Whose mail is left alone (PeerList)."""
    daemons: frozenset[str] = frozenset()
    """MTA"""
    macros: Mapping[str, frozenset[str]] | None = None
    """MacroList"""
    canonicalization: str = "simple/simple"
    oversign: tuple[str, ...] = ()
    expire: int | None = None
    authserv_id: str = ""
    socket: str = ""
    notes: tuple[str, ...] = ()
    """What is there and has no counterpart."""

    def signing(self) -> SigningSettings:
        """The same as settings of a milter."""
        ours = Ours(self.internal, daemons=self.daemons, macros=self.macros or {})
        return SigningSettings(
            self.table, ours, canonicalization=self.canonicalization, expire=self.expire
        )


def read(path: Path) -> Installation:
    """The installation of an opendkim.conf.  **Raises** BadTable."""
    lines = {entry.key.lower(): entry for entry in _lines(path)}
    found = _Reader(lines)
    mode = found.text("Mode", "sv")
    key_table = found.text("KeyTable")
    signs = "s" in mode and bool(key_table or found.text("KeyFile"))
    installation = Installation(
        signs=signs,
        verifies="v" in mode,
        table=_table(found) if signs else SigningTable(),
        internal=found.clients("InternalHosts", ("127.0.0.1",)),
        external_ignored=found.clients("ExternalIgnoreList"),
        peers=found.clients("PeerList"),
        daemons=frozenset(entry.key for entry in found.entries("MTA")),
        macros=_macros(found),
        canonicalization=found.text("Canonicalization", "simple"),
        oversign=tuple(entry.key for entry in found.entries("OversignHeaders")),
        expire=found.number("SignatureTTL"),
        authserv_id=found.text("AuthservID"),
        socket=found.text("Socket"),
    )
    return replace(installation, notes=tuple(found.notes()))


def read_signing_table(
    signing_table: str, key_table: str, *, multiple: bool = False, where: str = ""
) -> SigningTable:
    """The table that two data sets come to; with `multiple` all matches sign.

    **Raises** BadTable.
    """
    keys = {entry.key: _key(entry) for entry in dataset(key_table, where)}
    rows: list[tuple[str, SigningKey]] = []
    patterns = signing_table.startswith("refile:")
    seen: set[str] = set()
    for entry in dataset(signing_table, where):
        if patterns or multiple or entry.key.lower() not in seen:  # the first of a name decides
            rows.append((entry.key, _row(entry, keys)))
            seen.add(entry.key.lower())
    make = SigningTable.of_patterns if patterns else SigningTable.of
    try:
        table = make(rows, all_matches=multiple)
    except MailauthError as fault:
        raise BadTable(f"{signing_table}: {fault}") from None
    return replace(table, by_author=keys)


def dataset(text: str, where: str = "") -> Iterator[Entry]:
    """The entries of a data set, each a key and perhaps a value.  **Raises** BadTable."""
    kind, colon, rest = text.partition(":")
    if text.startswith(("/", "./", "../")):
        yield from _lines(Path(text))
    elif colon and kind in {"file", "refile"}:
        yield from _lines(Path(rest))
    elif colon and kind in _UNREADABLE:
        raise BadTable(f"{where}: a data set of the type {kind!r}; write it to a file first")
    else:
        for word in text.removeprefix("csl:").split(","):
            if word.strip():
                key, _, value = word.strip().partition("=")
                yield Entry(key.strip(), value.strip(), where)


def _lines(path: Path) -> Iterator[Entry]:
    """1*(key [WSP value] [comment]), a line each."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except (OSError, ValueError) as fault:
        raise BadTable(f"{path}: cannot be read: {getattr(fault, 'strerror', fault)}") from None
    if len(octets) > MAX_OCTETS:
        raise BadTable(f"{path}: has over {MAX_OCTETS} octets")
    for number, line in enumerate(octets.split(b"\n"), 1):
        try:
            text = line.decode().partition("#")[0].strip(" \t\r")
        except UnicodeDecodeError:
            raise BadTable(f"{path}:{number}: is not of UTF-8") from None
        if text:
            key, *rest = text.replace("\t", " ").split(" ", maxsplit=1)
            yield Entry(key, rest[0].strip(" ") if rest else "", f"{path}:{number}")


def _key(entry: Entry) -> SigningKey:
    """value = domain ":" selector ":" path [":" algorithm], of a KeyTable."""
    words = entry.value.split(":")
    if len(words) not in {3, 4}:
        form = "domain:selector:path or domain:selector:path:algorithm"
        raise BadTable(f"{entry.where}: {entry.value[:60]!r} is not of the form {form}")
    domain, selector, path, *algorithm = (word.strip() for word in words)
    if not path.startswith(("/", "./", "../")):
        raise BadTable(f"{entry.where}: the key stands in the table; put it into a file")
    if algorithm and algorithm[0] not in set(Algorithm):
        raise BadTable(f"{entry.where}: there is no algorithm {algorithm[0]!r} any more")
    if not (domain and selector):
        raise BadTable(f"{entry.where}: the domain or the selector is empty")
    return SigningKey(domain, selector, path)


def _row(entry: Entry, keys: Mapping[str, SigningKey]) -> SigningKey:
    """value = key name [":" signer], of a SigningTable."""
    name, _, signer = entry.value.partition(":")
    if name == "%":
        return BY_AUTHOR
    key = keys.get(name)
    if key is None:
        raise BadTable(f"{entry.where}: the KeyTable has no key {name!r}")
    if not signer:
        return key
    # A signer that is not of the domain would make no signature (RFC 6376 §3.5).
    domain = signer.rpartition("@")[2]
    if key.domain not in {"%", domain} and not domain.endswith(f".{key.domain}"):
        return key
    return replace(key, identity=signer if "@" in signer else f"@{signer}")


def _table(found: "_Reader") -> SigningTable:
    key_table = found.text("KeyTable")
    if key_table:
        signing_table = found.text("SigningTable")
        if not signing_table:
            raise BadTable(f"{found.where('KeyTable')}: a KeyTable needs a SigningTable")
        multiple = found.flag("MultipleSignatures")
        where = found.where("SigningTable")
        return read_signing_table(signing_table, key_table, multiple=multiple, where=where)
    selector, path = found.text("Selector"), found.text("KeyFile")
    if not selector:
        raise BadTable(f"{found.where('KeyFile')}: a KeyFile needs a Selector")
    rows: list[tuple[str, SigningKey]] = []
    for entry in found.entries("Domain"):
        key = SigningKey("%" if entry.key == "*" else entry.key, selector, path)
        rows.append((entry.key, key))
        if found.flag("SubDomains"):
            rows.append((f".{entry.key}", key))
    return SigningTable.of(rows)


def _macros(found: "_Reader") -> dict[str, frozenset[str]]:
    """MacroList: name [= value *("|" value)]."""
    return {
        entry.key.strip("{}"): frozenset(filter(None, entry.value.split("|")))
        for entry in found.entries("MacroList")
    }


class _Reader:
    """The lines of an opendkim.conf, and which of them were asked for."""

    def __init__(self, lines: Mapping[str, Entry]) -> None:
        self._lines = lines
        self._asked: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self._asked.add(name.lower())
        entry = self._lines.get(name.lower())
        return default if entry is None else entry.value

    def where(self, name: str) -> str:
        return self._lines[name.lower()].where

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"yes", "true", "y", "t", "1"}

    def number(self, name: str) -> int | None:
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise BadTable(f"{self.where(name)}: {text[:40]!r} is not a number")
        return int(text) or None

    def entries(self, name: str) -> list[Entry]:
        text = self.text(name)
        return list(dataset(text, self.where(name))) if text else []

    def clients(self, name: str, default: Sequence[str] = ()) -> Clients:
        if not self.text(name):
            return Clients.parse(default) if default else NOBODY
        entries = self.entries(name)
        hosts = []
        for entry in entries:
            try:
                Clients.parse([_network(entry.key)])
            except BadArgument as fault:
                raise BadTable(f"{entry.where}: {fault}") from None
            hosts.append(_network(entry.key))
        return Clients.parse(hosts)

    def notes(self) -> Iterator[str]:
        for name, entry in self._lines.items():
            if name not in self._asked and name not in _MEANINGLESS:
                yield f"{entry.where}: {entry.key} has no counterpart and is left out"


def _network(text: str) -> str:
    """An entry whose host bits are masked out, as OpenDKIM does."""
    bang = "!" if text.startswith("!") else ""
    bare = text.removeprefix("!").replace("[", "").replace("]", "")
    try:
        return f"{bang}{ip_network(bare, strict=False)}"
    except ValueError:
        return text


_UNREADABLE: Final = frozenset(
    {"db", "dsn", "ldap", "ldaps", "ldapi", "lua", "memcache", "socket", "repute", "erlang", "mdb"}
)
_MAX_DIGITS: Final = 12
_MEANINGLESS: Final = frozenset(
    {
        "autorestart",
        "autorestartcount",
        "autorestartrate",
        "background",
        "basedirectory",
        "changerootdirectory",
        "enablecoredumps",
        "logresults",
        "logwhy",
        "pidfile",
        "requiresafekeys",
        "softwareheader",
        "syslog",
        "syslogfacility",
        "syslogname",
        "syslogsuccess",
        "temporarydirectory",
        "trustanchorfile",
        "umask",
        "userid",
    }
)
"""Of processes and logs, which every service arranges for itself."""
