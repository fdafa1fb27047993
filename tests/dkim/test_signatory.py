"""A signing whose body arrives in pieces comes to what a whole message comes to."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail import DOMAIN, MESSAGE, NOW, key, verdict, zone

from mailauth import dkim
from mailauth.dkim import Signatory, Signing, quotedprintable
from mailauth.errors import BadArgument, UnsignableMessage
from mailauth.syntax import taglist
from mailauth.syntax.message import Message

HEADER, _, BODY = MESSAGE.partition(b"\r\n\r\n")
SIGNINGS = [Signing(DOMAIN, "ed25519", key("ed25519")), Signing(DOMAIN, "rsa", key("rsa"))]


@given(
    body=st.lists(st.sampled_from([b"\r\n", b" ", b"a", b"bc d\t", b"\xff"])).map(b"".join),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    pair=st.sampled_from(["simple/simple", "relaxed/relaxed"]),
)
def test_any_pieces(body: bytes, cuts: list[int], pair: str) -> None:
    message = HEADER + b"\r\n\r\n" + body
    signatory = Signatory(Message.parse(HEADER + b"\r\n\r\n"), canonicalization=pair)
    for start, end in pairwise([0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]):
        signatory.update(body, start, end)
    fields = signatory.fields(SIGNINGS, now=NOW)
    assert fields == dkim.sign_all(message, SIGNINGS, canonicalization=pair, now=NOW)
    assert fields.count(b"DKIM-Signature:") == 2
    assert verdict(dkim.sign_all(message, SIGNINGS[1:], now=NOW) + message).result == "pass"


@pytest.mark.parametrize("kind", [memoryview, bytearray])
def test_pieces_of_any_octets(kind: type[memoryview | bytearray]) -> None:
    header = Message.parse(HEADER + b"\r\n\r\n")
    body = BODY * 3000
    signatory = Signatory(header)
    signatory.update(kind(body), 0, 70_001)
    signatory.update(kind(body), 70_001)
    fields = signatory.fields(SIGNINGS, now=NOW)
    assert fields == dkim.sign_all(HEADER + b"\r\n\r\n" + body, SIGNINGS, now=NOW)
    verification = dkim.Verification(Message.parse(fields + HEADER + b"\r\n\r\n"), now=NOW)
    verification.update(kind(body), 0, 70_001)
    verification.update(kind(body), 70_001)
    assert [each.result for each in zone().run(verification.verdicts())] == ["pass", "pass"]
    with pytest.raises(BadArgument, match="the body has ended"):
        verification.update(b"more")
    with pytest.raises(BadArgument, match="the body has ended"):
        signatory.update(b"more")


@pytest.mark.parametrize("body", [b"a\rb", b"a\nb", b"a\r", b"a\n", b"\n\r", b"a\r\r\n", b"\r\n\n"])
def test_a_bare_line_end_cannot_hide_between_pieces(body: bytes) -> None:
    for cut in range(len(body) + 1):
        signatory = Signatory(Message.parse(HEADER + b"\r\n\r\n"))
        signatory.update(body[:cut])
        signatory.update(body[cut:])
        with pytest.raises(UnsignableMessage, match="bare CR or LF"):
            signatory.fields(SIGNINGS)


@pytest.mark.parametrize(
    ("more", "says"),
    [(b"From: c@d.example\r\n", "2 From fields"), (b"List-Id: x\r\n" * 1000, "at most 1000")],
    ids=["two authors", "too many fields"],
)
def test_a_header_that_cannot_be_signed_is_told_at_once(more: bytes, says: str) -> None:
    with pytest.raises(UnsignableMessage, match=says):
        Signatory(Message.parse(b"From: a@b.example\r\n" + more + b"\r\n"))


def test_copies_of_fields_that_make_a_signature_too_long_are_not_made() -> None:
    for size, is_signed in ((60_000, True), (66_000, False)):
        message = b"From: a@example.com\r\nSubject: " + b"x" * size + b"\r\n\r\n"
        signatory = dkim.Signatory(Message.parse(message), copied_headers=True)
        if is_signed:
            assert verdict(signatory.fields(SIGNINGS[:1], now=NOW) + message).result == "pass"
        else:
            with pytest.raises(UnsignableMessage, match="verifiers accept at most 65536"):
                signatory.fields(SIGNINGS[:1], now=NOW)


def test_a_long_copy_is_folded_and_can_be_read_again() -> None:
    """RFC 5322 §2.1.1: a line has at most 998 octets, and relays break a longer one."""
    value = b" " + "é=|;:x".encode() * 300
    message = b"From: a@example.com\r\nSubject:" + value + b"\r\nTo: b\r\n\r\n"
    field = dkim.sign(
        message,
        domain=DOMAIN,
        selector="rsa",
        key=key("rsa"),
        canonicalization="simple/simple",
        copied_headers=True,
    )
    assert max(map(len, field.split(b"\r\n"))) <= 78
    written = field.partition(b" z=")[2].partition(b";")[0]
    assert not re.search(rb"=[0-9A-F]?\r\n", written)
    copies = written.replace(b"\r\n", b"").decode().split("|")
    assert [taglist.without_blanks(copy.partition(":")[0]) for copy in copies] == [
        "From",
        "Subject",
        "To",
    ]
    told = quotedprintable.decode(taglist.without_blanks(copies[1].partition(":")[2]))
    assert told.encode() == value
    assert verdict(field + message).result == "pass"


def test_a_long_list_of_fields_is_folded_as_a_short_one() -> None:
    field = dkim.sign(
        b"From: a@example.com\r\n" + b"List-Id: x\r\n" * 400 + b"\r\n",
        domain="example.com",
        selector="x",
        key=key("ed25519"),
    )
    assert max(map(len, field.split(b"\r\n"))) <= 78
    assert field.count(b"list-id") == 400
