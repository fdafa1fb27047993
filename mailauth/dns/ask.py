"""The one door to the DNS: the only place where a question is yielded.

Each function asks for one type and returns the `Answer`: records, no data, or no
such name.  A failure of the DNS is not returned as an answer: it is raised as
`LookupFailed`, which each protocol maps to its temperror in one place.  Only
`txt_of_each`, `one` and `each` return failures.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeVar

from mailauth.dns.lookups import MX, Answer, Lookups, Question, RRType, Status, Together
from mailauth.syntax.address import Address

Record = TypeVar("Record")

FAMILIES: Final[tuple[Address, Address]] = (IPv4Address(0), IPv6Address(0))
"""An address of each family, for callers that ask `addresses` for both."""

# Looking up a member of an enumeration is slow, and these are needed often.
_EXISTS = Status.EXISTS
_TXT, _A, _AAAA, _MX = RRType.TXT, RRType.A, RRType.AAAA, RRType.MX

_question = lru_cache(maxsize=4096)(Question)
"""Remembered, because most names were asked for only a moment ago."""


class LookupFailed(Exception):
    """The DNS did not answer: a time-out, a server failure, a refusal."""

    def __init__(self, question: Question, answer: Answer[object]) -> None:
        super().__init__(question, answer)  # both, so that one process can pass it to another
        self.question = question
        self.answer = answer

    def __str__(self) -> str:
        detail = f" ({self.answer.reason})" if self.answer.reason else ""
        return f"{self.question.rrtype} of {self.question.name}: {self.answer.status}{detail}"


def _heard(question: Question, answer: Answer[Record]) -> Answer[Record]:
    if answer.status is not _EXISTS and answer.failed:
        raise LookupFailed(question, answer)
    return answer


def txt(name: str) -> Lookups[Answer[bytes]]:
    """The TXT records of a name, each with its strings joined.  **Asks** one question."""
    question = _question(name, _TXT)
    return _heard(question, (yield question))


def txt_of_each(names: Iterable[str]) -> Lookups[list[Answer[bytes] | LookupFailed]]:
    """The TXT records of each name, or why the DNS did not answer, in order.

    **Asks** one question for each, side by side.
    """
    questions = tuple(Question(name, RRType.TXT) for name in names)
    answers = yield Together(questions)
    return [
        LookupFailed(question, answer) if answer.failed else answer
        for question, answer in zip(questions, answers, strict=True)
    ]


def one(question: Question) -> Lookups[Answer[Any]]:
    """The answer to a question, even if it is a failure."""
    answer: Answer[Any] = yield question
    return answer


def each(questions: Sequence[Question]) -> Lookups[list[Answer[Any]]]:
    """The answers to several questions, asked side by side; failures are among them."""
    return list((yield Together(tuple(questions))))


def addresses(name: str, *, like: Address) -> Lookups[Answer[Address]]:
    """The addresses of a name in the family of `like` (RFC 7208 §5).  **Asks** one question."""
    rrtype = _A if isinstance(like, IPv4Address) else _AAAA
    question = _question(name, rrtype)
    return _heard(question, (yield question))


def mx(name: str) -> Lookups[Answer[MX]]:
    """The mail exchanges of a name.  **Asks** one question."""
    question = _question(name, _MX)
    return _heard(question, (yield question))


def ptr(address: IPv4Address | IPv6Address) -> Lookups[Answer[str]]:
    """The names that an address claims, not validated.  **Asks** one question."""
    question = _question(address.reverse_pointer, RRType.PTR)
    return _heard(question, (yield question))


def alias(name: str) -> Lookups[Answer[str]]:
    """What a name is an alias of, not followed further (CNAME).  **Asks** one question."""
    question = Question(name, RRType.CNAME)
    return _heard(question, (yield question))
