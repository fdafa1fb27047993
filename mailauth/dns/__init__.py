"""The resolver layer that all protocols share: questions, answers, and what drives them.

Protocols use only `lookups`, which has the types and the contract, and `ask`, the
one place where a question is yielded.  Answers come from a `zone` in memory (read
from JSON or by `masterfile`), or from a `resolver` with its `cache`, its nameservers
(`nameserver`) and the `exchange` with them.  `names` splits names into labels, and
`present` shows TXT data as people publish it.

`Zone`, `Cache`, `Resolver` and `AsyncResolver` are imported when they are first used,
because signing needs no DNS and dnspython is slow to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import (
    MX,
    Answer,
    Lookups,
    Question,
    RRType,
    Status,
    Together,
    gather,
    recall,
    run,
    run_all,
    run_async,
)

if TYPE_CHECKING:
    from mailauth.dns.cache import Cache
    from mailauth.dns.resolver import AsyncResolver, Resolver
    from mailauth.dns.zone import Zone

_LATER = {
    "AsyncResolver": "mailauth.dns.resolver",
    "Cache": "mailauth.dns.cache",
    "Resolver": "mailauth.dns.resolver",
    "Zone": "mailauth.dns.zone",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return list({*globals(), *_LATER})


__all__ = [
    "MX",
    "Answer",
    "AsyncResolver",
    "Cache",
    "LookupFailed",
    "Lookups",
    "Question",
    "RRType",
    "Resolver",
    "Status",
    "Together",
    "Zone",
    "gather",
    "recall",
    "run",
    "run_all",
    "run_async",
]
