"""dkimpy as an oracle, both ways: it verifies what we sign, and we verify what it signs."""

import time

import dkim as dkimpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail import DOMAIN, key, record, signed, verdict
from odd import PAIRS, messages

from mailauth.keys import PrivateKey

pytestmark = pytest.mark.oracle

KEY_TYPES = st.sampled_from(["rsa", "ed25519"])


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
