"""Answers remembered: Postfix asks of the same senders and recipients again and again.

As long as neither a secret nor a store comes in between, an answer is the same
for a whole day, for the day is all that an SRS address has of the time.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from mailauth.postfix.connection import Answer
from mailauth.postfix.lookup import Reply, Request
from mailauth.postfix.rewriting import Rewriting
from mailauth.srs.hashes import DAY

MOST: Final = 4096
"""Answers; those that were asked for last stay."""
LONGEST: Final = 512
"""Characters of a request whose answer is remembered; no address has as many."""


def answering(policy: Rewriting, clock: Callable[[], float]) -> Answer:
    """What answers the requests of a server by this policy.

    The clock comes to seconds since the epoch.
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
