"""Asking without I/O: the questions of the core and what drives them.

A protocol that needs the DNS is a generator: it yields a `Question`, is sent
the `Answer`, and returns its result.  Such a generator has the type
`Lookups[Result]`.  Nothing in it waits, so the same code serves a blocking
caller, asyncio, a batch and a test:

    verdict = Resolver().run(dkim.verify(message, now=now))
    verdict = await AsyncResolver().run(dkim.verify(message, now=now))

The contract: a driver sends exactly one answer for each question, in order, and
drives each generator once.  What happens in the DNS (no such name, a time-out) is
an `Answer` with that `Status`; an exception in the driver itself is thrown into the
generator, so that a traceback shows which look-up broke.  A protocol never yields a
question itself; it uses `yield from` on a function of `mailauth.dns.ask`.
"""

from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from mailauth.errors import BadArgument

T = TypeVar("T")
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Record_co = TypeVar("Record_co", covariant=True)


class RRType(StrEnum):
    """The record types that mail authentication asks for."""

    TXT = "TXT"
    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"
    CNAME = "CNAME"


class Question(NamedTuple):
    """One DNS question: an absolute name without its final dot, and a type.

    In the name, each character stands for one octet and each dot separates two labels.
    It may come from an attacker, so a resolver never passes it to a parser that knows
    escapes.
    """

    name: str
    rrtype: RRType


class Status(StrEnum):
    """What became of a question; the first four are answers, the rest failures."""

    EXISTS = "exists"
    NO_DATA = "no data"
    """The name exists and has no record of this type."""
    NO_SUCH_NAME = "no such name"
    MALFORMED_NAME = "malformed name"
    """The name cannot be asked for: it has an empty label, for example, or one over 63 octets."""
    SERVER_FAILURE = "server failure"
    TIMEOUT = "time-out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MX:
    """One mail exchange (RFC 5321 §5.1): `host` has no final dot; "" is the null MX."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record_co]):
    """What the DNS said to one question.

    `records` holds, depending on the type: for TXT, octets, the character-strings of
    each record joined without a separator (RFC 7208 §3.3, RFC 6376 §3.6.2.2); for A and
    AAAA, addresses; for MX, `MX`; for PTR and CNAME, names without the final dot.
    """

    status: Status
    records: tuple[Record_co, ...] = ()
    ttl: int = 0
    """For how many seconds this answer holds."""
    secure: bool = False
    """The AD bit: a validating resolver vouches for the answer (RFC 4035 §3.2.3)."""
    reason: str = ""
    """What a postmaster should know about a failure: which server, which time-out."""

    @property
    def failed(self) -> bool:
        """Whether the DNS did not answer; asking again later may help."""
        return self.status in _FAILURES

    @property
    def void(self) -> bool:
        """Whether the DNS answered that there is nothing (RFC 7208 §4.6.4)."""
        return not self.failed and not self.records


MAX_CHAIN: Final = 10
"""How many aliases (CNAME) are followed to an answer."""
MAX_TTL: Final = 86_400
"""For how many seconds an answer holds at most, whatever its TTL."""

_FAILURES = frozenset({Status.SERVER_FAILURE, Status.TIMEOUT, Status.REFUSED})


class Together(NamedTuple):
    """Questions that do not wait for each other; their answers are sent back in order."""

    questions: tuple[Question, ...]


Lookups: TypeAlias = Generator[Question | Together, Any, T]
"""A computation that asks DNS questions and returns a T.

It yields one question and is sent its answer; or it yields several `Together`, and is
sent a list of their answers in order.
"""


def gather(*many: Lookups[Any] | None) -> Lookups[list[Any]]:
    """The results of many computations, whose questions are asked side by side.

    None stands for a computation that is not wanted, and its result is None.  All go in
    step: in each round, every one that is not done asks its next question, or the
    several that it asks side by side.  So there are no more rounds than the longest of
    them needs.

    **Raises** BadArgument: one has been run before, or is given twice.
    """
    wanted = {place: lookups for place, lookups in enumerate(many) if lookups is not None}
    results: list[Any] = [None] * len(many)
    if len(wanted) == 1:
        ((place, alone),) = wanted.items()
        _check_new(alone)
        results[place] = yield from alone
        return results
    waiting: list[tuple[int, Any]] = []
    try:
        for place, lookups in wanted.items():
            _check_new(lookups)
            _advance(place, lookups, None, waiting, results)
        while waiting:
            pending, waiting = waiting, []
            answers = yield from _asked(pending)
            for (place, _), answer in zip(pending, answers, strict=True):
                _advance(place, wanted[place], answer, waiting, results)
    finally:
        for lookups in wanted.values():
            lookups.close()
    return results


def _asked(pending: list[tuple[int, Any]]) -> Lookups[list[Any]]:
    """The answers to what each computation asks next; one that asks several gets a list."""
    if len(pending) == 1:
        alone: Any = yield pending[0][1]
        return [alone]
    questions: list[Question] = []
    for _, question in pending:
        if type(question) is Together:
            questions += question.questions
        else:
            questions.append(question)
    said = iter((yield Together(tuple(questions))))
    return [
        list(islice(said, len(question.questions))) if type(question) is Together else next(said)
        for _, question in pending
    ]


def _advance(
    place: int,
    lookups: Lookups[Any],
    answer: Any,  # noqa: ANN401 - None, or what was asked for
    waiting: list[tuple[int, Any]],
    results: list[Any],
) -> None:
    """Let one of many computations go on to its next question, or to its result."""
    try:
        waiting.append((place, lookups.send(answer)))
    except StopIteration as stop:
        results[place] = stop.value


def known(question: Any, remembered: Callable[[Question], Answer[Any] | None]) -> Any:  # noqa: ANN401 - a question or several
    """The remembered answer, or a list of all if asked together; None: one is not known."""
    if type(question) is not Together:
        return remembered(question)
    answers = [remembered(each) for each in question.questions]
    return None if None in answers else answers


def recall(lookups: Lookups[T], heard: dict[Question, Answer[Any]]) -> Lookups[T]:
    """The same computation with a memory: what `heard` has an answer to is not asked.

    Questions asked together are all asked unless it has an answer to each.  New answers
    are added to it.

    **Raises** BadArgument: it has been run before.
    """
    _check_new(lookups)
    try:
        question: Any = next(lookups)
        while True:
            answer: Any = known(question, heard.get)
            if answer is None:
                try:
                    answer = yield question
                except Exception as fault:  # noqa: BLE001 - the computation has to see it
                    question = lookups.throw(fault)
                    continue
                if type(question) is Together:
                    heard.update(zip(question.questions, answer, strict=True))
                else:
                    heard[question] = answer
            question = lookups.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        lookups.close()


def _check_new(lookups: Any) -> None:  # noqa: ANN401 - a generator's state is of no type
    """Check that look-ups are unused: a finished generator would only return None.

    **Raises** BadArgument: they have been run before.
    """
    if lookups.gi_frame is None or lookups.gi_suspended:
        raise BadArgument("these look-ups have been run before: make new ones for each run")


SideBySide: TypeAlias = Callable[[Iterable[Awaitable[T]]], Awaitable[list[T]]]
"""Awaits several answers at once: `asyncio.gather`, passed in since nothing here does I/O."""


Each: TypeAlias = Callable[[Callable[[Asked], Answered], Iterable[Asked]], Iterable[Answered]]
"""Answers several questions in order: `map`, or a variant of it that uses threads."""


def run(
    lookups: Generator[Asked | Together, Any, T],
    resolve: Callable[[Asked], Answered],
    each: Each[Asked, Answered] = map,
) -> T:
    """The result of `lookups`, each of its questions answered by `resolve`.

    `each` answers those that are asked together; by default, one after another.

    **Raises** BadArgument: they have been run before.
    """
    _check_new(lookups)
    try:
        question: Any = next(lookups)
        while True:
            try:
                if type(question) is Together:
                    several: Any = question.questions  # of a kind that `resolve` takes
                    answer: Any = list(each(resolve, several))
                else:
                    answer = resolve(question)
            except Exception as fault:  # noqa: BLE001 - the generator has to see it
                question = lookups.throw(fault)
            else:
                question = lookups.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except BaseException:  # not `finally`: most have ended, and need no closing
        lookups.close()
        raise


async def run_async(
    lookups: Generator[Asked | Together, Any, T],
    resolve: Callable[[Asked], Awaitable[Answered]],
    side_by_side: SideBySide[Answered] | None = None,
    remembered: Callable[[Any], Any] = lambda _: None,
) -> T:
    """The result of `lookups`, each of its questions answered by awaiting `resolve`.

    `side_by_side` awaits several at once; without it, they are awaited one after
    another.  A question is not awaited if `remembered` returns an answer to it; None
    means that there is none.

    **Raises** BadArgument: they have been run before.
    """
    _check_new(lookups)
    try:
        question: Any = next(lookups)
        while True:
            try:
                if type(question) is Together:
                    answer: Any = await _all_of(question, resolve, side_by_side, remembered)
                elif (answer := remembered(question)) is None:
                    answer = await resolve(question)
            except Exception as fault:  # noqa: BLE001 - the generator has to see it
                question = lookups.throw(fault)
            else:
                question = lookups.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        lookups.close()


async def _all_of(
    together: Together,
    resolve: Callable[[Any], Awaitable[Any]],
    side_by_side: SideBySide[Any] | None,
    remembered: Callable[[Any], Any],
) -> list[Any]:
    """The answers to several questions; only those without a remembered one are awaited."""
    said = [remembered(question) for question in together.questions]
    awaited = [place for place, answer in enumerate(said) if answer is None]
    if not awaited:
        return said
    asked = (resolve(together.questions[place]) for place in awaited)
    answers = [await each for each in asked] if side_by_side is None else await side_by_side(asked)
    for place, answer in zip(awaited, answers, strict=True):
        said[place] = answer
    return said


def run_all(batch: Iterable[Lookups[T]], resolve: Callable[[Question], Answer[Any]]) -> list[T]:
    """The results of many computations, in order; each distinct question is asked once."""
    answers: dict[Question, Answer[Any]] = {}

    def once(question: Question) -> Answer[Any]:
        answer = answers.get(question)
        if answer is None:
            answer = answers[question] = resolve(question)
        return answer

    return [run(lookups, once) for lookups in batch]
