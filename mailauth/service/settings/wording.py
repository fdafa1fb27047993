"""What a value of the TOML file must be, and what it is instead, in words.

The words come from the types of the tables: `int`, a `Literal`, and so on, with the
limits of `msgspec.Meta` or, if it has one, its description.
"""

import typing
from typing import Any, Final

import msgspec

_NAMES: Final = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
_LIMITS: Final = {"ge": "of at least", "gt": "over", "le": "at most", "lt": "under"}
_MANY: Final = 10**18
_SHOWN: Final = 60


def mismatch(kind: Any, value: Any) -> str:  # noqa: ANN401 - a type, and TOML
    """The sentence about a value that is not of the `kind` it must be, a scalar."""
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    return f"must be {_one_of(choices) if choices else _wanted(kind)}, not {_shown(value, choices)}"


def given(value: Any) -> str:  # noqa: ANN401 - TOML
    """What a value is, in words; a string is not shown, because it might be a secret."""
    return _shown(value, ())


def _one_of(choices: tuple[str, ...]) -> str:
    if len(choices) <= 2:  # noqa: PLR2004 - "this or that"
        return " or ".join(choices)
    return f"one of {', '.join(choices)}"


def _wanted(kind: Any) -> str:  # noqa: ANN401 - a type
    if typing.get_origin(kind) is not typing.Annotated:
        return _NAMES[kind]
    bare, *metas = typing.get_args(kind)
    limits = []
    for meta in metas:
        if isinstance(meta, msgspec.Meta):
            if meta.description:
                return meta.description
            found = [(word, getattr(meta, name)) for name, word in _LIMITS.items()]
            limits += [f"{word} {limit}" for word, limit in found if limit is not None]
    return f"{_NAMES[bare]} {' and '.join(limits)}".rstrip()


def _shown(value: Any, choices: tuple[str, ...]) -> str:  # noqa: ANN401 - TOML
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        many = isinstance(value, int) and abs(value) >= _MANY
        return "one of so many digits" if many else f"{value}"
    if isinstance(value, str):
        return repr(value[:_SHOWN]) if choices else "a string"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date or a time"
