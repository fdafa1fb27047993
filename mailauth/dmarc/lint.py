"""What is broken or unwise in a policy record (RFC 9989 §4.7, §5.1)."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from mailauth.dmarc import record as records
from mailauth.dmarc.discover import is_same_organization, walk
from mailauth.dmarc.record import KNOWN, REMOVED, Disposition, Record
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.errors import SyntaxFault
from mailauth.findings import Finding, Severity, unanswered, with_remedies
from mailauth.syntax import domain as domains

MAX_CONSENTS: Final = 10
"""How many addresses of reports are looked at."""
REMEDIES: Final = {
    "none": "publish v=DMARC1; p=none; rua=mailto:... first, read the reports, then p=reject",
    "several": "publish one record, and withdraw the others",
    "syntax": "publish v=DMARC1; p=reject; rua=mailto:... with values that can be read",
    "tag": "correct the tag, or remove it",
    "removed": "remove the tag",
    "unknown": "correct the tag's name, or remove it",
    "scheme": "use a mailto: address",
    "uri": "correct the address",
    "no-policy": "say p=none, p=quarantine or p=reject",
    "monitoring": "when the reports show that your own mail passes: p=quarantine, then p=reject",
    "testing": "remove t=y when the reports show that your own mail passes",
    "no-reports": "add rua=mailto:... with an address that you read, or a service's",
    "weaker": "remove the tag, so that p= holds for subdomains too",
    "public-suffix": "remove psd=y, unless strangers register domains below this one",
}
"""What to publish instead, by the code of a finding."""


def lint_record(octets: bytes, domain: str = "") -> list[Finding]:
    """What one record shows by itself."""
    try:
        record = records.parse(octets)
    except SyntaxFault as fault:
        found = [_useless(str(fault), domain)]
    else:
        found = [*_of_tags(record, domain), *_of_policy(record, domain)]
    return with_remedies(found, REMEDIES)


def lint(domain: str) -> Lookups[list[Finding]]:
    """The findings in the record of `domain` and in those that its reports need.

    **Asks** for the record, and for the consent of each other organization that
    is to get reports, ten at most.
    """
    try:
        answer = yield from ask.txt(f"_dmarc.{domain}")
    except LookupFailed as failure:
        return [unanswered(failure, domain)]
    texts = [octets for octets in answer.records if records.is_record(octets)]
    if len(texts) != 1:
        code = "several" if texts else "none"
        sentence = f"_dmarc.{domain} has {len(texts) or 'no'} DMARC records; it must have one"
        return with_remedies([Finding(code, Severity.ERROR, sentence, domain)], REMEDIES)
    found = lint_record(texts[0], domain)
    try:
        record = records.parse(texts[0])
    except SyntaxFault:
        return found  # told already
    uris = dict.fromkeys((*record.aggregate_reports, *record.failure_reports))
    mailed = [uri for uri in uris if uri.lower().startswith("mailto:")][:MAX_CONSENTS]
    consents = yield from gather(*(_of_consent(uri, domain) for uri in mailed))
    return with_remedies([*found, *chain.from_iterable(consents)], REMEDIES)


def _of_consent(uri: str, domain: str) -> Lookups[list[Finding]]:
    """Whether another organization agrees to get the reports (RFC 9990 §4)."""
    try:
        other = _domain_of_reports(uri)
    except SyntaxFault:
        return []  # told already
    if domains.is_same_or_subdomain(other, domain):
        return []
    try:
        ours, theirs = yield from gather(walk(domain), walk(other))
        if is_same_organization(ours, theirs):
            return []
        answer = yield from ask.txt(f"{domain}._report._dmarc.{other}")
    except LookupFailed as failure:
        return [unanswered(failure, domain)]
    if any(records.is_record(octets) for octets in answer.records):
        return []
    sentence = f"{other} does not agree to get reports, so it gets none"
    remedy = f"{other} must publish the TXT record v=DMARC1 at {domain}._report._dmarc.{other}"
    return [Finding("consent", Severity.WARNING, sentence, domain, uri, remedy)]


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
            continue
        try:
            _domain_of_reports(uri)
        except SyntaxFault as fault:
            sentence = f"nobody gets these reports: {fault}"
            yield Finding("uri", Severity.ERROR, sentence, domain, uri)


def _domain_of_reports(uri: str) -> str:
    """Where the reports of a mailto: URI go.  **Raises** SyntaxFault: to nobody."""
    return domains.parse(records.receiver(uri).domain)


def _useless(why: str, domain: str) -> Finding:
    return Finding("syntax", Severity.ERROR, f"receivers ignore the record: {why}", domain)


def _of_policy(record: Record, domain: str) -> Iterator[Finding]:
    if record.policy is None:  # §4.10.1
        yield _useless("p=, sp= or np= cannot be read, and there is no rua=", domain)
        return
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
