"""Running a coroutine with a time limit."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run it in its own event loop.  **Raises** TimeoutError: it waits for too long."""

    async def limited() -> None:
        async with asyncio.timeout(180):
            await test

    asyncio.run(limited())
