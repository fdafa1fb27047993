"""What another program found in the same message, compared with what is found here.

This is for a change of programs: the old one goes on judging, ahead of this milter, and
its fields are at the top of the header.  Nothing follows from a difference but a note.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice, takewhile
from typing import Final, TypeAlias

from mailauth import authres
from mailauth.authres import MethodResult, Property
from mailauth.errors import SyntaxFault
from mailauth.spf import received
from mailauth.syntax import address
from mailauth.syntax.address import Address
from mailauth.syntax.message import Field, Message

MAX_FIELDS: Final = 10
"""How many fields with results are read, whoever wrote them."""
MAX_OCTETS: Final = 8192
"""The longest field that is compared; no program of a mail host writes one like that."""
MAX_DIFFERENCES: Final = 10
_METHODS: Final = frozenset({"spf", "dkim", "dmarc"})
_KEYS: Final = frozenset({authres.NAME.lower().encode(), received.NAME.lower().encode()})
_MAX_DOMAIN: Final = 253
_MAX_SHOWN: Final = 60
"""How many characters of others a part of a sentence has."""

_Results: TypeAlias = Mapping[tuple[str, str], set[str]]
"""By method and subject."""


def differences(
    header: Message,
    hosts: Collection[str],
    results: Iterable[MethodResult],
    *,
    client: Address | None,
) -> Iterator[str]:
    """A sentence for each result of others that is not among these `results`.

    The others are those who call themselves by one of `hosts`, in any spelling, in
    Authentication-Results, and whoever wrote Received-SPF, unless it names another client:
    then a host before this one wrote it.  Their fields are those above the first Received
    field: what is below came with the message.
    """
    told = _told(_reporting(header), hosts, client)
    return islice(_compared(_by_subject(results), told), MAX_DIFFERENCES)


def _reporting(header: Message) -> Iterator[Field]:
    """The fields with results that programs on this host may have added, at most `MAX_FIELDS`."""
    above = takewhile(lambda field: field.key != b"received", header.fields)
    return islice((field for field in above if field.key in _KEYS), MAX_FIELDS)


def _compared(ours: _Results, told: Iterable[tuple[str, Iterable[MethodResult]]]) -> Iterator[str]:
    """Methods that are switched off here are not compared, nor identities of SPF not judged."""
    methods = {method for method, _ in ours}
    for who, results in told:
        for (method, subject), theirs in _by_subject(results).items():
            if method not in methods:
                continue
            here = _of_subject(ours, method, subject)
            if not theirs <= here and (here or method != "spf"):
                of = f" of {subject[:_MAX_SHOWN]}" if subject else ""
                yield f"{who} says {method}={_words(theirs)}{of}, mailauth says {_words(here)}"


def _told(
    fields: Iterable[Field], hosts: Collection[str], client: Address | None
) -> Iterator[tuple[str, tuple[MethodResult, ...]]]:
    """Who says it, and what; a field that is too long or cannot be read says nothing."""
    for each in fields:
        if len(each.octets) > MAX_OCTETS:
            continue
        try:
            if each.key == b"received-spf":
                yield received.NAME, _of_received_spf(_text(each), client)
                continue
            told = authres.parse(_text(each))
        except SyntaxFault:
            continue
        for host in hosts:
            if authres.is_host(told.authserv_id, host):
                yield host, told.understood()
                break


def _text(field: Field) -> str:
    return field.value.decode("utf-8", "replace")


def _of_received_spf(text: str, client: Address | None) -> tuple[MethodResult, ...]:
    """The result, unless it is of another client.  **Raises** SyntaxFault."""
    told = received.parse(text)
    judged = told.get("client-ip")
    if judged is not None and address.parse(judged) != client:
        return ()
    identity = told.get("identity") or "mailfrom"
    return (MethodResult("spf", told.result, properties=(Property("smtp", identity, ""),)),)


def _by_subject(results: Iterable[MethodResult]) -> _Results:
    found: dict[tuple[str, str], set[str]] = {}
    for each in results:
        if each.method in _METHODS:
            found.setdefault((each.method, _subject(each)), set()).add(each.result)
    return found


def _subject(result: MethodResult) -> str:
    """What was judged: an identity of SPF, the domain of a signature; "" if it is not said."""
    if result.method == "spf":
        identities = (name for name in ("mailfrom", "helo") if result.get("smtp", name) is not None)
        return next(identities, "")
    if result.method == "dkim":
        identity = result.get("header", "i") or ""
        domain = result.get("header", "d") or identity.rpartition("@")[2]
        return _IN_NO_NAME.sub("?", domain.lower()[:_MAX_DOMAIN])
    return ""


def _of_subject(results: _Results, method: str, subject: str) -> set[str]:
    """The results of one subject; without one, those of the method."""
    if subject:
        return results.get((method, subject), set())
    return set().union(*(found for (each, _), found in results.items() if each == method))


def _words(results: set[str]) -> str:
    return "+".join(sorted(results))[:_MAX_SHOWN] or "nothing"


_IN_NO_NAME: Final = re.compile(r"[^\w.-]")
"""Such as what ends a sentence of the log."""
