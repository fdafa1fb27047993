"""The public suffix list beside the tree walk: what receivers of RFC 7489 still go by.

RFC 9989 §4.10 finds the organizational domain by asking the DNS, and that decides.
A list shows where receivers that still use one may judge otherwise; a difference is
reported, and never changes a verdict.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from mailauth import reading
from mailauth.errors import BadArgument, how_to_get

ByList: TypeAlias = Callable[[str], str]
"""The organizational domain of an A-label domain by a public suffix list (RFC 7489 §3.2)."""

INSTALLED: Final = "installed"
"""In place of a path: the list that comes with the package."""


def read(path: str = INSTALLED) -> ByList:
    """The list in a file of the format of publicsuffix.org, or the `INSTALLED` one.

    **Raises** BadArgument: it cannot be read, or holds no suffix, or the extra
    `psl` is not installed.
    """
    try:
        from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - an extra
    except ImportError:
        raise BadArgument(f"the list needs its package: {how_to_get('psl')}") from None
    try:
        suffixes = PublicSuffixList(None if path == INSTALLED else _lines(path))
    except UnicodeError:  # a rule that no name can match
        raise BadArgument(f"{path} is not a public suffix list") from None

    def by_list(domain: str) -> str:
        return suffixes.privatesuffix(domain) or domain  # a suffix is its own organization

    return by_list


def _lines(path: str) -> list[str]:
    lines = reading.text(path, reading.MAX_TEXT).splitlines()
    suffixes = [line for line in lines if line.strip() and not line.startswith("//")]
    if not suffixes:
        raise BadArgument(f"{path} is not a public suffix list")
    return lines
