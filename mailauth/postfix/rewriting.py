"""What Postfix is told of an address: the maps, and the policy behind them.

- `forward`, also `srsencoder`: a sender comes to its SRS address.
- `reverse`, also `srsdecoder`: an SRS address of ours comes to the sender it was made of.
- `exists`: an SRS address of ours that is genuine comes to itself, for lists of recipients.
- `access`: the same question as an action of access(5), so that a forgery is refused.

A map name may end in `@DOMAIN`, which chooses the SRS domain: `forward@lists.example`.
Postfix looks up what it found once more, so what is ours already is not found.
Here is no I/O; the time is an argument.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mailauth import srs
from mailauth.postfix.domains import DomainList, canonical
from mailauth.postfix.lookup import Outcome, Reply, Request


class LongSenders(StrEnum):
    """What becomes of a sender whose SRS address would be too long for SMTP."""

    PASS = "pass"  # noqa: S105 - a policy
    """It goes on as it is; SPF may fail at the next hop."""
    REFUSE = "refuse"
    """Its mail stays where it is, until whoever sends it gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """The policy: what is rewritten, to which domain, with which secrets."""

    domain: str
    """The SRS domain, as A-labels in lower case."""
    secrets: srs.Secrets
    scheme: srs.Scheme = field(default_factory=srs.Scheme)
    more_domains: frozenset[str] = frozenset()
    """Further SRS domains, which the name of a map may choose."""
    left_alone: DomainList = field(default_factory=DomainList)
    """Senders of our own and of excluded domains; those of SRS domains always are."""
    long_senders: LongSenders = LongSenders.PASS

    def answer(self, request: Request, *, now: int) -> Reply:
        """What Postfix is told; `now` is in seconds since the epoch.

        **Raises** whatever is wrong inside; a server tells Postfix to try again.
        """
        name, at, domain = request.map_name.partition("@")
        look_up = _MAPS.get(name)
        if look_up is None:
            return Reply(Outcome.PERM, f"there is no map {request.map_name[:_SHOWN]!r}")
        domain = canonical(domain) if at else self.domain
        if domain != self.domain and domain not in self.more_domains:
            return Reply(Outcome.PERM, f"{domain[:_SHOWN]!r} is not one of the SRS domains")
        key = request.key
        local_part, _, of = key.rpartition("@")
        if not local_part or not of or _CONTROL.search(key):
            return _NO_ADDRESS
        return look_up(_Question(self, key, local_part, canonical(of), domain, now))

    def is_ours(self, domain: str) -> bool:
        """Whether a domain is one of the SRS domains."""
        return domain == self.domain or domain in self.more_domains


@dataclass(frozen=True, slots=True)
class _Question:
    """An address that a map is asked for."""

    policy: Rewriting
    address: str
    local_part: str
    domain: str
    srs_domain: str
    now: int


def _forward(question: _Question) -> Reply:
    policy = question.policy
    if policy.is_ours(question.domain):
        return _OURS
    if policy.left_alone.has(question.local_part, question.domain):
        return _LEFT_ALONE
    reply = _rewritten(question)
    return _LEFT_ALONE if reply.text == question.address else reply


def _rewritten(question: _Question) -> Reply:
    policy = question.policy
    try:
        rewritten = srs.forward(
            question.address,
            domain=question.srs_domain,
            secrets=policy.secrets,
            now=question.now,
            scheme=policy.scheme,
        )
    except srs.TooLong as fault:
        if policy.long_senders is LongSenders.REFUSE:
            return Reply(Outcome.TEMP, f"the sender is refused: {fault}")
        return Reply(Outcome.NOT_FOUND, f"passed as it is: {fault}")
    except srs.SRSError as fault:
        return Reply(Outcome.NOT_FOUND, f"not rewritten: {fault}")
    return Reply(Outcome.FOUND, rewritten)


def _reverse(question: _Question) -> Reply:
    if not question.policy.is_ours(question.domain):
        return _NOT_OURS
    try:
        return Reply(Outcome.FOUND, _original(question))
    except srs.SRSError as fault:
        return Reply(Outcome.NOT_FOUND, f"{fault}")


def _exists(question: _Question) -> Reply:
    reply = _reverse(question)
    found = reply.outcome is Outcome.FOUND
    return Reply(Outcome.FOUND, question.address) if found else reply


def _access(question: _Question) -> Reply:
    if not question.policy.is_ours(question.domain):
        return _NOT_OURS
    try:
        _original(question)
    except srs.NotSRS as fault:
        return Reply(Outcome.NOT_FOUND, f"{fault}")
    except srs.SRSError:
        return _FORGED
    return _GENUINE


def _original(question: _Question) -> str:
    policy = question.policy
    return srs.reverse(
        question.address, secrets=policy.secrets, now=question.now, scheme=policy.scheme
    )


_MAPS: Final[Mapping[str, Callable[[_Question], Reply]]] = {
    "forward": _forward,
    "srsencoder": _forward,
    "reverse": _reverse,
    "srsdecoder": _reverse,
    "exists": _exists,
    "access": _access,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN: Final = 60
_NO_ADDRESS = Reply(Outcome.NOT_FOUND, "not an address")
_OURS = Reply(Outcome.NOT_FOUND, "of an SRS domain already")
_LEFT_ALONE = Reply(Outcome.NOT_FOUND, "left alone")
_NOT_OURS = Reply(Outcome.NOT_FOUND, "of another domain")
_FORGED = Reply(Outcome.FOUND, "550 5.1.1 forged or expired bounce address")
_GENUINE = Reply(Outcome.FOUND, "DUNNO")
