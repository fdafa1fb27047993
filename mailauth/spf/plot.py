"""Drawing a course from what an evaluation heard (RFC 7208 §4.6, §5, §6.1).

The records are walked as in an evaluation in which nothing matches.  The walk
ends at a question that was not asked, because the client matched before it; and at
anything that a course cannot hold: a faulty record, a ptr, a limit that is
exceeded, an include, mx or redirect whose name has macros of the client.
"""

from collections.abc import Mapping
from typing import Any, Final

from mailauth.dns.lookups import Answer, Question, RRType
from mailauth.errors import SyntaxFault
from mailauth.spf.course import Course, Ground, Place, Spoken, Stop
from mailauth.spf.evaluation import MAX_MX, is_void
from mailauth.spf.identity import Client, Subject
from mailauth.spf.letters import OF_THE_RECORD, Letters
from mailauth.spf.macro import MacroString
from mailauth.spf.plan import Networks, choose
from mailauth.spf.policy import RFC7208
from mailauth.spf.record import MX, A, All, Directive, Exists, Include
from mailauth.spf.result import Result

MAX_ADDRESSES: Final = 64
"""Records of one answer; a course ends at an answer with more."""


class _Uncharted(Exception):
    """The course ends here for good."""


class _Unheard(Exception):
    """The course ends here for now: the evaluation ended before."""


class Everybody:
    """A place where every client matches: all, a name that exists, or the end of a record."""

    __slots__ = ("directives",)

    def __init__(self, *directives: Directive) -> None:
        self.directives = directives

    def find(self, _: Client) -> int:
        """0: the one directive, or the end of the record."""
        return 0


class Addresses:
    """The networks around the addresses of a name (§5.3, §5.4)."""

    __slots__ = ("_prefixes", "_shift", "directives")

    def __init__(self, directive: Directive, shift: int, answer: Answer[Any]) -> None:
        self.directives = (directive,)
        self._shift = shift
        self._prefixes = frozenset(int(address) >> shift for address in answer.records)

    def find(self, client: Client) -> int:
        """0 for the one directive, or -1."""
        return 0 if client.bits >> self._shift in self._prefixes else -1


def plot(subject: Subject, domain: str, heard: Mapping[Question, Answer[Any]]) -> Course:
    """The course of `domain`, drawn from the answers that an evaluation of `subject` heard."""
    plotter = _Plotter(subject, heard)
    is_whole = True
    try:
        plotter.walk(domain, None)
    except _Uncharted:
        pass
    except _Unheard:
        is_whole = False
    return plotter.course(is_whole=is_whole)


class _Plotter:
    """A course that is being drawn."""

    def __init__(self, subject: Subject, heard: Mapping[Question, Answer[Any]]) -> None:
        self._heard = heard
        self._letters = Letters(subject)
        self._is_ip4 = subject.client.is_ip4
        self._rrtype = RRType.A if self._is_ip4 else RRType.AAAA
        self._stops: list[Stop] = []
        self._questions: list[Question] = []
        self._answers: list[Answer[Any]] = []
        self._spoken: dict[int, Spoken] = {}
        self._lookups = self._voids = 0
        self._secure = True

    def course(self, *, is_whole: bool) -> Course:
        """The course as far as it is drawn."""
        first = self._answers[0] if self._answers else None
        return Course(first, tuple(self._stops), self._spoken, is_whole)

    def walk(self, domain: str, ground: Ground | None) -> None:
        """Walk through one record; without a `ground`, it is the one that the verdict names."""
        answer = self._hear(domain, RRType.TXT)
        try:
            prepared = choose(answer.records)
        except SyntaxFault:
            raise _Uncharted from None
        if prepared is None:
            raise _Uncharted
        record = prepared.record
        here = ground or Ground(domain, record.exp is not None)
        for stage in prepared.stages:
            if isinstance(stage, Networks):
                self._stop(stage, here)
            elif isinstance(stage.mechanism, All):
                if not here.includes or stage.qualifier.result is Result.PASS:
                    self._stop(Everybody(stage), here)
                return
            else:
                self._pass(stage, domain, here)
        if record.redirect is not None:
            self._count_term()
            self.walk(self._name(record.redirect, domain), ground)
        elif not here.includes:
            self._stop(Everybody(), here)

    def _pass(self, directive: Directive, domain: str, ground: Ground) -> None:
        """Walk past a directive that asks the DNS (§5)."""
        self._count_term()
        match directive.mechanism:
            case Include(spec):
                inside = ground._replace(includes=(*ground.includes, directive))
                self.walk(self._name(spec, domain), inside)
            case MX(spec) as mx:
                self._pass_exchanges(directive, mx, self._name(spec, domain), ground)
            case A(spec) as a:
                shift = self._shift(a)
                answer = self._pass_name(directive, spec, domain, self._rrtype, shift, ground)
                if answer is not None:
                    self._stop(Addresses(directive, shift, answer), ground)
            case Exists(spec):
                answer = self._pass_name(directive, spec, domain, RRType.A, None, ground)
                if answer is not None and answer.records:
                    self._stop(Everybody(directive), ground)
            case _:
                raise _Uncharted

    def _pass_exchanges(self, directive: Directive, mx: MX, name: str, ground: Ground) -> None:
        """Walk past an mx, with a stop at each of its exchanges (§5.4)."""
        exchanges = self._hear(name, RRType.MX)
        self._count_void(exchanges)
        if len(exchanges.records) > MAX_MX:
            raise _Uncharted
        for exchange in exchanges.records:
            if exchange.host:
                answer = self._hear(exchange.host, self._rrtype)
                self._stop(Addresses(directive, self._shift(mx), answer), ground)

    def _pass_name(
        self,
        directive: Directive,
        spec: MacroString | None,
        domain: str,
        rrtype: RRType,
        shift: int | None,
        ground: Ground,
    ) -> Answer[Any] | None:
        """The answer for the name of an a or exists; None: each client has a name of its own."""
        if spec is None or spec.letters <= OF_THE_RECORD:
            answer = self._hear(self._name(spec, domain), rrtype)
            self._count_void(answer)
            return answer
        name = "" if "p" in spec.letters else self._letters.target(spec, domain)
        if not name:
            raise _Uncharted
        answer = self._hear(name, rrtype)
        stop = self._reach(Everybody(directive), ground)
        if stop.facts(0, domain, "") is None:
            raise _Uncharted
        self._spoken[len(stop.questions) - 1] = Spoken(spec, domain, rrtype, shift, stop)
        self._count_void(answer)
        return None

    def _name(self, spec: MacroString | None, domain: str) -> str:
        """target-name (§4.8), if it is the same for all clients."""
        name = domain
        if spec is not None:
            fixed = spec.letters <= OF_THE_RECORD
            name = spec.name or (self._letters.target(spec, domain) if fixed else "")
        if not name:
            raise _Uncharted
        return name

    def _hear(self, name: str, rrtype: RRType) -> Answer[Any]:
        question = Question(name, rrtype)
        answer = self._heard.get(question)
        if answer is None or answer.failed:
            raise _Unheard
        if len(answer.records) > MAX_ADDRESSES:
            raise _Uncharted
        self._questions.append(question)
        self._answers.append(answer)
        self._secure = self._secure and answer.secure
        return answer

    def _count_term(self) -> None:
        self._lookups += 1
        if self._lookups > RFC7208.max_lookups:
            raise _Uncharted

    def _count_void(self, answer: Answer[Any]) -> None:
        self._voids += is_void(answer)
        if self._voids > RFC7208.max_void_lookups:
            raise _Uncharted

    def _shift(self, mechanism: A | MX) -> int:
        return 32 - mechanism.ip4_length if self._is_ip4 else 128 - mechanism.ip6_length

    def _stop(self, place: Place, ground: Ground) -> None:
        self._stops.append(self._reach(place, ground))

    def _reach(self, place: Place, ground: Ground) -> Stop:
        asked, answers = tuple(self._questions), self._answers.copy()
        return Stop(place, ground, asked, answers, self._lookups, self._voids, self._secure)
