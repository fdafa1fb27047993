"""Where mail for the domain goes: its mail exchanges (RFC 5321 §5.1, RFC 7505, RFC 2181 §10.3)."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import Final

from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import MX, Answer, Lookups, Status, gather
from mailauth.domaincheck.area import Area, Published, works
from mailauth.findings import Finding, Severity, unanswered

MAX_EXCHANGES: Final = 20
"""How many mail exchanges are looked at."""
_INNER: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Networks that nobody outside can reach (RFC 1918, 4193, 6598, 6890)."""


def check_exchanges(domain: str) -> Lookups[Area]:
    """The mail exchanges of `domain`, each with its addresses."""
    try:
        answer = yield from ask.mx(domain)
        if not answer.records:
            return (yield from _without_exchanges(domain, answer))
    except LookupFailed as failure:
        return Area("mx", "Mail exchanges", findings=(unanswered(failure, domain),))
    exchanges = sorted(answer.records, key=lambda each: (each.preference, each.host))
    published = [
        Published(domain, "MX", f"{each.preference} {each.host}.")
        for each in exchanges[:MAX_EXCHANGES]
    ]
    hosts = list(dict.fromkeys(each.host for each in exchanges if each.host))[:MAX_EXCHANGES]
    judged = yield from gather(*(_ask_host(domain, host) for host in hosts))
    found = [*_of_null(domain, exchanges), *chain.from_iterable(judged)]
    return Area("mx", "Mail exchanges", works(found), tuple(published), tuple(found))


def takes_nothing(area: Area) -> bool:
    """Whether the domain says that it accepts no mail: the null MX alone (RFC 7505 §3)."""
    return len(area.published) == 1 and area.published[0].text.endswith(" .")


def _without_exchanges(domain: str, answer: Answer[MX]) -> Lookups[Area]:
    """The area without MX: mail goes to the domain's own address, if any (RFC 5321 §5.1)."""
    if answer.status is Status.NO_SUCH_NAME:
        sentence, remedy = "there is no such domain", "register it, or correct the name"
        found = Finding("no-domain", Severity.ERROR, sentence, domain, remedy=remedy)
        return Area("mx", "Mail exchanges", works=False, findings=(found,))
    answers = yield from gather(*(ask.addresses(domain, like=each) for each in ask.FAMILIES))
    if any(each.records for each in answers):
        sentence = "it has no MX, so mail goes to the address of the domain itself"
        remedy = "publish an MX with the name of the host, or the null MX: 0 ."
        found = Finding("implicit", Severity.WARNING, sentence, domain, remedy=remedy)
        return Area("mx", "Mail exchanges", works=True, findings=(found,))
    sentence = "it has no MX and no address: nobody can answer its mail, and bounces are lost"
    remedy = "publish an MX with the name of a host, or the null MX: 0 ."
    found = Finding("none", Severity.WARNING, sentence, domain, remedy=remedy)
    return Area("mx", "Mail exchanges", works=False, findings=(found,))


def _of_null(domain: str, exchanges: Sequence[MX]) -> Iterator[Finding]:
    null = [each for each in exchanges if not each.host]
    if null and len(exchanges) > 1:
        sentence = "the null MX is beside others; it must be alone (RFC 7505 §3)"
        remedy = "withdraw it, or the others"
        yield Finding("null-beside", Severity.ERROR, sentence, domain, "0 .", remedy)
    elif null:
        sentence = "it accepts no mail (the null MX, RFC 7505)"
        yield Finding("null", Severity.NOTE, sentence, domain, "0 .")
    if len(exchanges) > MAX_EXCHANGES:
        sentence = f"it has {len(exchanges)} exchanges; {MAX_EXCHANGES} were looked at"
        yield Finding("many", Severity.WARNING, sentence, domain, "", "withdraw some")


def _ask_host(domain: str, host: str) -> Lookups[list[Finding]]:
    """The findings on one exchange, which must be a name with addresses of its own."""
    if _is_address(host):
        sentence = "the exchange is an address; it must be a name (RFC 5321 §5.1)"
        remedy = "publish the address at a name, and give that name"
        return [Finding("address", Severity.ERROR, sentence, domain, host, remedy)]
    try:
        alias, *answers = yield from gather(
            ask.alias(host), *(ask.addresses(host, like=each) for each in ask.FAMILIES)
        )
    except LookupFailed as failure:
        return [unanswered(failure, domain)]
    found: list[Finding] = []
    if alias.records:
        sentence = f"the exchange is an alias of {alias.records[0]} (RFC 2181 §10.3)"
        remedy = f"name {alias.records[0]} itself, or give {host} addresses"
        found.append(Finding("alias", Severity.WARNING, sentence, domain, host, remedy))
    addresses = list(chain.from_iterable(each.records for each in answers))
    if not addresses:
        sentence = "the exchange has no address"
        remedy = f"publish A or AAAA at {host}, or withdraw the MX"
        found.append(Finding("no-address", Severity.ERROR, sentence, domain, host, remedy))
    inner = [each for each in addresses if any(each in network for network in _INNER)]
    if inner:
        sentence = f"the exchange has the address {inner[0]}, which nobody outside can reach"
        remedy = f"publish only public addresses at {host}"
        found.append(Finding("inner-address", Severity.WARNING, sentence, domain, host, remedy))
    return found


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
