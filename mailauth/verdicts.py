"""What the verdicts of all methods share: each has steps that led to it, and none is a boolean."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Step(NamedTuple):
    """One thing that an evaluation did, for those who ask why."""

    depth: int
    """How far the step is indented; the step that it belongs to is indented less."""
    text: str


@dataclass(slots=True)
class Node:
    """A step, and the steps that belong to it."""

    text: str
    below: list["Node"] = field(default_factory=list)


def tree(steps: Iterable[Step]) -> list[Node]:
    """The steps as a tree: each below the nearest earlier step with a smaller depth."""
    top: list[Node] = []
    above: list[tuple[int, Node]] = []
    for depth, text in steps:
        while above and above[-1][0] >= depth:
            above.pop()
        node = Node(text.strip())
        (above[-1][1].below if above else top).append(node)
        above.append((depth, node))
    return top


def not_a_boolean() -> TypeError:
    """What `__bool__` of a verdict raises."""
    return TypeError("a verdict is not true or false: compare its .result")
