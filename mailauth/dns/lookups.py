"""Asking without doing: the questions of the core and what drives them.

A protocol that needs the DNS is a generator: it yields a `Question`, is sent
the `Answer`, and returns its result.  Such a generator has the type
`Lookups[Result]`.  Nothing in it waits, so the same code serves a blocking
caller, asyncio, a batch and a test:

    verdict = Resolver().run(dkim.verify(message, now=now))
    verdict = await AsyncResolver().run(dkim.verify(message, now=now))

The contract: a driver sends exactly one answer for each question, in order.
DNS weather (no such name, a time-out) is an `Answer` with that `Status`; an
exception of the driver's own is thrown into the generator, so that a traceback
shows which look-up broke.  A protocol never yields a question itself; it says
`yield from` to a function of `mailauth.dns.ask`.
"""

from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

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


class Question(NamedTuple):
    """One DNS question: an absolute name without its final dot, and a type.

    The name is text in which every character stands for one octet and every
    dot ends a label; it may come from an attacker, so a resolver never hands it
    to a parser of names with escapes.
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
    """The name cannot be asked for: a label over 63 octets, an empty one."""
    SERVER_FAILURE = "server failure"
    TIMEOUT = "time-out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MX:
    """One mail exchange (RFC 5321 §5.1): `host` has no final dot; "" is the null MX."""

    preference: int
    host: str


Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record_co]):
    """What the DNS said to one question.

    `records` holds, by type: TXT octets, the character-strings of each record
    joined with nothing between (RFC 7208 §3.3, RFC 6376 §3.6.2.2); A and AAAA
    addresses; `MX`; PTR names without the final dot.
    """

    status: Status
    records: tuple[Record_co, ...] = ()
    ttl: int = 0
    """For how many seconds this answer holds."""
    secure: bool = False
    """The AD bit: a validating resolver vouches for the answer (RFC 4035 §3.2.3)."""
    reason: str = ""
    """What a postmaster should know of a failure: which server, which time-out."""

    @property
    def failed(self) -> bool:
        """The DNS did not answer; asking again later may help."""
        return self.status in _FAILURES

    @property
    def void(self) -> bool:
        """The DNS answered that there is nothing (RFC 7208 §4.6.4)."""
        return not self.failed and not self.records


_FAILURES = frozenset({Status.SERVER_FAILURE, Status.TIMEOUT, Status.REFUSED})

Lookups: TypeAlias = Generator[Question, Answer[Any], T]
"""A computation that asks DNS questions one at a time, is sent their answers, and returns a T."""


def run(lookups: Generator[Asked, Answered, T], resolve: Callable[[Asked], Answered]) -> T:
    """The result of `lookups`, each of its questions answered by `resolve`."""
    try:
        question = next(lookups)
        while True:
            try:
                answer = resolve(question)
            except Exception as fault:  # noqa: BLE001 - it is the generator's to see
                question = lookups.throw(fault)
            else:
                question = lookups.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def run_async(
    lookups: Generator[Asked, Answered, T], resolve: Callable[[Asked], Awaitable[Answered]]
) -> T:
    """The result of `lookups`, each of its questions answered by awaiting `resolve`."""
    try:
        question = next(lookups)
        while True:
            try:
                answer = await resolve(question)
            except Exception as fault:  # noqa: BLE001 - it is the generator's to see
                question = lookups.throw(fault)
            else:
                question = lookups.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        lookups.close()


def run_all(batch: Iterable[Lookups[T]], resolve: Callable[[Question], Answer[Any]]) -> list[T]:
    """The results of many computations, in order; each distinct question is asked once."""
    answers: dict[Question, Answer[Any]] = {}

    def once(question: Question) -> Answer[Any]:
        answer = answers.get(question)
        if answer is None:
            answer = answers[question] = resolve(question)
        return answer

    return [run(lookups, once) for lookups in batch]
