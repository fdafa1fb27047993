"""What is known to break signatures on the way, and how to undo it (RFC 6376 §8, RFC 6377 §3).

Each function yields what a body or a field may have been before one such change,
and names the change.  These are guesses: the hash tells which one is right.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from mailauth.dkim.autopsy import encodedwords, multipart
from mailauth.dkim.autopsy.sentences import shown
from mailauth.syntax.message import Message

MAX_FIELD: Final = 2000
"""Octets of the longest field that is examined."""


class Change(NamedTuple):
    """A change that may have happened, and the octets before it."""

    what: str
    before: bytes


def of_body(message: Message) -> Iterator[Change]:
    """The bodies that the body of `message` may have been."""
    body = bytes(message.body)
    for what, undo in _OF_TEXT:
        before = undo(body)
        if before != body:
            yield Change(what, before)
    encoding = _encoding(message)
    yield from _of_encoding(body, encoding)
    yield from (change for change in _of_parts(message) if change.before != body)
    for part in _parts(body):
        yield Change("the message was put into a multipart", part)


def of_field(octets: bytes, others: Message) -> Iterator[Change]:
    """What a field of the message `others` may have been; a field that is too long is skipped."""
    if len(octets) > MAX_FIELD:
        return
    name, _, value = octets.partition(b":")
    key = name.strip(b" \t").lower()
    seen = {value}
    for what, before in chain(_of_any_value(value), _OF_KEY.get(key, _nothing)(value, others)):
        if before not in seen:
            seen.add(before)
            yield Change(f"{name.decode('latin-1')} {what}", name + b":" + before)


def of_missing(key: bytes) -> Iterator[Change]:
    """The fields that may have been dropped, if there is none of this name."""
    for before in _OFTEN_DROPPED.get(key, ()):
        yield Change(f"{before.partition(b':')[0].decode()} was dropped", before)


# --- bodies

_WIDTHS: Final = frozenset({990, 991, 998, 999, 1000, 2048})
"""Octets after which relays are known to wrap lines (RFC 5321 §4.5.3.1.6)."""
_HEAD: Final = rb"(?:[^\r\n]{1,998}+\r\n){0,50}+\r\n"
"""The header of a part; bounded so that searching is linear."""
_PART_HEAD: Final = re.compile(rb"(\r\n--[^\r\n]{1,72})\r\n" + _HEAD)
_MAX_PARTS: Final = 20
_MAX_LINES_IN_BASE64: Final = 20


def _unwrapped(body: bytes, *, blank: bytes) -> bytes:
    """The body with each line of a relay's maximum length joined to the line after it."""
    first, *lines = body.split(b"\r\n")
    pieces = [first]
    last = len(first)
    for line in lines:
        if last in _WIDTHS:
            pieces[-1] = pieces[-1].removesuffix(b"!")
            pieces.append(line.removeprefix(blank))
        else:
            pieces += (b"\r\n", line)
        last = len(line)
    return b"".join(pieces)


_OF_TEXT: Final[list[tuple[str, Callable[[bytes], bytes]]]] = [
    ("long lines were wrapped", lambda body: _unwrapped(body, blank=b"")),
    ("long lines were wrapped, with a blank", lambda body: _unwrapped(body, blank=b" ")),
    ("blanks were added at line ends", lambda body: _for_lines(body, lambda line: line.rstrip())),
    (
        "the blank after '--' was dropped",
        lambda body: body.replace(b"\r\n--\r\n", b"\r\n-- \r\n"),
    ),
    ("dots at line starts were doubled", lambda body: _at_line_starts(body, b"..", b".")),
    ("dots at line starts were halved", lambda body: _at_line_starts(body, b".", b"..")),
    ("'From ' became '>From '", lambda body: _at_line_starts(body, b">From ", b"From ")),
    ("it was signed with bare LF line ends", lambda body: body.replace(b"\r\n", b"\n")),
    ("line ends became bare LF", lambda body: re.sub(rb"(?<!\r)\n", b"\r\n", body)),
    ("empty lines were added before it", lambda body: body.lstrip(b"\r\n")),
    ("an empty line before it was dropped", lambda body: b"\r\n" + body),
    ("Latin-1 became UTF-8", lambda body: _recoded(body, "utf-8", "latin-1")),
    ("UTF-8 became Latin-1", lambda body: _recoded(body, "latin-1", "utf-8")),
]


def _at_line_starts(body: bytes, old: bytes, new: bytes) -> bytes:
    return (b"\r\n" + body).replace(b"\r\n" + old, b"\r\n" + new)[2:]


def _for_lines(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return b"\r\n".join(map(change, body.split(b"\r\n")))


def _recoded(body: bytes, now: str, before: str) -> bytes:
    try:
        return body.decode(now).encode(before)
    except UnicodeError:
        return body


def _encoding(message: Message) -> bytes:
    for field in message.fields:
        if field.key == b"content-transfer-encoding":
            return field.value.strip().lower()
    return b""


def _of_encoding(body: bytes, encoding: bytes) -> Iterator[Change]:
    """The body in the other transfer encodings (RFC 2045 §6)."""
    if encoding == b"quoted-printable":
        yield Change("8-bit text became quoted-printable", quopri.decodestring(body))
    elif encoding == b"base64":
        try:
            decoded = binascii.a2b_base64(body)
        except ValueError:
            return
        text = re.sub(rb"(?<!\r)\n", b"\r\n", decoded)
        yield Change("text became base64", text)
        yield Change("quoted-printable became base64", multipart.quoted_printable(text))
        yield from _of_base64_with_more(decoded)
    else:
        yield Change("quoted-printable became 8-bit text", multipart.quoted_printable(body))
        for text in (body, body.replace(b"\r\n", b"\n")):
            yield Change("base64 became 8-bit text", _base64(text))


def _of_base64_with_more(decoded: bytes) -> Iterator[Change]:
    """Base64 of the text without its last lines, with and without the line end before them."""
    end = len(decoded)
    for _ in range(_MAX_LINES_IN_BASE64):
        end = decoded.rfind(b"\n", 0, end)
        if end < 0:
            return
        added = decoded[end + 1 :].strip()
        for before in (decoded[: end + 1], decoded[:end].removesuffix(b"\r")):
            if added:
                what = f"text was added at the end, within base64: {shown(added)}"
                yield Change(what, _base64(before))


def _base64(octets: bytes) -> bytes:
    """Octets as base64, in lines of the maximum length (RFC 2045 §6.8)."""
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _of_parts(message: Message) -> Iterator[Change]:
    """The body with its parts in another transfer encoding, or without the last of them."""
    parts = multipart.pieces(message)
    for is_wanted in (lambda text: not text.isascii(), bool):  # relays often encode only 8-bit text
        before = multipart.with_quoted_printable_decoded(parts, is_wanted)
        yield Change("8-bit parts became quoted-printable", multipart.joined(before))
    before = multipart.with_8bit_encoded(parts)
    yield Change("quoted-printable parts became 8-bit text", multipart.joined(before))
    before = multipart.without_last(parts)
    yield Change("a part was added at the end", multipart.joined(before))


def _parts(body: bytes) -> Iterator[bytes]:
    """The bodies of the parts, if the body is a multipart (RFC 2046 §5.1)."""
    text = b"\r\n" + body
    heads = []
    for head in _PART_HEAD.finditer(text):
        heads.append(head)
        if len(heads) == _MAX_PARTS:
            break
    for head in heads:
        end = text.find(head[1], head.end() - 2)
        if end > 0:
            yield text[head.end() : end + 2]


# --- fields

_TAG: Final = re.compile(rb"[ \t]*+\[[^\]\r\n]{1,60}\][ \t]*+")
_LABEL: Final = re.compile(rb"(?i)[ \t*{(<\[]*+(?:spam|external|ext|caution)[ \t*})>\]:]*+")
_REPLY: Final = re.compile(rb"[ \t]*+[A-Za-z]{2,3}+:[ \t]*+")
"""What the subject of a reply begins with, such as Re: and Fwd:."""
_LONG_LINE: Final = re.compile(rb"([^\r\n]{30,76})(?= )")
_MAX_PREAMBLE: Final = 65_536
"""Octets of a body in which its first part must begin."""
_CONTENT_TYPE: Final = re.compile(rb"(?im)^content-type:((?:[^\r\n]|\r\n(?=[ \t]))++)")
_NAME: Final = re.compile(rb'(?<![^,;:])(\s*+)([^"<>,;:]*[^"<>,;:\s]) <')
"""The display name of an address, without quotes, and the blanks before it (RFC 5322 §3.4)."""
_OFTEN_DROPPED: Final = {
    b"mime-version": (b"MIME-Version: 1.0",),
    b"content-transfer-encoding": tuple(
        b"Content-Transfer-Encoding: " + word
        for word in (b"7bit", b"8bit", b"quoted-printable", b"base64")
    ),
    b"content-type": (b"Content-Type: text/plain; charset=utf-8", b"Content-Type: text/plain"),
}


def _of_any_value(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Folding and encoding, which can happen to any field."""
    yield "was folded with a tab", value.replace(b"\r\n\t", b"\r\n ")
    yield "was folded with a space", value.replace(b"\r\n ", b"\r\n\t")
    yield "was folded", re.sub(rb"\r\n(?=[ \t])", b"", value)
    yield "was folded", re.sub(rb"\r\n[ \t]+", b" ", value)
    for fold in (b",\r\n ", b",\r\n\t"):
        yield "was unfolded", value.replace(b", ", fold)
    yield "was unfolded", _LONG_LINE.sub(rb"\1\r\n", value)
    yield "was given a blank after the colon", value.removeprefix(b" ")
    if b"=?" in value:
        yield "was encoded", b" " + encodedwords.decoded(value)
        yield from (("was encoded anew", before) for before in encodedwords.anew(value))
    if not value.isascii():
        yield from (("was decoded", before) for before in encodedwords.encoded(value))
    yield "lost the quotes of a name", _NAME.sub(rb'\1"\2" <', value)
    yield "was given quotes around a name", re.sub(rb'"([^"\\]*)" <', rb"\1 <", value)


def _nothing(_: bytes, __: Message) -> Iterator[tuple[str, bytes]]:
    yield from ()


def _of_subject(value: bytes, _: Message) -> Iterator[tuple[str, bytes]]:
    reply = _REPLY.match(value)
    for start in (0, reply.end() if reply else 0):
        for pattern in (_TAG, _LABEL):
            tag = pattern.match(value, start)
            if tag and tag.end() > start:
                kept = value[:start].rstrip() + b" " + value[tag.end() :].lstrip()
                yield f"was given {_tag(tag)}", kept
    plain = encodedwords.text(value.strip())
    tag = _TAG.match(plain)
    if tag and b"=?" in value:
        for before in encodedwords.spelt(plain[tag.end() :]):
            yield f"was given {_tag(tag)}, and encoded anew", b" " + before


def _tag(found: re.Match[bytes]) -> str:
    return repr(found.group().strip().decode("utf-8", "replace"))


def _of_from(_: bytes, others: Message) -> Iterator[tuple[str, bytes]]:
    for field in others.fields:
        if field.key in (b"x-original-from", b"reply-to", b"x-google-original-from"):
            yield f"was replaced; the original is in {field.name.decode('latin-1')}", field.value


def _of_encoding_field(value: bytes, _: Message) -> Iterator[tuple[str, bytes]]:
    now = value.strip().decode("latin-1")
    for word in (b"7bit", b"8bit", b"quoted-printable", b"base64", b"binary"):
        yield f"became {now!r}", b" " + word


def _of_content_type(value: bytes, others: Message) -> Iterator[tuple[str, bytes]]:
    first = _PART_HEAD.search(b"\r\n" + bytes(others.body[:_MAX_PREAMBLE]))
    if first and (its := _CONTENT_TYPE.search(first.group())):
        yield "was replaced; the original is in a part", its[1]
    yield "was given a charset", re.sub(rb"(?i);\s*charset=[^;]*+", b"", value)
    yield "was given quotes", re.sub(rb'="([^"\s]*)"', rb"=\1", value)
    yield "lost its quotes", re.sub(rb'=([^"\s;]+)', rb'="\1"', value)


_OF_KEY: Final[dict[bytes, Callable[[bytes, Message], Iterator[tuple[str, bytes]]]]] = {
    b"subject": _of_subject,
    b"from": _of_from,
    b"content-transfer-encoding": _of_encoding_field,
    b"content-type": _of_content_type,
}
