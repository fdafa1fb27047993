"""Running what awaits, with an end to it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run it in a loop of its own.  **Raises** TimeoutError: it waits for what does not come."""

    async def limited() -> None:
        async with asyncio.timeout(180):
            await test

    asyncio.run(limited())
