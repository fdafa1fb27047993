"""What is broken or unwise in a policy record (RFC 9989 §4.7, §5.1)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from mailauth.dmarc import record as records
from mailauth.dmarc.discover import find_policy, is_same_organization, walk
from mailauth.dmarc.record import KNOWN, REMOVED, Disposition, Record
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.errors import SyntaxFault
from mailauth.findings import Finding, Severity, meant, unanswered, with_remedies
from mailauth.syntax import domain as domains

MAX_CONSENTS: Final = 10
"""How many addresses for reports are looked at."""
REMEDIES: Final = {
    "none": "publish v=DMARC1; p=none; rua=mailto:... first, and read the reports",
    "several": "publish one record, and withdraw the others",
    "syntax": "publish v=DMARC1; p=...; rua=mailto:... with values that can be read",
    "tag": "correct the tag, or remove it",
    "removed": "remove the tag",
    "inherited": "nothing, unless this domain needs a policy of its own",
    "unknown": "correct the tag's name, or remove it",
    "scheme": "use a mailto: address",
    "uri": "correct the address",
    "no-policy": "say p=none, p=quarantine or p=reject",
    "monitoring": "when the reports show that your own mail passes: p=quarantine, then p=reject,"
    " unless your users write to mailing lists (RFC 9989 §7.4)",
    "testing": "remove t=y when the reports show that your own mail passes",
    "no-reports": "add rua=mailto:... with an address that you read, or a service's",
    "weaker": "remove the tag, so that p= holds for subdomains too",
    "public-suffix": "remove psd=y, unless strangers register domains below this one",
}
"""What to publish instead, by the code of a finding."""


def lint_record(octets: bytes, domain: str = "") -> list[Finding]:
    """The findings in one record by itself."""
    try:
        record = records.parse(octets)
    except SyntaxFault as fault:
        found = [_useless(str(fault), domain)]
    else:
        found = [*_of_tags(record, domain), *_of_policy(record, domain)]
    return with_remedies(found, REMEDIES)


def lint(domain: str) -> Lookups[list[Finding]]:
    """The findings in the record of `domain`, or in the one from above that applies to it.

    **Asks** for the record, then for those above if it has none, and for the consent
    of each other organization that is to get reports, ten at most.
    """
    try:
        answer = yield from ask.txt(f"_dmarc.{domain}")
    except LookupFailed as failure:
        return [unanswered(failure, domain)]
    texts = [octets for octets in answer.records if records.is_record(octets)]
    if len(texts) == 1 and len(texts[0]) <= records.MAX_OCTETS:
        return (yield from _of_one(texts[0], domain))
    broken = list(_of_none(answer.records, texts, domain))
    found = broken + (yield from _of_above(domain, is_broken=bool(broken)))
    return with_remedies(found, REMEDIES)


def _of_one(octets: bytes, domain: str) -> Lookups[list[Finding]]:
    """The findings in the one record of a domain, and if others do not agree to get its reports."""
    found, record = lint_record(octets, domain), records.parse(octets)
    uris = dict.fromkeys((*record.aggregate_reports, *record.failure_reports))
    mailed = [uri for uri in uris if uri.lower().startswith("mailto:")][:MAX_CONSENTS]
    consents = yield from gather(*(_of_consent(uri, domain) for uri in mailed))
    return [*found, *chain.from_iterable(consents)]


def _of_none(answered: Sequence[bytes], texts: Sequence[bytes], domain: str) -> Iterator[Finding]:
    """Why no record counts: there are several, or one too large, or one that begins wrongly."""
    if len(texts) == 1:
        yield from lint_record(texts[0], domain)
        return
    told = texts or meant(answered, b"dmarc")
    shown = "\n".join(octets.decode("latin-1") for octets in told)
    if texts:
        sentence = f"_dmarc.{domain} has {len(texts)} DMARC records; it must have one"
        yield Finding("several", Severity.ERROR, sentence, domain, shown=shown)
    elif told:
        why = "it does not begin with v=DMARC1 and a semicolon"
        yield replace(_useless(why, domain), shown=shown)


def _of_above(domain: str, *, is_broken: bool) -> Lookups[list[Finding]]:
    """The findings if a domain has no record that counts: what applies (RFC 9989 §4.10.1)."""
    try:
        discovered = yield from find_policy((yield from walk(domain)))
    except LookupFailed as failure:
        return [unanswered(failure, domain)]
    if discovered is None:
        sentence = f"_dmarc.{domain} has no DMARC records; it must have one"
        return [] if is_broken else [Finding("none", Severity.ERROR, sentence, domain)]
    where, record = discovered.found
    what = "what it publishes does not count" if is_broken else "it has no record"
    sentence = f"{what}; {discovered.tag}={discovered.policy} of {where} applies"
    inherited = Finding("inherited", Severity.NOTE, sentence, domain)
    return [inherited, *(yield from _of_one(record.text.encode("latin-1"), where))]


def _of_consent(uri: str, domain: str) -> Lookups[list[Finding]]:
    """A finding if another organization does not agree to get the reports (RFC 9990 §4)."""
    try:
        other = _domain_of_reports(uri)
    except SyntaxFault:
        return []  # reported already
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
    sentence = f"{other} does not agree to receive reports, so it gets none"
    remedy = f"{other} must publish the TXT record v=DMARC1 at {domain}._report._dmarc.{other}"
    return [Finding("consent", Severity.WARNING, sentence, domain, uri, remedy)]


def _of_tags(record: Record, domain: str) -> Iterator[Finding]:
    for fault in record.faults:
        yield Finding("tag", Severity.ERROR, fault, domain)
    for spec in record.text.split(";"):
        name = spec.partition("=")[0].strip().lower()
        if name in REMOVED:
            sentence = "RFC 9989 no longer has this tag, and receivers ignore it"
            yield Finding("removed", Severity.WARNING, sentence, domain, *_in_place_of(spec))
        elif name and name.isascii() and name.isalpha() and name not in KNOWN:
            sentence = "a tag that means nothing; is it misspelt?"
            yield Finding("unknown", Severity.WARNING, sentence, domain, spec.strip())
    for uri in (*record.aggregate_reports, *record.failure_reports):
        if not uri.lower().startswith("mailto:"):
            sentence = "receivers send reports only to mailto: addresses"
            yield Finding("scheme", Severity.WARNING, sentence, domain, uri)
            continue
        try:
            _domain_of_reports(uri)
        except SyntaxFault as fault:
            sentence = f"nobody gets these reports: {fault}"
            yield Finding("uri", Severity.ERROR, sentence, domain, uri)


def _in_place_of(spec: str) -> tuple[str, str]:
    """A tag that was removed, and the remedy if another now says the same (RFC 9989 §A.6)."""
    name, _, value = spec.partition("=")
    is_less = name.strip().lower() == "pct" and value.strip() != "100"
    remedy = "remove the tag; t=y asks for one level less than p=, for a test" if is_less else ""
    return spec.strip(), remedy


def _domain_of_reports(uri: str) -> str:
    """The domain to which the reports of a mailto: URI go.  **Raises** SyntaxFault: to none."""
    return domains.parse(records.receiver(uri).domain)


def _useless(why: str, domain: str) -> Finding:
    return Finding("syntax", Severity.ERROR, f"receivers ignore the record: {why}", domain)


def _of_policy(record: Record, domain: str) -> Iterator[Finding]:
    if record.policy is None:  # §4.10.1
        yield _useless("p=, sp= or np= cannot be read, and there is no rua=", domain)
        return
    if "p" not in {spec.partition("=")[0].strip().lower() for spec in record.text.split(";")}:
        sentence = "without p= it is p=none, whatever sp= and np= say"
        yield Finding("no-policy", Severity.WARNING, sentence, domain)
    elif record.policy is Disposition.NONE:
        sentence = "p=none asks for nothing: forged mail is delivered"
        yield Finding("monitoring", Severity.WARNING, sentence, domain)
    asked = {record.policy, record.subdomain_policy, record.nonexistent_policy}
    if record.testing and asked - {None, Disposition.NONE}:
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
