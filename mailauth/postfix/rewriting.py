"""What Postfix is told about an address: the maps, and the policy behind them.

- `forward`, also `srsencoder`: a sender becomes its SRS address.
- `reverse`, also `srsdecoder`: an SRS address of ours becomes the sender it was made from.
- `exists`: a genuine SRS address of ours becomes itself, for lists of recipients.
- `access`: the same question, answered by an action of access(5), to refuse forgeries.

A map name may end in `@DOMAIN`, which chooses the SRS domain: `forward@lists.example`.
Postfix looks up each result once more, so what is already ours is not found.
There is no I/O here; the time is an argument.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mailauth import srs
from mailauth.postfix.domains import DomainList, canonical
from mailauth.postfix.lookup import Notice, Outcome, Reply, Request

PASSING: Final = srs.Scheme(long_senders=srs.LongSenders.PASS)
"""Senders that are too long pass unchanged: refusing them would keep their mail waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """The policy: what is rewritten, to which domain, with which secrets."""

    domain: str
    """The SRS domain, as A-labels in lower case."""
    secrets: srs.Secrets
    scheme: srs.Scheme = PASSING
    aliases: srs.Aliases | None = None
    """The store that a scheme with `LongSenders.STORE` needs."""
    more_domains: frozenset[str] = frozenset()
    """Further SRS domains, which the name of a map may choose."""
    left_alone: DomainList = field(default_factory=DomainList)
    """Senders that are not rewritten: of our own domains, and excluded ones."""

    def answer(self, request: Request, *, now: int) -> Reply:
        """The reply to Postfix; `now` is in seconds since the epoch.

        **Raises** any exception on internal trouble; a server tells Postfix to try again.
        """
        map_name, key = request
        look_up, srs_domain = MAPS.get(map_name), self.domain
        if look_up is None:
            name, _, srs_domain = map_name.partition("@")
            look_up, srs_domain = MAPS.get(name), canonical(srs_domain)
            if look_up is None:
                return Reply(Outcome.PERM, f"there is no map {map_name[:_SHOWN]!a}")
            if not self.is_ours(srs_domain):
                return Reply(Outcome.PERM, f"{srs_domain[:_SHOWN]!a} is not one of the SRS domains")
        local_part, _, domain = key.rpartition("@")
        if not local_part or not domain:
            return _NO_ADDRESS
        if not (key.isprintable() or _is_text(key)):
            return _NO_TEXT
        return look_up(self, key, canonical(domain), srs_domain, now)

    def is_ours(self, domain: str) -> bool:
        """Whether a domain is one of the SRS domains."""
        return domain == self.domain or domain in self.more_domains


def _forward(policy: Rewriting, address: str, domain: str, srs_domain: str, now: int) -> Reply:
    if policy.is_ours(domain):
        if not policy.scheme.always_rewrite or _SRS.match(address):
            return OURS
    elif policy.left_alone.has(address.rpartition("@")[0], domain):
        return LEFT_ALONE
    try:
        rewritten = srs.forward(
            address,
            domain=srs_domain,
            secrets=policy.secrets,
            now=now,
            scheme=policy.scheme,
            aliases=policy.aliases,
        )
    except srs.TooLong as fault:
        passed = policy.scheme.long_senders is srs.LongSenders.PASS
        return _noted(Outcome.NOT_FOUND if passed else Outcome.TEMP, f"{fault}")
    except srs.SRSError as fault:
        return _noted(Outcome.NOT_FOUND, f"{fault}")
    return _TOO_LONG if rewritten == address else Reply(_FOUND, rewritten)


def _reverse(policy: Rewriting, address: str, domain: str, _: str, now: int) -> Reply:
    if not policy.is_ours(domain):
        return _NOT_OURS
    try:
        return Reply(_FOUND, _original(policy, address, now))
    except srs.NotSRS as fault:
        return Reply(Outcome.NOT_FOUND, f"{fault}")
    except srs.SRSError as fault:
        return _noted(Outcome.NOT_FOUND, f"{fault}", forged=True)


def _exists(policy: Rewriting, address: str, domain: str, srs_domain: str, now: int) -> Reply:
    reply = _reverse(policy, address, domain, srs_domain, now)
    return Reply(_FOUND, address) if reply.outcome is _FOUND else reply


def _access(policy: Rewriting, address: str, domain: str, _: str, now: int) -> Reply:
    if not policy.is_ours(domain):
        return _NOT_OURS
    try:
        _original(policy, address, now)
    except srs.NotSRS as fault:
        return Reply(Outcome.NOT_FOUND, f"{fault}")
    except srs.SRSError as fault:
        return Reply(Outcome.FOUND, _REFUSAL, Notice(f"{fault}", forged=True))
    return GENUINE


def _original(policy: Rewriting, address: str, now: int) -> str:
    return srs.reverse(
        address,
        secrets=policy.secrets,
        now=now,
        scheme=policy.scheme,
        aliases=policy.aliases,
    )


def _noted(outcome: Outcome, reason: str, *, forged: bool = False) -> Reply:
    return Reply(outcome, reason, Notice(reason, forged))


def _is_text(key: str) -> bool:
    """Whether it has no control character; a printable key needs no such check."""
    return _CONTROL.search(key) is None


MAPS: Final[Mapping[str, Callable[[Rewriting, str, str, str, int], Reply]]] = {
    "forward": _forward,
    "srsencoder": _forward,
    "reverse": _reverse,
    "srsdecoder": _reverse,
    "exists": _exists,
    "access": _access,
}
"""By map name, the function that answers: from policy, address, its domain, SRS domain, time."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SRS = re.compile(r"SRS[01][=+-]", re.IGNORECASE)
_SHOWN: Final = 60
_FOUND: Final = Outcome.FOUND  # a global is found faster than a member of an Enum
_NO_ADDRESS = Reply(Outcome.NOT_FOUND, "not an address")  # Postfix also asks for parts of one
_NO_TEXT = _noted(Outcome.NOT_FOUND, "an address with control characters")
OURS: Final = Reply(Outcome.NOT_FOUND, "already in an SRS domain")
LEFT_ALONE: Final = Reply(Outcome.NOT_FOUND, "in a domain that is left alone")
_TOO_LONG = Reply(Outcome.NOT_FOUND, "too long if rewritten")
_NOT_OURS = Reply(Outcome.NOT_FOUND, "not in an SRS domain")
_REFUSAL: Final = f"550 5.1.1 {srs.OUTWARD}"
GENUINE: Final = Reply(Outcome.FOUND, "DUNNO")
