"""What the domain wants done with mail in its name: the DMARC policy that applies (RFC 9989)."""

from mailauth import dmarc
from mailauth.dmarc import Disposition
from mailauth.dmarc import record as records
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups
from mailauth.domaincheck.area import Area, Published
from mailauth.findings import Finding, Severity, unanswered
from mailauth.verdicts import Step


def check_dmarc(domain: str) -> Lookups[Area]:
    """The policy record for `domain`, its own or one from above, and the consents it needs."""
    try:
        walked = yield from dmarc.walk(domain)
        discovered = yield from dmarc.find_policy(walked)
    except LookupFailed as failure:
        return Area("dmarc", "DMARC", findings=(unanswered(failure, domain),))
    steps = (Step(0, f"the records from {domain} upwards"), *walked.steps)
    found = yield from dmarc.lint(domain)
    if discovered is None:
        return Area("dmarc", "DMARC", works=False, findings=tuple(found), steps=steps)
    where = discovered.found.domain
    published = Published(f"_dmarc.{where}", "TXT", discovered.found.record.text)
    return Area(
        "dmarc", "DMARC", works=True, published=(published,), findings=tuple(found), steps=steps
    )


def of_alignment(policy: Area, signing: Area, *, has_spf: bool) -> list[Finding]:
    """A finding if no mail of the domain is known to pass DMARC (RFC 9989 §4.4)."""
    if not policy.works or has_spf or signing.works:
        return []
    record = policy.published[0]
    wanted = records.parse(record.text.encode("latin-1")).policy
    certain = signing.works is False and wanted is not Disposition.NONE
    severity = Severity.ERROR if certain else Severity.WARNING
    sentence = "nothing can pass: no SPF record works, and no key that works is known"
    remedy = "publish an SPF record with your senders, and sign with DKIM"
    return [Finding("no-alignment", severity, sentence, record.name, f"p={wanted}", remedy)]
