"""How far a verification came, told as steps."""

from typing import Any

import mail
import pytest

from mailauth.dkim.key import name
from mailauth.dns import Zone

ASKED = "? TXT of rsa._domainkey.example.com: "
KEYED = "the key is usable: rsa-sha256, 2048 bits"
BODY = "the body is what was signed: bh= agrees"
SIGNED = mail.signed()
WHERE = name(mail.DOMAIN, "rsa")


def told(octets: bytes, node: dict[str, Any] | None = None, **options: Any) -> list[str]:
    zone = mail.zone() if node is None else Zone({WHERE: node})
    return [step.text for step in mail.verdict(octets, zone, **options).steps]


def test_a_pass_tells_all_of_it() -> None:
    asked, keyed, body, header = told(SIGNED)
    assert asked.startswith(f"{ASKED}v=DKIM1; k=rsa; p=")
    assert asked.endswith("...")
    assert (keyed, body) == (KEYED, BODY)
    assert header.startswith("the header is what was signed: b= verifies over from, to, ")


STOPS: list[Any] = [
    pytest.param(SIGNED + b"x\r\n", None, [KEYED, "the body is not"], id="the body"),
    pytest.param(SIGNED.replace(b"Ada", b"Eve"), None, [KEYED, BODY, "the header is not"], id="b="),
    pytest.param(SIGNED, {"TXT": ["v=DKIM1; p="]}, ["the key is revoked"], id="a revoked key"),
    pytest.param(SIGNED, {"TXT": ["v=DKIM1; p=AAAA"]}, ["the key is not usable"], id="no key"),
]


@pytest.mark.parametrize(("octets", "node", "rest"), STOPS)
def test_what_stopped_it_comes_last(
    octets: bytes, node: dict[str, Any] | None, rest: list[str]
) -> None:
    first, *others = told(octets, node)
    assert first.startswith(f"{ASKED}v=DKIM1; ")
    assert len(others) == len(rest)
    assert all(one.startswith(start) for one, start in zip(others, rest, strict=True))


def test_an_answer_that_is_no_key_ends_it() -> None:
    assert told(SIGNED, {}) == [f"{ASKED}no key at {WHERE}: no TXT record"]
    (only,) = told(SIGNED, {"FAIL": ["TXT"]})
    assert only.startswith(f"{ASKED}the key could not be looked up: ")


def test_what_is_not_asked_is_not_told() -> None:
    expired = mail.signed(expire=60)
    (only,) = told(expired, now=mail.NOW + 86_400)
    assert "expired" in only
    assert told(mail.MESSAGE) == []
