"""The check of one domain in all areas; independent questions are asked side by side."""

from collections.abc import Sequence
from dataclasses import replace

from mailauth.dkim.lint import Weakness
from mailauth.dns.lookups import Lookups, gather
from mailauth.domaincheck import bulk
from mailauth.domaincheck.area import Area, DomainReport
from mailauth.domaincheck.policy import check_dmarc, of_alignment
from mailauth.domaincheck.receiving import check_exchanges, takes_nothing
from mailauth.domaincheck.sending import check_addresses, check_spf, has_record, sends_nothing
from mailauth.domaincheck.signing import check_keys
from mailauth.domaincheck.transport import check_mta_sts, check_tls_reports
from mailauth.errors import refuse_text
from mailauth.findings import Finding, Severity, has_errors
from mailauth.spf.identity import client
from mailauth.syntax.address import Address


def check(
    domain: str,
    *,
    selectors: Sequence[str] = (),
    guessed: Sequence[str] = (),
    addresses: Sequence[str | Address] = (),
    weakness: Weakness | None = None,
    now: int,
) -> Lookups[DomainReport]:
    """The report on `domain`, an A-label domain.

    `selectors` are those of its DKIM keys, `guessed` those that it may have, such as
    `COMMON_SELECTORS`; `addresses` are those from which its mail comes.  `weakness` is
    asked about each key that looks sound.
    **Asks** a few hundred questions at most, a few more for each selector, and some
    hundred more for each address, most of them side by side.
    **Raises** BadArgument: one of the `addresses` is not an IP address, or there is text in
    place of a list.
    """
    for names in (selectors, guessed):
        refuse_text(names, "selectors")
    hosts = [client(each).ip for each in addresses]
    sending, signing, policy, exchanges, mta_sts, tls_reports, reverse = yield from gather(
        check_spf(domain, hosts, now),
        check_keys(domain, selectors, guessed, weakness),
        check_dmarc(domain),
        check_exchanges(domain),
        check_mta_sts(domain),
        check_tls_reports(domain),
        check_addresses(hosts),
    )
    sends = not sends_nothing(sending)
    if sends:
        has_spf = sending.works is None or has_record(sending)
        policy = _with(policy, of_alignment(policy, signing, has_spf=has_spf))
        if takes_nothing(exchanges):
            exchanges = _with(exchanges, [_of_answers(domain)])
    if takes_nothing(exchanges):
        mta_sts, tls_reports = (_without(each, "none", "takes") for each in (mta_sts, tls_reports))
    if not sends:
        signing = _without(signing, "revoked", "sends")
    asked = {"by_address": bool(hosts), "by_selector": bool(selectors)}
    rules = bulk.rules(sending, signing, policy, reverse, **asked) if sends else ()
    areas = [sending, signing, policy, exchanges, mta_sts, tls_reports]
    if hosts:
        areas.append(reverse)
    areas.append(bulk.check_rules(domain, rules, sends=sends))
    return DomainReport(domain, now, tuple(areas), rules)


def _with(area: Area, more: list[Finding]) -> Area:
    return replace(area, findings=(*area.findings, *more))


def _without(area: Area, code: str, verb: str) -> Area:
    """The area of a domain without mail, in which findings with this code are no fault."""
    remedy = f"nothing: the domain {verb} no mail"
    found = [
        replace(each, severity=Severity.NOTE, remedy=remedy) if each.code == code else each
        for each in area.findings
    ]
    is_mended = bool(area.published) and area.works is False and not has_errors(found)
    return replace(area, works=None if is_mended else area.works, findings=tuple(found))


def _of_answers(domain: str) -> Finding:
    """The finding on a domain that sends mail but takes none (RFC 7505 §4.2)."""
    sentence = "it sends mail, but accepts none: some receivers refuse it (RFC 7505 §4.2)"
    remedy = "publish v=spf1 -all if it sends nothing, or an MX if it does"
    return Finding("null-sender", Severity.WARNING, sentence, domain, "0 .", remedy)
