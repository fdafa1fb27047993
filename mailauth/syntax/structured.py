"""Structured fields: comments and quoted strings, read and written (RFC 5322 §2.2.2, §3.2).

What a client says in HELO or MAIL FROM is written into fields that people and
programs trust.  Written by `word`, `quoted`, `value`, `pvalue` or `comment`, it
cannot end the quoted string or comment that holds it: it has no line end or other
control character, and no more than `MAX_VALUE` characters.
"""

import re
from functools import lru_cache
from typing import Final

from mailauth.syntax.abnf import ADDRESS, DOT_ATOM_TEXT, TOKEN
from mailauth.syntax.scanner import Scanner

MAX_VALUE: Final = 256
"""Characters of the longest value that is written; no path is longer (RFC 5321 §4.5.3.1)."""


def skip_cfws(scanner: Scanner) -> None:
    """CFWS = (1*([FWS] comment) [FWS]) / FWS (§3.2.2); comments nest, without recursion.

    **Raises** SyntaxFault: a comment does not end.
    """
    if scanner.text[scanner.at : scanner.at + 1] not in _CFWS_BEGINS:
        return  # the usual case
    scanner.read(_BLANKS)
    while scanner.check("("):
        _read_comment(scanner)


def read_comments(scanner: Scanner) -> list[str]:
    """Read [CFWS]; return the text of each of its comments (§3.2.2).

    **Raises** SyntaxFault: a comment does not end.
    """
    scanner.read(_BLANKS)
    said: list[str] = []
    while scanner.check("("):
        said.append(_unescaped(_read_comment(scanner)))
    return said


def _read_comment(scanner: Scanner) -> str:
    """Read comment [FWS]; return what is between the parentheses of the comment (§3.2.2)."""
    start, depth = scanner.at, 0
    while True:
        if scanner.skip("("):
            depth += 1
        elif scanner.skip(")"):
            depth -= 1
            if not depth:
                text = scanner.text[start + 1 : scanner.at - 1]
                scanner.read(_BLANKS)
                return text
        elif not scanner.read(_COMMENT_TEXT):
            raise scanner.fault("a comment without its ')'")


def unquoted(text: str) -> str:
    """The text of a quoted-string or of an unquoted word (§3.2.4)."""
    return _unescaped(text[1:-1]) if text.startswith('"') else text


def word(text: str) -> str:
    """A text from outside as dot-atom / quoted-string (§3.2.3, §3.2.4)."""
    text = _visible(text)
    return text if DOT_ATOM_TEXT.fullmatch(text) else quoted_string(text)


def quoted_string(text: str) -> str:
    """The text as a quoted-string, neither cut nor cleaned (§3.2.4)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def quoted(text: str) -> str:
    """A text from outside as a quoted-string, even if it needs no quotes (§3.2.4)."""
    return quoted_string(_visible(text))


def value(text: str) -> str:
    """A text from outside as token / quoted-string (RFC 2045 §5.1)."""
    text = _visible(text)
    return text if TOKEN.fullmatch(text) else quoted_string(text)


def pvalue(text: str) -> str:
    """A text from outside as value / [ [ local-part ] "@" ] domain-name (RFC 8601 §2.2)."""
    return _pvalue(_visible(text))


@lru_cache(maxsize=1024)
def _pvalue(text: str) -> str:
    if TOKEN.fullmatch(text) or ADDRESS.fullmatch(text):
        return text
    return quoted_string(text)


def comment(text: str) -> str:
    """A text from outside as a comment (§3.2.2)."""
    return "(" + re.sub(r"([()\\])", r"\\\1", _visible(text)) + ")"


_CFWS_BEGINS = " \t\r\n("
_BLANKS = re.compile(r"[ \t\r\n]++")
_COMMENT_TEXT = re.compile(r"(?:[^()\\]|\\.)++", re.DOTALL)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _visible(text: str) -> str:
    """The text cut to `MAX_VALUE` characters, with a question mark for each unprintable one."""
    if len(text) > MAX_VALUE:
        text = text[: MAX_VALUE - 3] + "..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)
