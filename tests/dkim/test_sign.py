"""What a signer is asked for and cannot sign: nothing is written that verifiers refuse."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from mail import DOMAIN, MESSAGE, NOW, key, signed, verdict

from mailauth import dkim
from mailauth.dkim.key import name
from mailauth.errors import BadArgument, UnsignableMessage
from mailauth.keys import Algorithm

LONG_NAME = ".".join(["a" * 60] * 4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"identity": "\udcff@example.com"}, "identity", id="identity-no-utf8"),
        pytest.param({"identity": "a@\udcff.example.com"}, "not a label", id="identity-domain"),
        pytest.param({"identity": "a@example.net"}, "not at example.com", id="identity-other"),
        pytest.param({"identity": "a b@example.com"}, "not a local part", id="identity-blank"),
        pytest.param({"identity": "a..b@example.com"}, "not a local part", id="identity-dots"),
        pytest.param({"identity": "a@b@example.com"}, "not a local part", id="identity-two-at"),
        pytest.param({"identity": '"a@example.com'}, "not a local part", id="identity-quote"),
        pytest.param({"identity": '"\t"@example.com'}, "not a local part", id="identity-control"),
        pytest.param({"headers": ["\udcff"]}, "not the name", id="headers-no-utf8"),
        pytest.param({"oversign": ["\ud800"]}, "not the name", id="oversign-no-utf8"),
        pytest.param({"headers": ["from", "x;l=0"]}, "not the name", id="headers-semicolon"),
        pytest.param({"headers": ["from", "x:y"]}, "not the name", id="headers-colon"),
        pytest.param({"headers": [""]}, "not the name", id="headers-empty"),
        pytest.param({"headers": "subject"}, "list of names", id="headers-text"),
        pytest.param({"oversign": b"subject"}, "list of names", id="oversign-octets"),
        pytest.param({"headers": ["DKIM-Signature"]}, "not be signed", id="headers-signature"),
        pytest.param({"oversign": ["dkim-signature"]}, "not be signed", id="oversign-signature"),
        pytest.param({"now": 1_795_863_726.22}, "now must be", id="now-float"),
        pytest.param({"now": -5}, "now must be", id="now-negative"),
        pytest.param({"now": 10**12}, "12 digits", id="now-13-digits"),
        pytest.param({"now": 10**5000}, "12 digits", id="now-5001-digits"),
        pytest.param({"now": "x; l=0"}, "now must be", id="now-text"),
        pytest.param({"expire": 3.5}, "expire must be", id="expire-float"),
        pytest.param({"expire": "1d"}, "expire must be", id="expire-text"),
        pytest.param({"expire": -1}, "expire must be", id="expire-negative"),
        pytest.param({"expire": 0}, "expire must be", id="expire-zero"),
        pytest.param({"expire": 10**12 - NOW}, "12 digits", id="expire-13-digits"),
        pytest.param({"now": None, "expire": 1}, "needs now", id="expire-without-now"),
        pytest.param({"domain": "com"}, "top-level", id="DKIM-08"),
        pytest.param({"domain": "exa mple.com"}, "exa mple", id="domain"),
        pytest.param({"domain": LONG_NAME, "selector": "a" * 63}, "253 octets", id="long-name"),
        pytest.param({"canonicalization": "loose"}, "not one of simple", id="canonicalization"),
    ],
)
def test_arguments_that_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadArgument, match=says):
        signed(**options)


@pytest.mark.parametrize(
    "identity",
    [
        "@example.com",
        "a+b=c@news.example.com",
        '"a b"@example.com',
        '"\\"@"@example.com',
        "é@example.com",
    ],
)
def test_an_identity_has_a_local_part_or_none(identity: str) -> None:
    got = verdict(signed(identity=identity))
    assert (got.result, got.identity) == ("pass", identity)


def test_the_longest_and_the_latest_that_verifiers_take() -> None:
    latest = verdict(signed(now=0, expire=10**12 - 1))
    assert (latest.result, latest.signed_at, latest.expires_at) == ("pass", 0, 10**12 - 1)
    room = 253 - len(name(DOMAIN, ""))
    assert verdict(signed(selector=_of_length(room))).reason.startswith("no key at")
    with pytest.raises(BadArgument, match="253 octets"):
        signed(selector=_of_length(room + 1))


def test_as_many_fields_are_signed_as_verifiers_take() -> None:
    fields = b"X: y\r\n" * 999
    assert verdict(signed(fields + MESSAGE, headers=["x"], oversign=[])).result == "pass"
    with pytest.raises(
        UnsignableMessage, match="1001 fields to sign, and verifiers accept at most 1000"
    ):
        signed(b"X: y\r\n" + fields + MESSAGE, headers=["x"], oversign=[])


def _of_length(octets: int) -> str:
    """A name of so many octets."""
    labels = "a" * 60 + "."
    return (labels * 5)[: octets - 1] + "a"


@pytest.mark.parametrize("secret", [key().pem(), key().pem().decode(), None], ids=type)
def test_a_key_that_is_not_loaded(secret: Any) -> None:
    with pytest.raises(BadArgument, match=r"PrivateKey\.load") as caught:
        dkim.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=secret)
    assert "BEGIN" not in str(caught.value)


def test_a_key_of_another_algorithm() -> None:
    class Old:
        algorithm: Any = "rsa-sha1"

        def sign(self, digest: bytes) -> bytes:
            return digest

    with pytest.raises(BadArgument, match="rsa-sha1"):
        dkim.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=Old())


def test_a_public_key_does_not_sign() -> None:
    public: Any = key().public_key
    with pytest.raises(BadArgument, match="PublicKey is not a key that signs"):
        dkim.sign(MESSAGE, domain=DOMAIN, selector="rsa", key=public)


@dataclass
class Vault:
    """A key that is kept elsewhere, and the answer that comes from there."""

    algorithm: Algorithm
    answer: Any

    def sign(self, digest: bytes) -> bytes:
        """As a `Signer` should."""
        assert len(digest) == 32
        answer: bytes = self.answer
        return answer


@pytest.mark.parametrize(
    ("algorithm", "answer", "told"),
    [
        pytest.param(Algorithm.RSA_SHA256, b"", "0 octets", id="nothing"),
        pytest.param(Algorithm.RSA_SHA256, bytes(127), "127 octets", id="short"),
        pytest.param(Algorithm.RSA_SHA256, bytes(1025), "1025 octets", id="long"),
        pytest.param(Algorithm.ED25519_SHA256, bytes(63), "63 octets", id="short-ed25519"),
        pytest.param(Algorithm.ED25519_SHA256, bytes(71), "71 octets", id="of-another-kind"),
        pytest.param(Algorithm.ED25519_SHA256, "A" * 64, "str", id="text"),
        pytest.param(Algorithm.ED25519_SHA256, None, "NoneType", id="none"),
    ],
)
def test_what_is_no_signature_is_not_written(algorithm: Algorithm, answer: Any, told: str) -> None:
    vault = Vault(algorithm, answer)
    with pytest.raises(BadArgument, match=rf"^Vault\.sign returned {told}; .*{algorithm}"):
        dkim.sign(MESSAGE, domain=DOMAIN, selector="a", key=vault)


@pytest.mark.parametrize("length", [128, 1024])
def test_a_signature_is_as_long_as_an_rsa_key_may_be(length: int) -> None:
    vault = Vault(Algorithm.RSA_SHA256, bytes(length))
    field = dkim.sign(MESSAGE, domain=DOMAIN, selector="a", key=vault)
    assert b64encode(bytes(length)) in b"".join(field.split())


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_a_signature_may_be_any_octets(kind: Callable[[bytes], Any]) -> None:
    vault = Vault(Algorithm.ED25519_SHA256, kind(bytes(64)))
    field = dkim.sign(MESSAGE, domain=DOMAIN, selector="a", key=vault)
    assert b64encode(bytes(64)) in b"".join(field.split())


def test_names_in_any_case_and_any_iterable() -> None:
    message = signed(headers=("Subject", "TO"), oversign={"From"})
    assert b"h=from:to:subject:from;" in message.replace(b"\r\n\t", b"")
    assert verdict(message).result == "pass"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param({"headers": ["date"]}, "from:date:from:date", id="named"),
        pytest.param({"headers": ["x-a"]}, "from:x-a:from", id="from-always"),
        pytest.param({"headers": ["date"], "oversign": []}, "from:date", id="none-once-more"),
        pytest.param({"headers": ["x-a"], "oversign": ["date"]}, "from:date:x-a:date", id="both"),
    ],
)
def test_what_is_not_named_is_not_signed(options: dict[str, Any], names: str) -> None:
    message = b"From: a@example.com\r\nSubject: s\r\nDate: d\r\nX-A: 1\r\n\r\nHello.\r\n"
    octets = signed(message, **options)
    assert f"h={names};".encode() in octets.replace(b"\r\n\t", b"")
    assert verdict(octets).result == "pass"
