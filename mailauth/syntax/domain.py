"""Domain names as mail uses them: A-labels, lower case, no final dot (RFC 5890 §2.3.2.1).

A name that `parse` returned can be compared with `==`, asked for in the DNS, and
written into a header field; the core passes on no other form.
"""

import re
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax.abnf import SUB_DOMAIN, UNDERSCORED_LABEL

MAX_NAME: Final = 253
MAX_LABEL: Final = 63
_MAX_TEXT: Final = 4 * MAX_NAME  # any longer name in U-labels exceeds 253 octets in A-labels


@lru_cache(maxsize=4096)
def parse(text: str) -> str:
    """domain-name = sub-domain *("." sub-domain) (RFC 6376 §3.5, RFC 5321 §4.1.2, RFC 8616 §3).

    U-labels become A-labels by IDNA 2008, which maps nothing: an ideographic full
    stop, a full-width letter or a capital outside ASCII is refused.  ASCII capitals
    become lower case in any label (RFC 1035 §2.3.3).

    **Raises** SyntaxFault: an empty label, one over 63 octets, a name over 253,
    a character that no host name has.
    """
    return _parse(text, SUB_DOMAIN)


def given(text: str) -> str:
    """`parse` for a domain or selector that a caller gave.  **Raises** BadArgument."""
    try:
        return parse(text)
    except SyntaxFault as fault:
        raise BadArgument(f"{fault}: {text!r:.80}") from None


@lru_cache(maxsize=1024)
def parse_name(text: str) -> str:
    """A name that may have a record: as `parse`, with underscores allowed (RFC 8552 §1.1).

    **Raises** SyntaxFault, as `parse`.
    """
    return _parse(text, UNDERSCORED_LABEL)


def is_same_or_subdomain(name: str, of: str) -> bool:
    """Whether `name` is `of` or below it, label by label; both are as `parse` returns them."""
    return name == of or name.endswith("." + of)


def is_askable(name: str) -> bool:
    """Whether the DNS can be asked for a name that need not have been parsed (RFC 1035 §2.3.4).

    It must be ASCII, with 1 to 63 octets in each label and at most 253 in all; or ""
    for the root.
    """
    return len(name) <= MAX_NAME and _has_labels(name)


@lru_cache(maxsize=4096)
def _has_labels(name: str) -> bool:
    labels = name.split(".")
    sound = name.isascii() and "" not in labels and len(max(labels, key=len)) <= MAX_LABEL
    return sound or not name


def _parse(text: str, label_rule: re.Pattern[str]) -> str:
    if len(text) > _MAX_TEXT:
        raise SyntaxFault(f"a name of {len(text)} characters", text, MAX_NAME)
    name = text.lower() if text.isascii() else ".".join(map(_a_label, text.split(".")))
    at = 0
    for label in name.split("."):
        if not label:
            at_end = 0 < at == len(name)
            sentence = "a dot at the end of a name" if at_end else "an empty label in a name"
            raise SyntaxFault(sentence, text, min(at, len(text)))
        if len(label) > MAX_LABEL:
            raise SyntaxFault("a label of more than 63 octets", text, at)
        if not label_rule.fullmatch(label):
            raise SyntaxFault(
                "a label with something other than letters, digits and hyphens", text, at
            )
        at += len(label) + 1
    if len(name) > MAX_NAME:
        raise SyntaxFault("a name of more than 253 octets", text, MAX_NAME)
    return name


def _a_label(label: str) -> str:
    if label.isascii():
        return label.lower()
    import idna  # noqa: PLC0415 - 15 ms that only U-labels need

    try:
        return idna.alabel(label.translate(_SMALL)).decode("ascii")
    except UnicodeError as fault:
        raise SyntaxFault(f"not a label of IDNA 2008: {fault}", label) from None


_SMALL: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
