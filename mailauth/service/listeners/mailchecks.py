"""What is wrong with the tables `[signing]`, `[verifying]`, `[srs]` and `[milter]`, and where.

No file is touched: `mailtables` reads the files that sound tables name, and turns the
tables into the settings of a milter.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from mailauth.dkim import Signatory, claims
from mailauth.dns.nameserver import Nameserver
from mailauth.errors import BadArgument, MailauthError
from mailauth.milter.tables import datasets
from mailauth.milter.tables.clients import Clients
from mailauth.milter.tables.signingtable import AUTHOR, author_row
from mailauth.service.listeners import srstable
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Listen, Signing, SigningRow, Verifying
from mailauth.service.settings.tomlfile import Complaint, Place
from mailauth.syntax import domain as domains
from mailauth.syntax.message import Message


def complaints(configuration: Configuration, listen: Listen, at: Place) -> Iterator[Complaint]:
    """What is wrong with a milter at the place `at`, and with its tables; touches no file."""
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
        yield Complaint((*at, "map"), "a milter has no map; remove this line")
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
    yield from _fault(("verifying", "authserv_id"), partial(domains.parse, verifying.authserv_id))
    yield from _clients(("verifying", "trusted"), verifying.trusted)
    yield from _clients(("verifying", "relays"), verifying.relays)
    for key in ("spf", "dkim"):
        if verifying.dmarc and not getattr(verifying, key):
            sentence = "DMARC needs it: switch it on, or write dmarc = false"
            yield Complaint(("verifying", key), sentence)
    for key in ("trusted_sealers", "compare_with"):
        for at, name in enumerate(getattr(verifying, key)):
            yield from _fault(("verifying", key, at), partial(domains.parse, name))
    if verifying.trusted_sealers and not (verifying.arc and verifying.dmarc):
        sentence = "needs arc = true and dmarc = true: a trusted chain may override DMARC"
        needed = (("verifying", "arc"), ("verifying", "dmarc"))
        yield Complaint(("verifying", "trusted_sealers"), sentence, needed)


def _times(configuration: Configuration) -> Iterator[Complaint]:
    """Each deadline leaves time for the next one: a question, a message, a worker."""
    dns, judging = configuration.dns, configuration.milter.judging
    budget: Place = ("dns", "budget")
    if dns.timeout > dns.budget:
        yield Complaint(
            ("dns", "timeout"), f"must not be longer than dns.budget, {dns.budget:g} s", (budget,)
        )
    if judging <= dns.budget:
        sentence = f"must be longer than dns.budget, {dns.budget:g} s"
        yield Complaint(("milter", "judging"), sentence, (budget,))
    if configuration.watchdog.request <= judging:
        sentence = f"must be longer than milter.judging, {judging:g} s"
        yield Complaint(("watchdog", "request"), sentence, (("milter", "judging"),))


def _of_signing(signing: Signing) -> Iterator[Complaint]:
    inline, files = bool(signing.key), signing.key_table is not None
    if inline and (files or signing.signing_table is not None):
        sentence = "use either [[signing.key]] or the tables of OpenDKIM, not both"
        yield Complaint(("signing", "key_table" if files else "signing_table"), sentence)
    elif not inline and not files:
        sentence = "needs keys: a [[signing.key]] for each, or key_table = FILE"
        yield Complaint(("signing",), sentence, (("signing", "key"), ("signing", "key_table")))
    elif files != (signing.signing_table is not None):
        here, there = ("key_table", "signing_table") if files else ("signing_table", "key_table")
        sentence = "key_table and signing_table need each other"
        yield Complaint(("signing", here), sentence, (("signing", there),))
    for key in ("key_table", "signing_table"):
        yield from _fault(
            ("signing", key), partial(datasets.check_type, getattr(signing, key) or "")
        )
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
    names = [*_of_names(row, at)]
    yield from names
    if not names:
        domain = _SOME if row.domain == AUTHOR else row.domain
        yield from _fault((*at, "selector"), partial(claims.place, domain, row.selector))
    for number, author in enumerate(row.authors):
        yield from _fault((*at, "authors", number), partial(author_row, author))
    if row.identity and "@" not in row.identity:
        yield Complaint((*at, "identity"), "has no @: for a whole domain write @ before it")
    elif row.identity:
        yield from _fault((*at, "identity"), partial(_check_identity, row))


_SOME: Final = "a.example"
"""A domain about as short as an author's can be."""


def _of_names(row: SigningRow, at: Place) -> Iterator[Complaint]:
    """What is wrong with the domain, the selector and the file, each by itself."""
    for key in ("domain", "selector", "file"):
        value = getattr(row, key)
        if not value:
            yield Complaint((*at, key), "is missing")
        elif key == "domain" and value != AUTHOR and "." not in value:
            yield Complaint(
                (*at, key), "is a top-level domain; its signatures would not be accepted"
            )
        elif key == "selector" or (key == "domain" and value != AUTHOR):
            yield from _fault((*at, key), partial(domains.parse, value))


def _check_identity(row: SigningRow) -> None:
    """**Raises** BadArgument, SyntaxFault."""
    _, name = claims.identity(row.identity.replace(AUTHOR, _SOME))
    if AUTHOR in row.identity + row.domain:  # the table looks whether it fits an author
        return
    if not domains.is_same_or_subdomain(name, domains.parse(row.domain)):
        raise BadArgument(f"must be in {row.domain} or below it (RFC 6376)")


def _clients(place: Place, entries: Iterable[str]) -> Iterator[Complaint]:
    for number, entry in enumerate(entries):
        yield from _fault((*place, number), partial(Clients.parse, [entry]))


def _fault(place: Place, check: Callable[[], object]) -> Iterator[Complaint]:
    try:
        check()
    except MailauthError as fault:
        yield Complaint(place, str(fault).partition("\n")[0])
