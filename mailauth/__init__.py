"""mailauth: prove that mail is yours, and judge the mail of others.

The protocols are in modules of their own (`from mailauth import dkim`); this
one has two functions for use in one line, with the system's clock and resolver.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailauth import (
        arc,
        authenticate,
        authres,
        case,
        dkim,
        dmarc,
        dns,
        domaincheck,
        errors,
        forwarding,
        keys,
        milter,
        postfix,
        spf,
        srs,
    )
    from mailauth.one_line import sign, verify

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "arc",
    "authenticate",
    "authres",
    "case",
    "dkim",
    "dmarc",
    "dns",
    "domaincheck",
    "errors",
    "forwarding",
    "keys",
    "milter",
    "postfix",
    "sign",
    "spf",
    "srs",
    "verify",
]

_FUNCTIONS = frozenset({"sign", "verify"})
_MODULES = frozenset(__all__) - _FUNCTIONS - {"__version__"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _MODULES:
        return import_module(f"mailauth.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module("mailauth.one_line"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return list({*globals(), *__all__})
