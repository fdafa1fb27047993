"""Names as labels: the one place where the text of a question is cut at its dots (RFC 1035 §2.3.4).

Text may come from an attacker, so no escape, no Unicode and no search list has
a meaning here: a character is an octet, and a name is absolute.
"""

_MAX_LABEL = 63
_MAX_NAME = 253


def labels(name: str) -> tuple[bytes, ...] | None:
    """The labels of an absolute name, in lower case; None if it cannot be asked for.

    "" is the root and has none.
    """
    if len(name) > _MAX_NAME or not name.isascii():
        return None
    parts = tuple(name.lower().encode().split(b".")) if name else ()
    if any(not 0 < len(label) <= _MAX_LABEL for label in parts):
        return None
    return parts


def text(parts: tuple[bytes, ...]) -> str:
    """The name of these labels; octets that are not ASCII are escaped, as no question is."""
    return b".".join(parts).decode("ascii", "backslashreplace").lower()
