"""What the DNS makes doubtful of a configuration: who does not answer, what is not published.

A key that is not published yet, or no more, makes signatures that nobody can verify; the
signer is the last to learn of it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from mailauth import dkim
from mailauth.dkim import Preflight, Published
from mailauth.dns import Answer, AsyncResolver, Question, RRType, Status
from mailauth.dns.lookups import Lookups
from mailauth.dns.nameserver import of_the_system
from mailauth.errors import MailauthError
from mailauth.keys import PrivateKey
from mailauth.milter.tables.signingtable import SigningKey
from mailauth.service.listeners import mailtables
from mailauth.service.settings.tables import Dns, Signing
from mailauth.service.settings.tomlfile import Complaint

MAX_COMPARED: Final = 100
"""Keys that are compared with what is published; of more, the first."""
_PATIENCE: Final = 3.0
"""Seconds for which nameservers are waited for."""
_HARMLESS: Final = Question("", RRType.TXT)
"""A question about the root, whose answer every resolver has at hand."""


def unpublished_keys(signing: Signing, given: Dns) -> Iterator[Complaint]:
    """Keys that are published otherwise, or not at all.  Asks about the first `MAX_COMPARED`.

    Where the DNS does not answer, or a key cannot be read, nothing is told: a host that only
    signs needs no DNS, and a key that cannot be read is an error of its own.
    """
    whose = (each for each in mailtables.named_keys(signing) if not each.key.is_of_author)
    named = islice(whose, MAX_COMPARED)
    asked = {each: ask for each in named if (ask := _preflight(each.key)) is not None}
    found = asyncio.run(_run_all([*asked.values()], given)) if asked else []
    so = _OTHERS_SIGN if signing.prefer_published else _IN_VAIN
    told = []
    for (place, where, _), preflight in zip(asked, found, strict=True):
        if preflight.result not in (Published.OK, Published.UNKNOWN):
            said = f"{where}: {preflight.reason}" if where else preflight.reason
            told.append(Complaint(place, f"{said}; {so}"))
    yield from mailtables.shortened(told)


def _preflight(key: SigningKey) -> Lookups[Preflight] | None:
    try:
        public_key = PrivateKey.read(key.path).public_key
    except MailauthError:
        return None
    return dkim.preflight(public_key, domain=key.domain, selector=key.selector)


async def _run_all(preflights: list[Lookups[Preflight]], given: Dns) -> list[Preflight]:
    resolver = AsyncResolver(given.nameservers, timeout=_PATIENCE, budget=_PATIENCE)
    return await resolver.run_all(preflights)


def silent_nameservers(given: Dns) -> Iterator[Complaint]:
    """Those that mail would be judged or signed by.  Asks each of them one question."""
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


_IN_VAIN: Final = "what it signs cannot be verified"
_OTHERS_SIGN: Final = "until it is published, other keys sign in its place, if there are any"
_SO: Final = "; while no nameserver answers, mail waits for one, and what is judged is temperror"
