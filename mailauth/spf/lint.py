"""What is legal in a record and unwise, and what is broken, before the mail finds out.

A `Finding` has a code that does not change, a severity, a sentence, and the
place.  `lint_record` reads one record and asks nothing; `lint` reads the
records of a domain and of all that it includes.
"""

from collections.abc import Iterator
from typing import Final

from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, Question, RRType, recall
from mailauth.dns.present import MAX_STRING
from mailauth.errors import SyntaxFault
from mailauth.findings import Finding, Severity, unanswered, with_remedies
from mailauth.spf import record as records
from mailauth.spf.evaluation import MAX_MX
from mailauth.spf.macro import MacroString
from mailauth.spf.policy import RFC7208
from mailauth.spf.record import (
    IP4,
    IP6,
    MX,
    PTR,
    A,
    All,
    Directive,
    Exists,
    Include,
    Mechanism,
    Record,
)
from mailauth.spf.remedies import REMEDIES
from mailauth.spf.result import Result

MAX_QUESTIONS: Final = 60
"""How many questions one lint asks at most."""
WIDE_IP4: Final = 16
WIDE_IP6: Final = 32
"""A prefix that is shorter admits more hosts than anybody runs."""
MAX_ANSWER: Final = 450
"""Octets of a record that fit an answer over UDP with some room (RFC 7208 §3.4)."""
SHORT_TTL: Final = 300


def lint_record(octets: bytes, domain: str = "") -> list[Finding]:
    """What one record shows by itself, before it is published."""
    found = _of_record(octets, domain)
    if len(octets) > MAX_STRING:
        sentence = f"{len(octets)} octets: publish it as several strings, with no blank lost"
        found.append(Finding("strings", Severity.WARNING, sentence, domain))
    if not any(finding.severity is Severity.ERROR for finding in found):
        found += _of_lookups(_lookups(records.parse(octets)), domain)
    return with_remedies(found, REMEDIES)


def lint(domain: str) -> Lookups[list[Finding]]:
    """The findings in the record of `domain` and in those that it includes.

    **Asks** `MAX_QUESTIONS` questions at most.
    """
    name, tree = domain.lower(), _Tree()
    yield from recall(tree.visit(name, ()), {})
    found = [*_of_voids(tree.voids, name), *_of_lookups(tree.lookups, name), *tree.found]
    return with_remedies(dict.fromkeys(found), REMEDIES)


_OF_REFUSAL: Final = frozenset({"no-all", "neutral-all"})


class _Tree:
    """The records of a domain and of what they name, read once each."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.lookups = 0
        self.voids = 0
        self._asked: set[Question] = set()
        self._is_unfinished = False
        self._costs: dict[tuple[str, bool], tuple[int, int]] = {}
        """The look-ups of what was read, and those of them that were void."""

    def visit(
        self, domain: str, above: tuple[str, ...], *, included: bool = False
    ) -> Lookups[None]:
        """Add the findings in the record of `domain`, which those of `above` name, and its cost.

        What an included record says of hosts that it does not admit has no effect (RFC 7208 §5.2).
        """
        if domain in above:
            self._add("loop", Severity.ERROR, f"{domain} includes itself", above[-1])
            return
        cost = self._costs.get((domain, included))
        if cost is None:
            lookups, voids = self.lookups, self.voids
            yield from self._read(domain, above, included=included)
            self._costs[domain, included] = self.lookups - lookups, self.voids - voids
        else:
            self.lookups += cost[0]
            self.voids += cost[1]

    def _read(self, domain: str, above: tuple[str, ...], *, included: bool) -> Lookups[None]:
        if not self._may_ask(domain, RRType.TXT, domain):
            return
        try:
            answer = yield from ask.txt(domain)
        except LookupFailed as failure:
            self.found.append(unanswered(failure, domain))
            return
        found = [octets for octets in answer.records if records.is_record(octets)]
        if any(octets[:5].lower() == b"spf2." for octets in answer.records):
            self._add("sender-id", Severity.WARNING, "a record of Sender ID is left over", domain)
        if len(found) != 1:
            code = "several" if found else "none"
            sentence = f"{domain} has {len(found) or 'no'} SPF records; it must have one"
            self._add(code, Severity.ERROR, sentence, domain)
            return
        if answer.ttl < SHORT_TTL:
            sentence = f"it holds for {answer.ttl} seconds; if that is its TTL, give it an hour"
            self._add("ttl", Severity.WARNING, sentence, domain)
        self.found += [
            each
            for each in _of_record(found[0], domain)
            if not (included and each.code in _OF_REFUSAL)
        ]
        try:
            record = records.parse(found[0])
        except SyntaxFault:
            return  # told already
        for directive in record.directives:
            yield from self._follow(directive, domain, above)
        if record.redirect is not None and not _all_of(record):
            self.lookups += 1
            yield from self._read_target(record.redirect, domain, above, included=included)

    def _follow(self, directive: Directive, domain: str, above: tuple[str, ...]) -> Lookups[None]:
        mechanism = directive.mechanism
        if isinstance(mechanism, All | IP4 | IP6):
            return
        self.lookups += 1
        if isinstance(mechanism, Include):
            yield from self._read_target(mechanism.domain_spec, domain, above, included=True)
        elif isinstance(mechanism, A | MX):
            spec = mechanism.domain_spec
            if spec is None or not spec.letters:
                name = domain if spec is None else spec.literal.removesuffix(".").lower()
                try:
                    yield from self._know(mechanism, name, directive.text, domain)
                except LookupFailed as failure:
                    self.found.append(unanswered(failure, domain))

    def _know(self, mechanism: A | MX, name: str, text: str, domain: str) -> Lookups[None]:
        """Whether the DNS knows what an a or a mx names."""
        if isinstance(mechanism, MX):
            known = yield from self._has_exchange(name, text, domain)
            what = "mail exchange"
        else:
            known = yield from self._has_address(name, domain)
            what = "addresses"
        if not known:
            self.voids += 1
            self._add("unknown-name", Severity.WARNING, f"{name} has no {what}", domain, text)

    def _has_exchange(self, name: str, text: str, domain: str) -> Lookups[bool]:
        if not self._may_ask(name, RRType.MX, domain):
            return True  # as far as anybody knows
        exchanges = (yield from ask.mx(name)).records
        if len(exchanges) > MAX_MX:
            sentence = f"{name} has {len(exchanges)} mail exchanges; {MAX_MX} are allowed"
            self._add("many-mx", Severity.ERROR, sentence, domain, text)
        if [exchange.host for exchange in exchanges] == [""]:
            sentence = f"{name} says that it takes no mail (the null MX), so this never matches"
            self._add("null-mx", Severity.WARNING, sentence, domain, text)
        return bool(exchanges)

    def _has_address(self, name: str, domain: str) -> Lookups[bool]:
        for like, rrtype in zip(ask.FAMILIES, (RRType.A, RRType.AAAA), strict=True):
            if not self._may_ask(name, rrtype, domain):
                return True  # as far as anybody knows
            if (yield from ask.addresses(name, like=like)).records:
                return True
        return False

    def _read_target(
        self, spec: MacroString, domain: str, above: tuple[str, ...], *, included: bool
    ) -> Lookups[None]:
        if not spec.letters:  # what macros name is known only with a client
            name = spec.literal.removesuffix(".").lower()
            yield from self.visit(name, (*above, domain), included=included)

    def _may_ask(self, name: str, rrtype: RRType, domain: str) -> bool:
        """Whether it was asked already, or is one of the first `MAX_QUESTIONS`."""
        question = Question(name, rrtype)
        if len(self._asked) < MAX_QUESTIONS:
            self._asked.add(question)
        may = question in self._asked
        if not may and not self._is_unfinished:
            self._is_unfinished = True
            sentence = f"more than {MAX_QUESTIONS} questions: the rest is not looked at"
            self._add("unfinished", Severity.WARNING, sentence, domain)
        return may

    def _add(
        self, code: str, severity: Severity, sentence: str, domain: str, place: str = ""
    ) -> None:
        self.found.append(Finding(code, severity, sentence, domain, place))


def _all_of(record: Record) -> list[Directive]:
    return [each for each in record.directives if isinstance(each.mechanism, All)]


def _of_record(octets: bytes, domain: str) -> list[Finding]:
    """The findings in a record, but for what it costs."""
    if not records.is_record(octets):
        sentence = "it does not begin with v=spf1 and a space, and so it is no record"
        return [Finding("version", Severity.ERROR, sentence, domain)]
    try:
        record = records.parse(octets)
    except SyntaxFault as fault:
        return [Finding("syntax", Severity.ERROR, f"the record cannot be read: {fault}", domain)]
    return [*_of_terms(record, domain), *_of_the_end(record, domain), *_of_size(octets, domain)]


def _lookups(record: Record) -> int:
    """How many terms of a record ask the DNS (RFC 7208 §4.6.4)."""
    asking = [each for each in record.directives if not isinstance(each.mechanism, All | IP4 | IP6)]
    return len(asking) + (record.redirect is not None and not _all_of(record))


def _of_lookups(lookups: int, domain: str) -> Iterator[Finding]:
    if lookups > RFC7208.max_lookups:
        limit = RFC7208.max_lookups
        sentence = f"{lookups} terms ask the DNS; {limit} are allowed (RFC 7208 §4.6.4)"
        yield Finding("lookups", Severity.ERROR, sentence, domain)


def _of_voids(voids: int, domain: str) -> Iterator[Finding]:
    if voids > RFC7208.max_void_lookups:
        limit = RFC7208.max_void_lookups
        sentence = f"{voids} void look-ups; {limit} are allowed (RFC 7208 §4.6.4)"
        yield Finding("void", Severity.ERROR, sentence, domain)


def _of_terms(record: Record, domain: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for directive in record.directives:
        mechanism, text = directive.mechanism, directive.text
        if text.lower() in seen:
            yield Finding("twice", Severity.WARNING, "the term stands twice", domain, text)
        seen.add(text.lower())
        if isinstance(mechanism, PTR):
            sentence = "ptr is slow and should not be published (RFC 7208 §5.5)"
            yield Finding("ptr", Severity.WARNING, sentence, domain, text)
        if _is_wide(mechanism):
            sentence = f"wider than /{WIDE_IP4} of IPv4 or /{WIDE_IP6} of IPv6: strangers may send"
            yield Finding("wide", Severity.WARNING, sentence, domain, text)
        if isinstance(mechanism, Include | A | MX | PTR | Exists):
            spec = mechanism.domain_spec
            if spec is not None and "p" in spec.letters:
                sentence = "%{p} is slow and should not be published (RFC 7208 §7.3)"
                yield Finding("p-macro", Severity.WARNING, sentence, domain, text)
    for name, value in record.unknown_modifiers:
        sentence = "a modifier that means nothing; is it misspelt?"
        yield Finding("modifier", Severity.WARNING, sentence, domain, f"{name}={value}")


def _is_wide(mechanism: Mechanism) -> bool:
    if isinstance(mechanism, A | MX):
        return mechanism.ip4_length < WIDE_IP4 or mechanism.ip6_length < WIDE_IP6
    if isinstance(mechanism, IP4):
        return mechanism.length < WIDE_IP4
    return isinstance(mechanism, IP6) and mechanism.length < WIDE_IP6


def _of_the_end(record: Record, domain: str) -> Iterator[Finding]:
    ends = _all_of(record)
    if not ends and record.redirect is None:
        sentence = "it ends in no all, so that nobody is refused; end it with -all or ~all"
        yield Finding("no-all", Severity.WARNING, sentence, domain)
    for end in ends:
        if end.qualifier.result is Result.PASS:
            sentence = "anybody may send for this domain"
            yield Finding("pass-all", Severity.ERROR, sentence, domain, end.text)
        elif end.qualifier.result is Result.NEUTRAL:
            sentence = "nobody is refused; say -all or ~all"
            yield Finding("neutral-all", Severity.WARNING, sentence, domain, end.text)
    if ends and record.redirect is not None:
        sentence = "redirect= is never used beside all (RFC 7208 §6.1)"
        yield Finding("redirect", Severity.WARNING, sentence, domain, record.redirect.text)
    after = record.directives[record.directives.index(ends[0]) + 1 :] if ends else ()
    for directive in after:
        sentence = "it stands after all and is never read (RFC 7208 §5.1)"
        yield Finding("after-all", Severity.WARNING, sentence, domain, directive.text)


def _of_size(octets: bytes, domain: str) -> Iterator[Finding]:
    if len(octets) > MAX_ANSWER:
        sentence = f"{len(octets)} octets may not fit an answer over UDP (RFC 7208 §3.4)"
        yield Finding("size", Severity.WARNING, sentence, domain)
