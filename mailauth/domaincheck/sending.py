"""Who may send: the SPF record, and the hosts that do send (RFC 7208, RFC 8601 §2.7.3).

Each outgoing address is judged as a receiver would judge it: by SPF for a sender of
the domain, and by its forward-confirmed reverse name.
"""

from collections.abc import Sequence
from typing import Final

from mailauth import spf
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.domaincheck.area import Area, Published, texts, works
from mailauth.findings import (
    UNANSWERED,
    Finding,
    Severity,
    has_errors,
    has_unanswered,
    unanswered,
)
from mailauth.spf import record as records
from mailauth.spf.evaluation import MAX_NAMES
from mailauth.syntax.address import Address
from mailauth.verdicts import Step


def check_spf(domain: str, addresses: Sequence[Address], now: int) -> Lookups[Area]:
    """The SPF record of `domain`, and whether it lets each of `addresses` send."""
    try:
        answer = yield from ask.txt(domain)
    except LookupFailed as failure:
        return Area("spf", "SPF", findings=(unanswered(failure, domain),))
    published = tuple(octets for octets in answer.records if records.is_record(octets))
    found, *verdicts = yield from gather(
        spf.lint(domain),
        *(
            spf.check(ip=each, helo=domain, sender=f"postmaster@{domain}", now=now)
            for each in addresses
        ),
    )
    steps: list[Step] = []
    for address, verdict in zip(addresses, verdicts, strict=True):
        found += _of_client(address, verdict)
        steps.append(Step(0, f"{address}: {verdict.result}, {verdict.reason}"))
        steps += [Step(step.depth + 1, step.text) for step in verdict.steps]
    return Area("spf", "SPF", works(found), texts(domain, published), tuple(found), tuple(steps))


def has_record(area: Area) -> bool:
    """Whether there is an SPF record by which mail can pass, whoever may send by it."""
    return bool(area.published) and not has_errors(
        each for each in area.findings if each.code not in _OF_WHO_MAY_SEND
    )


_OF_WHO_MAY_SEND: Final = frozenset({"not-permitted", "pass-all"})


def sends_nothing(area: Area) -> bool:
    """Whether the SPF record says that the domain sends no mail: v=spf1 -all."""
    return [each.text.lower().split() for each in area.published] == [["v=spf1", "-all"]]


def _of_client(address: Address, verdict: spf.Verdict) -> list[Finding]:
    domain = verdict.domain
    if verdict.result is spf.Result.PASS:
        return []
    if verdict.result is spf.Result.TEMPERROR:
        sentence = f"whether {address} may send is not known: {verdict.reason}"
        return [Finding(UNANSWERED, Severity.WARNING, sentence, domain, remedy="ask again later")]
    sentence = f"{address} may not send: {verdict.result}, {verdict.reason}"
    term = f"ip{address.version}:{address}"
    remedy = f"add {term} to the record, before its all"
    if verdict.result is spf.Result.PERMERROR:
        remedy = "correct the record first"
    elif verdict.result is spf.Result.NONE:
        remedy = f"publish a record with {term}"
    return [Finding("not-permitted", Severity.ERROR, sentence, domain, str(address), remedy)]


def check_addresses(addresses: Sequence[Address]) -> Lookups[Area]:
    """The reverse name of each address, and whether it leads back (RFC 8601 §2.7.3)."""
    title = "Reverse names of the outgoing addresses"
    judged = yield from gather(*(_reverse_name(each) for each in addresses))
    published = tuple(each for names, _ in judged for each in names)
    found = tuple(each for _, findings in judged for each in findings)
    confirmed = None if not addresses or has_unanswered(found) else not found
    return Area("addresses", title, confirmed, published, found)


def _reverse_name(address: Address) -> Lookups[tuple[list[Published], list[Finding]]]:
    where = address.reverse_pointer
    try:
        names = (yield from ask.ptr(address)).records
        published = [Published(where, "PTR", name) for name in names[:MAX_NAMES]]
        answers = yield from gather(
            *(ask.addresses(name, like=address) for name in names[:MAX_NAMES])
        )
    except LookupFailed as failure:
        return [], [unanswered(failure, where)]
    if any(address in answer.records for answer in answers):
        return published, []
    if not names:
        sentence = f"{address} has no name: many receivers refuse its mail"
        remedy = f"have the owner of the network publish a PTR at {where}"
        return [], [Finding("no-ptr", Severity.ERROR, sentence, where, remedy=remedy)]
    rrtype = "A" if address.version == 4 else "AAAA"  # noqa: PLR2004 - IPv4
    sentence = f"{address} has a name that does not resolve back to it"
    remedy = f"publish {rrtype} {address} at {names[0]}"
    finding = Finding("ptr-unconfirmed", Severity.ERROR, sentence, where, names[0], remedy)
    return published, [finding]
