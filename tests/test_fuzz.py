"""Each fuzz target, for a fixed number of throws of fixed dice."""

import random

import pytest

from fuzz.mutations import mutate, seeds
from fuzz.targets import TARGETS

CORPUS = seeds()


@pytest.mark.parametrize("name", TARGETS)
def test_the_invariant_holds(name: str) -> None:
    dice = random.Random(name)
    for _ in range(150):
        TARGETS[name](mutate(dice.choice(CORPUS), CORPUS, dice))
