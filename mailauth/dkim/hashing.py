"""The two hashes of a signature: of the body, and of the header with the signature (RFC 6376 §3.7).

Both are SHA-256, the only hash that is still allowed (RFC 8301 §3.1).
"""

import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from mailauth.dkim.canonical import BODY, Canonicalization, header
from mailauth.errors import BadArgument
from mailauth.syntax.message import Message

BodyWay: TypeAlias = tuple[Canonicalization, int | None]
"""How a body is hashed: its canonicalization, and l=."""

Octets: TypeAlias = bytes | bytearray | memoryview
"""What a piece of a body may be; `Message.body` is a view."""


def copied(octets: Octets, start: int, end: int | None) -> tuple[bytes, int, None]:
    """The arguments of `update` for the same piece, copied into `bytes`."""
    return bytes(memoryview(octets)[start:end]), 0, None


class BodyHasher:
    """The hash of a canonical body that arrives in pieces of any size (RFC 6376 §3.7).

    `length` is l=: only that many octets of the canonical body are hashed; `unsigned`
    counts those left out, and `missing` those that the body is short of.
    """

    __slots__ = ("_canonicalizer", "_digest", "_hash", "_room", "unsigned")

    def __init__(
        self,
        canonicalization: str = Canonicalization.RELAXED,
        *,
        length: int | None = None,
    ) -> None:
        canonicalizer = BODY.get(canonicalization)
        if canonicalizer is None:
            raise BadArgument(f"{canonicalization!r} is not a body canonicalization")
        if length is not None and length < 0:
            raise BadArgument(f"l={length}: a body cannot have this length")
        self._hash = hashlib.sha256()
        self._room = length or 0
        self.unsigned = 0
        self._digest: bytes | None = None
        emit = self._hash.update if length is None else self._update_within_length
        self._canonicalizer = canonicalizer(emit)

    @classmethod
    def of(cls, way: BodyWay) -> "BodyHasher":
        """The hasher for one way."""
        canonicalization, length = way
        return cls(canonicalization, length=length)

    def update(self, octets: Octets, start: int = 0, end: int | None = None) -> None:
        """The next piece of the body: `octets[start:end]`, which is all of `octets` by default.

        **Raises** BadArgument: `digest` has ended the body.
        """
        if self._digest is not None:
            raise BadArgument("the body has ended: its digest was taken already")
        if not isinstance(octets, bytes):
            octets, start, end = copied(octets, start, end)
        self._canonicalizer.feed(octets, start, len(octets) if end is None else end)

    def digest(self) -> bytes:
        """The hash, 32 octets; this ends the body."""
        if self._digest is None:
            self._canonicalizer.finish()
            self._digest = self._hash.digest()
        return self._digest

    @property
    def missing(self) -> int:
        """By how many octets the body is shorter than l= says."""
        return self._room

    def _update_within_length(self, octets: bytes | memoryview) -> None:
        taken = min(self._room, len(octets))
        self._hash.update(octets[:taken])
        self._room -= taken
        self.unsigned += len(octets) - taken


class HashedBody(NamedTuple):
    """The result of a `BodyHasher`, to be used in its place."""

    hashed: bytes
    missing: int = 0
    unsigned: int = 0

    def update(self, octets: Octets, start: int = 0, end: int | None = None) -> None:
        """Does nothing: the body has been hashed already."""

    def digest(self) -> bytes:
        """The hash, 32 octets."""
        return self.hashed


Hasher: TypeAlias = BodyHasher | HashedBody
HashedBodies: TypeAlias = Mapping[BodyWay, HashedBody]


def index(message: Message) -> dict[bytes, list[bytes]]:
    """The octets of the fields of each name, from top to bottom."""
    by_key: dict[bytes, list[bytes]] = {}
    for key, octets in zip(message.keys, message.field_octets, strict=False):
        if key in by_key:
            by_key[key].append(octets)
        else:
            by_key[key] = [octets]
    return by_key


def places(keys: Iterable[bytes]) -> tuple[tuple[bytes, int], ...]:
    """Each name of h= with the number of times that it has occurred so far, this one included."""
    numbers: dict[bytes, int] = {}
    found: list[tuple[bytes, int]] = []
    for key in keys:
        numbers[key] = number = numbers.get(key, 0) + 1
        found.append((key, number))
    return tuple(found)


def select(
    by_key: Mapping[bytes, Sequence[bytes]], signed: Iterable[tuple[bytes, int]]
) -> list[tuple[bytes, bytes]]:
    """The fields at `places`: for each name, the lowest first, then upwards (§5.4.2).

    A name for which no field is left stands for the null string (§3.5).
    """
    return [
        (key, instances[-number])
        for key, number in signed
        if number <= len(instances := by_key.get(key, ()))
    ]


def select_all(
    by_key: Mapping[bytes, Sequence[bytes]], names: Container[bytes]
) -> list[tuple[bytes, bytes]]:
    """All fields of these names in the order of h=: for each name, the lowest first (§5.4.2)."""
    return [
        (key, octets)
        for key, instances in by_key.items()
        if key in names
        for octets in reversed(instances)
    ]


def data_hash(
    selected: Sequence[tuple[bytes, bytes]],
    signature: tuple[bytes, bytes],
    canonicalization: Canonicalization,
) -> bytes:
    """The hash that is signed: the selected fields, then the signature field (§3.7).

    `signature` is that field with an empty b= and without its final CRLF.
    """
    octets = header([*selected, signature], canonicalization)
    return hashlib.sha256(octets.removesuffix(b"\r\n")).digest()
