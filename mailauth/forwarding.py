"""The forwarding decision: what a forwarded message needs, and which authentication survives.

A host that forwards the mail of others is a stranger to their SPF records; SRS
(`mailauth.srs`) puts the host's own name into the envelope.  Then only the signature
vouches for the author (RFC 9989 §7.4), and it must stay intact.  `decide` says what
one message needs for one next hop, and what will become of it there.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from mailauth import dkim, dmarc, spf
from mailauth.authenticate import Report
from mailauth.dns.lookups import Lookups
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.spf.identity import client
from mailauth.syntax import domain as domains
from mailauth.syntax import mailbox
from mailauth.syntax.address import Address


class Answer(StrEnum):
    """The answer to one question of a decision."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """The DNS did not answer, or not enough is known of the message."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What forwarding needs and does, each answer with its reason."""

    to: str
    srs: Answer
    """Whether the envelope sender must be rewritten."""
    srs_reason: str
    srs_domain: str
    """The domain to rewrite with; empty if none is needed, or none was given."""
    survives: Answer
    """Whether the message still passes DMARC at the next hop, if nobody alters it."""
    survives_reason: str
    keep: tuple[str, ...] = ()
    """What must reach the next hop as it is, a sentence each."""
    advice: tuple[str, ...] = ()
    """What else would help, a sentence each."""

    def as_dict(self) -> dict[str, Any]:
        """The decision for JSON, each value under its attribute's name."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The decision for people."""
        by = f", with {self.srs_domain}" if self.srs is not Answer.NO and self.srs_domain else ""
        yield f"rewrite the sender (SRS): {self.srs}{by}; {self.srs_reason}"
        yield f"passes DMARC there: {self.survives}; {self.survives_reason}"
        yield from (f"keep: {each}" for each in self.keep)
        yield from (f"advice: {each}" for each in self.advice)


def decide(
    report: Report,
    *,
    to: str,
    via: str | Address = "",
    srs_domain: str = "",
    own_domains: Collection[str] = (),
    now: int,
) -> Lookups[Decision]:
    """What it takes to forward the message of `report` to the address `to`.

    `via` is our IP address that the next hop will see; without it, every sender whose
    domain has an SPF record is assumed to need rewriting.  `srs_domain` is the domain
    to rewrite with; senders of it and of `own_domains` are ours.  **Asks** what
    `spf.check` asks about the sender, if `via` is given.

    **Raises** BadArgument: `to` is not an address of mail, `via` is not an IP address, or a
    domain cannot be read.
    """
    try:
        hop = mailbox.parse(to)
    except SyntaxFault as fault:
        raise BadArgument(f"{fault}: {to!r}") from None
    if via:
        client(via)  # `spf.check` checks it too, but is not always called
    ours = {domains.given(each) for each in (*own_domains, *filter(None, [srs_domain]))}
    if hop.domain in ours:
        return _stays(to, hop.domain)
    there = None
    if via and report.envelope.mail_from:
        there = yield from spf.check(
            ip=via, helo=srs_domain, sender=report.envelope.mail_from, now=now
        )
    srs, why = _needs_srs(report, there, ours)
    survives, reason = _survives(report, there, srs)
    return Decision(
        to=to,
        srs=srs,
        srs_reason=why,
        srs_domain="" if srs is Answer.NO else srs_domain,
        survives=survives,
        survives_reason=reason,
        keep=tuple(_keep(report)) if survives is not Answer.NO else (),
        advice=(
            *_advice_on_srs(srs, srs_domain),
            *_advice_on_dmarc(report.dmarc, survives, hop),
        ),
    )


def _stays(to: str, domain: str) -> Decision:
    nobody = f"{domain} is ours, and nobody else judges the message"
    return Decision(to, Answer.NO, nobody, "", Answer.YES, nobody)


def _needs_srs(
    report: Report, there: spf.Verdict | None, ours: Collection[str]
) -> tuple[Answer, str]:
    """Whether the next hop would refuse the sender as it is."""
    sender = report.envelope.mail_from
    if not sender and not report.envelope.ip:
        return Answer.UNKNOWN, "the envelope is not known"
    if not sender:
        return Answer.NO, "a bounce has no sender to rewrite"
    try:
        domain = mailbox.parse(sender).domain
    except SyntaxFault:
        return Answer.UNKNOWN, "the sender is not an address"
    if domain in ours:
        return Answer.NO, f"the sender is at {domain}, which is ours"
    found = report.spf if there is None else there
    if found is None:
        return Answer.UNKNOWN, "SPF was not judged: who sent the message is not known"
    return _by_spf(found, domain, of_next_hop=there is not None)


def _by_spf(found: spf.Verdict, domain: str, *, of_next_hop: bool) -> tuple[Answer, str]:
    """What a verdict says of the next hop: the one there, or the one on the client here."""
    if found.result is spf.Result.NONE:
        return Answer.NO, f"{domain} has no SPF record, so no host can fail it"
    if found.result is spf.Result.TEMPERROR:
        return Answer.UNKNOWN, f"the SPF record of {domain} could not be looked up: {found.reason}"
    if not of_next_hop:
        return Answer.YES, f"{domain} has an SPF record, and our host is likely not in it"
    if found.result is spf.Result.PASS:
        return Answer.NO, f"our host may send for {domain}: {found.reason}"
    return Answer.YES, f"the next hop will find SPF {found.result} for {domain}: {found.reason}"


def _survives(report: Report, there: spf.Verdict | None, srs: Answer) -> tuple[Answer, str]:
    """Whether the message will pass DMARC at the next hop (RFC 9989 §5.3.5)."""
    verdict = report.dmarc
    if verdict is None:
        return Answer.UNKNOWN, "DMARC was not judged"
    match verdict.result:
        case dmarc.Result.PASS:
            return _still_passes(verdict, there, srs)
        case dmarc.Result.NONE:
            return Answer.YES, f"{verdict.domain} publishes no policy to break"
        case dmarc.Result.TEMPERROR:
            return Answer.UNKNOWN, verdict.reason
        case dmarc.Result.FAIL if report.spf is None:
            reason = f"SPF was not judged, and no signature is aligned with {verdict.domain}"
            return Answer.UNKNOWN, reason
    return Answer.NO, f"it does not pass here either: {verdict.reason}"


def _still_passes(
    verdict: dmarc.Verdict, there: spf.Verdict | None, srs: Answer
) -> tuple[Answer, str]:
    """Whether what is aligned with the author here still passes there."""
    author = verdict.domain
    if verdict.dkim_domain:
        return Answer.YES, f"the signature of {verdict.dkim_domain} is aligned with {author}"
    if srs is not Answer.YES:
        if there is None or there.result is spf.Result.TEMPERROR:
            reason = f"only SPF is aligned with {author}; its result there is not known"
            return Answer.UNKNOWN, reason
        if there.result is spf.Result.PASS:
            reason = f"our host may send for {verdict.spf_domain}, which is aligned with {author}"
            return Answer.YES, reason
    lost = "is rewritten" if srs is Answer.YES else "is one our host may not send for"
    sentence = f"only SPF is aligned with {author}, and the sender {lost}"
    wish = verdict.policy or "a policy that could not be looked up"
    return Answer.NO, f"{sentence}; {author} asks for {wish}"


def _keep(report: Report) -> Iterator[str]:
    """What must not change, since the signature that is aligned with the author covers it."""
    verdict = report.dmarc
    if verdict is None or not verdict.dkim_domain:
        return
    standing = [
        each
        for each in report.dkim
        if each.result is dkim.Result.PASS and each.domain == verdict.dkim_domain
    ]
    for signature in standing[:1]:
        yield "the body: a footer, another encoding or a removed part breaks the signature"
        names = sorted(set(signature.signed_fields))
        yield f"the signed header fields: {', '.join(names)}"
        if "subject" in names:
            yield "the subject: a tag such as [list] breaks the signature"
        if signature.expires_at is not None:
            yield f"the deadline: the signature expires at {signature.expires_at} (x=)"


def _advice_on_srs(srs: Answer, domain: str) -> Iterator[str]:
    if srs is Answer.YES and not domain:
        yield "Set up SRS with a domain of your own (mailauth srs, or the service)."


def _advice_on_dmarc(
    verdict: dmarc.Verdict | None, survives: Answer, hop: mailbox.Mailbox
) -> Iterator[str]:
    if verdict is None:
        return
    if verdict.result is dmarc.Result.PASS and survives is Answer.NO:
        yield f"Ask {verdict.domain} to sign with DKIM; only a signature survives forwarding."
        if verdict.policy is not dmarc.Disposition.NONE:
            yield "Until then deliver to a mailbox here, or let the recipient fetch it by IMAP."
        yield "An ARC seal tells the next hop what was found here, if it trusts yours (RFC 8617)."
    if verdict.dkim_domain and verdict.policy not in (None, dmarc.Disposition.NONE):
        wish = f"{verdict.domain} asks for {verdict.policy}"
        yield f"A list that alters the message must put its own address into From: {wish}."
    if survives is Answer.NO and verdict.result is not dmarc.Result.PASS:
        yield "Do not forward it: mail that fails here harms your host's reputation there."
    if verdict.domain and hop.domain == verdict.domain:
        yield f"The message goes back to {verdict.domain}, whose hosts may refuse its own name."
