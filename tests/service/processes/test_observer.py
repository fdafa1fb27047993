"""What the observer makes of a listener that does not answer."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import pytest

from mailauth.service.processes import observer
from mailauth.service.processes.generation import Probe
from mailauth.service.settings import address
from mailauth.service.settings.tables import Watchdog

PROBE: Final = Probe(address.parse("unix:/x"), b"?", bool)
OUTCOMES: Final = {"silent": TimeoutError, "refused": ConnectionRefusedError, "answers": None}


@pytest.mark.parametrize(
    ("outcomes", "reports"),
    [
        ("answers", 0),
        ("silent", 0),
        ("silent silent", 1),
        ("silent silent silent", 1),
        ("silent silent silent silent", 2),
        ("silent answers silent", 0),
        ("silent refused silent", 0),
    ],
)
def test_two_silences_in_a_row_are_reported(
    monkeypatch: pytest.MonkeyPatch, outcomes: str, reports: int
) -> None:
    coming = iter(outcomes.split())
    reported: list[int] = []

    async def ask(_: Probe) -> None:
        outcome = next(coming, None)
        if outcome is None:
            raise asyncio.CancelledError
        if fault := OUTCOMES[outcome]:
            raise fault

    async def watch() -> None:
        nobody: Any = None
        watching = observer._Observer(nobody, [PROBE], None, Watchdog(probe=0.001))
        monkeypatch.setattr(watching, "_say", reported.append)
        with suppress(asyncio.CancelledError):
            await watching._ask_again(0)

    monkeypatch.setattr(observer, "_ask", ask)
    asyncio.run(watch())
    assert reported == [1] * reports
