"""The story of an evaluation: what it did, kept as it happens, told when somebody asks.

Telling costs more than evaluating, and most verdicts are never explained; so an
event is a tuple of the facts at hand, and becomes a sentence in `Story.steps`.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from mailauth.dns.lookups import Answer
from mailauth.errors import SyntaxFault
from mailauth.spf.plan import Networks
from mailauth.spf.record import Record, is_record
from mailauth.verdicts import Step

Event: TypeAlias = tuple[Any, ...]
"""The function below that tells it, as depths and sentences; the depth to add; its arguments."""


class Story:
    """The events of one evaluation; two stories are equal if their steps are."""

    __slots__ = ("_events",)

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def events(self) -> list[Event]:
        """What happened, in order."""
        return self._events

    def __repr__(self) -> str:
        return f"<Story of {len(self.steps())} steps>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Story) and self.steps() == other.steps()

    def __hash__(self) -> int:
        return hash(self.steps())

    def steps(self) -> tuple[Step, ...]:
        """The evaluation: each record, each term, each question with its answer and cost."""
        return tuple(
            Step(depth + below, text)
            for tell, depth, *facts in self.events()
            for below, text in tell(*facts)
        )


def record(domain: str, found: Record) -> Iterator[tuple[int, str]]:
    """A record was read."""
    yield 0, f"{domain}: {found.text}"


def refused(
    domain: str, message: str, text: str, at: int, texts: tuple[bytes, ...]
) -> Iterator[tuple[int, str]]:
    """A record could not be read (a caret marks the place), or there were several."""
    if text:
        shown, caret = SyntaxFault(message, text, at).pointed().split("\n")
        yield 0, f"{domain}: {shown}"
        yield 0, f"{' ' * len(domain)}  {caret} {message}"
        return
    for octets in [each for each in texts if is_record(each)][:_SHOWN]:
        yield 0, f"{domain}: {octets.decode('latin-1')}"


def term(text: str, matches: bool) -> Iterator[tuple[int, str]]:  # noqa: FBT001 - a fact
    """A directive was evaluated."""
    yield 1, f"{text}: {'it matches' if matches else 'no match'}"


def networks(row: Networks, place: int) -> Iterator[tuple[int, str]]:
    """Adjacent ip4 and ip6 directives were evaluated, up to the one that matches."""
    for number, directive in enumerate(row.directives):
        yield from term(directive.text, number == place)
        if number == place:
            return


def redirect(text: str) -> Iterator[tuple[int, str]]:
    """The evaluation went on with another record."""
    yield 1, f"redirect={text}"


def question(
    what: str, name: object, answer: Answer[object], lookups: int, limit: int, voids: int
) -> Iterator[tuple[int, str]]:
    """The DNS was asked."""
    said = ", ".join(map(_shown, answer.records[:_SHOWN])) or _status(answer)
    more = len(answer.records) - _SHOWN
    if more > 0:
        said += f" and {more} more"
    yield 0, f"? {what} {name}: {said} (look-up {lookups} of {limit}, void {voids})"


_SHOWN: Final = 4
"""How many records of an answer a step shows."""


def _status(answer: Answer[object]) -> str:
    return f"{answer.status} ({answer.reason})" if answer.reason else str(answer.status)


def _shown(found: object) -> str:
    if isinstance(found, bytes):
        return f"{len(found)} octets"
    return str(getattr(found, "host", found))
