"""Courses: what an evaluation of a domain asked, remembered for its next client (RFC 7208 §4).

Take a record `include:a.example include:b.example -all`.  Whoever the client is,
an evaluation asks for the same three records in turn; only the comparison of
their networks with the client differs.  A `Course` is this way through the records
of a domain, with a `Stop` wherever a client may match; `mailauth.spf.plot` draws
it from what an evaluation heard.

Following a course means finding the stop where this client matches, and asking
side by side, in two rounds, what an evaluation would ask in turn up to there.  If
the DNS answers as it did before, the verdict is that of the stop.  If it does not,
or if there is no such stop, the client is evaluated as if there were no course:
following one never changes a verdict, only how long it takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

from mailauth.dns import ask
from mailauth.dns.lookups import Answer, Lookups, Question, RRType, Status, run
from mailauth.spf.evaluation import Evaluation, Found, reason_of
from mailauth.spf.identity import Client, Subject
from mailauth.spf.letters import Letters
from mailauth.spf.macro import MacroString
from mailauth.spf.policy import RFC7208
from mailauth.spf.record import Directive
from mailauth.spf.result import Result
from mailauth.spf.story import Event, Story
from mailauth.spf.verdict import Verdict
from mailauth.syntax.domain import MAX_NAME

_ANSWERED: Final = frozenset({Status.EXISTS, Status.NO_DATA, Status.NO_SUCH_NAME})
_MAX_REMEMBERED: Final = 8
"""Verdicts of one stop, or questions of one directive: a few clients send most of the mail."""


class Place(Protocol):
    """What a client is compared with at a stop: networks, addresses of a name, or everybody."""

    @property
    def directives(self) -> tuple[Directive, ...]:
        """The directives that a client may match; none at the end of a record: neutral (§4.7)."""

    def find(self, client: Client) -> int:
        """The index of the directive that matches, or -1."""


class Ground(NamedTuple):
    """The record in which a stop lies, and the includes that lead an evaluation there."""

    domain: str
    """The domain whose record the verdict names: the checked one, or the target of its redirect."""
    is_explained: bool
    """Whether that record has exp=, so that a fail must ask for more (§6.2)."""
    includes: tuple[Directive, ...] = ()
    """The include directives from that record to the one of the stop, the outermost first."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A point where an evaluation may end, and what it has asked and counted by then."""

    place: Place
    ground: Ground
    questions: tuple[Question, ...]
    """What an evaluation asks up to there."""
    answers: list[Answer[Any]]
    """The answers to these questions; the list is never changed."""
    lookups: int
    voids: int
    secure: bool
    _verdicts: dict[tuple[int, str], tuple[Any, ...]] = field(default_factory=dict)

    def facts(self, at: int, domain: str, identity: str) -> tuple[Any, ...] | None:
        """The values of the verdict for the directive at index `at`, without its story; remembered.

        None: the evaluation does not end here (§5.2), or has to ask for more (§6.2).
        """
        facts = self._verdicts.get((at, identity))
        if facts is None:
            found = self._found(at)
            if found is None:
                return None
            reason = reason_of(found, domain)
            owner = (domain, identity, found.directive, found.domain)
            facts = (
                found.result,
                reason,
                *owner,
                "",
                self.lookups,
                self.voids,
                self.secure,
                "record",
            )
            if len(self._verdicts) < _MAX_REMEMBERED:
                self._verdicts[at, identity] = facts
        return facts

    def _found(self, at: int) -> Found | None:
        directives, ground = self.place.directives, self.ground
        if not directives:
            return Found(Result.NEUTRAL, "", ground.domain)
        directive = directives[at]
        result = directive.qualifier.result
        for include in reversed(ground.includes):
            if result is not Result.PASS:
                return None
            directive, result = include, include.qualifier.result
        if result is Result.FAIL and ground.is_explained:
            return None
        return Found(result, directive.text, ground.domain)


class Spoken:
    """A directive whose name has macros, so that each client needs its own question."""

    __slots__ = ("_domain", "_key", "_questions", "_rrtype", "_shift", "_spec", "stop")

    def __init__(
        self, spec: MacroString, domain: str, rrtype: RRType, shift: int | None, stop: Stop
    ) -> None:
        """The directive matches if the client is among the addresses of the name.

        Addresses are compared without their last `shift` bits; None: any address will do
        (§5.7).  `stop` is where the evaluation ends if the directive matches.
        """
        self._spec = spec
        self._domain = domain
        self._rrtype = rrtype
        self._shift = shift
        self.stop = stop
        self._key = itemgetter("v", *sorted(spec.letters - {"d"}))
        self._questions: dict[Any, Question] = {}  # by the values of the letters

    def question(self, letters: Letters) -> Question | None:
        """The question for one client; None if it cannot be asked."""
        key = self._key(letters.values())
        question = self._questions.get(key)
        if question is None:
            name = letters.target(self._spec, self._domain)
            if not name:
                return None
            question = Question(name, self._rrtype)
            if len(self._questions) < _MAX_REMEMBERED and sum(map(len, key)) <= MAX_NAME:
                self._questions[key] = question
        return question

    def matches(self, answer: Answer[Any], client: Client) -> bool:
        """Whether the directive matches the client, given the answer to its question."""
        if self._shift is None:
            return bool(answer.records)
        bits = client.bits >> self._shift
        for address in answer.records:  # noqa: SIM110 - a generator would cost more than the rest
            if int(address) >> self._shift == bits:
                return True
        return False


class Course(NamedTuple):
    """The way through the records of one domain, for clients of one family."""

    record: Answer[Any] | None = None
    """The answer that holds the record of the domain itself."""
    stops: tuple[Stop, ...] = ()
    spoken: Mapping[int, Spoken] = {}
    """By index among the questions of the stops: the client's own is asked in place of that one."""
    is_whole: bool = False
    """No evaluation can make it longer: it is complete, or what follows fits no course."""

    def weight(self) -> int:
        """Roughly how many octets of memory it takes."""
        if not self.stops:
            return 400
        last = self.stops[-1]
        texts = (record for answer in last.answers for record in answer.records)
        octets = sum(len(text) for text in texts if isinstance(text, bytes))
        parts = 400 * (1 + len(last.questions)) + 800 * len(self.stops) + 3000 * len(self.spoken)
        return 2 * octets + parts

    def follow(
        self, subject: Subject, domain: str, identity: str, heard: dict[Question, Answer[Any]]
    ) -> Lookups[Verdict | None]:
        """The verdict for `domain`, or None; then `heard` has the answers so far.

        **Asks** for the record of the domain; and for the rest only if that answer is the
        very object from which the course was drawn, as it is if the resolver has a cache.
        """
        for stop in self.stops:
            at = stop.place.find(subject.client)
            if at >= 0:
                break
        else:
            return None
        facts = stop.facts(at, domain, identity)
        if facts is None:
            return None
        questions = self._questions(stop, subject) if self.spoken else stop.questions
        if not questions:
            return None
        answers = [(yield from ask.one(questions[0]))]
        if answers[0] is self.record:
            if len(questions) > 1:
                answers += yield from ask.each(questions[1:])
            if self.spoken:
                end = self._end(stop, answers, subject.client)
            else:
                end = stop if answers == stop.answers else None
            if end is not stop:
                facts = None if end is None else end.facts(0, domain, identity)
            if facts is not None:
                story = _Retold((subject, domain, identity, questions, answers))
                return Verdict._make((*facts, story))
        heard.update(zip(questions, answers, strict=False))
        return None

    def _questions(self, stop: Stop, subject: Subject) -> Sequence[Question]:
        """The questions up to a stop, for this client; none if one of them cannot be asked."""
        asked = list(stop.questions)
        letters = Letters(subject)
        for place, spoken in self.spoken.items():
            if place < len(asked):
                question = spoken.question(letters)
                if question is None:
                    return ()
                asked[place] = question
        return asked

    def _end(self, stop: Stop, answers: list[Answer[Any]], client: Client) -> Stop | None:
        """The stop where the client matches, `stop` or an earlier one; None if answers differ."""
        said = answers.copy()
        for place, spoken in self.spoken.items():
            if place >= len(said):
                break
            answer, before = said[place], stop.answers[place]
            said[place] = before
            if answer.status not in _ANSWERED or answer.secure is not before.secure:
                return None
            if spoken.matches(answer, client):
                stop = spoken.stop
                break
            if bool(answer.records) is not bool(before.records):
                return None
        return stop if said[: len(stop.answers)] == stop.answers else None


class _Retold(Story):
    """The story of a verdict that a course led to: that of an evaluation with the same answers."""

    __slots__ = ("_known",)

    def __init__(
        self, known: tuple[Subject, str, str, Sequence[Question], list[Answer[Any]]]
    ) -> None:
        """The subject, domain and identity, and the questions with their answers."""
        self._known = known

    def events(self) -> list[Event]:
        """The events of that evaluation."""
        subject, domain, identity, questions, answers = self._known
        heard = dict(zip(questions, answers, strict=True))
        evaluation = Evaluation(subject, RFC7208)
        run(evaluation.verdict(domain, identity), heard.__getitem__)
        return evaluation.events
