"""Courses: what an evaluation of a domain asked, remembered for its next client (RFC 7208 §4).

Take a record `include:a.example include:b.example -all`.  Whoever the client is,
an evaluation asks for the same three records in turn; only the networks in them
are compared with each client anew.  A `Course` is that way through the records
of a domain, with a `Stop` wherever a client may match; `mailauth.spf.plot` draws
it from what an evaluation heard.

To follow a course is to find the stop where this client matches, and to ask side
by side, in two rounds, what an evaluation would ask up to there in turn.  If the
DNS gives the answers that it gave before, the verdict is that of the stop.  If it
does not, or if there is no such stop, the client is evaluated as if there were
no course: following one never changes a verdict, only how long it takes.
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
"""Clients at one stop, or of one name with macros: a few send most of the mail of a domain."""


class Place(Protocol):
    """What a client is compared with at a stop: networks, addresses of a name, or everybody."""

    @property
    def directives(self) -> tuple[Directive, ...]:
        """Those that the client may match; none at the end of a record, which is neutral (§4.7)."""

    def find(self, client: Client) -> int:
        """Which of them matches, or -1."""


class Ground(NamedTuple):
    """In which record a stop lies, and by which includes an evaluation comes there."""

    domain: str
    """The domain whose record the verdict names: the checked one, or the target of its redirect."""
    is_explained: bool
    """That record has exp=, so that a fail has to ask for more (§6.2)."""
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
    """What it was answered; the list is never changed."""
    lookups: int
    voids: int
    secure: bool
    _verdicts: dict[tuple[int, str], tuple[Any, ...]] = field(default_factory=dict)

    def facts(self, at: int, domain: str, identity: str) -> tuple[Any, ...] | None:
        """The verdict of the directive at `at`, without its story; remembered.

        None: there is more to do (§5.2, §6.2).
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
    """A directive whose name has macros, so that each client has a question of its own."""

    __slots__ = ("_domain", "_key", "_questions", "_rrtype", "_shift", "_spec", "stop")

    def __init__(
        self, spec: MacroString, domain: str, rrtype: RRType, shift: int | None, stop: Stop
    ) -> None:
        """The directive matches if the client is among the addresses of the name.

        They are compared without their last `shift` bits; None: any address will do
        (§5.7).  `stop` is where the evaluation ends if it matches.
        """
        self._spec = spec
        self._domain = domain
        self._rrtype = rrtype
        self._shift = shift
        self.stop = stop
        self._key = itemgetter("v", *sorted(spec.letters - {"d"}))
        self._questions: dict[Any, Question] = {}  # by what the letters stand for

    def question(self, letters: Letters) -> Question | None:
        """What is asked for one client; None if nobody can ask it."""
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
        """Whether the client is the one that the answer speaks of."""
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
    """The answer in which the record of the domain itself stands."""
    stops: tuple[Stop, ...] = ()
    spoken: Mapping[int, Spoken] = {}
    """By place among the questions of the stops: in its stead the client's own is asked."""
    is_whole: bool = False
    """No evaluation can make it longer: it is complete, or what follows fits no course."""

    def weight(self) -> int:
        """About how many octets it takes."""
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
        """The verdict for `domain`, or None; then `heard` has what was asked.

        **Asks** for the record of the domain; and if the answer is the very one that the
        course was drawn from, so that who answers has a memory, for the rest.
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
        """Those up to a stop, for this client; none if there is one that nobody can ask."""
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
        """Where the client matches, at `stop` or before; None if the DNS speaks otherwise."""
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
    """The story of a verdict that a course led to: an evaluation that hears the same."""

    __slots__ = ("_known",)

    def __init__(
        self, known: tuple[Subject, str, str, Sequence[Question], list[Answer[Any]]]
    ) -> None:
        """The subject, domain and identity, and the questions with their answers."""
        self._known = known

    def events(self) -> list[Event]:
        """Those of the evaluation."""
        subject, domain, identity, questions, answers = self._known
        heard = dict(zip(questions, answers, strict=True))
        evaluation = Evaluation(subject, RFC7208)
        run(evaluation.verdict(domain, identity), heard.__getitem__)
        return evaluation.events
