"""dkimpy as an oracle, both ways: it verifies what we sign, and we verify what it signs."""

import time

import dkim as dkimpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail import DOMAIN, key, record, signed, verdict

from mailauth.keys import PrivateKey

pytestmark = pytest.mark.oracle

PAIRS = [(header, body) for header in ("simple", "relaxed") for body in ("simple", "relaxed")]
NAMES = ["Subject", "To", "X-A", "received", "List-Id"]
KEY_TYPES = st.sampled_from(["rsa", "ed25519"])
LINES = st.lists(st.text("ab \t.-=;:é", max_size=30), max_size=12)
VALUES = st.lists(st.from_regex(r"[a-z;=.<>@\"( )]{0,10}[ \t]{0,3}", fullmatch=True), max_size=3)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message with odd folds and blanks, repeated fields, and any body.

    Left out is what dkimpy is known to read otherwise: a value of blanks only.
    """
    fields = ["From: ada@example.com"]
    for name in draw(
        st.lists(st.sampled_from(["Subject", "To", "X-A", "received", "List-Id"]), max_size=6)
    ):
        value = "\r\n ".join(f"x{part}" for part in draw(VALUES))
        fields.append(f"{name}:{draw(st.sampled_from(['', ' ', '  ']))}{value or 'x'}")
    body = "\r\n".join(draw(LINES))
    end = draw(st.sampled_from(["\r\n", "\r\n\r\n\r\n"]))
    return ("\r\n".join(draw(st.permutations(fields))) + "\r\n\r\n" + body + end).encode()


def _txt(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 - dkimpy's
    return record(name.decode().split(".")[0]).encode()


@given(message=messages(), pair=st.sampled_from(PAIRS), key_type=KEY_TYPES)
def test_it_verifies_what_we_sign(message: bytes, pair: tuple[str, str], key_type: str) -> None:
    octets = signed(message, key_type, canonicalization="/".join(pair), now=1_700_000_000)
    assert dkimpy.DKIM(octets).verify(dnsfunc=_txt)


@given(message=messages(), pair=st.sampled_from(PAIRS), key_type=KEY_TYPES)
def test_we_verify_what_it_signs(message: bytes, pair: tuple[str, str], key_type: str) -> None:
    field = dkimpy.sign(
        message,
        key_type.encode(),
        DOMAIN.encode(),
        _secret(key(key_type)),
        canonicalize=tuple(word.encode() for word in pair),
        signature_algorithm=f"{key_type}-sha256".encode(),
    )
    got = verdict(field + message, now=int(time.time()))
    duplicates = "not all are signed" in got.reason  # it does not sign each instance
    assert got.result == ("policy" if duplicates else "pass"), got.reason


def _secret(private: PrivateKey) -> bytes:
    """The key as dkimpy takes it: PKCS#8 PEM, or the seed in base64."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if private.algorithm.key_type == "rsa":
        return private.pem()
    loaded = load_pem_private_key(private.pem(), None)
    return b64encode(loaded.private_bytes_raw())  # type: ignore[union-attr]
