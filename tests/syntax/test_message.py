"""Messages: octets split, never altered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth.syntax.message import Message, normalize_line_endings

OCTETS = st.lists(
    st.sampled_from(
        [b"From: a", b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b"x", b"\0", b"\xff", b"To"]
    )
).map(b"".join)


@given(OCTETS)
def test_nothing_is_lost_or_altered(octets: bytes) -> None:
    message = Message.parse(octets)
    assert message.octets == octets
    assert bytes(message.body) == octets[message.body_start :]
    header = octets[: message.body_start]
    for field in message.fields:
        assert field.octets in header
        assert field.octets.startswith(field.name)
        assert field.octets.endswith(b":" + field.value)
        assert field.key == field.name.lower()
    if not message.faults:
        joined = b"".join(field.octets + b"\r\n" for field in message.fields)
        assert header in (joined, joined + b"\r\n", joined.removesuffix(b"\r\n"))


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"A: b\r\n\r\nbody", b"body"),
        (b"A: b\r\n\r\n\r\nbody", b"\r\nbody"),
        (b"\r\nbody", b"body"),
        (b"A: b\r\n", b""),
        (b"A: b", b""),
        (b"", b""),
        (b"A: b\n\nbody\r\n", b""),
        (b"A: b\r\n\r\r\n\r\nbody", b"body"),
    ],
    ids=[
        "plain",
        "empty-line",
        "MSG-18-no-header",
        "header-only",
        "no-crlf",
        "nothing",
        "MSG-02",
        "MSG-01-cr",
    ],
)
def test_where_the_body_begins(octets: bytes, body: bytes) -> None:
    assert bytes(Message.parse(octets).body) == body


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (b"A: b\r\nfoo\r\n", 2),
        (b"A: b\r\n c\r\n:x\r\n", 3),
        (b" x\r\nA: b\r\n", 1),
        (b"A: b\r\nB\xc3: c\r\n", 2),
    ],
    ids=["MSG-01", "MSG-17-empty", "leading-blank", "MSG-17-8bit"],
)
def test_a_line_that_is_no_field_is_reported(header: bytes, line: int) -> None:
    message = Message.parse(header + b"\r\n")
    assert message.faults
    assert message.faults[0].startswith(f"line {line} of the header is not a field")


def test_reports_are_bounded() -> None:
    assert len(Message.parse(b"junk\r\n" * 100_000).faults) <= 12


def test_a_buffer_that_is_used_again_alters_no_message() -> None:
    buffer = bytearray(b"Subject: a\r\n\r\nHello.\r\n")
    message = Message.parse(buffer)
    buffer[:] = b"Subject: another\r\n\r\nHi.\r\n"
    assert message == Message.parse(b"Subject: a\r\n\r\nHello.\r\n")
    assert {message: 1}, "it can be a key, as any value"


def test_odd_octets_stay() -> None:
    """MSG-03: only SP and HTAB are blanks."""
    (field,) = Message.parse(b"A : \x0b\x00\xff \r\n\r\n").fields
    assert (field.name, field.value) == (b"A", b" \x0b\x00\xff ")


@given(OCTETS)
def test_normalized_line_ends(octets: bytes) -> None:
    once = normalize_line_endings(octets)
    assert b"\n" not in once.replace(b"\r\n", b"")
    assert normalize_line_endings(once) == once
    assert once.replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")
