"""The public suffix list beside the tree walk: what receivers of RFC 7489 still go by.

RFC 9989 §4.10 finds the organizational domain by questions, and that decides.
Who wants to know where receivers that still use the list may judge otherwise
gives one; a difference is told, and never changes a verdict.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from mailauth.errors import BadArgument

ByList: TypeAlias = Callable[[str], str]
"""The organizational domain of an A-label domain by a public suffix list (RFC 7489 §3.2)."""

INSTALLED: Final = "installed"
"""In place of a path: the list that the package brought."""
MAX_OCTETS: Final = 10_000_000


def read(path: str = INSTALLED) -> ByList:
    """The list in a file of the form of publicsuffix.org.

    **Raises** BadArgument: it cannot be read, or holds no suffix, or the extra
    `psl` is not installed.
    """
    try:
        from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - an extra
    except ImportError:
        raise BadArgument("the list needs its package: pip install 'mailauth[psl]'") from None
    suffixes = PublicSuffixList(None if path == INSTALLED else _lines(path))

    def by_list(domain: str) -> str:
        return suffixes.privatesuffix(domain) or domain  # a suffix stands for itself

    return by_list


def _lines(path: str) -> list[str]:
    try:
        with Path(path).open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as fault:
        raise BadArgument(f"the list {path} cannot be read: {fault.strerror}") from None
    try:
        lines = octets.decode().splitlines()
    except UnicodeDecodeError:
        raise BadArgument(f"the list {path} is not UTF-8") from None
    suffixes = [line for line in lines if line.strip() and not line.startswith("//")]
    if len(octets) > MAX_OCTETS or not suffixes:
        raise BadArgument(f"{path} is no public suffix list")
    return lines
