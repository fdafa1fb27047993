"""Reading a text from left to right: look, read, or refuse with a caret.

A parser of a small grammar holds one `Scanner` and asks it for the next word by
pattern; its methods move the position only forward, so that a parse is linear.
"""

import re

from mailauth.errors import SyntaxFault


class Scanner:
    """One text and a place in it."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left to read."""
        return self.at >= len(self.text)

    def check(self, token: str) -> bool:
        """Whether `token` stands here; nothing is read."""
        return self.text.startswith(token, self.at)

    def skip(self, token: str) -> bool:
        """Read `token` if it stands here; return whether it did."""
        if not self.text.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def read(self, pattern: re.Pattern[str]) -> str | None:
        """Read what `pattern` matches here; None: it does not match, and nothing is read."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def expect(self, pattern: re.Pattern[str], what: str) -> str:
        """As `read`.  **Raises** SyntaxFault: it does not match; `what` names what should."""
        found = self.read(pattern)
        if found is None:
            raise self.fault(f"expected {what}")
        return found

    def fault(self, message: str) -> SyntaxFault:
        """A fault at this place."""
        return SyntaxFault(message, self.text, self.at)
