"""The drivers of look-ups: what they leave behind when somebody interrupts them."""

import pytest

from mailauth.dns import Answer, Lookups, Question, Status, ask, run


def test_look_ups_that_are_interrupted_are_closed() -> None:
    ended = []

    def computation() -> Lookups[Status]:
        try:
            return (yield from ask.txt("a.example")).status
        finally:
            ended.append(True)

    def interrupted(_: Question) -> Answer[bytes]:
        raise KeyboardInterrupt

    lookups = computation()
    with pytest.raises(KeyboardInterrupt):
        run(lookups, interrupted)
    assert ended == [True]
    with pytest.raises(StopIteration):
        next(lookups)
