"""The findings in one record by itself: what is broken in it, and what is legal but unwise.

Only the terms that receivers read are judged: those after an all are reported as
such, and otherwise ignored (RFC 7208 §5.1).
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses
from typing import Final

from mailauth.errors import SyntaxFault
from mailauth.findings import Finding, Severity
from mailauth.spf import record as records
from mailauth.spf.letters import OF_THE_RECORD
from mailauth.spf.macro import MacroString
from mailauth.spf.policy import RFC7208
from mailauth.spf.record import (
    IP4,
    IP6,
    MX,
    PTR,
    A,
    All,
    Directive,
    Exists,
    Include,
    Mechanism,
    Record,
    end_of,
    reached,
    redirect_of,
)
from mailauth.spf.remedies import REMEDIES
from mailauth.spf.result import Result

WIDE: Final = {"IPv4": 16, "IPv6": 31}
"""A prefix of this length or a shorter one admits more hosts than anybody runs."""
MANY_IP4: Final = 100_000
"""More addresses than this are shared with strangers, even if spread over many networks."""
MAX_ANSWER: Final = 450
"""Octets of a name and its records that fit an answer over UDP, with some room (RFC 7208 §3.4)."""


def of_record(octets: bytes, domain: str) -> list[Finding]:
    """The findings in a record, except on its size, its networks together, and its look-ups."""
    if not records.is_record(octets):
        sentence = "it does not begin with v=spf1 and a space, so it is not an SPF record"
        return [Finding("version", Severity.ERROR, sentence, domain)]
    try:
        record = records.parse(octets)
    except SyntaxFault as fault:
        sentence = f"the record cannot be read: {fault}"
        shown = fault.pointed() if fault.text else ""
        return [Finding("syntax", Severity.ERROR, sentence, domain, shown=shown)]
    return [*_of_terms(record, domain), *_of_the_end(record, domain)]


def of_size(octets: int, domain: str) -> Iterator[Finding]:
    """A finding if a name and the text of its records, `octets` in all, may not fit an answer."""
    if octets >= MAX_ANSWER:
        sentence = f"{octets} octets of name and text may not fit an answer over UDP"
        yield Finding("size", Severity.WARNING, f"{sentence} (RFC 7208 §3.4)", domain)


def of_lookups(lookups: int, domain: str) -> Iterator[Finding]:
    """A finding if more terms ask the DNS than are allowed."""
    if lookups > RFC7208.max_lookups:
        limit = RFC7208.max_lookups
        sentence = f"{lookups} terms ask the DNS; {limit} are allowed (RFC 7208 §4.6.4)"
        yield Finding("lookups", Severity.ERROR, sentence, domain)


def of_networks(networks: Iterable[IPv4Network], domain: str) -> Iterator[Finding]:
    """A finding if networks that are not wide by themselves are wide together."""
    addresses = sum(network.num_addresses for network in collapse_addresses(networks))
    if addresses > MANY_IP4:
        sentence = f"{addresses} IPv4 addresses, in many networks: strangers may send"
        yield Finding("wide", Severity.WARNING, sentence, domain)


def admits(directive: Directive) -> bool:
    """Whether clients that match may send."""
    return directive.qualifier.result is Result.PASS


def count_lookups(record: Record) -> int:
    """How many terms of a record ask the DNS (RFC 7208 §4.6.4)."""
    asking = [each for each in reached(record) if not isinstance(each.mechanism, All | IP4 | IP6)]
    return len(asking) + (redirect_of(record) is not None)


def networks_of(record: Record) -> Iterator[IPv4Network]:
    """The networks that ip4 admits, except wide ones, each of which has a finding of its own."""
    for directive in reached(record):
        mechanism = directive.mechanism
        if admits(directive) and isinstance(mechanism, IP4) and not _is_wide(mechanism):
            yield IPv4Network((int(mechanism.address), mechanism.length), strict=False)


def _of_terms(record: Record, domain: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for directive in reached(record):
        mechanism, text = directive.mechanism, directive.text
        if text.lower() in seen:
            yield Finding("twice", Severity.WARNING, "the term appears twice", domain, text)
        seen.add(text.lower())
        if isinstance(mechanism, PTR):
            sentence = "ptr is slow and should not be published (RFC 7208 §5.5)"
            yield Finding("ptr", Severity.WARNING, sentence, domain, text)
        if admits(directive):
            yield from _of_the_admitted(directive, domain)
    for spec, text in _named(record):
        if "p" in spec.letters:
            sentence = "%{p} is slow and should not be published (RFC 7208 §7.3)"
            yield Finding("p-macro", Severity.WARNING, sentence, domain, text)
    for name, value in record.unknown_modifiers:
        sentence = "a modifier that means nothing; is it misspelt?"
        yield Finding("modifier", Severity.WARNING, sentence, domain, f"{name}={value}")


def _named(record: Record) -> Iterator[tuple[MacroString, str]]:
    """The names in the terms that receivers read, each with its term."""
    for directive in reached(record):
        mechanism = directive.mechanism
        if isinstance(mechanism, Include | A | MX | PTR | Exists) and mechanism.domain_spec:
            yield mechanism.domain_spec, directive.text
    redirect = redirect_of(record)
    if redirect is not None:
        yield redirect, f"redirect={redirect.text}"
    if record.exp is not None:
        yield record.exp, f"exp={record.exp.text}"


def _of_the_admitted(directive: Directive, domain: str) -> Iterator[Finding]:
    """The findings if one term lets strangers send."""
    mechanism, text = directive.mechanism, directive.text
    everybody = [family for family, length in _lengths(mechanism).items() if not length]
    if everybody:
        sentence = f"anybody with an address of {' or '.join(everybody)} may send"
        remedy = REMEDIES["wide"]
        yield Finding("pass-all", Severity.ERROR, sentence, domain, text, remedy)
    elif _is_wide(mechanism):
        widths = " or ".join(f"/{length} of {family}" for family, length in WIDE.items())
        sentence = f"{widths}, or wider: strangers may send"
        yield Finding("wide", Severity.WARNING, sentence, domain, text)
    if isinstance(mechanism, Exists) and mechanism.domain_spec.letters <= OF_THE_RECORD:
        sentence = "it asks the same for every client, so it lets everybody send or nobody"
        yield Finding("exists", Severity.WARNING, sentence, domain, text)


def _is_wide(mechanism: Mechanism) -> bool:
    return any(length <= WIDE[family] for family, length in _lengths(mechanism).items())


def _lengths(mechanism: Mechanism) -> dict[str, int]:
    """The prefix length of a mechanism for clients of each family."""
    if isinstance(mechanism, A | MX):
        return {"IPv4": mechanism.ip4_length, "IPv6": mechanism.ip6_length}
    if isinstance(mechanism, IP4 | IP6):
        return {f"IPv{mechanism.address.version}": mechanism.length}
    return {}


def _of_the_end(record: Record, domain: str) -> Iterator[Finding]:
    end = end_of(record)
    if end is None:
        if record.redirect is None:
            sentence = "it has no all at its end, so nobody is refused; end it with -all or ~all"
            yield Finding("no-all", Severity.WARNING, sentence, domain)
        return
    if end.qualifier.result is Result.PASS:
        sentence = "anybody may send for this domain"
        yield Finding("pass-all", Severity.ERROR, sentence, domain, end.text)
    elif end.qualifier.result is Result.NEUTRAL:
        sentence = "nobody is refused; say -all or ~all"
        yield Finding("neutral-all", Severity.WARNING, sentence, domain, end.text)
    if record.redirect is not None:
        sentence = "redirect= is never used beside all (RFC 7208 §6.1)"
        yield Finding(
            "redirect", Severity.WARNING, sentence, domain, f"redirect={record.redirect.text}"
        )
    for directive in record.directives[len(reached(record)) :]:
        sentence = "it comes after the all and is never read (RFC 7208 §5.1)"
        yield Finding("after-all", Severity.WARNING, sentence, domain, directive.text)
