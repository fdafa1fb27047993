"""What Google, Yahoo and Microsoft demand of those who send to them.

Google and Yahoo have demanded this since February 2024, Microsoft since May 2025: of
senders of 5,000 mails a day or more, except where a demand begins with "all".  Demands
on which the DNS has no say are listed too, so that the list is complete.
"""

from typing import Final

from mailauth.domaincheck.area import DEMANDS, Area, Rule
from mailauth.findings import Finding, Severity

_ALL: Final = ("Google", "Yahoo", "Microsoft")
_NOT_MICROSOFT: Final = ("Google", "Yahoo")
_UNSEEN: Final = "the DNS does not show it"


def rules(
    sending: Area,
    signing: Area,
    policy: Area,
    addresses: Area,
    *,
    by_address: bool,
    by_selector: bool,
) -> tuple[Rule, ...]:
    """The demands, each with whether the areas show that it is met.

    A sound record does not prove that mail passes.  That is known of SPF only if the
    hosts that send were given (`by_address`), and of DKIM only if a selector was
    (`by_selector`).
    """
    passes_spf = _known(sending.works, asked=by_address)
    passes_dkim = _known(signing.works, asked=by_selector)
    either = _either(passes_spf, passes_dkim)
    aligned = either if policy.works else policy.works
    return (
        Rule("either", "all senders: SPF or DKIM passes", _ALL, either, _why(sending, signing)),
        Rule("spf", "SPF passes", _ALL, passes_spf, _why(sending)),
        Rule("dkim", "DKIM passes, with a key of 1024 bits or more", _ALL, passes_dkim,
             _why(signing)),
        Rule("dmarc", "DMARC with at least p=none", _ALL, policy.works, _why(policy)),
        Rule("alignment", "SPF or DKIM for the domain of the From field", _ALL, aligned,
             _why(sending, signing, policy)),
        Rule("ptr", "all senders: the sending addresses have names that resolve back",
             _NOT_MICROSOFT, addresses.works, _why(addresses)),
        Rule("tls", "all senders: sent over TLS", ("Google",), None, _UNSEEN),
        Rule("unsubscribe", "unsubscribing with one click, signed (RFC 8058)", _NOT_MICROSOFT,
             None, _UNSEEN),
        Rule("complaints", "under 0.3 % of mail marked as spam", _NOT_MICROSOFT, None, _UNSEEN),
    )  # fmt: skip


def check_rules(domain: str, found: tuple[Rule, ...], *, sends: bool) -> Area:
    """The demands that are not met, as findings."""
    title = "What the large providers demand"
    if not sends:
        sentence = "it says that it sends no mail, so nothing is demanded"
        note = Finding("no-mail", Severity.NOTE, sentence, domain)
        return Area(DEMANDS, title, findings=(note,))
    findings = tuple(
        Finding(
            rule.code,
            Severity.WARNING,
            f"not met: {rule.demand} ({', '.join(rule.providers)})",
            domain,
            remedy=f"correct what is found under {rule.why}",
        )
        for rule in found
        if rule.met is False
    )
    unknown = any(rule.met is None for rule in found if rule.why != _UNSEEN)
    works = False if findings else None if unknown else True
    return Area(DEMANDS, title, works, findings=findings)


def _known(works: bool | None, *, asked: bool) -> bool | None:  # noqa: FBT001 - what is known
    return None if works and not asked else works


def _either(first: bool | None, second: bool | None) -> bool | None:  # noqa: FBT001 - what is known
    if first or second:
        return True
    return None if None in (first, second) else False


def _why(*areas: Area) -> str:
    return " and ".join(area.title for area in areas)
