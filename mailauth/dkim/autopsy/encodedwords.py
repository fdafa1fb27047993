"""Encoded words in a field, as they may have been before (RFC 2047 §2)."""

import re
from collections.abc import Iterator
from email import base64mime, quoprimime
from email.errors import HeaderParseError
from email.header import Header, decode_header
from functools import partial
from typing import Final

_FORMS: Final = [
    (charset, letter) for charset in ("utf-8", "UTF-8", "iso-8859-1") for letter in "QBqb"
]
"""The charsets and encodings of encoded words, as programs spell them."""
_WORD: Final = rb"=\?[^?\s]{1,40}+\?[bBqQ]\?[^?\s]*+\?="
_WORDS: Final = re.compile(_WORD + rb"(?:[ \t\r\n]++" + _WORD + rb")*+")
_PHRASE: Final = re.compile(rb'(?<![^<>,"])(\s*+)([^<>,"\s][^<>,"]*)(?= <)')
"""A name before an address, and the blanks before it; it is looked for from its beginning alone."""


def decoded(value: bytes) -> bytes:
    """The value without encoded words, each in the octets of its own charset."""
    try:
        pieces = decode_header(value.decode("ascii", "replace").strip())
    except (ValueError, LookupError, HeaderParseError):
        return value
    return b"".join(
        piece if isinstance(piece, bytes) else piece.encode("utf-8", "replace")
        for piece, _ in pieces
    )


def encoded(value: bytes) -> Iterator[bytes]:
    """A value outside ASCII, with encoded words: for all of it, or for the names of addresses."""
    text = value.decode("utf-8", "replace").strip()
    for charset in ("utf-8", "iso-8859-1"):
        try:
            yield b" " + Header(text, charset, maxlinelen=1000).encode().encode()
        except (ValueError, HeaderParseError):
            continue
    for form in _FORMS:
        if b"<" not in value:
            yield b" " + word(value.strip(), *form)
        else:
            yield _PHRASE.sub(partial(_spell_name, form), value)


def anew(value: bytes) -> Iterator[bytes]:
    """The value with its encoded words spelt in other ways."""
    for form in _FORMS:
        yield _WORDS.sub(partial(_spell, form), value)


def spelt(octets: bytes) -> Iterator[bytes]:
    """Text in UTF-8 as one encoded word, in every spelling."""
    return (word(octets, *form) for form in _FORMS)


def text(value: bytes) -> bytes:
    """The text of the value, in UTF-8; a value that cannot be read is returned as it is."""
    try:
        return "".join(
            piece if isinstance(piece, str) else piece.decode(charset or "ascii")
            for piece, charset in decode_header(value.decode("ascii"))
        ).encode()
    except (ValueError, LookupError, HeaderParseError):
        return value


def _spell(form: tuple[str, str], found: re.Match[bytes]) -> bytes:
    return word(text(found[0]), *form)


def _spell_name(form: tuple[str, str], found: re.Match[bytes]) -> bytes:
    return found[1] + word(text(found[2]), *form)


def word(octets: bytes, charset: str, letter: str) -> bytes:
    """Text in UTF-8 as one encoded word; unchanged if it is ASCII, or not in the charset."""
    if octets.isascii():
        return octets
    try:
        octets = octets.decode().encode(charset)
    except UnicodeError:
        return octets
    code = quoprimime.header_encode if letter in "Qq" else base64mime.header_encode
    coded = code(octets, charset).split("?")
    return "?".join((*coded[:2], letter, *coded[3:])).encode()
