"""Courses: the way that evaluations of one domain take, for the next one (RFC 7208 §4).

Most clients of a domain go the same way, through the same records and the same
questions, and only the networks in them are looked at anew.  A `Course` is that
way; `mailauth.spf.plot` draws it from what an evaluation heard.  Who follows it
asks side by side what an evaluation would ask in turn, up to where the client
matches.  If the DNS says what it said before, the verdict is at hand.  If
it does not, or if the course does not lead to where this client matches, there
is none, and the client is evaluated as if there were no course.
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
    """Where a client may match: networks, addresses of a name, or everybody."""

    @property
    def directives(self) -> tuple[Directive, ...]:
        """Those that stand there; none at the end of a record, which is neutral (§4.7)."""

    def find(self, client: Client) -> int:
        """Which of them matches, or -1."""


class Ground(NamedTuple):
    """The record in which a directive stands, and those that lead there."""

    domain: str
    """Whose record the verdict tells of."""
    is_explained: bool
    """That record has an explanation for a fail."""
    includes: tuple[Directive, ...] = ()
    """Those between that record and the directive, the outermost first."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A place, and what an evaluation that ends there has done."""

    place: Place
    ground: Ground
    questions: tuple[Question, ...]
    """What is asked by then."""
    answers: list[Answer[Any]]
    """What was answered; never changed."""
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
    """A directive that asks for a name with macros, which are expanded for each client."""

    __slots__ = ("_domain", "_key", "_questions", "_rrtype", "_shift", "_spec", "stop")

    def __init__(
        self, spec: MacroString, domain: str, rrtype: RRType, shift: int | None, stop: Stop
    ) -> None:
        """The client is among the addresses, compared without `shift` bits.

        None: any address will do (§5.7).  If it matches, `stop` is where the course ends.
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
    """The answer that its first record stands in."""
    stops: tuple[Stop, ...] = ()
    spoken: Mapping[int, Spoken] = {}
    """By the places of their questions, in whose stead others are asked for each client."""
    is_whole: bool = False
    """There is no more to learn: its end is reached, or something that has no course."""

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
