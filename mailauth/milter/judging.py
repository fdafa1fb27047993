"""Incoming mail is judged: SPF for HELO and MAIL FROM, DKIM for every signature, DMARC.

`judge` asks the DNS, through `authenticate`, and returns a `Judgement`: what the fields
report, and what is done with the message.  Every method that is switched on is reported, even
if it found nothing, so that a missing result cannot pass for a result (RFC 8601 §2.7).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailauth import dkim, dmarc, spf
from mailauth.authenticate import Report, authenticate
from mailauth.authres import MethodResult
from mailauth.dkim import Verification
from mailauth.dns.lookups import Lookups
from mailauth.milter.ending import DELIVERED, Ending
from mailauth.milter.protocol.replies import Refusal, printable_ascii
from mailauth.milter.settings import RANK, Action, VerifyingSettings
from mailauth.spf import received
from mailauth.syntax.address import Address


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent a message, as far as SPF needs to know."""

    address: Address | None
    helo: str
    sender: str
    """Without angle brackets; empty is the null sender."""
    smtputf8: bool = False
    """The header may contain more than ASCII (RFC 6531 §3.4)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found, and what is done with the message."""

    results: tuple[MethodResult, ...]
    received_spf: tuple[bytes, ...] = ()
    """Received-SPF fields, each with its CRLF."""
    ending: Ending = DELIVERED
    """A refusal has the code of RFC 7372 §3."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """One reason to act on a message: the action that a verdict calls for, and why in words."""

    action: Action
    enhanced: str
    """The enhanced status code without its first digit."""
    sentence: str


def judge(
    envelope: Envelope,
    verification: Verification | None,
    settings: VerifyingSettings,
    *,
    now: int,
) -> Lookups[Judgement]:
    """The judgement on one message; `verification`, if given, has seen its body.

    **Asks** what `authenticate` asks.
    """
    report = yield from authenticate(
        b"" if verification is None else verification,
        ip=envelope.address or "",
        helo=envelope.helo,
        mail_from=envelope.sender,
        now=now,
        receiver=settings.authserv_id,
        methods=settings.methods,
        trusted_sealers=settings.trusted_sealers,
    )
    if settings.spf and envelope.address is None:
        report = report._replace(spf=spf.Verdict(spf.Result.NONE, "the client has no IP address"))
    fields: Iterable[bytes] = ()
    if settings.received_spf:
        fields = _received_spf(report, settings.authserv_id, smtputf8=envelope.smtputf8)
    return Judgement(report.results(), tuple(fields), _ending(list(_grounds(report, settings))))


def _received_spf(report: Report, receiver: str, *, smtputf8: bool) -> Iterator[bytes]:
    ip, helo, sender = report.envelope
    for verdict in report.by_spf():
        yield received.field(
            verdict,
            ip=ip or "unknown",
            helo=helo,
            sender=sender,
            receiver=receiver,
            smtputf8=smtputf8,
        )


def _grounds(report: Report, settings: VerifyingSettings) -> Iterator[_Ground]:
    if report.spf is not None:
        yield _ground_of_spf(report.spf, settings.spf_actions)
    if report.dkim:
        yield _ground_of_dkim(report.dkim, settings.dkim_actions)
    if report.dmarc is not None:
        ground = _ground_of_dmarc(report.dmarc, settings.dmarc_actions)
        failed = report.dmarc.result is dmarc.Result.FAIL
        yield _by_chain(ground, report, settings.trusted_sealers) if failed else ground


def _ground_of_spf(verdict: spf.Verdict, actions: Mapping[str, Action]) -> _Ground:
    """MAIL FROM decides; for the null sender it is derived from HELO (RFC 7208 §2.4)."""
    action = actions.get(verdict.result, Action.HEADER)
    error = verdict.result in (spf.Result.TEMPERROR, spf.Result.PERMERROR)
    domain = printable_ascii(verdict.domain) or "the sender"
    sentence = f"the SPF result for {domain} is {verdict.result}"
    if verdict.explanation:
        sentence += f"; the domain explains: {printable_ascii(verdict.explanation)}"
    return _Ground(action, "7.24" if error else "7.23", sentence)


def _ground_of_dkim(verdicts: Sequence[dkim.Verdict], actions: Mapping[str, Action]) -> _Ground:
    """The best signature decides: a pass, else one that may become a pass, else the first."""
    found = [verdict.result for verdict in verdicts]
    best = next((good for good in _BEST if good in found), found[0])
    action = actions.get(best, Action.HEADER)
    code = "7.21" if best is dkim.Result.POLICY else "7.20"
    return _Ground(action, code, f"the DKIM result for the message is {best}")


def _ground_of_dmarc(verdict: dmarc.Verdict, actions: Mapping[str, Action]) -> _Ground:
    """If the message fails, what the owner of the author's domain asks for decides.

    RFC 9989 §7.2 leaves the code open and shows 5.7.1.
    """
    domain = printable_ascii(verdict.domain) or "a message without a single author"
    if verdict.result is dmarc.Result.FAIL:
        sentence = f"the message fails the DMARC policy of {domain}"
        return _Ground(actions.get(verdict.disposition, Action.HEADER), "7.1", sentence)
    action = actions.get(verdict.result, Action.HEADER)
    if verdict.result is dmarc.Result.NONE:  # as a key of the actions, `none` means p=none
        action = Action.HEADER
    return _Ground(action, "7.1", f"the DMARC result for {domain} is {verdict.result}")


def _by_chain(ground: _Ground, report: Report, trusted: frozenset[str]) -> _Ground:
    """The ground to act on a failure of DMARC, after a trusted chain has been considered.

    A chain that is believed overrides the failure, as local policy (RFC 9989 §5.3.6).
    One that might be believed, but cannot be judged now, makes the message wait: the chain
    counts as failed (RFC 8617 §5.2.1), but a refusal would be final.
    """
    chain = report.chain
    if report.override():
        return _Ground(Action.HEADER, "7.1", "")
    if chain is None or ground.action is Action.HEADER:
        return ground
    if chain.temporary and trusted.issuperset(chain.sealers):
        return _Ground(Action.TEMPFAIL, "7.29", "the ARC chain cannot be judged now")
    return ground


_BEST: Final = (dkim.Result.PASS, dkim.Result.TEMPERROR)
_MULTIPLE: Final = "7.26"


def _ending(grounds: Sequence[_Ground]) -> Ending:
    """The action that ranks first among the grounds, with all the reasons for it."""
    action = min((ground.action for ground in grounds), key=RANK.index, default=Action.HEADER)
    if action in (Action.HEADER, Action.ACCEPT):
        return Ending(action)
    deciding = [ground for ground in grounds if ground.action is action]
    reason = "; ".join(ground.sentence for ground in deciding)
    # RFC 7372 §3: the code of the check that failed, or the code for several.
    enhanced = deciding[0].enhanced if len(deciding) == 1 else _MULTIPLE
    refusal: Refusal | None = None
    if action is Action.REJECT:
        refusal = Refusal(550, f"5.{enhanced}", reason)
    elif action is Action.TEMPFAIL:
        refusal = Refusal(451, f"4.{enhanced}", reason)
    return Ending(action, refusal, reason)
