"""How a computation asks its questions: those asked side by side are one round."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mailauth.dns import Answer, Lookups, Question, Zone, run

T = TypeVar("T")


def in_rounds(lookups: Lookups[T], zone: Zone) -> tuple[T, list[list[Question]]]:
    """The result, and the questions of each round."""
    rounds: list[list[Question]] = []

    def resolve(question: Question) -> Answer[Any]:
        rounds.append([question])
        return zone.resolve(question)

    def each(_: Callable[..., Any], questions: Iterable[Question]) -> list[Answer[Any]]:
        rounds.append(list(questions))
        return list(map(zone.resolve, rounds[-1]))

    return run(lookups, resolve, each), rounds
