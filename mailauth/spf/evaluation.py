"""check_host() (RFC 7208 §4, §5, §6): from one identity of one client to its verdict.

An `Evaluation` holds what all its steps share: the client, the sender, and the
counters of §4.6.4, which end it as soon as one exceeds its limit.  Whatever the
records say, the result is a `Verdict`.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Answer, Lookups, Status
from mailauth.errors import SyntaxFault
from mailauth.spf import macro, story
from mailauth.spf.identity import Subject
from mailauth.spf.letters import Letters
from mailauth.spf.macro import MacroString
from mailauth.spf.plan import Networks, Prepared, choose, prepare_terms
from mailauth.spf.policy import Policy
from mailauth.spf.record import IP4, IP6, MX, PTR, A, All, Directive, Exists, Include
from mailauth.spf.result import Result
from mailauth.spf.story import Event, Story
from mailauth.spf.verdict import Verdict
from mailauth.syntax import domain as domains
from mailauth.syntax.address import Address

_ANY_IP4 = ask.FAMILIES[0]
_NONE, _PASS = Result.NONE, Result.PASS  # looking up members of an enumeration is slow

MAX_MX: Final = 10
"""How many mail exchanges one mx may have (§4.6.4)."""
MAX_NAMES: Final = 10
"""How many names of the client ptr and %{p} look at (§4.6.4)."""
MAX_EXPLANATION: Final = 512
"""The most characters of an explanation that a verdict holds."""


class _PermError(Exception):
    """The records cannot be evaluated (§2.6.7); caught where the verdict is made."""


class Found(NamedTuple):
    """The result of one record."""

    result: Result
    directive: str
    domain: str
    exp: MacroString | None = None
    basis: str = "record"


class Evaluation:
    """One check of one client (§4)."""

    __slots__ = (
        "_client", "_depth", "_letters", "_lookups", "_names",
        "_policy", "_reverse", "_secure", "_voids", "events",
    )  # fmt: skip

    def __init__(self, subject: Subject, policy: Policy) -> None:
        self._client = subject.client
        self._policy = policy
        self._lookups = self._voids = self._depth = 0
        self._secure = True
        self.events: list[Event] = []
        self._names: list[str] | None = None  # of the client, validated
        self._reverse: Answer[str] | None = None  # the DNS on the names of the client
        self._letters = Letters(subject)

    def verdict(self, name: str, identity: str) -> Lookups[Verdict]:
        """The verdict on a checked domain (§4.4 to §4.7); every fault of the domain ends here."""
        found = Found(_NONE, "", "")
        explanation = ""
        try:
            found = yield from self._check(name)
            if found.result is not _PASS:
                found = yield from self._locally(found, name)
            reason = reason_of(found, name)
            if found.result is Result.FAIL and found.exp is not None:
                explanation = yield from self._explanation(found.exp, found.domain)
        except LookupFailed as failure:
            self._unheard(failure)
            found = found._replace(result=Result.TEMPERROR)
            reason = f"the DNS did not answer: {failure}"
        except _PermError as error:
            found = found._replace(result=Result.PERMERROR)
            reason = str(error)
        return Verdict(
            found.result,
            reason,
            name,
            identity,
            found.directive,
            found.domain,
            explanation,
            self._lookups,
            self._voids,
            self._secure,
            found.basis,
            Story(self.events),
        )

    def _check(self, domain: str, terms: Prepared | None = None) -> Lookups[Found]:
        """The result of the record of `domain`, or of `terms` in its place (§4.4 to §4.7)."""
        prepared = terms
        if prepared is None:
            answer = yield from ask.txt(domain)
            prepared = self._chosen(domain, answer)
            if prepared is None:
                return Found(_NONE, "", domain)
        events = self.events
        for stage in prepared.stages:
            if type(stage) is Networks:
                place = stage.find(self._client)
                events.append((story.networks, self._depth, stage, place))
                if place < 0:
                    continue
                directive = stage.directives[place]
            else:
                directive = stage
                matches = type(stage.mechanism) is All or (yield from self._matches(stage, domain))
                events.append((story.term, self._depth, stage.text, matches))
                if not matches:
                    continue
            result = directive.qualifier.result
            return Found(result, directive.text, domain, prepared.record.exp)
        if terms is None and prepared.record.redirect is not None:
            return (yield from self._redirected(prepared.record.redirect, domain))
        return Found(Result.NEUTRAL, "", domain)  # §4.7

    def _chosen(self, domain: str, answer: Answer[bytes]) -> Prepared | None:
        """The record among the TXT records of `domain`, ready to be evaluated."""
        self._heard("TXT of", domain, answer)
        try:
            prepared = choose(answer.records)
        except SyntaxFault as fault:
            place = fault.message, fault.text, fault.at
            self.events.append((story.refused, self._depth, domain, *place, answer.records))
            raise _PermError(f"{domain}: {fault}") from None  # §4.5, §4.6
        if prepared is not None:
            self.events.append((story.record, self._depth, domain, prepared.record))
        return prepared

    def _redirected(self, redirect: MacroString, domain: str) -> Lookups[Found]:
        """The result of the record that redirect= names (§6.1)."""
        self.events.append((story.redirect, self._depth, redirect.text))
        self._count_term(f"redirect={redirect.text}")
        target = yield from self._target(redirect, domain)
        if not target:
            raise _PermError(f"{domain}: redirect= names no domain")
        found = yield from self._check(target)
        if found.result is _NONE:
            raise _PermError(f"{domain}: redirect={target}, which has no SPF record")
        return found

    def _locally(self, found: Found, domain: str) -> Lookups[Found]:
        """The result after the receiver's own terms (§2.6), which can only turn it into a pass."""
        if found.result is _NONE:
            terms, basis = self._policy.best_guess, "best guess"
        else:
            terms, basis = self._policy.local_policy, "local policy"
        if terms:
            ours = yield from self._check(domain, prepare_terms(terms))
            if ours.result is _PASS:
                return Found(_PASS, ours.directive, domain, None, basis)
        return found

    def _matches(self, directive: Directive, domain: str) -> Lookups[bool]:
        """Whether a mechanism that asks the DNS matches the client (§5)."""
        mechanism, text = directive.mechanism, directive.text
        kind = type(mechanism)
        if TYPE_CHECKING:
            assert not isinstance(mechanism, All | IP4 | IP6), "the plan has them apart"
        self._count_term(text)
        self._depth += 1
        spec = mechanism.domain_spec
        target = domain if spec is None else spec.name or (yield from self._target(spec, domain))
        if not target:
            matches = self._is_nameless(directive, domain)
        elif kind is Include:
            found = yield from self._check(target)
            if found.result is _NONE:
                raise _PermError(f"{domain} includes {target}, which has no SPF record")
            matches = found.result is _PASS  # §5.2
        elif isinstance(mechanism, MX):
            matches = yield from self._is_exchange(target, mechanism, text)
        elif kind is PTR:
            matches = yield from self._is_named(target, text)
        else:
            like = _ANY_IP4 if kind is Exists else self._client.ip
            answer = yield from ask.addresses(target, like=like)
            self._heard("addresses of", target, answer, text)
            matches = (
                self._is_among(answer.records, mechanism)
                if isinstance(mechanism, A)
                else bool(answer.records)
            )
        self._depth -= 1
        return matches

    def _is_nameless(self, directive: Directive, domain: str) -> bool:
        """No match, for a name that cannot be asked for (§4.8).

        But a malformed domain results in none (§4.3), and so an include of it in an
        error (§5.2), unless its macros need a local part that is not ASCII (RFC 8616 §4).
        """
        mechanism = directive.mechanism
        if isinstance(mechanism, Include) and not self._letters.is_lacking(mechanism.domain_spec):
            raise _PermError(f"{domain}: {directive.text} names no domain")
        return False

    def _is_exchange(self, target: str, mechanism: MX, text: str) -> Lookups[bool]:
        """Whether the client is an address of a mail exchange of `target` (§5.4)."""
        answer = yield from ask.mx(target)
        self._heard("MX of", target, answer, text)
        if len(answer.records) > MAX_MX:
            raise _PermError(f"{text}: more than {MAX_MX} mail exchanges")  # §4.6.4
        for exchange in answer.records:
            if not exchange.host:
                continue  # the null MX (RFC 7505 §3)
            addresses = yield from ask.addresses(exchange.host, like=self._client.ip)
            self._heard("addresses of", exchange.host, addresses)
            if self._is_among(addresses.records, mechanism):
                return True
        return False

    def _is_named(self, target: str, text: str) -> Lookups[bool]:
        """Whether a validated name of the client is `target` or below it (§5.5)."""
        names = yield from self._validated_names(text)
        return any(domains.is_same_or_subdomain(name, target.lower()) for name in names)

    def _validated_names(self, text: str = "") -> Lookups[list[str]]:
        """The names of the client that have its address (§5.5); asked for once.

        `text` is the ptr that asks, empty for %{p}: each ptr counts as void if the client
        has no names (§4.6.4).
        """
        if self._names is not None:
            if text and self._reverse is not None:
                self._heard("names of", self._client.ip, self._reverse, text)
            return self._names
        self._names = []
        ip = self._client.ip
        try:
            answer = yield from ask.ptr(ip)
        except LookupFailed as failure:
            self._unheard(failure)
            return self._names  # §5.5: then no name is validated
        self._reverse = answer
        self._heard("names of", ip, answer, text)
        for name in answer.records[:MAX_NAMES]:
            try:
                addresses = yield from ask.addresses(name, like=ip)
            except LookupFailed as failure:
                self._unheard(failure)
                continue  # §5.5: the name is skipped
            self._heard("addresses of", name, addresses)
            if ip in addresses.records:
                self._names.append(name.lower())
        return self._names

    def _is_among(self, addresses: tuple[Address, ...], mechanism: A | MX) -> bool:
        client = self._client
        shift = 32 - mechanism.ip4_length if client.is_ip4 else 128 - mechanism.ip6_length
        bits = client.bits >> shift
        for address in addresses:  # noqa: SIM110 - a generator would cost more than the rest
            if int(address) >> shift == bits:
                return True
        return False

    def _count_term(self, text: str) -> None:
        self._lookups += 1
        if self._lookups > self._policy.max_lookups:
            raise _PermError(
                f"{text} is one look-up too many: {self._policy.max_lookups} are allowed"
            )

    def _heard(self, what: str, name: object, answer: Answer[object], term: str = "") -> None:
        """Keep an answer, and count it as void if the name of a term has no records (§4.6.4)."""
        self._secure = self._secure and answer.secure
        is_counted = term and not answer.records and is_void(answer)
        if is_counted:
            self._voids += 1
        counts = (self._lookups, self._policy.max_lookups, self._voids)
        self.events.append((story.question, self._depth, what, name, answer, *counts))
        if is_counted and self._voids > self._policy.max_void_lookups:
            limit = self._policy.max_void_lookups
            raise _PermError(f"{term}: more than {limit} void look-ups")  # §4.6.4

    def _unheard(self, failure: LookupFailed) -> None:
        """Keep a question that the DNS did not answer; the verdict is then not `secure`."""
        self._secure = False
        question, counts = failure.question, (self._lookups, self._policy.max_lookups, self._voids)
        asked = f"{question.rrtype} of", question.name, failure.answer
        self.events.append((story.question, self._depth, *asked, *counts))

    def _target(self, spec: MacroString, domain: str) -> Lookups[str]:
        """target-name (§4.8), once its %{p} is learned; empty if the name cannot be asked for."""
        if "p" in spec.letters:
            yield from self._learn_name(domain)
        return self._letters.target(spec, domain)

    def _learn_name(self, domain: str) -> Lookups[None]:
        """%{p} (§7.3): the domain itself if validated, else a subdomain, else any, else unknown."""
        names = yield from self._validated_names()
        below = [name for name in names if domains.is_same_or_subdomain(name, domain.lower())]
        best = domain if domain.lower() in names else (below or names or ["unknown"])[0]
        self._letters.client_name = best

    def _explanation(self, exp: MacroString, domain: str) -> Lookups[str]:
        """The explanation of the domain (§6.2); empty if anything about it goes wrong."""
        try:
            target = yield from self._target(exp, domain)
            if not target:
                return ""
            answer = yield from ask.txt(target)
            self._heard("TXT of", target, answer)
            if len(answer.records) != 1:
                return ""
            string = macro.parse_explanation(answer.records[0].decode("ascii"))
            if "p" in string.letters:
                yield from self._learn_name(domain)
            text = self._letters.explained(string, domain, MAX_EXPLANATION)
        except LookupFailed as failure:
            self._unheard(failure)
            return ""
        except (SyntaxFault, UnicodeDecodeError):
            return ""
        return text[:MAX_EXPLANATION] if text.isascii() and text.isprintable() else ""


def is_void(answer: Answer[object]) -> bool:
    """Whether the DNS was asked and has no records (§4.6.4); some names cannot be asked for."""
    return not answer.records and answer.status is not Status.MALFORMED_NAME


def reason_of(found: Found, domain: str) -> str:
    """The reason for a result, in words."""
    if found.basis != "record":
        return f"{found.directive} matches, by {found.basis}"
    if found.result is _NONE:
        return f"{domain} has no SPF record"
    if not found.directive:
        return f"no directive of {found.domain} matches"
    return f"{found.directive} of {found.domain} matches"
