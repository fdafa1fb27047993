"""The installation of OpenDKIM, read: an opendkim.conf(5), and the data sets that it names.

Each directive is translated, or noted as not needed or not supported, with file and
line.  The tables stay where they are and are read unchanged, see
`mailauth.milter.tables.datasets`.
"""

import grp
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX
from typing import Final

from mailauth.errors import BadArgument, MailauthError, SyntaxFault
from mailauth.milter.tables.datasets import (
    BadTable,
    Entry,
    dataset,
    is_file,
    lines,
    network,
    path_of,
)
from mailauth.service.importing.directives import NEEDLESS, OF_SIGNING, OF_VERIFYING, UNSUPPORTED
from mailauth.service.importing.imported import (
    NAMESERVERS_NOTE,
    Imported,
    Mode,
    Table,
    folder_note,
    user_note,
)
from mailauth.service.settings.address import parse as parse_address
from mailauth.service.settings.tables import Dns

_MAX_INCLUDED: Final = 5
_MAX_DIGITS: Final = 9
_KEY_NOTE: Final = (
    "key files must belong to the user of the service, or to root, and be closed to all others: "
    "chown them, chmod 600"
)
_GROUP_OF_POSTFIX: Final = "postfix"


def read(path: Path, hostname: str) -> Imported:
    """The configuration in an opendkim.conf; `hostname` is used if it names no AuthservID.

    **Raises** BadArgument: it cannot be read, or does not say enough.
    """
    imported = Imported(str(path), notes=[_KEY_NOTE])
    try:
        directives = {entry.key.lower(): entry for entry in _directives(path)}
        _Translation(directives, imported, hostname).translate()
    except MailauthError as fault:
        raise BadArgument(f"{fault}") from None
    return imported


def _directives(path: Path, depth: int = 0) -> Iterator[Entry]:
    """The lines of a file and of those that it includes.  **Raises** BadTable."""
    for entry in lines(path):
        if entry.key.lower() != "include":
            yield entry
        elif depth == _MAX_INCLUDED:
            raise BadTable(f"{entry.where}: included files are nested too deeply")
        else:
            yield from _directives(Path(entry.value), depth + 1)


class _Translation:
    """Translates directives into tables; those that were never asked for get a note."""

    def __init__(self, directives: dict[str, Entry], imported: Imported, hostname: str) -> None:
        self._directives = directives
        self._imported = imported
        self._hostname = hostname
        self._asked: set[str] = set()

    def translate(self) -> None:
        """Fill in the tables and notes.  **Raises** BadTable."""
        imported, mode = self._imported, self._text("Mode", "sv")
        verifies = "v" in mode
        lacking = self._what_signing_lacks()
        signs = "s" in mode and not lacking
        if signs:
            self._translate_signing(imported.signing)
        elif "s" in mode:
            imported.notes.append(f"no mail is signed: {lacking}")
        if verifies:
            self._translate_verifying(imported.verifying)
        if not signs and not verifies:
            raise BadTable(f"{imported.source}: no mail is signed or verified")
        self._translate_service()
        self._translate_dns(imported.dns)
        self._listen("both" if signs and verifies else "sign" if signs else "verify")
        imported.notes += self._notes()

    def _what_signing_lacks(self) -> str:
        """Why OpenDKIM would sign nothing, although its mode allows it; "" if it would sign."""
        if self._text("KeyTable"):
            return ""
        if not any(map(self._text, _KEYS)):
            return "there is neither a KeyTable nor a KeyFile"
        return "" if self._words("Domain") else "there is a KeyFile without a Domain"

    def _translate_signing(self, table: Table) -> None:
        key_table = self._text("KeyTable")
        if key_table:
            table["key_table"] = key_table
            table["signing_table"] = self._text("SigningTable")
            if not table["signing_table"]:
                raise BadTable(f"{self._where('KeyTable')}: a KeyTable needs a SigningTable")
            if self._flag("MultipleSignatures"):
                table["multiple"] = True
        else:
            self._imported.signing_keys += self._keys()
        table["networks"] = [] if self._text("InternalHosts") else ["127.0.0.1"]
        self._put_clients("InternalHosts", table, "networks")
        self._put_clients("PeerList", table, "excluded")
        table["authenticated"] = True
        if daemons := self._words("MTA"):
            table["daemons"] = daemons
        if macros := self._entries("MacroList"):
            table["macros"] = dict(map(_macro, macros))
        self._translate_signatures(table)

    def _translate_signatures(self, table: Table) -> None:
        header, _, body = self._text("Canonicalization", "simple").lower().partition("/")
        table["canonicalization"] = f"{header}/{body or 'simple'}"
        for name, key in (("SignHeaders", "headers"), ("OversignHeaders", "oversign")):
            words = self._words(name)
            if any(word.startswith(("+", "-", "*")) for word in words):
                self._note(name, "is not supported with +, - or *: name the fields")
            elif words:
                table[key] = words
        if seconds := self._number("SignatureTTL"):
            table["expire"] = self._bounded("SignatureTTL", seconds, "expire", 3600, 31_536_000)

    def _keys(self) -> Iterator[Table]:
        """Domain, Selector, KeyFile, SubDomains; dkimpy-milter has another pair for Ed25519."""
        below = self._flag("SubDomains")
        for file, selector in _KEYS.items():
            path = self._text(file)
            if path and not self._text(selector):
                raise BadTable(f"{self._where(file)}: a {file} needs a {selector}")
            for name in self._words("Domain") if path else ():
                row: Table = {"domain": "%" if name == "*" else name}
                row |= {"selector": self._text(selector), "file": path}
                if name == "*" or below:
                    row["authors"] = [name, f".{name}"] if name != "*" else ["*"]
                yield row

    def _translate_verifying(self, table: Table) -> None:
        self._imported.name_verifier(self._text("AuthservID"), self._hostname)
        table["spf"] = table["dmarc"] = False
        note = "SPF and DMARC are off, as in OpenDKIM: to have them, remove the lines spf and dmarc"
        self._imported.notes += [note, NAMESERVERS_NOTE]
        self._put_clients("PeerList", table, "trusted")
        actions = self._actions()
        if self._flag("Quarantine"):
            actions["fail"] = "quarantine"
        if actions:
            table["dkim_actions"] = actions

    def _actions(self) -> dict[str, str | list[str]]:
        """What follows from DKIM results; On-Default applies to directives that are not set."""
        everything = self._text("On-Default")
        actions: dict[str, str | list[str]] = {}
        for name, result in _RESULTS.items():
            given = self._text(name) or everything or ("tempfail" if name == "On-DNSError" else "")
            action = given[:1].lower()
            if action in _ACTIONS:
                actions[result] = _ACTIONS[action]
            elif action == "d" and name.lower() in self._directives:
                self._note(name, f"{given} is NOT SUPPORTED: no mail is discarded")
        return actions

    def _translate_service(self) -> None:
        user, _, group = self._text("UserID").partition(":")
        if user:
            self._imported.notes.append(user_note(user, group or None))
        if octets := self._number("MaximumHeaders"):
            key = "header_octets"
            bounded = self._bounded("MaximumHeaders", octets, key, 65_536, 67_108_864)
            self._imported.milter[key] = bounded

    def _translate_dns(self, table: Table) -> None:
        if servers := self._words("Nameservers"):
            table["nameservers"] = servers
        if seconds := self._number("DNSTimeout"):
            most = int(Dns().budget)
            table["timeout"] = self._bounded("DNSTimeout", seconds, "timeout", 1, most)

    def _listen(self, role: str) -> None:
        address = self._text("Socket")
        if not address:
            remedy = "add the one that main.cf names, such as Socket inet:8891@localhost"
            raise BadTable(f"{self._imported.source}: there is no Socket: {remedy}")
        if address.startswith("/"):
            address = f"unix:{address}"
        if address.startswith("inet") and "@" not in address:
            address = f"{address}@0.0.0.0"
        try:
            where = parse_address(address)
        except SyntaxFault as fault:
            raise BadTable(f"{self._where('Socket')}: {fault}") from None
        listen: Table = {"kind": "milter", "address": address, "role": role}
        self._imported.listen.append(listen)
        umask = self._number("UMask", base=8)
        if where.family != AF_UNIX:
            return
        self._imported.notes.append(folder_note(where.host))
        if any(each.gr_name == _GROUP_OF_POSTFIX for each in grp.getgrall()):
            listen["group"] = _GROUP_OF_POSTFIX
        if umask is not None:
            listen["mode"] = Mode(0o600 | (0o666 & ~umask))

    # Directives

    def _text(self, name: str, default: str = "") -> str:
        self._asked.add(name.lower())
        entry = self._directives.get(name.lower())
        return default if entry is None else entry.value

    def _where(self, name: str) -> str:
        return self._directives[name.lower()].where

    def _flag(self, name: str) -> bool:
        return self._text(name).lower() in {"yes", "true", "y", "t", "1"}

    def _number(self, name: str, *, base: int = 10) -> int | None:
        text = self._text(name)
        if not text:
            return None
        digits = "0123456789"[:base]
        if len(text) > _MAX_DIGITS or text.strip(digits):
            raise BadTable(f"{self._where(name)}: {text[:40]!r} is not a number")
        return int(text, base)

    def _entries(self, name: str) -> list[Entry]:
        text = self._text(name)
        return list(dataset(text, self._where(name))) if text else []

    def _words(self, name: str) -> list[str]:
        return [entry.key for entry in self._entries(name)]

    def _put_clients(self, name: str, table: Table, key: str) -> None:
        """Put a data set of clients into a table: the name of its file, or its entries.

        OpenDKIM accepts entries that are no clients; they match nothing.
        """
        in_file = is_file(self._text(name))
        remedy = "remove it from the file" if in_file else "it is left out"
        found = []
        for entry in self._entries(name):
            try:
                found.append(network(entry))
            except BadTable as fault:
                self._tell(f"{fault}: {remedy}, as it matched nothing")
                continue
            if meaning := _widened(entry.key, found[-1]):
                self._tell(f"{entry.where}: {entry.key!r} matched nothing; here it means {meaning}")
        if in_file:
            table[f"{key}_file"] = path_of(self._text(name))
        elif found:
            table[key] = found

    def _bounded(self, name: str, number: int, key: str, least: int, most: int) -> int:
        """The number, or with a note the nearest one that the key allows."""
        bounded = min(max(number, least), most)
        if bounded != number:
            bound = "lowest" if bounded == least else "highest"
            self._note(name, f"{number} becomes {key} = {bounded}, the {bound} allowed")
        return bounded

    def _tell(self, note: str) -> None:
        if note not in self._imported.notes:  # a list of clients may go into two tables
            self._imported.notes.append(note)

    def _note(self, name: str, sentence: str) -> None:
        entry = self._directives[name.lower()]
        self._imported.notes.append(f"{entry.where}: {entry.key} {sentence}")

    def _notes(self) -> Iterator[str]:
        """Notes on the remaining directives, each with what becomes of it."""
        for name, entry in self._directives.items():
            if name in self._asked:
                continue
            needless = NEEDLESS.get(name)
            if needless is not None and needless.holds(entry.value):
                yield f"{entry.where}: {entry.key} is not needed: {needless.why}"
            elif name in UNSUPPORTED or needless is not None:
                yield f"{entry.where}: {entry.key} {entry.value} is NOT SUPPORTED"
            elif name in OF_SIGNING:
                yield f"{entry.where}: {entry.key} is not needed: {self._why_unasked()}"
            elif name in OF_VERIFYING:
                yield f"{entry.where}: {entry.key} is not needed: no mail is verified"
            else:
                yield f"{entry.where}: {entry.key} is not a known directive of OpenDKIM"

    def _why_unasked(self) -> str:
        """Why a directive of signing was not asked for."""
        if not self._imported.signing:
            return "no mail is signed"
        return "the tables decide that" if self._text("KeyTable") else "there is no KeyTable"


def _macro(entry: Entry) -> tuple[str, list[str]]:
    """A macro and its values; before the first, dkimpy-milter writes `|` and OpenDKIM `=`."""
    name, _, first = entry.key.partition("|")
    return name.strip("{}"), [word for word in (first, *entry.value.split("|")) if word]


def _widened(given: str, network: str) -> str:
    """What an entry of clients means here, if OpenDKIM, which compares texts, never matched it.

    OpenDKIM looks up an address, each network around it as inet_ntop(3) writes it, a name,
    and `.example.com` for each domain above the name.
    """
    if given.startswith(("*.", "!*.")):
        return f"every name below {given.partition('.')[2]}"
    bare = given.lower().replace("[", "").replace("]", "")
    return network if "/" in bare and bare != network else ""


_KEYS: Final = {"KeyFile": "Selector", "KeyFileEd25519": "SelectorEd25519"}
_RESULTS: Final = {
    "On-BadSignature": "fail",
    "On-NoSignature": "none",
    "On-DNSError": "temperror",
    "On-KeyNotFound": "permerror",
    "On-SignatureError": "permerror",
}
"""By directive, the DKIM result that it is about."""
_ACTIONS: Final = {"t": "tempfail", "r": "reject", "q": "quarantine"}
"""Without an action mail is accepted anyway, and it is never discarded."""
