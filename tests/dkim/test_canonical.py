"""Canonical forms, against a reference that does the words of the RFC one after the other."""

import hashlib
import itertools
import random
import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth.dkim import BodyHasher
from mailauth.dkim.canonical import Canonicalization, body, header
from mailauth.errors import BadArgument
from mailauth.syntax.message import Message

SIMPLE, RELAXED = Canonicalization.SIMPLE, Canonicalization.RELAXED


def reference(octets: bytes, canonicalization: str) -> bytes:
    """RFC 6376 §3.4.3 and §3.4.4, line by line and slowly."""
    lines = octets.split(b"\r\n")
    if canonicalization == RELAXED:
        lines = [line.rstrip(b" \t") for line in lines]
        lines = [re.sub(rb"[ \t]+", b" ", line) for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"\r\n" if canonicalization == SIMPLE else b""
    return b"\r\n".join(lines) + b"\r\n"


@pytest.mark.parametrize("canonicalization", list(Canonicalization))
def test_all_bodies_of_up_to_7_octets(canonicalization: Canonicalization) -> None:
    for length in range(8):
        for letters in itertools.product(b"a \t\r\n", repeat=length):
            octets = bytes(letters)
            assert body(octets, canonicalization) == reference(octets, canonicalization), octets


@pytest.mark.parametrize("canonicalization", list(Canonicalization))
def test_MSG_11_all_cuts_of_all_bodies_of_up_to_5_octets(
    canonicalization: Canonicalization,
) -> None:
    """The hash is the same for any chunking."""
    for length in range(1, 6):
        for letters in itertools.product(b"a \t\r\n", repeat=length):
            octets = bytes(letters)
            want = hashlib.sha256(reference(octets, canonicalization)).digest()
            for cuts in itertools.product((False, True), repeat=length - 1):
                hasher = BodyHasher(canonicalization)
                start = 0
                for at, cut in enumerate(cuts, 1):
                    if cut:
                        hasher.update(octets[start:at])
                        start = at
                hasher.update(octets[start:])
                assert hasher.digest() == want, (octets, cuts)


STRETCHES = (
    *(b"a", b" ", b"\t", b"a  ", b"  b\r\n", b"c \r\n", b" \t \r\n", b"\r\n", b"\r", b"\n"),
    *(b"word word\r\n", b"base64base64\r\n"),
)


@pytest.mark.parametrize("canonicalization", list(Canonicalization))
@pytest.mark.parametrize("seed", range(40))
def test_bodies_of_many_windows(canonicalization: Canonicalization, seed: int) -> None:
    dice = random.Random(seed)
    octets = b"".join(
        dice.choice(STRETCHES) * dice.choice((1, 2, 3, 3000, 40_000)) for _ in range(12)
    )
    hasher = BodyHasher(canonicalization)
    start = 0
    while start < len(octets):
        end = start + dice.choice((1, 1000, 32_768, 65_535, 300_000))
        hasher.update(octets, start, min(end, len(octets)))
        start = end
    assert hasher.digest() == hashlib.sha256(reference(octets, canonicalization)).digest()
    assert body(octets, canonicalization) == reference(octets, canonicalization)


BODIES = st.lists(
    st.sampled_from(
        [b"a", b" ", b"\t", b"\r\n", b"\r", b"\n", b"\0", b"\xff", b"  ", b"x" * 40_000]
    )
).map(b"".join)


@given(
    octets=BODIES,
    cuts=st.lists(st.integers(0, 200_000)),
    canonicalization=st.sampled_from(list(Canonicalization)),
)
def test_MSG_11_any_chunking_of_any_body(
    octets: bytes, cuts: list[int], canonicalization: Canonicalization
) -> None:
    hasher = BodyHasher(canonicalization)
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    for start, end in itertools.pairwise(places):
        hasher.update(octets, start, end)
    assert hasher.digest() == hashlib.sha256(reference(octets, canonicalization)).digest()


@given(BODIES, st.sampled_from(list(Canonicalization)))
def test_a_canonical_body_is_canonical(octets: bytes, canonicalization: Canonicalization) -> None:
    once = body(octets, canonicalization)
    assert body(once, canonicalization) == once


@pytest.mark.parametrize(
    ("canonicalization", "octets", "digest"),
    [
        (SIMPLE, b"", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
        (SIMPLE, b"\r\n\r\n", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
        (RELAXED, b"", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (RELAXED, b"\r\n \t\r\n", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ],
    ids=["MSG-04-simple", "MSG-04-simple-lines", "MSG-04-relaxed", "MSG-05-relaxed-blanks"],
)
def test_empty_bodies(canonicalization: str, octets: bytes, digest: str) -> None:
    """Erratum 1376 of RFC 4871."""
    hasher = BodyHasher(canonicalization)
    hasher.update(octets)
    assert b64encode(hasher.digest()).decode() == digest


@pytest.mark.parametrize(
    ("field", "relaxed"),
    [
        (b"A: X", b"a:X\r\n"),  # RFC 6376 §3.4.5
        (b"B : Y\t\r\n\tZ  ", b"b:Y Z\r\n"),
        (b"Name:\r\n\tValue", b"name:Value\r\n"),
        (b"Name:", b"name:\r\n"),
        (b"Name: \t ", b"name:\r\n"),
        (b"Name: \r\n \r\n\t x \r\n  ", b"name:x\r\n"),
        (b"NAME:a:b", b"name:a:b\r\n"),
        (b"Name: \x0b\x0cx\x85", b"name:\x0b\x0cx\x85\r\n"),
    ],
    ids=[
        "3.4.5-A",
        "3.4.5-B",
        "MSG-07-fold",
        "MSG-07-empty",
        "MSG-07-blank",
        "folds",
        "colon",
        "MSG-03",
    ],
)
def test_relaxed_header(field: bytes, relaxed: bytes) -> None:
    message = Message.parse(field + b"\r\n\r\n")
    assert not message.faults
    assert header(message.fields, RELAXED) == relaxed
    assert header(message.fields, SIMPLE) == field + b"\r\n"


def test_length_counts_canonical_octets() -> None:
    hasher = BodyHasher("relaxed", length=4)
    for piece in (b"a ", b" b", b"\r\nxy"):
        hasher.update(piece)
    assert hasher.digest() == hashlib.sha256(b"a b\r").digest()
    assert (hasher.unsigned, hasher.missing) == (5, 0)
    short = BodyHasher("simple", length=10)
    short.update(b"abc")
    assert short.digest() == hashlib.sha256(b"abc\r\n").digest()
    assert (short.unsigned, short.missing) == (0, 5)


def test_unknown_canonicalization() -> None:
    with pytest.raises(BadArgument):
        BodyHasher("nofws")


def test_a_length_is_not_negative() -> None:
    with pytest.raises(BadArgument, match="l=-1"):
        BodyHasher(length=-1)


def test_nothing_comes_after_the_end() -> None:
    hasher = BodyHasher()
    hasher.update(b"a")
    assert hasher.digest() == hasher.digest()
    with pytest.raises(BadArgument, match="the body has ended"):
        hasher.update(b"b")


@pytest.mark.parametrize("kind", [memoryview, bytearray])
@pytest.mark.parametrize("length", [8, 60_000, 100_000])
@pytest.mark.parametrize("canonicalization", list(Canonicalization))
def test_the_body_of_a_message_is_a_piece(
    canonicalization: str, length: int, kind: type[memoryview | bytearray]
) -> None:
    octets = (b"a  line \r\n" + b"x" * 40_000) * 3
    message = Message.parse(b"From: a@b\r\n\r\n" + octets[:length])
    whole, parts = BodyHasher(canonicalization), BodyHasher(canonicalization)
    whole.update(kind(message.body))
    for at in range(0, length, 7000):
        parts.update(kind(octets), at, min(at + 7000, length))
    want = hashlib.sha256(reference(octets[:length], canonicalization)).digest()
    assert whole.digest() == parts.digest() == want
