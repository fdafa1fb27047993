"""Incoming mail is judged: SPF for HELO and MAIL FROM, DKIM for every signature.

`judge` asks the DNS and comes to a `Judgement`: what is told in the fields,
and what follows.  Every method that was switched on is told of, also when it
came to nothing, so that a missing result cannot be taken for one (RFC 8601 §2.7).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailauth import dkim, spf
from mailauth.authenticate import of_dkim, of_spf
from mailauth.authres import MethodResult
from mailauth.dkim import Verification
from mailauth.dns.lookups import Lookups
from mailauth.milter.clients import Address
from mailauth.milter.replies import Refusal
from mailauth.milter.settings import RANK, Action, VerifyingSettings
from mailauth.spf import received


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who brought a message, as far as SPF asks."""

    address: Address | None
    helo: str
    sender: str
    """Without angle brackets; empty is the null sender."""
    smtputf8: bool = False
    """The message may have more than ASCII in its header (RFC 6531 §3.4)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found, and what follows."""

    results: tuple[MethodResult, ...]
    received_spf: tuple[bytes, ...] = ()
    """Fields, each with its CRLF."""
    action: Action = Action.HEADER
    refusal: Refusal | None = None
    """If the action is to refuse, the words (RFC 7372 §3)."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """A verdict that an action follows on."""

    action: Action
    enhanced: str
    """Without its first digit."""
    sentence: str


def judge(
    envelope: Envelope,
    verification: Verification | None,
    settings: VerifyingSettings,
    *,
    now: int,
) -> Lookups[Judgement]:
    """The judgement on one message.  **Asks** what `spf.check` and `dkim.verify` ask."""
    results: list[MethodResult] = []
    fields: list[bytes] = []
    grounds: list[_Ground] = []
    if settings.spf:
        verdicts = yield from _check_spf(envelope, settings.authserv_id, now)
        results += [
            of_spf(each, helo=envelope.helo, mail_from=envelope.sender) for each in verdicts
        ]
        grounds.append(_ground_of_spf(verdicts, settings.spf_actions))
        if settings.received_spf:
            fields = list(_received_spf(envelope, verdicts, settings.authserv_id))
    if settings.dkim and verification is not None:
        found = yield from verification.verdicts()
        results += map(of_dkim, found)
        grounds.append(_ground_of_dkim(found, settings.dkim_actions))
    action = min((ground.action for ground in grounds), key=RANK.index, default=Action.HEADER)
    refusal = _refusal(action, [ground for ground in grounds if ground.action is action])
    return Judgement(tuple(results), tuple(fields), action, refusal)


def _check_spf(envelope: Envelope, receiver: str, now: int) -> Lookups[list[spf.Verdict]]:
    """RFC 7208 §2.3, §2.4: the HELO identity, and that of MAIL FROM if there is a sender."""
    address, helo = envelope.address, envelope.helo
    if address is None:
        reason = "the client has no IP address"
        return [spf.Verdict(spf.Result.NONE, reason)]
    verdict = yield from spf.check_helo(ip=address, helo=helo, receiver=receiver, now=now)
    verdicts = [verdict]
    if envelope.sender:
        verdict = yield from spf.check(
            ip=address, helo=helo, sender=envelope.sender, receiver=receiver, now=now
        )
        verdicts.append(verdict)
    return verdicts


def _received_spf(
    envelope: Envelope, verdicts: Iterable[spf.Verdict], receiver: str
) -> Iterator[bytes]:
    for verdict in verdicts:
        yield received.field(
            verdict,
            ip=str(envelope.address or "unknown"),
            helo=envelope.helo,
            sender=envelope.sender,
            receiver=receiver,
        )


def _ground_of_spf(verdicts: Sequence[spf.Verdict], actions: Mapping[str, Action]) -> _Ground:
    """The MAIL FROM identity decides, or that of HELO for the null sender (RFC 7208 §2.4)."""
    verdict = verdicts[-1]
    action = actions.get(verdict.result, Action.HEADER)
    error = verdict.result in (spf.Result.TEMPERROR, spf.Result.PERMERROR)
    sentence = f"SPF says {verdict.result} of {_shown(verdict.domain) or 'the sender'}"
    if verdict.explanation:
        sentence += f"; the domain explains: {_shown(verdict.explanation)}"
    return _Ground(action, "7.24" if error else "7.23", sentence)


def _ground_of_dkim(verdicts: Sequence[dkim.Verdict], actions: Mapping[str, Action]) -> _Ground:
    """The best of the signatures decides: a pass, or what may become one, or the first."""
    found = [verdict.result for verdict in verdicts]
    best = next((good for good in _BEST if good in found), found[0])
    action = actions.get(best, Action.HEADER)
    code = "7.21" if best is dkim.Result.POLICY else "7.20"
    return _Ground(action, code, f"DKIM says {best} of the message")


_BEST: Final = (dkim.Result.PASS, dkim.Result.TEMPERROR)
_MULTIPLE: Final = "7.26"


def _refusal(action: Action, grounds: Sequence[_Ground]) -> Refusal | None:
    """RFC 7372 §3: the code of the check that failed, or that for several."""
    if action not in (Action.REJECT, Action.TEMPFAIL):
        return None
    enhanced = grounds[0].enhanced if len(grounds) == 1 else _MULTIPLE
    sentence = "; ".join(ground.sentence for ground in grounds)
    if action is Action.REJECT:
        return Refusal(550, f"5.{enhanced}", sentence)
    return Refusal(451, f"4.{enhanced}", sentence)


def _shown(text: str) -> str:
    """A text from outside in a reply of SMTP: printable ASCII."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
