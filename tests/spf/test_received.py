"""Received-SPF: what is written, and what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import spf
from mailauth.dns import Zone
from mailauth.errors import SyntaxFault
from mailauth.spf import received
from mailauth.syntax.message import Message

ZONE = Zone(
    {
        "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
        "bad.example": {"TXT": ["v=spf1 foo"]},
        "silent.example": {"TXT": ["v=spf1 ip4:203.0.113.1"]},
    }
)


def field_of(ip: str, helo: str, sender: str) -> bytes:
    verdict = ZONE.run(spf.check(ip=ip, helo=helo, sender=sender))
    return received.field(verdict, ip=ip, helo=helo, sender=sender, receiver="mx.example.org")


def parsed(field: bytes) -> spf.ReceivedSPF:
    name, _, body = field.decode().partition(":")
    assert name == received.NAME
    assert body.endswith("\r\n")
    return received.parse(body)


@pytest.mark.parametrize(
    ("ip", "sender", "result", "last"),
    [
        ("192.0.2.1", "ada@example.com", "pass", ("mechanism", "ip4:192.0.2.0/24")),
        ("203.0.113.1", "ada@example.com", "fail", ("mechanism", "-all")),
        ("192.0.2.1", "ada@silent.example", "neutral", ("mechanism", "default")),
        ("192.0.2.1", "ada@none.example", "none", ("helo", "mx.example.com")),
        ("192.0.2.1", "ada@bad.example", "permerror", None),
    ],
)
def test_what_is_written_is_read(
    ip: str, sender: str, result: str, last: tuple[str, str] | None
) -> None:
    field = field_of(ip, "mx.example.com", sender)
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))
    got = parsed(field)
    assert got.result.value == result
    assert got.comment.startswith("mx.example.org: ")
    assert got.get("client-ip") == ip
    assert got.get("envelope-from") == sender
    assert got.get("identity") == "mailfrom"
    if last is None:
        assert got.get("problem")
    else:
        assert got.pairs[-1] == last


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        ("(one) (two)", "one two"),
        ("(one)(two (and more)) ", "one two (and more)"),
        (r"(a \) b)", "a ) b"),
        ("", ""),
    ],
)
def test_what_several_comments_say(comments: str, said: str) -> None:
    assert received.parse(f"pass {comments} client-ip=192.0.2.1").comment == said


def test_a_helo_identity_has_no_envelope() -> None:
    verdict = ZONE.run(spf.check_helo(ip="192.0.2.1", helo="example.com"))
    field = received.field(verdict, ip="192.0.2.1", helo="example.com", sender="", receiver="mx")
    assert parsed(field).get("envelope-from") is None
    assert parsed(field).get("identity") == "helo"


@given(
    helo=st.text(max_size=300),
    local=st.text(st.characters(exclude_characters="@"), max_size=80),
)
def test_nothing_of_a_client_leaves_its_place(helo: str, local: str) -> None:
    field = field_of("192.0.2.1", helo, f"{local}@example.com")
    message = Message.parse(field + b"From: a@example.com\r\n\r\n")
    assert [f.name for f in message.fields] == [b"Received-SPF", b"From"]
    assert not message.faults
    got = parsed(field)
    assert [key for key, _ in got.pairs][:5] == [
        "receiver", "identity", "client-ip", "envelope-from", "helo",
    ]  # fmt: skip
    assert (got.get("helo") or "").rstrip(".") in helo or "?" in field.decode() or len(helo) > 256


@pytest.mark.parametrize(
    ("body", "result", "pairs"),
    [
        ("pass", "pass", 0),
        ("Pass (mx: domain of a@b designates (nested) 192.0.2.1) client-ip=192.0.2.1;", "pass", 1),
        ('fail identity = mailfrom ; helo="a \\" b"; mechanism=ip4:192.0.2.1', "fail", 3),
        ("none\r\n (c)\r\n x-key=(comment)y;\r\n", "none", 1),
    ],
)
def test_fields_of_others_are_read(body: str, result: str, pairs: int) -> None:
    got = received.parse(body)
    assert (got.result.value, len(got.pairs)) == (result, pairs)


@pytest.mark.parametrize(
    "body",
    [
        "", "maybe", "pass (", "pass key", "pass key=", 'pass key="x', "pass a=b c=d", "pass =b",
        "pass " + "a=b;" * 60, "pass " + "x" * 9000,
    ],
    ids=lambda body: body[:20],
)  # fmt: skip
def test_malformed_fields_are_refused(body: str) -> None:
    with pytest.raises(SyntaxFault):
        received.parse(body)
