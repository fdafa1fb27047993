"""The story of one message: what was judged and why, told as lines, as JSON, and as a page.

Each verdict is a chapter: its result and reason, the section that says what the
result means, the facts, and the tree of what was done for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailauth import arc, dkim, dmarc, spf
from mailauth.verdicts import Node, Step, tree

SECTIONS: Final[dict[str, dict[str, str]]] = {
    "spf": {
        "none": "RFC 7208 §2.6.1",
        "neutral": "RFC 7208 §2.6.2",
        "pass": "RFC 7208 §2.6.3",
        "fail": "RFC 7208 §2.6.4",
        "softfail": "RFC 7208 §2.6.5",
        "temperror": "RFC 7208 §2.6.6",
        "permerror": "RFC 7208 §2.6.7",
    },
    "dkim": {
        "none": "RFC 8601 §2.7.1",
        "pass": "RFC 6376 §6.1.3",
        "fail": "RFC 6376 §6.1.3",
        "policy": "RFC 6376 §6.3",
        "neutral": "RFC 6376 §3.6.1",
        "temperror": "RFC 6376 §6.1.2",
        "permerror": "RFC 6376 §6.1.1",
    },
    "arc": {
        "none": "RFC 8617 §5.2",
        "pass": "RFC 8617 §5.2",
        "fail": "RFC 8617 §5.2",
    },
    "dmarc": {
        "none": "RFC 9989 §4.10.1",
        "pass": "RFC 9989 §5.3.5",
        "fail": "RFC 9989 §5.3.5",
        "temperror": "RFC 9989 §5.3.6",
        "permerror": "RFC 9989 §5.3.1",
    },
}
"""By method and result: the section that describes the decision."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The verdict of one method, told."""

    method: str
    title: str
    result: str
    reason: str
    facts: tuple[tuple[str, str], ...] = ()
    """Names and values, without those that are not known."""
    steps: tuple[Step, ...] = ()

    @property
    def section(self) -> str:
        """The section that describes the decision."""
        return SECTIONS[self.method][self.result]

    def tree(self) -> list[Node]:
        """The steps, each with those that belong to it."""
        return tree(self.steps)

    def lines(self) -> Iterator[str]:
        """The chapter, a line at a time."""
        yield f"{self.title}: {self.result}, {self.reason} ({self.section})"
        yield from (f"  {'  ' * step.depth}{step.text}" for step in self.steps)


def of_spf(title: str, verdict: spf.Verdict) -> Chapter:
    """What SPF says of one identity."""
    facts = (
        ("domain", verdict.domain),
        ("matched", verdict.directive),
        ("in the record of", verdict.directive_domain),
        ("the domain's own words", verdict.explanation),
        ("look-ups", str(verdict.lookups)),
        ("void look-ups", str(verdict.void_lookups)),
        ("judged by", verdict.basis),
    )
    return Chapter("spf", title, verdict.result, verdict.reason, _known(facts), verdict.steps)


def of_dkim(verdict: dkim.Verdict) -> Chapter:
    """What one signature says."""
    bits = "" if verdict.key_size is None else f"{verdict.key_size} bits"
    facts = (
        ("domain (d=)", verdict.domain or ""),
        ("selector (s=)", verdict.selector or ""),
        ("identity (i=)", verdict.identity or ""),
        ("algorithm (a=)", verdict.algorithm or ""),
        ("key", bits),
        ("signed fields (h=)", ", ".join(verdict.signed_fields)),
        ("signature (b=)", verdict.signature),
    )
    named = f" of {verdict.domain}" if verdict.domain else ""
    title = f"DKIM signature{named}"
    return Chapter("dkim", title, verdict.result, verdict.reason, _known(facts), verdict.steps)


def of_arc(verdict: arc.Verdict, override: str) -> Chapter:
    """What the ARC chain says of the way of the message."""
    facts = (
        ("sealers, the oldest first", ", ".join(verdict.sealers)),
        ("what the oldest sealer found", verdict.testimony[0] if verdict.testimony else ""),
        ("all of them are trusted", "yes" if verdict.trusted else ""),
        ("so DMARC may be passed over", override),
    )
    title = "ARC chain"
    return Chapter("arc", title, verdict.result, verdict.reason, _known(facts), verdict.steps)


def of_dmarc(verdict: dmarc.Verdict) -> Chapter:
    """What DMARC says of the author's domain."""
    facts = (
        ("author domain", verdict.domain),
        ("policy", "" if verdict.policy is None else verdict.policy.value),
        ("published at", verdict.policy_domain and f"_dmarc.{verdict.policy_domain}"),
        ("organizational domain", verdict.organizational_domain),
        ("the same by the public suffix list", _other(verdict)),
        ("aligned signature of", verdict.dkim_domain),
        ("aligned SPF of", verdict.spf_domain),
        ("what to do with it", verdict.disposition.value if verdict.result == "fail" else ""),
    )
    result, reason = verdict.result, verdict.reason
    return Chapter("dmarc", "DMARC", result, reason, _known(facts), verdict.steps)


def _known(facts: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in facts if value)


def _other(verdict: dmarc.Verdict) -> str:
    """What the public suffix list says, if it differs."""
    listed = verdict.listed_domain
    return "" if listed == verdict.organizational_domain else listed
