"""What is broken or unwise in a policy record (RFC 9989 §4.7, §5.1)."""

from collections.abc import Iterator

from mailauth.dmarc import record as records
from mailauth.dmarc.record import KNOWN, REMOVED, Disposition, Record
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups
from mailauth.errors import SyntaxFault
from mailauth.findings import Finding, Severity
from mailauth.syntax import domain as domains


def lint_record(octets: bytes, domain: str = "") -> list[Finding]:
    """What one record shows by itself."""
    try:
        record = records.parse(octets)
    except SyntaxFault as fault:
        return [Finding("syntax", Severity.ERROR, f"receivers ignore the record: {fault}", domain)]
    return [*_of_tags(record, domain), *_of_policy(record, domain)]


def lint(domain: str) -> Lookups[list[Finding]]:
    """The findings in the record of `domain` and in those that its reports need.

    **Asks** for the record, and for the consent of each other domain that is to
    get reports, ten at most.
    """
    try:
        answer = yield from ask.txt(f"_dmarc.{domain}")
    except LookupFailed as failure:
        return [Finding("dns", Severity.WARNING, f"the DNS did not answer: {failure}", domain)]
    texts = [octets for octets in answer.records if records.is_record(octets)]
    if len(texts) != 1:
        code = "several" if texts else "none"
        sentence = f"_dmarc.{domain} has {len(texts) or 'no'} DMARC records; it must have one"
        return [Finding(code, Severity.ERROR, sentence, domain)]
    found = lint_record(texts[0], domain)
    try:
        record = records.parse(texts[0])
    except SyntaxFault:
        return found  # told already
    for uri in (*record.aggregate_reports, *record.failure_reports)[:10]:
        found += yield from _of_consent(uri, domain)
    return found


def _of_consent(uri: str, domain: str) -> Lookups[list[Finding]]:
    """Whether another domain agrees to get the reports (RFC 9990 §4)."""
    scheme, _, address = uri.partition(":")
    other = address.partition("?")[0].rpartition("@")[2].lower()
    if scheme.lower() != "mailto" or domains.is_same_or_subdomain(other, domain):
        return []
    try:
        domains.parse(other)
        answer = yield from ask.txt(f"{domain}._report._dmarc.{other}")
    except (SyntaxFault, LookupFailed):
        return []
    if any(records.is_record(octets) for octets in answer.records):
        return []
    sentence = f"{other} does not agree to get reports: publish v=DMARC1 at"
    sentence += f" {domain}._report._dmarc.{other}"
    return [Finding("consent", Severity.WARNING, sentence, domain, uri)]


def _of_tags(record: Record, domain: str) -> Iterator[Finding]:
    for fault in record.faults:
        yield Finding("tag", Severity.ERROR, fault, domain)
    for spec in record.text.split(";"):
        name = spec.partition("=")[0].strip().lower()
        if name in REMOVED:
            sentence = "RFC 9989 has no such tag any more, and receivers ignore it"
            yield Finding("removed", Severity.WARNING, sentence, domain, spec.strip())
        elif name and name.isascii() and name.isalpha() and name not in KNOWN:
            sentence = "a tag that means nothing; is it misspelt?"
            yield Finding("unknown", Severity.WARNING, sentence, domain, spec.strip())
    for uri in (*record.aggregate_reports, *record.failure_reports):
        if not uri.lower().startswith("mailto:"):
            sentence = "receivers send reports to mailto: alone"
            yield Finding("scheme", Severity.WARNING, sentence, domain, uri)


def _of_policy(record: Record, domain: str) -> Iterator[Finding]:
    if "p" not in {spec.partition("=")[0].strip().lower() for spec in record.text.split(";")}:
        yield Finding("no-policy", Severity.WARNING, "without p= it is p=none", domain)
    elif record.policy is Disposition.NONE:
        sentence = "p=none asks for nothing: forged mail is delivered"
        yield Finding("monitoring", Severity.WARNING, sentence, domain)
    if record.testing:
        sentence = "t=y: receivers apply the policy one level lower"
        yield Finding("testing", Severity.WARNING, sentence, domain)
    if not record.aggregate_reports:
        sentence = "without rua= nobody tells you who sends in your name"
        yield Finding("no-reports", Severity.WARNING, sentence, domain)
    order = list(Disposition)
    for tag, wanted in (("sp", record.subdomain_policy), ("np", record.nonexistent_policy)):
        if wanted is not None and order.index(wanted) < order.index(record.policy):
            sentence = f"{tag}={wanted} is weaker than p={record.policy}"
            yield Finding("weaker", Severity.WARNING, sentence, domain)
    if record.public_suffix == "y":
        sentence = "psd=y is for those below whom others register domains"
        yield Finding("public-suffix", Severity.WARNING, sentence, domain)
