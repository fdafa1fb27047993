"""From the tables `[signing]`, `[verifying]`, `[srs]`, `[milter]` to the settings of a milter.

`complaints` looks at what stands in the tables; `settings` also reads the files
that they name.  Whatever is wrong is told of its place.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from mailauth.dkim import RFC6376, RFC8301, Signatory
from mailauth.dns.nameserver import Nameserver
from mailauth.errors import BadArgument, MailauthError
from mailauth.milter import datasets
from mailauth.milter.clients import Clients
from mailauth.milter.keyring import KeyRing
from mailauth.milter.settings import (
    Action,
    MessageLimits,
    Ours,
    Settings,
    SigningSettings,
    SrsSettings,
    VerifyingSettings,
)
from mailauth.milter.signingtable import AUTHOR, SigningKey, SigningTable, author_row
from mailauth.postfix import DomainList
from mailauth.service import srstable
from mailauth.service.configuration import Configuration
from mailauth.service.tables import Listen, Milter, Signing, SigningRow, Srs, Verifying
from mailauth.service.tomlfile import Complaint, Place, Unsound, collect
from mailauth.syntax import domain as domains
from mailauth.syntax.message import Message

_MOST_FAULTS: Final = 20


def complaints(configuration: Configuration, listen: Listen, at: Place) -> Iterator[Complaint]:
    """What is wrong with a milter at `at` and with its tables, without touching a file."""
    signing, verifying = configuration.signing, configuration.verifying
    yield from _of_srs(configuration, listen, at)
    if signing is None and verifying is None and not listen.rewrites:
        sentence = "a milter needs a table [signing] or [verifying], or srs = true"
        yield Complaint((*at, "kind"), sentence)
    elif signing is None and listen.role in {"sign", "both"}:
        yield Complaint((*at, "role"), f"{listen.role!r} needs a table [signing]")
    elif verifying is None and listen.role in {"verify", "both"}:
        yield Complaint((*at, "role"), f"{listen.role!r} needs a table [verifying]")
    if listen.map is not None:
        yield Complaint((*at, "map"), "a milter has no map; take this line out")
    yield from _times(configuration)
    for number, text in enumerate(configuration.dns.nameservers):
        yield from _fault(("dns", "nameservers", number), partial(Nameserver.parse, text))
    if signing is not None:
        yield from _of_signing(signing)
    if verifying is not None:
        yield from _of_verifying(verifying)


def _of_srs(configuration: Configuration, listen: Listen, at: Place) -> Iterator[Complaint]:
    if not listen.rewrites:
        return
    if configuration.srs is None:
        place = (*at, "srs" if listen.srs else "role")
        yield Complaint(place, "a milter that does SRS needs a table [srs]")
    else:
        yield from srstable.complaints(configuration.srs)


def _of_verifying(verifying: Verifying) -> Iterator[Complaint]:
    yield from _fault(
        ("verifying", "authserv_id"), partial(domains.parse, verifying.authserv_id or "x")
    )
    yield from _clients(("verifying", "trusted"), verifying.trusted)
    for key in ("spf", "dkim"):
        if verifying.dmarc and not getattr(verifying, key):
            sentence = "DMARC is judged by it: without it there must be dmarc = false"
            yield Complaint(("verifying", key), sentence)
    for at, sealer in enumerate(verifying.trusted_sealers):
        yield from _fault(("verifying", "trusted_sealers", at), partial(domains.parse, sealer))
    if verifying.trusted_sealers and not (verifying.arc and verifying.dmarc):
        sentence = "needs arc = true, and dmarc, which a trusted chain may override"
        needed = (("verifying", "arc"), ("verifying", "dmarc"))
        yield Complaint(("verifying", "trusted_sealers"), sentence, needed)


def _times(configuration: Configuration) -> Iterator[Complaint]:
    """Each deadline leaves time for the next one: a question, a message, a worker."""
    dns, judging = configuration.dns, configuration.milter.judging
    budget: Place = ("dns", "budget")
    if dns.timeout > dns.budget:
        yield Complaint(("dns", "timeout"), f"is over dns.budget, {dns.budget:g} s", (budget,))
    if judging <= dns.budget:
        sentence = f"must be longer than dns.budget, {dns.budget:g} s"
        yield Complaint(("milter", "judging"), sentence, (budget,))
    if configuration.watchdog.request <= judging:
        sentence = f"must be longer than milter.judging, {judging:g} s"
        yield Complaint(("watchdog", "request"), sentence, (("milter", "judging"),))


def _of_signing(signing: Signing) -> Iterator[Complaint]:
    inline, files = bool(signing.key), signing.key_table is not None
    if inline and (files or signing.signing_table is not None):
        sentence = "either [[signing.key]] or the tables of OpenDKIM, not both"
        yield Complaint(("signing", "key_table" if files else "signing_table"), sentence)
    elif not inline and not files:
        sentence = "needs keys: a [[signing.key]] for each, or key_table = FILE"
        yield Complaint(("signing",), sentence, (("signing", "key"), ("signing", "key_table")))
    elif files != (signing.signing_table is not None):
        here, there = ("key_table", "signing_table") if files else ("signing_table", "key_table")
        sentence = "key_table and signing_table need each other"
        yield Complaint(("signing", here), sentence, (("signing", there),))
    for number, row in enumerate(signing.key):
        yield from _of_row(row, ("signing", "key", number))
    yield from _clients(("signing", "networks"), signing.networks)
    yield from _clients(("signing", "excluded"), signing.excluded)
    yield from _fault(("signing", "headers"), partial(Signatory, _TRIAL, headers=signing.headers))
    oversigned = partial(Signatory, _TRIAL, oversign=signing.oversign)
    yield from _fault(("signing", "oversign"), oversigned)
    for user, allowed in (signing.users or {}).items():
        for name in allowed:
            check = partial(domains.parse, name.removeprefix("."))
            yield from _fault(("signing", "users", user), check) if name != "*" else ()


_TRIAL: Final = Message.parse(b"From: a@example.com\r\n\r\n")


def _of_row(row: SigningRow, at: Place) -> Iterator[Complaint]:
    for key in ("domain", "selector", "file"):
        value = getattr(row, key)
        if not value:
            yield Complaint((*at, key), "is missing")
        elif key == "domain" and value != AUTHOR and "." not in value:
            yield Complaint((*at, key), "is a top-level domain; no signature of one is accepted")
        elif key == "selector" or (key == "domain" and value != AUTHOR):
            yield from _fault((*at, key), partial(domains.parse, value))
    for number, author in enumerate(row.authors):
        yield from _fault((*at, "authors", number), partial(author_row, author))
    if row.identity and "@" not in row.identity:
        yield Complaint((*at, "identity"), "has no @; that of a whole domain begins with it")
    elif row.identity and AUTHOR not in row.identity + row.domain:
        yield from _fault((*at, "identity"), partial(_check_identity, row))


def _check_identity(row: SigningRow) -> None:
    """**Raises** BadArgument, SyntaxFault."""
    name = domains.parse(row.identity.rpartition("@")[2])
    if not domains.is_same_or_subdomain(name, domains.parse(row.domain)):
        raise BadArgument(f"must be of {row.domain} or below it (RFC 6376 §3.5)")


def _clients(place: Place, entries: Iterable[str]) -> Iterator[Complaint]:
    for number, entry in enumerate(entries):
        yield from _fault((*place, number), partial(Clients.parse, [entry]))


def _fault(place: Place, check: Callable[[], object]) -> Iterator[Complaint]:
    try:
        check()
    except MailauthError as fault:
        yield Complaint(place, str(fault).partition("\n")[0])


def files(configuration: Configuration) -> Iterator[str]:
    """The files of tables and lists; keys are looked after by `KeyRing`."""
    signing, verifying = configuration.signing, configuration.verifying
    if signing is not None:
        lists = (signing.networks_file, signing.excluded_file)
        for table in (signing.key_table, signing.signing_table, *lists):
            if table is not None:
                yield datasets.path_of(table)
    if verifying is not None and verifying.trusted_file is not None:
        yield datasets.path_of(verifying.trusted_file)


def verifying(configuration: Configuration, listen: Listen) -> Verifying | None:
    """How one listener judges mail, if it does."""
    return configuration.verifying if listen.role in (None, "verify", "both") else None


def settings(configuration: Configuration, listen: Listen, keys: KeyRing) -> Settings:
    """What one listener is to do, its tables and keys read.

    **Raises** Unsound, with every file that cannot be used.
    """
    signing = configuration.signing if listen.role in (None, "sign", "both") else None
    judging = verifying(configuration, listen)
    srs = configuration.srs if listen.rewrites else None
    given: Milter = configuration.milter
    complaints: list[Complaint] = []
    with collect(complaints, ("signing",)):
        signs = None if signing is None else _signing(signing, keys)
    with collect(complaints, ("verifying",)):
        judges = None if judging is None else _verifying(judging)
    with collect(complaints, ("srs",)):
        rewrites = None if srs is None else _srs(srs)
    if complaints:
        raise Unsound(complaints)
    return Settings(
        signing=signs,
        verifying=judges,
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
        rows = [
            (author_row(author), SigningKey(row.domain, row.selector, row.file, row.identity))
            for row in given.key
            for author in row.authors or ("*" if row.domain == AUTHOR else row.domain,)
        ]
        return SigningTable.of(rows, all_matches=given.multiple)
    try:
        return datasets.read_signing_table(
            given.signing_table, given.key_table, multiple=given.multiple
        )
    except MailauthError as fault:
        raise Unsound([Complaint(("signing", "signing_table"), str(fault))]) from None


def _load(given: Signing, table: SigningTable, keys: KeyRing) -> None:
    """Read the keys, or tell which of them cannot be used.  **Raises** Unsound."""
    named = {row.file: ("signing", "key", number, "file") for number, row in enumerate(given.key)}
    faults = keys.load(
        key.path for key in table.signing_keys() if key.path and AUTHOR not in key.path
    )
    if not faults:
        return
    where = datasets.places_of_keys(given.key_table) if given.key_table else {}
    table_place = ("signing", "key_table")
    told = [
        Complaint(named[path], str(fault))
        if path in named
        else Complaint(table_place, f"{where.get(path, given.key_table)}: {fault}")
        for path, fault in faults.items()
    ]
    if len(told) > _MOST_FAULTS:
        last = told[_MOST_FAULTS - 1].place
        told[_MOST_FAULTS:] = [Complaint(last, f"and {len(told) - _MOST_FAULTS} more keys")]
    raise Unsound(told)


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
        spf_actions={result: Action(then) for result, then in given.spf_actions.items()},
        dkim_actions={result: Action(then) for result, then in given.dkim_actions.items()},
        dmarc_actions={answer: Action(then) for answer, then in given.dmarc_actions.items()},
        policy=RFC6376 if given.admit_partial_body else RFC8301,
    )
