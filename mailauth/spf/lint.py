"""What is broken in a record, and what is legal but unwise, before mail suffers from it.

A `Finding` has a code that does not change, a severity, a sentence and a place.
`lint_record` reads one record and asks nothing; `lint` reads the record of a
domain and all that it includes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, Question, RRType, recall
from mailauth.dns.present import MAX_STRING
from mailauth.errors import SyntaxFault
from mailauth.findings import UNANSWERED, Finding, Severity, meant, unanswered, with_remedies
from mailauth.spf import record as records
from mailauth.spf import unwise
from mailauth.spf.evaluation import MAX_MX
from mailauth.spf.letters import fixed_target
from mailauth.spf.macro import MacroString
from mailauth.spf.policy import RFC7208
from mailauth.spf.record import MX, A, Directive, Exists, Include, Record
from mailauth.spf.remedies import REMEDIES
from mailauth.syntax.domain import is_askable, is_same_or_subdomain

if TYPE_CHECKING:
    from ipaddress import IPv4Network

MAX_QUESTIONS: Final = 60
"""How many questions one lint asks at most."""
SHORT_TTL: Final = 300


def lint_record(octets: bytes, domain: str = "") -> list[Finding]:
    """The findings in one record by itself, before it is published."""
    found = unwise.of_record(octets, domain)
    if len(octets) > MAX_STRING:
        sentence = f"{len(octets)} octets: publish it as several strings, without losing a space"
        found.append(Finding("strings", Severity.WARNING, sentence, domain))
    if not any(finding.code in _OF_NO_RECORD for finding in found):
        record = records.parse(octets)
        found += unwise.of_size(len(domain) + len(octets), domain)
        found += unwise.of_networks(unwise.networks_of(record), domain)
        found += unwise.of_lookups(unwise.count_lookups(record), domain)
    return with_remedies(found, REMEDIES)


def lint(domain: str) -> Lookups[list[Finding]]:
    """The findings in the record of `domain` and in those that it includes.

    **Asks** `MAX_QUESTIONS` questions at most.
    """
    name = domain.lower()
    tree = _Tree(name)
    yield from recall(tree.visit(name, ()), {})
    found = [
        *_of_voids(tree.costs, name),
        *unwise.of_lookups(tree.costs[_LOOKUPS], name),
        *tree.of_networks(),
        *(tree.with_owner(each) for each in tree.found),
    ]
    return with_remedies(dict.fromkeys(found), REMEDIES)


_OF_NO_RECORD: Final = frozenset({"version", "syntax"})
_OF_NO_OWNER: Final = frozenset({UNANSWERED, "unfinished", "loop"})
_OF_REFUSAL: Final = frozenset({"no-all", "neutral-all"})
_LOOKUPS: Final = "look-ups"
_FAMILIES: Final = {
    "IPv4": (ask.FAMILIES[0], RRType.A),
    "IPv6": (ask.FAMILIES[1], RRType.AAAA),
}
"""The families of clients: an address of each, and the type of its records (RFC 7208 §5)."""


class _Tree:
    """The record of a domain and those that it leads to, each read once."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._named_by: dict[str, str] = {}
        """By domain: the record, at the domain of the lint or below it, that leads there."""
        self.found: list[Finding] = []
        self.costs: Counter[str] = Counter()
        """The look-ups, and how many are void for clients of each family (RFC 7208 §4.6.4)."""
        self._networks: list[IPv4Network] = []
        self._ours: list[IPv4Network] = []
        """Those of them in a record at the domain of the lint or below it."""
        self._asked: set[Question] = set()
        self._is_unfinished = False
        self._known: dict[tuple[str, bool], Counter[str]] = {}
        """The costs of each record that was read: by domain, and by whether it is included."""

    def visit(
        self, domain: str, above: tuple[str, ...], *, included: bool = False
    ) -> Lookups[None]:
        """Add the findings in the record of `domain`, to which `above` leads, and its costs.

        What an included record says of hosts that it does not admit has no effect (RFC 7208 §5.2).
        """
        if above:
            by = above[-1] if self._is_ours(above[-1]) else self._named_by[above[-1]]
            self._named_by.setdefault(domain, by)
        if domain in above:
            self._add("loop", Severity.ERROR, f"{domain} includes itself", above[-1])
            return
        known = self._known.get((domain, included))
        if known is None:
            before = self.costs.copy()
            yield from self._read(domain, above, included=included)
            self._known[domain, included] = self.costs - before
        else:
            self.costs.update(known)

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
            self._add("sender-id", Severity.WARNING, "a Sender ID record is left over", domain)
        if len(found) != 1:
            shown = found or meant(answer.records, b"spf")
            self.found.append(_of_not_one(len(found), shown, domain, above))
            return
        if answer.ttl < SHORT_TTL:
            sentence = (
                f"the answer holds for {answer.ttl} seconds; if that is its TTL, make it an hour"
            )
            self._add("ttl", Severity.WARNING, sentence, domain)
        self.found += unwise.of_size(len(domain) + sum(map(len, answer.records)), domain)
        self.found += [
            each
            for each in unwise.of_record(found[0], domain)
            if not (included and each.code in _OF_REFUSAL)
        ]
        try:
            record = records.parse(found[0])
        except SyntaxFault:
            return  # reported already
        yield from self._go_through(record, domain, above, included=included)

    def _go_through(
        self, record: Record, domain: str, above: tuple[str, ...], *, included: bool
    ) -> Lookups[None]:
        self.costs[_LOOKUPS] += unwise.count_lookups(record)
        networks = list(unwise.networks_of(record))
        self._networks += networks
        if self._is_ours(domain):
            self._ours += networks
        for directive in records.reached(record):
            yield from self._follow(directive, domain, above)
        redirect = records.redirect_of(record)
        if redirect is not None:
            term = f"redirect={redirect.text}"
            yield from self._read_target(redirect, term, domain, above, included=included)
        # The exp= of an included record has no effect (RFC 7208 §6.2).
        if record.exp is not None and not included:
            yield from self._explain(record.exp, domain)

    def _follow(self, directive: Directive, domain: str, above: tuple[str, ...]) -> Lookups[None]:
        mechanism = directive.mechanism
        if isinstance(mechanism, Include):
            spec, term = mechanism.domain_spec, directive.text
            yield from self._read_target(spec, term, domain, above, included=True)
        elif isinstance(mechanism, A | MX | Exists):
            name = fixed_target(mechanism.domain_spec, domain)
            if name is None:
                return
            try:
                yield from self._know(directive, name, domain)
            except LookupFailed as failure:
                self.found.append(unanswered(failure, domain))

    def _know(self, directive: Directive, name: str, domain: str) -> Lookups[None]:
        """Count the void look-ups of a term, and add a finding if its name has no records."""
        mechanism, text, what = directive.mechanism, directive.text, "addresses"
        if isinstance(mechanism, MX):
            what = "mail exchange"
            known = yield from self._has_exchange(name, text, domain)
            void = [] if known else list(_FAMILIES)
        elif isinstance(mechanism, Exists):
            known = yield from self._matches_everybody(name, directive, domain)
            void = [] if known else list(_FAMILIES)
        else:
            void = yield from self._lacking(name, _FAMILIES, domain)
        if is_askable(name):
            self.costs.update(void)
        if len(void) == len(_FAMILIES):
            self._add("unknown-name", Severity.WARNING, f"{name} has no {what}", domain, text)

    def _matches_everybody(self, name: str, directive: Directive, domain: str) -> Lookups[bool]:
        """Whether exists: of a name matches, whoever the client is (RFC 7208 §5.7)."""
        if not self._may_ask(name, RRType.A, domain):
            return True  # nothing is known against it
        matches = bool((yield from ask.addresses(name, like=ask.FAMILIES[0])).records)
        if matches and unwise.admits(directive):
            told = f"{name} exists, so anybody may send for this domain", domain, directive.text
            self.found.append(Finding("pass-all", Severity.ERROR, *told, REMEDIES["exists"]))
        return matches

    def _lacking(self, name: str, families: Iterable[str], domain: str) -> Lookups[list[str]]:
        """The families of which a name is known to have no address."""
        lacking: list[str] = []
        for family in families:
            like, rrtype = _FAMILIES[family]
            may = self._may_ask(name, rrtype, domain)
            if may and not (yield from ask.addresses(name, like=like)).records:
                lacking.append(family)
        return lacking

    def _has_exchange(self, name: str, text: str, domain: str) -> Lookups[bool]:
        if not self._may_ask(name, RRType.MX, domain):
            return True  # nothing is known against it
        exchanges = (yield from ask.mx(name)).records
        hosts = [exchange.host.lower() for exchange in exchanges]
        if len(hosts) > MAX_MX:
            sentence = f"{name} has {len(hosts)} mail exchanges; {MAX_MX} are allowed"
            self._add("many-mx", Severity.ERROR, sentence, domain, text)
            return True
        if hosts == [""]:
            sentence = f"{name} says that it accepts no mail (the null MX), so this never matches"
            self._add("null-mx", Severity.WARNING, sentence, domain, text)
            return True
        for host in filter(None, hosts):
            if not (yield from self._has_address(host, domain)):
                sentence = f"{host}, a mail exchange of {name}, has no addresses"
                self._add("unknown-name", Severity.WARNING, sentence, domain, text)
        return bool(hosts)

    def _has_address(self, name: str, domain: str) -> Lookups[bool]:
        for family in _FAMILIES:
            if not (yield from self._lacking(name, [family], domain)):
                return True
        return False

    def _explain(self, exp: MacroString, domain: str) -> Lookups[None]:
        """Add a finding if there is no explanation at the name that exp= gives (RFC 7208 §6.2)."""
        name = fixed_target(exp, domain)
        if name is None or not self._may_ask(name, RRType.TXT, domain):
            return
        try:
            found = (yield from ask.txt(name)).records
        except LookupFailed as failure:
            self.found.append(unanswered(failure, domain))
            return
        if len(found) != 1:
            sentence = (
                f"{name} has {len(found) or 'no'} TXT records; an explanation needs exactly one"
            )
            self._add("exp", Severity.WARNING, sentence, domain, f"exp={exp.text}")

    def _read_target(
        self, spec: MacroString, term: str, domain: str, above: tuple[str, ...], *, included: bool
    ) -> Lookups[None]:
        name = fixed_target(spec, domain)
        if name is None:
            sentence = "what it names depends on the client, and was not checked"
            self._add("unseen", Severity.NOTE, sentence, domain, term)
        else:
            yield from self.visit(name, (*above, domain), included=included)

    def with_owner(self, finding: Finding) -> Finding:
        """The finding, with the remedy for a record that others own, or that does not exist."""
        by = self._named_by.get(finding.domain)
        if by is None or finding.code in _OF_NO_OWNER:
            return finding
        if finding.code == "none":
            return replace(
                finding, remedy=f"correct the name in the record of {by}, or remove it there"
            )
        if self._is_ours(finding.domain):
            return finding
        remedy = "it belongs to others: ask them to correct it"
        if finding.code == "wide":
            remedy = "it belongs to others, who share it: sign with DKIM too"
        return replace(
            finding, remedy=f"{remedy}, or remove from the record of {by} what leads there"
        )

    def of_networks(self) -> Iterator[Finding]:
        """A finding if all networks together are wide, with a remedy if most belong to others."""
        are_ours = any(unwise.of_networks(self._ours, self._top))
        for finding in unwise.of_networks(self._networks, self._top):
            remedy = (
                "most belong to others, who share them: sign with DKIM too, or remove an include"
            )
            yield finding if are_ours else replace(finding, remedy=remedy)

    def _is_ours(self, domain: str) -> bool:
        return is_same_or_subdomain(domain, self._top)

    def _may_ask(self, name: str, rrtype: RRType, domain: str) -> bool:
        """Whether the question was asked already, or is one of the first `MAX_QUESTIONS`."""
        question = Question(name, rrtype)
        if len(self._asked) < MAX_QUESTIONS:
            self._asked.add(question)
        may = question in self._asked
        if not may and not self._is_unfinished:
            self._is_unfinished = True
            sentence = f"more than {MAX_QUESTIONS} questions: the rest was not checked"
            self._add("unfinished", Severity.WARNING, sentence, domain)
        return may

    def _add(
        self, code: str, severity: Severity, sentence: str, domain: str, place: str = ""
    ) -> None:
        self.found.append(Finding(code, severity, sentence, domain, place))


def _of_not_one(count: int, texts: list[bytes], domain: str, above: tuple[str, ...]) -> Finding:
    """The finding for a domain without a record, or with several.

    `texts` are those records, or what was meant to be one.
    """
    shown = "\n".join(octets.decode("latin-1") for octets in texts)
    code, sentence = "several", f"{domain} has {count} SPF records; it must have one"
    if not count and texts:
        code, sentence = "version", "the record there does not begin with v=spf1 and a space"
    elif not count:
        code, sentence = "none", f"{domain} has no SPF records; it must have one"
        if above:
            sentence += f", since the record of {above[-1]} names it"
    return Finding(code, Severity.ERROR, sentence, domain, shown=shown)


def _of_voids(costs: Counter[str], domain: str) -> Iterator[Finding]:
    limit = RFC7208.max_void_lookups
    least, most = sorted(_FAMILIES, key=costs.__getitem__)
    if costs[least] > limit:
        sentence = f"{costs[least]} void look-ups; {limit} are allowed (RFC 7208 §4.6.4)"
        yield Finding("void", Severity.ERROR, sentence, domain)
    elif costs[most] > limit:
        sentence = (
            f"{costs[most]} void look-ups for a client of {most} that no earlier term matches: "
            f"a permerror, since {limit} are allowed (RFC 7208 §4.6.4)"
        )
        yield Finding("void-family", Severity.WARNING, sentence, domain)
