"""From the tables `[signing]`, `[verifying]`, `[srs]`, `[milter]` to the settings of a milter.

`mailchecks` has found nothing wrong with the tables themselves; here the files that they
name are read too.  A file that cannot be used is reported with its place in the TOML.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from mailauth.dkim import RFC6376, RFC8301
from mailauth.errors import MailauthError
from mailauth.milter.settings import (
    Action,
    MessageLimits,
    Ours,
    Settings,
    SigningSettings,
    SrsSettings,
    VerifyingSettings,
)
from mailauth.milter.tables import datasets
from mailauth.milter.tables.clients import Clients
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.tables.signingtable import AUTHOR, SigningKey, SigningTable, author_row
from mailauth.postfix import DomainList
from mailauth.service.listeners import srstable
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Listen, Milter, Signing, Srs, Verifying
from mailauth.service.settings.tomlfile import Complaint, Place, Unsound, collect
from mailauth.syntax import domain as domains

_MOST_FAULTS: Final = 20
_EVERYBODY: Final = ("0.0.0.0/0", "::/0")


def files(configuration: Configuration) -> Iterator[str]:
    """The files of tables and lists; `KeyRing` looks after the key files."""
    signing, verifying = configuration.signing, configuration.verifying
    if signing is not None:
        lists = (signing.networks_file, signing.excluded_file)
        for table in (signing.key_table, signing.signing_table, *lists):
            if table is not None:
                yield datasets.path_of(table)
    if verifying is not None and verifying.trusted_file is not None:
        yield datasets.path_of(verifying.trusted_file)


def used(listen: Listen) -> set[str]:
    """The tables that one listener uses, if the file has them."""
    roles = {"signing": (None, "sign", "both"), "verifying": (None, "verify", "both")}
    tables = {table for table, those in roles.items() if listen.role in those}
    return tables | {"srs"} if listen.rewrites else tables


def signing(configuration: Configuration, listen: Listen) -> Signing | None:
    """How one listener signs mail, if it does."""
    return configuration.signing if "signing" in used(listen) else None


def verifying(configuration: Configuration, listen: Listen) -> Verifying | None:
    """How one listener judges mail, if it does."""
    return configuration.verifying if "verifying" in used(listen) else None


def doubts(configuration: Configuration, listen: Listen) -> Iterator[Complaint]:
    """Complaints about lists of clients in use that contain everybody."""
    signs, judges = signing(configuration, listen), verifying(configuration, listen)
    if signs is not None:
        sentence = "covers every host: mail of strangers would be signed as your own"
        yield from _of_everybody(("signing", "networks"), signs.networks, sentence)
    if judges is not None:
        sentence = "covers every host: no mail would be judged"
        yield from _of_everybody(("verifying", "trusted"), judges.trusted, sentence)
        sentence = "covers every host: any sender could pretend to be another host"
        yield from _of_everybody(("verifying", "relays"), judges.relays, sentence)


def _of_everybody(place: Place, entries: Iterable[str], sentence: str) -> Iterator[Complaint]:
    for number, entry in enumerate(entries):
        if entry.replace("[", "").replace("]", "") in _EVERYBODY:
            yield Complaint((*place, number), sentence)


def settings(configuration: Configuration, listen: Listen, keys: KeyRing) -> Settings:
    """What one listener is to do, with its tables and keys read.

    **Raises** Unsound, with every file that cannot be used.
    """
    signs, judges = signing(configuration, listen), verifying(configuration, listen)
    srs = configuration.srs if listen.rewrites else None
    given: Milter = configuration.milter
    complaints: list[Complaint] = []
    with collect(complaints, ("signing",)):
        signing_settings = None if signs is None else _signing(signs, keys)
    with collect(complaints, ("verifying",)):
        verifying_settings = None if judges is None else _verifying(judges)
    with collect(complaints, ("srs",)):
        rewrites = None if srs is None else _srs(srs)
    if complaints:
        raise Unsound(complaints)
    return Settings(
        signing=signing_settings,
        verifying=verifying_settings,
        srs=rewrites,
        limits=MessageLimits(given.header_octets, given.fields, given.recipients, given.forged),
        dry_run=given.dry_run,
    )


def _signing(given: Signing, keys: KeyRing) -> SigningSettings:
    """**Raises** Unsound."""
    complaints: list[Complaint] = []
    with collect(complaints, ("signing",)):
        table = _table(given)
        _load(given, table, keys)
    with collect(complaints, ("signing",)):
        clients = _clients_of(given.networks, given.networks_file, ("signing", "networks_file"))
    with collect(complaints, ("signing",)):
        excluded = _clients_of(given.excluded, given.excluded_file, ("signing", "excluded_file"))
    if complaints:
        raise Unsound(complaints)
    users = None
    if given.users is not None:
        users = {user: frozenset(map(_allowed, names)) for user, names in given.users.items()}
    ours = Ours(
        clients=clients,
        excluded=excluded,
        authenticated=given.authenticated,
        daemons=frozenset(given.daemons),
        macros={name.strip("{}"): frozenset(values) for name, values in given.macros.items()},
        null_sender=given.null_sender,
    )
    return SigningSettings(
        table,
        ours,
        users=users,
        canonicalization=given.canonicalization,
        headers=given.headers,
        oversign=given.oversign,
        expire=given.expire,
        prefer_published=given.prefer_published,
        on_unsignable=Action(given.unsignable),
        on_not_allowed=Action(given.not_allowed),
    )


def _allowed(name: str) -> str:
    if name == "*":
        return name
    return name[: name.startswith(".")] + domains.parse(name.removeprefix("."))


def _table(given: Signing) -> SigningTable:
    """**Raises** Unsound."""
    if given.key_table is None or given.signing_table is None:
        rows = ((name, key) for _, name, key in _rows(given))
        return SigningTable.of(rows, all_matches=given.multiple)
    try:
        return datasets.read_signing_table(
            given.signing_table, given.key_table, multiple=given.multiple
        )
    except MailauthError as fault:
        raise Unsound([Complaint(("signing", "signing_table"), str(fault))]) from None


def _rows(given: Signing) -> Iterator[tuple[int, str, SigningKey]]:
    """The number of each `[[signing.key]]`, with whose mail it signs and by which key.

    The file for the authors of one domain is named in full, so that it is checked as others are.
    """
    for number, row in enumerate(given.key):
        key = SigningKey(row.domain, row.selector, row.file, row.identity)
        for author in row.authors or ("*" if row.domain == AUTHOR else row.domain,):
            name = author_row(author)
            domain = name.rpartition("@")[2]
            if domain.startswith((".", "*")):
                yield number, name, key
            else:
                path = row.file.replace(AUTHOR, domains.parse(domain))
                yield number, name, replace(key, path=path)


class NamedKey(NamedTuple):
    """A key that the configuration names, and where."""

    place: Place
    where: str
    """The file and line if a KeyTable names it, or ""."""
    key: SigningKey


def named_keys(given: Signing) -> Iterator[NamedKey]:
    """The keys in the order of the file.  **Raises** BadTable."""
    if given.key_table is None:
        named = (
            NamedKey(
                ("signing", "key", number),
                "",
                replace(key, identity="") if AUTHOR in key.identity else key,
            )
            for number, _, key in _rows(given)
        )
        return iter(dict.fromkeys(named))
    placed = datasets.placed_keys(given.key_table)
    return (NamedKey(("signing", "key_table"), where, key) for where, key in placed)


def shortened(told: list[Complaint]) -> list[Complaint]:
    """The complaints about keys; if there are many, the first and how many more there are."""
    more = len(told) - _MOST_FAULTS
    if more <= 0:
        return told
    last = told[_MOST_FAULTS - 1].place
    return [*told[:_MOST_FAULTS], Complaint(last, f"and {more} more keys")]


def _load(given: Signing, table: SigningTable, keys: KeyRing) -> None:
    """Load the keys.  **Raises** Unsound: says which of them cannot be used."""
    faults = keys.load(
        key.path for key in table.signing_keys() if key.path and AUTHOR not in key.path
    )
    if not faults:
        return
    named = {each.key.path: each for each in reversed([*named_keys(given)])}
    told = []
    for path, fault in faults.items():
        place, where, _ = named[path]
        sentence = f"{where}: {fault}" if where else str(fault)
        told.append(Complaint((*place, "file") if given.key else place, sentence))
    raise Unsound(shortened(told))


def _srs(given: Srs) -> SrsSettings:
    """**Raises** MailauthError."""
    return SrsSettings(
        srstable.policy(given),
        DomainList.of(given.own_domains),
        frozenset(given.local_mailers),
        given.reject_forged,
    )


def _clients_of(entries: Iterable[str], file: str | None, place: Place) -> Clients:
    """**Raises** Unsound."""
    if file is None:
        return Clients.parse(entries)
    try:
        return Clients.parse([*entries, *datasets.read_networks(file)])
    except MailauthError as fault:
        raise Unsound([Complaint(place, str(fault))]) from None


def _verifying(given: Verifying) -> VerifyingSettings:
    return VerifyingSettings(
        given.authserv_id,
        spf=given.spf,
        dkim=given.dkim,
        dmarc=given.dmarc,
        arc=given.arc,
        trusted_sealers=frozenset(map(domains.parse, given.trusted_sealers)),
        received_spf=given.received_spf,
        trusted=_clients_of(given.trusted, given.trusted_file, ("verifying", "trusted_file")),
        relays=Clients.parse(given.relays),
        spf_actions={result: Action(then) for result, then in given.spf_actions.items()},
        dkim_actions={result: Action(then) for result, then in given.dkim_actions.items()},
        dmarc_actions={answer: Action(then) for answer, then in given.dmarc_actions.items()},
        policy=RFC6376 if given.admit_partial_body else RFC8301,
        compared=frozenset(given.compare_with),
    )
