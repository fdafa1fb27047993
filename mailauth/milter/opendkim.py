"""The configuration of OpenDKIM, read as it is: opendkim.conf(5) and the tables that it names.

`read` comes to an `Installation`, which has what we do alike; what we do not is
in its notes, a sentence each.  Whatever cannot be read is a `BadTable` with file
and line; the data sets that it names are read by `datasets`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mailauth.milter.clients import NOBODY, Clients
from mailauth.milter.datasets import (
    BadTable,
    Entry,
    dataset,
    lines,
    read_networks,
    read_signing_table,
)
from mailauth.milter.settings import Ours, SigningSettings
from mailauth.milter.signingtable import SigningKey, SigningTable


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
    found = _Reader({entry.key.lower(): entry for entry in lines(path)})
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
        return Clients.parse(read_networks(self.text(name), self.where(name)))

    def notes(self) -> Iterator[str]:
        for name, entry in self._lines.items():
            if name not in self._asked and name not in _MEANINGLESS:
                yield f"{entry.where}: {entry.key} has no counterpart and is left out"


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
