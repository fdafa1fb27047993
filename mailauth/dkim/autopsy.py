"""The autopsy of a signature that does not verify: which change broke it (RFC 6376 §6.1.3).

The body's hash is written in the signature, and an RSA signature gives back
the hash of the header; so what a message was can be guessed and the guess be
proved.  The changes that are known to happen on the way are tried one by one,
on the header two at a time, and in a small text each octet; what is found is
certain, and if nothing is found that is said.  The work for one message has its
limit; where it ends the search, that is said too.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Final, NamedTuple

from mailauth.dkim import damage, hashing
from mailauth.dkim import key as keys
from mailauth.dkim import signature as signatures
from mailauth.dkim.canonical import Canonicalization, body, header
from mailauth.dkim.result import Refusal
from mailauth.dkim.signature import FIELD_KEY, Signature
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups
from mailauth.errors import SyntaxFault, UnusableKey
from mailauth.keys import PublicKey
from mailauth.syntax import taglist
from mailauth.syntax.message import Message

MAX_SIGNATURES: Final = 10
MAX_BODY: Final = 4_000_000
"""Octets of a body that is looked into."""
MAX_HEADER: Final = 65_536
"""Octets of a header whose fields are looked into."""
MAX_SEARCHED: Final = 4096
"""Octets of a text in which each octet is tried."""
MAX_FOOTER_LINES: Final = 5000
MAX_BANNER_LINES: Final = 50
MAX_FIELD_CHANGES: Final = 80
"""Changes of fields that are tried, alone and in pairs."""
MAX_WORK: Final = 6_000_000
"""Hashes for all signatures of one message, as `_Work` counts them."""


@dataclass(frozen=True, slots=True)
class Autopsy:
    """What explains the state of one signature."""

    domain: str  # d=
    selector: str  # s=
    signature: str
    """The first octets of b=, as in the verdict."""
    body: str
    """A sentence: that it is as it was signed, what changed it, or that nothing known did."""
    header: str
    """The same of the header."""


def autopsy(message: bytes | Message) -> Lookups[list[Autopsy]]:
    """What happened to each signed thing of `message`, from the uppermost signature down.

    A field that is no well-formed signature is passed over: its verdict says
    why.  **Asks** one TXT question for each signature, ten at most.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    search = _Search(message)
    found: dict[bytes, Autopsy] = {}
    fields = [octets for key, octets in zip(message.keys, message.field_octets, strict=True)
              if key == FIELD_KEY]  # fmt: skip
    for octets in dict.fromkeys(fields[:MAX_SIGNATURES]):
        try:
            signature = signatures.parse(octets, taglist.parse(octets.partition(b":")[2]))
        except (SyntaxFault, Refusal):
            continue
        header_story = yield from _header_story(search, signature)
        found[octets] = Autopsy(
            signature.domain,
            signature.selector,
            signature.shown,
            _body_story(search, signature),
            header_story,
        )
    return [found[octets] for octets in fields[:MAX_SIGNATURES] if octets in found]


INTACT: Final = "it is as it was signed"
UNKNOWN: Final = "none of the known changes explains it"
ENDED: Final = "nothing explains it as far as was searched; the work for one message has its limit"


class _Ended(Exception):
    """The work for the message has come to its limit."""


class _Work:
    """What may still be done for one message, in hashes of a text of 1024 octets or less."""

    def __init__(self) -> None:
        self._left = MAX_WORK

    def hash(self, octets: int, times: int = 1) -> None:
        """Count hashes of so many octets.  **Raises** _Ended."""
        self._take(times * (1 + octets // 1024))

    def make(self, octets: int) -> None:
        """Count a text of so many octets that is made, then hashed.  **Raises** _Ended."""
        self._take(1 + octets // 128)  # about as slow as eight hashes of it

    def _take(self, count: int) -> None:
        if count > self._left:
            raise _Ended
        self._left -= count


class _Search:
    """What is known of one message, and what it may still cost."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.work = _Work()
        self.bodies: dict[tuple[Canonicalization, bytes], str] = {}
        """What was found for a hash of the body; signatures mostly share one."""


def _first(stories: Iterator[str]) -> str:
    try:
        return next(stories, UNKNOWN)
    except _Ended:
        return ENDED


# --- the body


def _body_story(search: _Search, signature: Signature) -> str:
    message = search.message
    hasher = hashing.BodyHasher(signature.body_canonicalization, length=signature.body_length)
    hasher.update(message.octets, message.body_start)
    if hasher.digest() == signature.body_hash:
        return INTACT
    if signature.body_length is not None:
        return "l= is written; such a signature is not looked into"
    if len(message.body) > MAX_BODY:
        return f"it has more than {MAX_BODY} octets, and is not looked into"
    form, wanted = signature.body_canonicalization, signature.body_hash
    if (form, wanted) not in search.bodies:
        search.bodies[form, wanted] = _first(_body_stories(message, form, wanted, search.work))
    return search.bodies[form, wanted]


def _body_stories(
    message: Message, form: Canonicalization, wanted: bytes, work: _Work
) -> Iterator[str]:
    """What explains the hash of the body, the likeliest first."""
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
    yield from _with_one_octet(canonical, wanted, work)


def _without_end(canonical: bytes, form: Canonicalization, wanted: bytes) -> Iterator[str]:
    """Lines that were added at the end: the body up to each line is hashed, in one pass."""
    running = hashlib.sha256()
    empty = b"\r\n" if form is Canonicalization.SIMPLE else b""
    if hashlib.sha256(empty).digest() == wanted and canonical != empty:
        yield "the signed body was empty"
    lines = canonical.split(b"\r\n")[:-1]
    waiting = 0  # empty lines, which count only if another line follows
    for number, line in enumerate(lines[:MAX_FOOTER_LINES]):
        if not line:
            waiting += 1
            continue
        running.update(b"\r\n" * waiting + line + b"\r\n")
        waiting = 0
        if running.digest() == wanted and number + 1 < len(lines):
            added = [each for each in lines[number + 1 :] if each]
            yield f"{_lines(len(added))} added at the end: {_shown(added[0])}"


def _without_start(canonical: bytes, wanted: bytes, work: _Work) -> Iterator[str]:
    """Lines that were added before the body."""
    start = 0
    for count in range(1, MAX_BANNER_LINES + 1):
        end = canonical.find(b"\r\n", start)
        if end < 0:
            return
        start = end + 2
        work.hash(len(canonical) - start)
        if hashlib.sha256(memoryview(canonical)[start:]).digest() == wanted:
            yield f"{_lines(count)} added at the start: {_shown(canonical[:60])}"


# --- the header


def _header_story(search: _Search, signature: Signature) -> Lookups[str]:
    try:
        record, _ = yield from keys.find_key(signature.domain, signature.selector)
        key = record.public_key()
    except LookupFailed as failure:
        return f"the key could not be looked up: {failure}"
    except (Refusal, UnusableKey) as fault:
        return f"there is no key to tell by: {fault}"
    return _first(_header_stories(search, signature, key))


class _FieldChange(NamedTuple):
    """A change of one field: in which place of which name, and the field before it."""

    what: str
    key: bytes
    place: int
    before: bytes | None
    """None: the field was not there."""


def _header_stories(search: _Search, signature: Signature, key: PublicKey) -> Iterator[str]:
    message, work = search.message, search.work
    fields = hashing.index(message)
    is_signed = _judge(signature, key)
    canonical = _signed_header(fields, signature)
    if is_signed(canonical):
        yield INTACT
    if message.body_start > MAX_HEADER:
        return
    changes = list(islice(_field_changes(message, fields, signature), MAX_FIELD_CHANGES))
    for count in (1, 2):
        for together in combinations(changes, count):
            if len({(change.key, change.place) for change in together}) < count:
                continue
            work.make(len(canonical))
            if is_signed(_signed_header(_undone(fields, together), signature)):
                yield ", and ".join(change.what for change in together)
    digest = key.signed_digest(signature.value)
    if digest is None:
        if key.algorithm.key_type == "rsa":
            yield "b= is not of this key"
        return
    yield from _with_one_octet(canonical, digest, work)


def _judge(signature: Signature, key: PublicKey) -> Callable[[bytes], bool]:
    """Tells whether a canonical header is the one that was signed."""
    digest = key.signed_digest(signature.value)
    if digest is not None:
        return lambda canonical: hashlib.sha256(canonical).digest() == digest
    return lambda canonical: key.verify(signature.value, hashlib.sha256(canonical).digest())


def _signed_header(fields: dict[bytes, list[bytes]], signature: Signature) -> bytes:
    selected = hashing.select(fields, signature.signed_fields.places)
    octets = header([*selected, (FIELD_KEY, signature.emptied)], signature.header_canonicalization)
    return octets.removesuffix(b"\r\n")


def _field_changes(
    message: Message, fields: dict[bytes, list[bytes]], signature: Signature
) -> Iterator[_FieldChange]:
    """What may have happened to the fields that h= names."""
    for key in dict.fromkeys(key for key, _ in signature.signed_fields.places):
        instances = fields.get(key, [])
        name = key.decode("latin-1")
        for place, octets in enumerate(instances):
            for what, before in damage.of_field(octets, message):
                yield _FieldChange(what, key, place, before)
            added = "a second" if len(instances) > 1 else "the"
            yield _FieldChange(f"{added} field {name} was added", key, place, None)
        if not instances:
            for what, before in damage.of_missing(key):
                yield _FieldChange(what, key, 0, before)


def _undone(
    fields: dict[bytes, list[bytes]], changes: tuple[_FieldChange, ...]
) -> dict[bytes, list[bytes]]:
    before = dict(fields)
    for change in changes:
        instances = list(before.get(change.key, ()))
        instances[change.place : change.place + 1] = (
            [] if change.before is None else [change.before]
        )
        before[change.key] = instances
    return before


# --- any text


def _with_one_octet(text: bytes, wanted: bytes, work: _Work) -> Iterator[str]:
    """One octet that was altered, added or dropped; each is tried in a small text."""
    if len(text) > MAX_SEARCHED:
        return
    view = memoryview(text)
    before = hashlib.sha256()
    for at in range(len(text) + 1):
        work.hash(len(text) - at, times=1 + 2 * len(_OCTETS))
        with_added = before.copy()
        with_added.update(view[at + 1 :])
        if at < len(text) and with_added.digest() == wanted:
            yield f"{_place(text, at)}, {_octet(text[at])} was added"
        for octet in _OCTETS:
            altered = before.copy()
            altered.update(octet)
            dropped = altered.copy()
            altered.update(view[at + 1 :])
            if altered.digest() == wanted and at < len(text):
                yield f"{_place(text, at)}, {_octet(octet[0])} became {_octet(text[at])}"
            dropped.update(view[at:])
            if dropped.digest() == wanted:
                yield f"{_place(text, at)}, {_octet(octet[0])} was dropped"
        before.update(view[at : at + 1])


_OCTETS: Final = [bytes([octet]) for octet in (9, *range(32, 127))]


def _place(text: bytes, at: int) -> str:
    line = text.count(b"\r\n", 0, at) + 1
    column = at - (text.rfind(b"\r\n", 0, at) + 2 if line > 1 else 0) + 1
    return f"in line {line}, column {column} of its canonical form"


def _octet(octet: int) -> str:
    return repr(chr(octet))


def _lines(count: int) -> str:
    return "1 line was" if count == 1 else f"{count} lines were"


def _shown(octets: bytes) -> str:
    return repr(octets.decode("utf-8", "replace")[:60])
