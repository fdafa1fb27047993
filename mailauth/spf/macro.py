"""Macro strings: the small language in which a record speaks of its client (RFC 7208 §7).

A string is parsed once, before anything is evaluated, and expanded with the
values of its letters; expansion is pure and asks nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from mailauth.errors import SyntaxFault
from mailauth.syntax.abnf import MACRO_EXPAND, MACRO_LITERAL, TOPLABEL
from mailauth.syntax.domain import is_askable
from mailauth.syntax.scanner import Scanner

LETTERS: Final = frozenset("slodiphv")
"""The letters of every macro string (§7.2)."""
EXPLANATION_LETTERS: Final = LETTERS | frozenset("crt")
"""The letters of an explanation (§7.2)."""


@dataclass(frozen=True, slots=True)
class Macro:
    """macro-expand = "%{" macro-letter transformers *delimiter "}" (§7.1)."""

    text: str
    """As it is written."""
    letter: str
    """In lower case."""
    escaped: bool
    """The letter is written in upper case: the value is escaped as in a URL (§7.3)."""
    parts: int
    """How many parts to keep, from the right; 0 keeps all."""
    reverse: bool
    delimiters: str
    transforms: bool
    """The value is split."""
    changes: bool
    """The value is changed: it is split, or escaped."""

    def expand(self, value: str) -> str:
        """The value of the letter, split, reversed and cut (§7.3)."""
        if self.transforms:
            if len(self.delimiters) == 1:
                parts = value.split(self.delimiters)
            else:
                parts = _any_of(self.delimiters).split(value)
            if self.reverse:
                parts.reverse()
            value = ".".join(parts[-self.parts :])
        return _escaped(value) if self.escaped else value


def _escaped(value: str) -> str:
    """The octets of a value, escaped as in a URL (§7.3).

    A lone surrogate in it stands for an octet that is not UTF-8; if one stands for no
    octet, all of them become question marks.
    """
    try:
        octets = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        octets = value.encode("utf-8", "replace")
    return quote(octets, safe="-._~")


@lru_cache(maxsize=128)
def _any_of(delimiters: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(delimiters)}]")


@dataclass(frozen=True, slots=True)
class MacroString:
    """Text and macros in turn."""

    text: str
    template: str
    """The string with `%s` for each macro, and `%%` for a percent sign."""
    macros: tuple[Macro, ...]
    letters: frozenset[str]
    """The letters of all its macros, so that a value is looked up only if it is needed."""
    literal: str
    """The string, if it has no macros."""
    name: str
    """`literal` without a final dot, if it can be asked for: the same in all evaluations (§4.8)."""

    def expand(self, values: Mapping[str, str]) -> str:
        """The string, with the values of the letters in place of its macros (§7.3)."""
        return self.template % tuple(
            [
                each.expand(values[each.letter]) if each.changes else values[each.letter]
                for each in self.macros
            ]
        )

    def first(self, most: int, values: Mapping[str, str]) -> str:
        """The first `most` characters of what `expand` returns, or some more."""
        return "".join(
            _expanded(
                _PIECES.findall(self.template),
                self.macros,
                lambda macro, value: value[-_SPLIT:] if macro.transforms else value[:most],
                most,
                values,
            )
        )

    def last(self, most: int, values: Mapping[str, str]) -> str:
        """The last `most` characters of what `expand` returns, or some more.

        A label that begins before them may be cut short.
        """
        expanded = _expanded(
            reversed(_PIECES.findall(self.template)),
            reversed(self.macros),
            lambda macro, value: value[:most] if macro.reverse else value[-most:],
            most,
            values,
        )
        return "".join(reversed(expanded))


_SPLIT: Final = 4096
"""Characters kept of a value to split, for the beginning of a string: more than an SMTP line."""


def _expanded(
    pieces: Iterable[str],
    macros: Iterable[Macro],
    cut: Callable[[Macro, str], str],
    most: int,
    values: Mapping[str, str],
) -> list[str]:
    """The pieces of a template, expanded one after another until there are `most` characters.

    `cut` takes as much of a value as can count, so that a long one costs no more,
    however often it occurs.
    """
    following = iter(macros)
    expanded: list[str] = []
    length = 0
    for piece in pieces:
        if length >= most:
            break
        text = "%" if piece == "%%" else piece
        if piece == "%s":
            macro = next(following)
            value = values[macro.letter]
            text = macro.expand(cut(macro, value))
        expanded.append(text)
        length += len(text)
    return expanded


_PIECES: Final = re.compile(r"%[s%]|[^%]++")
"""The pieces of a template."""


def parse_domain_spec(text: str) -> MacroString:
    """domain-spec = macro-string ( "." toplabel [ "." ] / macro-expand ) (§7.1).

    **Raises** SyntaxFault.
    """
    spec = parse(text)
    ends_in_macro = spec.template.replace("%%", "").endswith("%s")
    if not ends_in_macro and not text.endswith(("%%", "%_", "%-")):
        label = text.removesuffix(".").rpartition(".")
        if not label[1] or not TOPLABEL.fullmatch(label[2]):
            raise SyntaxFault(
                "a domain that ends in neither a top label nor a macro", text, len(text)
            )
    return spec


def parse(text: str) -> MacroString:
    """macro-string = *( macro-expand / macro-literal ) (§7.1).  **Raises** SyntaxFault."""
    return _parse(Scanner(text), LETTERS)


def parse_explanation(text: str) -> MacroString:
    """explain-string = *( macro-string / SP ) (§6.2, §7.1).  **Raises** SyntaxFault."""
    return _parse(Scanner(text), EXPLANATION_LETTERS, blanks=True)


_ESCAPES: Final = {"%%": "%%", "%_": " ", "%-": "%%20"}
"""The escapes of a macro string, and what stands for them in a template (§7.1)."""
_MAX_PARTS: Final = 128
"""A name has fewer labels; a larger number counts as this one."""


def _parse(scanner: Scanner, letters: frozenset[str], *, blanks: bool = False) -> MacroString:
    template: list[str] = []
    macros: list[Macro] = []
    while not scanner.ended:
        literal = scanner.read(MACRO_LITERAL)
        if literal is not None:
            template.append(literal)
        elif blanks and scanner.skip(" "):
            template.append(" ")
        elif scanner.check("%{"):
            macros.append(_macro(scanner, letters))
            template.append("%s")
        else:
            escape = scanner.text[scanner.at : scanner.at + 2]
            if escape not in _ESCAPES:
                raise scanner.fault("a character that no macro string may have")
            scanner.skip(escape)
            template.append(_ESCAPES[escape])
    used = frozenset(each.letter for each in macros)
    whole = "".join(template)
    literal = "" if used else whole % ()
    name = literal.removesuffix(".")
    return MacroString(
        scanner.text, whole, tuple(macros), used, literal, name if is_askable(name) else ""
    )


def _macro(scanner: Scanner, letters: frozenset[str]) -> Macro:
    fault = scanner.fault("not a macro: a letter, a number, r and delimiters in braces")
    text = scanner.read(MACRO_EXPAND)
    if text is None:
        raise fault
    found = MACRO_EXPAND.fullmatch(text)
    assert found is not None  # noqa: S101 - it is what was read
    letter, digits, reverse, delimiters = found.groups()
    if letter.lower() not in letters:
        raise SyntaxFault(f"the macro letter {letter} has no meaning here", fault.text, fault.at)
    significant = digits.lstrip("0")
    if digits and not significant:
        raise SyntaxFault("a macro that keeps 0 parts", fault.text, fault.at)  # §7.3
    # Four significant digits are enough to exceed the maximum.
    number = min(int(significant[:4] or "0"), _MAX_PARTS)
    delimiters = delimiters or "."
    transforms = bool(number or reverse or delimiters != ".")
    escaped = letter.isupper()
    changes = transforms or escaped
    return Macro(
        text, letter.lower(), escaped, number, bool(reverse), delimiters, transforms, changes
    )
