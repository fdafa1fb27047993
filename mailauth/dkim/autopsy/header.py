"""What happened to the signed fields, proved by the signature itself, b= (RFC 6376 §3.7).

An RSA signature reveals the hash that was signed; an Ed25519 signature only tells
whether a guess is right.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from typing import Final, NamedTuple, TypeAlias

from mailauth.dkim import hashing
from mailauth.dkim.autopsy import damage
from mailauth.dkim.autopsy.oneoctet import with_one_octet
from mailauth.dkim.autopsy.sentences import INTACT, not_looked_into
from mailauth.dkim.autopsy.work import Work
from mailauth.dkim.canonical import header
from mailauth.dkim.signature import FIELD_KEY, Signature
from mailauth.keys import PublicKey
from mailauth.syntax.message import Message

MAX_HEADER: Final = 65_536
"""Octets of the longest header whose fields are examined."""
MAX_FIELD_CHANGES: Final = 80
"""How many changes of fields are tried."""
MAX_TOGETHER: Final = 3
"""How many of them may have happened together."""
VERIFICATION: Final = 100
"""How many hashes a guess costs if only the key can tell whether it is right."""
MAX_TRIED: Final = 10_000
"""How many combinations of changes are tried."""


class _FieldChange(NamedTuple):
    """A change of one field: its name, its place among those of the name, and its old octets."""

    what: str
    key: bytes
    place: int
    before: bytes | None
    """None: the field was not there."""


Looked: TypeAlias = dict[bytes, list[damage.Change]]
"""The fields of a message that were looked into, with what may have happened to each."""


def stories(
    message: Message, signature: Signature, key: PublicKey, work: Work, looked: Looked
) -> Iterator[str]:
    """What explains the signature of the header, the most likely first.

    Fields that were `looked` into for another signature are not looked into again.
    """
    fields = hashing.index(message)
    digest = key.signed_digest(signature.value)
    is_signed = _judge(signature, key, digest)
    canonical = _signed_header(fields, signature)
    if is_signed(canonical):
        yield INTACT
    if message.body_start > MAX_HEADER:
        yield not_looked_into(MAX_HEADER)
        return
    found = _field_changes(message, fields, signature, looked)
    changes = list(islice(found, MAX_FIELD_CHANGES))
    count = len(message.keys) + len(signature.signed_fields.places)
    for together in islice(_together(changes), MAX_TRIED):
        work.make(len(canonical), count)
        if digest is None:
            work.hash(0, times=VERIFICATION)
        if is_signed(_signed_header(_undone(fields, together), signature)):
            yield ", and ".join(change.what for change in together)
    if digest is None:
        if key.algorithm.key_type == "rsa":
            yield "b= was not made with this key"
        return
    yield from with_one_octet(canonical, digest, work)


def _judge(signature: Signature, key: PublicKey, digest: bytes | None) -> Callable[[bytes], bool]:
    """A function that tells whether a canonical header is the one that was signed.

    `digest` is what the signature reveals, if it does.
    """
    if digest is not None:
        return lambda canonical: hashlib.sha256(canonical).digest() == digest
    return lambda canonical: key.verify(signature.value, hashlib.sha256(canonical).digest())


def _signed_header(fields: dict[bytes, list[bytes]], signature: Signature) -> bytes:
    selected = hashing.select(fields, signature.signed_fields.places)
    octets = header([*selected, (FIELD_KEY, signature.emptied)], signature.header_canonicalization)
    return octets.removesuffix(b"\r\n")


def _together(changes: Sequence[_FieldChange]) -> Iterator[tuple[_FieldChange, ...]]:
    """Combinations of changes to different fields, the smallest first."""
    for count in range(1, MAX_TOGETHER + 1):
        for together in combinations(changes, count):
            if len({(change.key, change.place) for change in together}) == count:
                yield together


def _field_changes(
    message: Message, fields: dict[bytes, list[bytes]], signature: Signature, looked: Looked
) -> Iterator[_FieldChange]:
    """Changes that may have happened to the fields in h= and that alter the canonical form."""
    form = signature.header_canonicalization
    for key in dict.fromkeys(key for key, _ in signature.signed_fields.places):
        instances = fields.get(key, [])
        name = key.decode("latin-1")
        for place, octets in enumerate(instances):
            now = header([(key, octets)], form)
            if octets not in looked:
                looked[octets] = list(islice(damage.of_field(octets, message), MAX_FIELD_CHANGES))
            for what, before in looked[octets]:
                if header([(key, before)], form) != now:
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
