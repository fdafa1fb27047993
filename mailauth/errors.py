"""What is raised: the caller's faults.

The state of a mail or of a domain is never raised, it is a verdict.  Malformed
text is a `SyntaxFault`, which points at the place.  Every class here is a
`MailauthError`, and its text is one sentence that says how to mend it.
"""

import errno
from typing import Final

EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Of an OSError: the system has nothing left to work with, which says nothing of anything else."""


def how_to_get(extra: str) -> str:
    """What to type for an extra that is not there; mailauth is on no index of packages."""
    return f"pip install '.[{extra}]' in a clone of mailauth"


class MailauthError(Exception):
    """The caller asked for something that cannot be done; the text says why."""


class BadArgument(MailauthError, ValueError):
    """An argument has no meaning: an unknown canonicalization, a bad domain."""


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
