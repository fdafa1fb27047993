"""Doubts that the DNS casts on a configuration: silent nameservers, unpublished records.

A key that is not published yet, or no longer, makes signatures that nobody can verify; an
SRS domain without its records loses bounces.  The host itself is the last to notice.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from mailauth import dkim, spf
from mailauth.dkim import Preflight, Published
from mailauth.dns import Answer, AsyncResolver, Question, RRType, Status
from mailauth.dns.lookups import Lookups, gather
from mailauth.dns.nameserver import of_the_system
from mailauth.domaincheck.receiving import check_exchanges
from mailauth.errors import MailauthError
from mailauth.findings import Severity
from mailauth.keys import PrivateKey
from mailauth.milter.tables.signingtable import SigningKey
from mailauth.service.listeners import mailtables
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Dns, Signing, Srs
from mailauth.service.settings.tomlfile import Complaint, Place
from mailauth.syntax import domain as domains

MAX_COMPARED: Final = 100
"""How many keys, and how many SRS domains, are compared with the DNS; the first ones."""
_PATIENCE: Final = 3.0
"""Seconds to wait for nameservers."""
_HARMLESS: Final = Question("", RRType.TXT)
"""A question about the root, to which every resolver has the answer at hand."""


def unpublished(configuration: Configuration, used: Collection[str]) -> Iterator[Complaint]:
    """What the tables in use need in the DNS but is not there as it should be.

    Says nothing where the DNS does not answer: a host that only signs or forwards needs none.
    """
    asked: list[Lookups[list[Complaint]]] = []
    if configuration.signing is not None and "signing" in used:
        asked.append(_of_keys(configuration.signing))
    if configuration.srs is not None and "srs" in used:
        asked.append(_of_srs_domains(configuration.srs))
    if asked:
        yield from chain(*asyncio.run(_run_all(asked, configuration.dns)))


async def _run_all(asked: list[Lookups[list[Complaint]]], given: Dns) -> list[list[Complaint]]:
    resolver = AsyncResolver(given.nameservers, timeout=_PATIENCE, budget=_PATIENCE)
    return await resolver.run_all(asked)


def _of_keys(signing: Signing) -> Lookups[list[Complaint]]:
    """Keys that are published differently, or not at all.

    A key that cannot be read is reported elsewhere, as an error.
    """
    whose = (each for each in mailtables.named_keys(signing) if not each.key.is_of_author)
    named = islice(whose, MAX_COMPARED)
    asked = {each: ask for each in named if (ask := _preflight(each.key)) is not None}
    found = yield from gather(*asked.values())
    so = _OTHERS_SIGN if signing.prefer_published else _IN_VAIN
    told = []
    for (place, where, _), preflight in zip(asked, found, strict=True):
        if preflight.result not in (Published.OK, Published.UNKNOWN):
            said = f"{where}: {preflight.reason}" if where else preflight.reason
            told.append(Complaint(place, f"{said}; {so}"))
    return mailtables.shortened(told)


def _preflight(key: SigningKey) -> Lookups[Preflight] | None:
    try:
        public_key = PrivateKey.read(key.path).public_key
    except MailauthError:
        return None
    return dkim.preflight(
        public_key, domain=key.domain, selector=key.selector, identity=key.identity
    )


def _of_srs_domains(given: Srs) -> Lookups[list[Complaint]]:
    """SRS domains to which bounces do not find their way, or whose mail does not pass SPF."""
    places: dict[str, Place] = {domains.parse(given.domain): ("srs", "domain")}
    for number, name in enumerate(given.more_domains[: MAX_COMPARED - 1]):
        places.setdefault(domains.parse(name), ("srs", "more_domains", number))
    found = yield from gather(*map(_of_srs_domain, places))
    return [
        Complaint(place, sentence)
        for place, sentences in zip(places.values(), found, strict=True)
        for sentence in sentences
    ]


def _of_srs_domain(name: str) -> Lookups[list[str]]:
    area, linted = yield from gather(check_exchanges(name), spf.lint(name))
    lost = [each for each in area.findings if each.severity is _ERROR or each.code in _NO_BOUNCES]
    broken = [each for each in linted if each.severity is _ERROR]
    return [
        *(f"bounces to {name} do not come back: {each.sentence}" for each in lost),
        *(f"mail rewritten to {name} does not pass SPF: {each.sentence}" for each in broken),
    ]


_ERROR: Final = Severity.ERROR
_NO_BOUNCES: Final = frozenset({"none", "null"})
"""The codes of findings that matter only where bounces are expected."""


def silent_nameservers(given: Dns) -> Iterator[Complaint]:
    """Nameservers in use that do not answer; each is asked one question."""
    asked = given.nameservers or of_the_system()
    if not asked:
        yield Complaint(("dns",), f"/etc/resolv.conf names no nameserver{_SO}")
        return
    for index, answer in enumerate(asyncio.run(_ask_each(asked))):
        if answer.failed:
            place = ("dns", "nameservers", index) if given.nameservers else ("dns",)
            yield Complaint(place, f"{_why(asked[index], answer)}{_SO}")


async def _ask_each(nameservers: Sequence[str]) -> list[Answer[Any]]:
    resolvers = [AsyncResolver([each], timeout=_PATIENCE) for each in nameservers]
    return await asyncio.gather(*(resolver.resolve(_HARMLESS) for resolver in resolvers))


def _why(nameserver: str, answer: Answer[Any]) -> str:
    if answer.status is Status.TIMEOUT:
        return f"{nameserver} did not answer within {_PATIENCE:g} s"
    return answer.reason


_IN_VAIN: Final = "its signatures cannot be verified"
_OTHERS_SIGN: Final = "until it is published, other keys sign in its place, if there are any"
_SO: Final = "; while no nameserver answers, mail is delayed, and its verdicts are temperror"
