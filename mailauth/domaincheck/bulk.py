"""What Google, Yahoo and Microsoft demand of those who send to them.

Google and Yahoo since February 2024, Microsoft since May 2025; of senders of
5,000 mails a day and more, except where "all" is said.  What the DNS does not
tell is listed too, so that the list is whole.
"""

from typing import Final

from mailauth.domaincheck.area import Area, Rule
from mailauth.findings import Finding, Severity

_ALL: Final = ("Google", "Yahoo", "Microsoft")
_NOT_MICROSOFT: Final = ("Google", "Yahoo")


def rules(sending: Area, signing: Area, wishes: Area, addresses: Area) -> tuple[Rule, ...]:
    """The demands, each with whether the areas show that it is met."""
    either = _either(sending.works, signing.works)
    aligned = either if wishes.works else wishes.works
    unseen = "the DNS does not tell"
    return (
        Rule("either", "all: SPF or DKIM passes", _ALL, either, _why(sending, signing)),
        Rule("spf", "SPF passes", _ALL, sending.works, _why(sending)),
        Rule("dkim", "DKIM passes, with a key of 1024 bits or more", _ALL, signing.works,
             _why(signing)),
        Rule("dmarc", "DMARC with at least p=none", _ALL, wishes.works, _why(wishes)),
        Rule("alignment", "SPF or DKIM for the domain of the From field", _ALL, aligned,
             _why(sending, signing, wishes)),
        Rule("ptr", "all: sending addresses have names that lead back", _NOT_MICROSOFT,
             addresses.works, _why(addresses)),
        Rule("tls", "all: sent over TLS", ("Google",), None, unseen),
        Rule("unsubscribe", "unsubscribing with one click, signed (RFC 8058)", _NOT_MICROSOFT,
             None, unseen),
        Rule("complaints", "under 0.3 % of mail marked as spam", _NOT_MICROSOFT, None, unseen),
    )  # fmt: skip


def check_rules(domain: str, found: tuple[Rule, ...], *, sends: bool) -> Area:
    """The demands that are not met, as findings."""
    title = "What the large providers demand"
    if not sends:
        sentence = "it says that it sends no mail, so nothing is demanded"
        note = Finding("no-mail", Severity.NOTE, sentence, domain)
        return Area("bulk", title, findings=(note,))
    findings = tuple(
        Finding(
            rule.code,
            Severity.WARNING,
            f"not met: {rule.demand} ({', '.join(rule.providers)})",
            domain,
            remedy=f"mend what is found under {rule.why}",
        )
        for rule in found
        if rule.met is False
    )
    known = [rule.met for rule in found if rule.met is not None]
    return Area("bulk", title, all(known) if known else None, findings=findings)


def _either(first: bool | None, second: bool | None) -> bool | None:  # noqa: FBT001 - what is known
    if first or second:
        return True
    return None if None in (first, second) else False


def _why(*areas: Area) -> str:
    return " and ".join(area.title for area in areas)
