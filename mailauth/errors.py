"""Exceptions: only the caller's mistakes raise them.

The state of a message or a domain is a verdict, never an exception.  Malformed
text raises a `SyntaxFault`, which points at the place.  Every class here is a
`MailauthError`, and its text is one sentence that says how to fix the problem.
"""

import errno
from typing import Final

EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The errno of an OSError that means only that this system has run out of resources."""


def how_to_get(extra: str) -> str:
    """The command that installs a missing extra; mailauth is not on any package index."""
    return f"pip install '.[{extra}]' in a clone of mailauth"


class MailauthError(Exception):
    """The caller asked for something that cannot be done; the text says why."""


class BadArgument(MailauthError, ValueError):
    """An argument has no meaning: an unknown canonicalization, a bad domain."""


def refuse_text(given: object, noun: str) -> None:
    """Check that `given` is not one text in place of several: its letters are texts too.

    **Raises** BadArgument; `noun` says of what it should be a list.
    """
    if isinstance(given, str | bytes):
        raise BadArgument(f"{given!r:.80} is not a list of {noun}")


class UnusableKey(MailauthError):
    """A key cannot be read, is of a wrong kind, or is too weak or unsafe to use."""


class UnsignableMessage(MailauthError):
    """A message that must not be signed as it stands (RFC 6376 §5)."""


class SyntaxFault(MailauthError):
    """Malformed text, and the place in it.

    `str()` is one line; `caret()` is three: the fault, the text, and a caret
    under the character at which reading stopped.
    """

    _SHOWN = 72

    def __init__(self, message: str, text: str = "", at: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.at = at

    def caret(self) -> str:
        """The fault with its text and a caret under the place."""
        return f"{self.message}\n{self.pointed()}"

    def pointed(self) -> str:
        """The text around the place on one line, and a caret under the place on the next."""
        start = max(0, min(self.at - self._SHOWN // 2, len(self.text) - self._SHOWN))
        shown = self.text[start : start + self._SHOWN]
        shown = "".join(c if c.isprintable() else "." for c in shown)
        return f"{shown}\n{' ' * (self.at - start)}^"
