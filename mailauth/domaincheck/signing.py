"""The keys that sign: the DKIM key record of each selector (RFC 6376 §3.6.1)."""

from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

from mailauth.dkim import key as keys
from mailauth.dkim.lint import Weakness, lint_answer
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.domaincheck.area import Area, Published, texts
from mailauth.findings import Finding, Severity, has_errors, unanswered

COMMON_SELECTORS: Final = (
    "default", "dkim", "mail", "smtp", "key1", "key2", "s1", "s2", "k1", "k2", "k3",
    "selector1", "selector2", "google", "fm1", "fm2", "fm3", "mandrill", "mxvault", "sig1",
    "zoho", "pm", "protonmail", "protonmail2", "protonmail3", "mailo", "dk", "x",
)  # fmt: skip
"""Selectors that programs and providers use; those of a domain are listed nowhere."""


_ABSENT: Final = frozenset({"no-key", "syntax", "revoked"})
"""With a guessed selector these are no fault: there may be a wildcard, or an old key."""


class _Key(NamedTuple):
    published: tuple[Published, ...]
    findings: list[Finding]
    usable: bool | None


def check_keys(
    domain: str, selectors: Sequence[str], guessed: Sequence[str], weakness: Weakness | None
) -> Lookups[Area]:
    """The keys of `domain`; `guessed` selectors are reported only if they have a key.

    The area works if one key is usable.  That is not known if no selector is reported,
    or if the DNS did not answer for one.
    """
    asked = list(dict.fromkeys((*selectors, *guessed)))
    judged = yield from gather(*(_ask_key(domain, selector, weakness) for selector in asked))
    named = set(selectors)
    told = [
        key
        for selector, key in zip(asked, judged, strict=True)
        if selector in named or not _ABSENT.intersection(each.code for each in key.findings)
    ]
    found = list(chain.from_iterable(key.findings for key in told))
    usable = {key.usable for key in told}
    works = True if True in usable else None if None in usable or not told else False
    if not told:
        sentence = "no selector was given, so no key was looked at"
        if guessed:
            sentence = "no key was found under the common selectors; it may use others"
        remedy = "give the selector: it is s= in the DKIM-Signature of the domain's mail"
        found.append(Finding("no-selector", Severity.NOTE, sentence, domain, remedy=remedy))
    published = chain.from_iterable(key.published for key in told)
    return Area("dkim", "DKIM", works, tuple(published), tuple(found))


def _ask_key(domain: str, selector: str, weakness: Weakness | None) -> Lookups[_Key]:
    where = keys.name(domain, selector)
    try:
        answer = yield from ask.txt(where)
        found = yield from lint_answer(answer, domain, selector, weakness)
    except LookupFailed as failure:
        return _Key((), [unanswered(failure, where)], None)
    return _Key(texts(where, answer.records[: keys.MAX_RECORDS]), found, not has_errors(found))
