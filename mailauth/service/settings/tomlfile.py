"""From a TOML file to frozen structs, with all errors at once, each with its line.

`msgspec` checks values, but stops at the first fault and knows no lines.  So the tables
and lists are walked here, and `msgspec` checks one value at a time; the line of a key is
found in the text, which `tomllib` has accepted before.
"""

import difflib
import re
import tomllib
import types
import typing
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from mailauth import reading
from mailauth.errors import MailauthError
from mailauth.service.settings import othernames, wording

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the top of the file: ("listen", 1, "address")."""

S = TypeVar("S", bound=msgspec.Struct)

MAX_OCTETS: Final = 1_048_576
_SYNTAX_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_KEY: Final = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_LOOK_ALIKE: Final = re.compile("(?P<blank>[\u00a0\u2000-\u200b\u202f\u3000])|[\u2018-\u201f]")
"""What web pages and word processors turn blanks and quotes into."""
_LONG_QUOTES: Final = ('"""', "'''")
_TOKEN: Final = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}\n]')


class Complaint(NamedTuple):
    """One thing that is wrong."""

    place: Place
    sentence: str
    beside: tuple[Place, ...] = ()
    """Other values it depends on; if one of them is wrong itself, this is not reported."""


def first_of_each(complaints: Sequence[Complaint]) -> list[Complaint]:
    """The first complaint about each place, in order, without those that follow from others."""
    wrong = {one.place for one in complaints}
    first: dict[Place, Complaint] = {}
    for one in complaints:
        if wrong.isdisjoint(one.beside):
            first.setdefault(one.place, one)
    return list(first.values())


class Unsound(MailauthError):
    """Something that a configuration names cannot be used; each complaint has its place."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(one.sentence for one in self.complaints))


@contextmanager
def collect(complaints: list[Complaint], place: Place) -> Iterator[None]:
    """Turn what is raised within into complaints; a fault without a place gets this one."""
    try:
        yield
    except Unsound as fault:
        complaints += fault.complaints
    except MailauthError as fault:
        complaints.append(Complaint(place, str(fault)))


class Document:
    """A TOML file: its tables, and the line of each key.

    **Raises** BadArgument: it cannot be read.  BadToml: it is not TOML.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        octets = reading.regular(path, MAX_OCTETS)
        if octets.startswith(BOM_UTF8):
            mark = "the file begins with a byte order mark: save it as UTF-8 without one"
            raise BadToml(1, mark)
        try:
            text = octets.decode()
        except UnicodeDecodeError as fault:
            line = octets.count(b"\n", 0, fault.start) + 1
            raise BadToml(line, "the file is not UTF-8") from None
        try:
            self.tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as fault:
            raise _bad_toml(str(fault), text) from None
        except RecursionError:
            raise BadToml(0, "the file is nested too deeply") from None
        except ValueError as fault:  # a number of thousands of digits
            raise BadToml(0, f"not TOML: {str(fault).partition(';')[0]}") from None
        self._lines = dict(_places(text))

    def line(self, place: Place) -> int:
        """The line of a key, or of the nearest thing around it; 0 for the file as a whole."""
        for length in range(len(place), 0, -1):
            if place[:length] in self._lines:
                return self._lines[place[:length]]
        return 0


class BadToml(Exception):
    """A text that is not TOML: the line, and what is wrong."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def salvage(path: Path, key: str) -> list[Any]:
    """The values of a key, each from one sound line, in a file that is not TOML as a whole.

    **Raises** BadArgument: it cannot be read.
    """
    text = reading.regular(path, MAX_OCTETS).decode(errors="replace")
    values = []
    for line in text.splitlines():
        if line.lstrip().startswith(key):
            with suppress(ValueError, RecursionError):
                values.append(tomllib.loads(line).get(key))
    return values


def _bad_toml(message: str, text: str) -> BadToml:
    found = _SYNTAX_LINE.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    sentence = f"not TOML: {_SYNTAX_LINE.sub('', message)}"
    alike = _LOOK_ALIKE.search(text.split("\n")[line - 1])
    if alike is not None:
        plain = "blank" if alike["blank"] else "quote"
        sentence += f"; write U+{ord(alike[0]):04X} as a plain {plain}"
    return BadToml(line, sentence)


def convert(struct: type[S], table: Any, place: Place, complaints: list[Complaint]) -> S:  # noqa: ANN401 - TOML
    """The struct for a table; what is wrong with it is added to the complaints.

    Every field has a default, which replaces a wrong value so that the rest can be
    checked too.  A struct with complaints serves only to find more of them.
    """
    if not isinstance(table, Mapping):
        complaints.append(Complaint(place, "must be a table"))
        return struct()
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    values = {}
    for key, value in table.items():
        if key not in fields:
            complaints.append(Complaint((*place, key), _unknown_key(key, place, list(fields))))
            continue
        sound = _value(_needed(fields[key].type), value, (*place, key), complaints)
        if sound is not None:
            values[fields[key].name] = sound
    return struct(**values)


def _value(kind: Any, value: Any, place: Place, complaints: list[Complaint]) -> Any:  # noqa: ANN401 - TOML
    """A value, or None if it is wrong: tables and lists are walked, the rest is checked."""
    if _is_struct(kind):
        return convert(kind, value, place, complaints)
    if typing.get_origin(kind) is tuple:
        return _items(typing.get_args(kind)[0], value, place, complaints)
    if typing.get_origin(kind) is dict:
        return _mapping(kind, value, place, complaints)
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        complaints.append(Complaint(place, wording.mismatch(kind, value)))
        return None


def _items(kind: Any, value: Any, place: Place, complaints: list[Complaint]) -> Any:  # noqa: ANN401 - TOML
    """A list, or None if anything in it is wrong."""
    if not isinstance(value, list):
        tables = f"[[{show(place)}]], a list of tables"
        wanted = tables if _is_struct(kind) else f"a list, not {wording.given(value)}"
        complaints.append(Complaint(place, f"must be {wanted}"))
        return None
    items = [_value(kind, item, (*place, at), complaints) for at, item in enumerate(value)]
    return None if None in items else tuple(items)


def _mapping(kind: Any, value: Any, place: Place, complaints: list[Complaint]) -> Any:  # noqa: ANN401 - TOML
    """A table whose keys are data; if its keys are a `Literal`, any others are wrong."""
    if not isinstance(value, Mapping):
        complaints.append(Complaint(place, "must be a table"))
        return None
    keys, values = typing.get_args(kind)
    choice = [str(key) for key in typing.get_args(keys)]
    sound = {}
    for key, one in value.items():
        if choice and key not in choice:
            sentence = _unknown(key, choice, otherwise=f"; there are {', '.join(choice)}")
            complaints.append(Complaint((*place, key), sentence))
        elif (item := _value(values, one, (*place, key), complaints)) is not None:
            sound[key] = item
    return sound


def _needed(kind: Any) -> Any:  # noqa: ANN401 - a type
    """The type without `None`: TOML has no null."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    return next(part for part in typing.get_args(kind) if part is not types.NoneType)


def _is_struct(kind: Any) -> bool:  # noqa: ANN401 - a type
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _unknown_key(key: str, place: Place, known: list[str]) -> str:
    """The sentence about a key that a table lacks: it may have another name or another table."""
    meant = othernames.meant(key, ".".join(part for part in place if isinstance(part, str)))
    return f"is unknown here; do you mean {meant}?" if meant else _unknown(key, known)


def _unknown(key: str, known: list[str], *, otherwise: str = "") -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"is unknown here; do you mean {near[0]}?" if near else f"is unknown here{otherwise}"


def show(place: Place) -> str:
    """A place for people to read: `listen[2].address`, counted from 1."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """Each header and each key at the start of a line, with its line; the text is sound TOML."""
    table: Place = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in _logical_lines(text):
        if line.startswith("["):
            names = _dotted(line.lstrip("[ \t"))
            if line.startswith("[["):
                counts[names] = counts.get(names, -1) + 1
                yield names, number
            table = _indexed(names, counts)
            yield table, number
        elif names := _dotted(line):
            for length in range(1, len(names) + 1):
                yield (*table, *names[:length]), number


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that may begin a header or a key, not those within a value of several lines."""
    depth, at, begin = 0, 0, 0
    number = 1
    text += "\n"
    while token := _TOKEN.search(text, at):
        found, at = token[0], token.end()
        if found in _LONG_QUOTES:
            at = _end_of_string(text, found, at)
            if begin >= 0 and "\n" in text[token.start() : at]:
                yield number, text[begin : token.start()].strip()
                begin = -1
            number += text.count("\n", token.start(), at)
        elif found == "\n":
            if begin >= 0:
                yield number, text[begin : token.start()].strip()
            number += 1
            begin = at if depth == 0 else -1
        else:
            depth += (found in "[{") - (found in "]}")


def _end_of_string(text: str, quote: str, at: int) -> int:
    """Where the multi-line string ends that began before `at`."""
    while (end := text.find(quote, at)) >= 0:
        behind = text[at:end]
        escaped = quote == _LONG_QUOTES[0] and (len(behind) - len(behind.rstrip("\\"))) % 2
        at = end + 1
        if not escaped:
            return end + len(quote)
    return len(text)


def _dotted(line: str) -> tuple[str, ...]:
    """key = simple-key *( "." simple-key ), without quotes."""
    names = []
    at = 0
    while match := _KEY.match(line, at):
        names.append(match[0].strip("\"'"))
        rest = line[match.end() :].lstrip(" \t")
        if not rest.startswith("."):
            break
        at = len(line) - len(rest) + 1
        at += len(line[at:]) - len(line[at:].lstrip(" \t"))
    return tuple(names)


def _indexed(names: tuple[str, ...], counts: Mapping[tuple[str, ...], int]) -> Place:
    """The place of a header: each array of tables on the way gets its last index."""
    place: list[str | int] = []
    for length, name in enumerate(names, 1):
        place.append(name)
        if names[:length] in counts:
            place.append(counts[names[:length]])
    return tuple(place)
