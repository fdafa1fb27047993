"""TXT data as people publish it (RFC 1035 §3.3.14, §5.1): strings, master file, one line, JSON."""

import json
from typing import Final, Literal, TypeAlias

MAX_STRING: Final = 255
_TTL: Final = 3600
Form: TypeAlias = Literal["zone", "text", "plain", "json"]
"""A master file, one line for a web form (quoted, or plain), or what `Zone.from_json` reads."""
NAMELESS: Final = frozenset({"text", "plain"})
"""The forms that leave out the name."""


def in_form(form: Form, name: str, octets: bytes) -> str:
    """The TXT record in one of the forms; `NAMELESS` are those that leave out the name."""
    match form:
        case "zone":
            return master_file(name, octets)
        case "text":
            return one_line(octets)
        case "plain":
            return octets.decode(errors="backslashreplace")
        case "json":
            return as_json(name, octets)


def strings(octets: bytes) -> list[bytes]:
    """The octets as character-strings of at most 255 octets each, at least one (§3.3)."""
    pieces = [octets[at : at + MAX_STRING] for at in range(0, len(octets), MAX_STRING)]
    return pieces or [b""]


def one_line(octets: bytes) -> str:
    """The strings in quotes on one line, as a DNS provider's web form takes them."""
    return " ".join(map(_quoted, strings(octets)))


def master_file(name: str, octets: bytes) -> str:
    """The record as lines of a master file (§5.1); several strings stand in parentheses."""
    quoted = [_quoted(string) for string in strings(octets)]
    if len(quoted) == 1:
        return f"{name}. {_TTL} IN TXT {quoted[0]}"
    lines = "\n".join(f"    {string}" for string in quoted)
    return f"{name}. {_TTL} IN TXT (\n{lines} )"


def as_json(name: str, octets: bytes) -> str:
    """The record in the form that `Zone.from_json` reads."""
    pieces = [string.decode("utf-8", "surrogateescape") for string in strings(octets)]
    return json.dumps({name: {"TXT": [pieces]}}, indent=2)


def _quoted(string: bytes) -> str:
    text = "".join(
        f"\\{chr(octet)}"
        if octet in b'"\\'
        else chr(octet)
        if 0x20 <= octet < 0x7F  # noqa: PLR2004 - the printable octets
        else f"\\{octet:03d}"
        for octet in string
    )
    return f'"{text}"'
