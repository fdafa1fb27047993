"""Files of libconfuse, which postsrsd 2.x uses: `key = value`, and lists in braces.

Strings are bare or quoted; comments begin with `#` or `//`, or are between `/*`
and `*/`.  Sections and functions, which postsrsd does not use, are refused.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from mailauth.errors import SyntaxFault

Settings: TypeAlias = dict[str, str | list[str]]

_TOKEN: Final = re.compile(
    r"""(?P<skip>[ \t\r\n]+|\#[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    |(?P<sign>\+=|[={},])
    |"(?P<double>(?:[^"\\]|\\.)*)"
    |'(?P<single>(?:[^'\\]|\\.)*)'
    |(?P<bare>[^\s"'={}(),+\#]+)""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    """`word`, `end`, or the sign itself."""
    text: str
    at: int


def parse(text: str) -> Settings:
    """options = *( name ( "=" / "+=" ) ( word / list ) ).  **Raises** SyntaxFault."""
    reader = _Reader(text)
    settings: Settings = {}
    while reader.next.kind != "end":
        name = reader.take("word")
        sign = reader.take("=", "+=")
        value = reader.take_list() if reader.next.kind == "{" else reader.take("word")
        before = settings.get(name)
        if sign == "+=" and isinstance(before, list) and isinstance(value, list):
            value = before + value
        settings[name] = value
    return settings


class _Reader:
    """The tokens of a text, one at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self.next = next(self._tokens)

    def take(self, *kinds: str) -> str:
        """The text of the next token.  **Raises** SyntaxFault: it is not of one of these kinds."""
        token = self.next
        if token.kind not in kinds:
            wanted = " or ".join(repr(kind) for kind in kinds)
            raise SyntaxFault(f"line {_line(self._text, token.at)} needs {wanted}")
        self.next = next(self._tokens)
        return token.text

    def take_list(self) -> list[str]:
        """list = "{" [ word *( "," word ) ] "}"."""
        self.take("{")
        words = []
        while self.next.kind == "word":
            words.append(self.take("word"))
            if self.next.kind != "}":
                self.take(",")
        self.take("}")
        return words


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxFault(f"line {_line(text, at)} is not understood")
        kind = match.lastgroup or ""
        if kind == "sign":
            yield _Token(match[kind], match[kind], at)
        elif kind == "bare":
            yield _Token("word", match[kind], at)
        elif kind != "skip":
            yield _Token("word", re.sub(r"\\(.)", r"\1", match[kind], flags=re.DOTALL), at)
        at = match.end()
    yield _Token("end", "", at)
    yield _Token("end", "", at)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
