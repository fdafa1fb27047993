"""Names as labels: the only place where a question's name is split at its dots (RFC 1035 §2.3.4).

The name may come from an attacker, so escapes, Unicode and search lists have no
meaning here: a character is an octet, and a name is absolute.
"""

from mailauth.syntax.domain import is_askable


def labels(name: str) -> tuple[bytes, ...] | None:
    """The labels of an absolute name, in lower case; None if it cannot be asked for.

    "" is the root and has none.
    """
    if not is_askable(name):
        return None
    return tuple(name.lower().encode().split(b".")) if name else ()


def text(parts: tuple[bytes, ...]) -> str:
    r"""The name of these labels, in lower case.

    An octet that is not an ordinary character of a name, or is a dot within a label,
    becomes `\DDD`: the name can be shown, and never passes for another one.
    """
    return ".".join(map(_label_text, parts))


def _label_text(label: bytes) -> str:
    if label.isalnum():  # bytes: ASCII only
        return label.lower().decode()
    return "".join(
        chr(octet) if octet in _ORDINARY else f"\\{octet:03d}" for octet in label.lower()
    )


_ORDINARY = frozenset(range(0x21, 0x7F)) - frozenset(b".\\")
