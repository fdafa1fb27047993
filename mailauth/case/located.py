"""JSON whose values know their place in the file, so that a fault can name it."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from mailauth.errors import MailauthError

T = TypeVar("T")


class BadCase(MailauthError):
    """A file that is no case, or one that this version cannot read; the text says where and why."""


def as_octets(path: str, text: str) -> bytes:
    """The octets for which a text stands.  **Raises** BadCase: it stands for none."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadCase(
            f"{path}: this text has a lone surrogate, which stands for no octet"
        ) from None


_NEEDED: Final[Any] = object()


class Object:
    """An object of JSON, and its path in the file."""

    def __init__(self, path: str, value: object) -> None:
        if not isinstance(value, dict):
            raise BadCase(f"{path or 'the case'}: this is not an object")
        self.path = path
        self.value = value

    def get(self, name: str, kind: type[T], default: T = _NEEDED) -> T:
        """The value of a name, which must be of type `kind`; `default` if there is none."""
        value = self.value.get(name, default)
        if value is _NEEDED:
            raise self.fault(name, "is missing")
        if value is not default and type(value) is not kind:  # True is no whole number
            raise self.fault(name, f"this is not {_NAMES[kind]}")
        return value

    def list(self, name: str) -> list["Item"]:
        """The values of a list, each with its path."""
        where = self.where(name)
        return [Item(f"{where}[{at}]", each) for at, each in enumerate(self.get(name, list))]

    def object(self, name: str) -> "Object":
        """The object of a name."""
        return Object(self.where(name), self.get(name, dict))

    def where(self, name: str) -> str:
        """The path of a name."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, why: str) -> BadCase:
        """The fault to raise because of the value of a name."""
        return BadCase(f"{self.where(name)}: {why}")


class Item:
    """A value in a list."""

    def __init__(self, path: str, value: object) -> None:
        self.path = path
        self.value = value

    def as_object(self) -> Object:
        """The value as an object.  **Raises** BadCase: it is none."""
        return Object(self.path, self.value)

    def text(self) -> str:
        """The value as a string.  **Raises** BadCase: it is none."""
        if not isinstance(self.value, str):
            raise BadCase(f"{self.path}: this is not a string")
        return self.value


_NAMES: Final[Mapping[type, str]] = {
    str: "a string", int: "a whole number", bool: "true or false", list: "a list",
    dict: "an object",
}  # fmt: skip
