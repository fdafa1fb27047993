"""What the verdicts of all methods share: the steps that led to them; and none is a boolean."""

from typing import NamedTuple


class Step(NamedTuple):
    """One thing that an evaluation did, for those who ask why."""

    depth: int
    """How far the step is indented: what it belongs to is less so."""
    text: str


def not_a_boolean() -> TypeError:
    """What `__bool__` of a verdict raises."""
    return TypeError("a verdict is not true or false: compare its .result")
