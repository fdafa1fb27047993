"""What happened to a body, proved by its hash in the signature, bh= (RFC 6376 §3.7)."""

import hashlib
from collections.abc import Iterator
from typing import Final

from mailauth.dkim.autopsy import damage
from mailauth.dkim.autopsy.oneoctet import with_one_octet
from mailauth.dkim.autopsy.sentences import lines_were, shown
from mailauth.dkim.autopsy.work import Work
from mailauth.dkim.canonical import Canonicalization, body
from mailauth.syntax.message import Message

MAX_FOOTER_LINES: Final = 5000
"""How many lines at the end of a body are tried as the first that was added."""
MAX_BANNER_LINES: Final = 50


def stories(message: Message, form: Canonicalization, wanted: bytes, work: Work) -> Iterator[str]:
    """What explains the hash of the body, the most likely first."""
    work.make(len(message.body))
    canonical = body(bytes(message.body), form)
    yield from _without_end(canonical, form, wanted)
    yield from _without_start(canonical, wanted, work)
    for change in damage.of_body(message):
        work.make(len(change.before))
        before = body(change.before, form)
        if hashlib.sha256(before).digest() == wanted:
            yield change.what
        else:
            yield from (f"{change.what}, and {more}" for more in _without_end(before, form, wanted))
    yield from with_one_octet(canonical, wanted, work)


def _without_end(canonical: bytes, form: Canonicalization, wanted: bytes) -> Iterator[str]:
    """Lines added at the end: in one pass, the body is hashed up to each of its last lines."""
    running = hashlib.sha256()
    empty = b"\r\n" if form is Canonicalization.SIMPLE else b""
    if hashlib.sha256(empty).digest() == wanted and canonical != empty:
        yield "the signed body was empty"
    lines = canonical.rsplit(b"\r\n", MAX_FOOTER_LINES + 1)[:-1]  # the first is all the rest
    waiting = 0  # empty lines, which count only if another line follows
    for number, line in enumerate(lines):
        if not line:
            waiting += 1
            continue
        running.update(b"\r\n" * waiting + line + b"\r\n")
        waiting = 0
        if running.digest() == wanted and number + 1 < len(lines):
            added = [each for each in lines[number + 1 :] if each]
            yield f"{lines_were(len(added))} added at the end: {shown(added[0])}"


def _without_start(canonical: bytes, wanted: bytes, work: Work) -> Iterator[str]:
    """Lines added before the body."""
    start = 0
    for count in range(1, MAX_BANNER_LINES + 1):
        end = canonical.find(b"\r\n", start)
        if end < 0:
            return
        start = end + 2
        work.hash(len(canonical) - start)
        if hashlib.sha256(memoryview(canonical)[start:]).digest() == wanted:
            yield f"{lines_were(count)} added at the start: {shown(canonical[:60])}"
