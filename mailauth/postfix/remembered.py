"""Answers remembered: Postfix asks about the same senders and recipients again and again.

Without dated secrets and without a store, an answer is the same for a whole day,
because an SRS address contains only the day.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from mailauth.postfix.connection import Answer
from mailauth.postfix.lookup import Reply, Request
from mailauth.postfix.rewriting import Rewriting
from mailauth.srs.hashes import DAY

MOST: Final = 4096
"""Answers that are remembered; the least recently used are dropped."""
LONGEST: Final = 512
"""Characters; the answer to a longer request is not remembered: no address is as long."""


def answering(policy: Rewriting, clock: Callable[[], float]) -> Answer:
    """The function that answers a server's requests by this policy.

    `clock` returns seconds since the epoch.
    """
    if policy.aliases is not None or policy.secrets.are_dated:
        return lambda request: policy.answer(request, now=int(clock()))

    @lru_cache(MOST)
    def of_day(request: Request, day: int) -> Reply:
        return policy.answer(request, now=day * DAY)

    def answer(request: Request) -> Reply:
        day = int(clock()) // DAY
        if len(request.map_name) + len(request.key) > LONGEST:
            return policy.answer(request, now=day * DAY)
        return of_day(request, day)

    return answer
