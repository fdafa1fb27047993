"""A public key that exists is fit for use, and no octets make it raise anything else."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from hypothesis import given
from hypothesis import strategies as st

from mailauth.errors import UnusableKey
from mailauth.keys import Algorithm, PrivateKey, PublicKey
from mailauth.keys.public import is_public, spki
from mailauth.keys.strength import check_ed25519, check_rsa

DIGEST = hashlib.sha256(b"mailauth").digest()
RSA_1024 = base64.b64decode(  # RFC 8463 §A.2
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"
    "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
ED25519 = base64.b64decode("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
KEYS = {"rsa": RSA_1024, "ed25519": ED25519}


def test_attributes_are_of_the_key() -> None:
    rsa, ed25519 = (PublicKey.load(key_type, octets) for key_type, octets in KEYS.items())
    assert (rsa.algorithm, rsa.size, rsa.octets) == (Algorithm.RSA_SHA256, 1024, RSA_1024)
    assert (ed25519.algorithm, ed25519.size) == (Algorithm.ED25519_SHA256, 256)
    assert ed25519.octets == ED25519


def test_rsa_of_either_encoding_is_published_in_the_one_of_the_rfc() -> None:
    bare = RSA_1024[22:]  # the RSAPublicKey inside
    assert PublicKey.load("rsa", bare) == PublicKey.load("rsa", RSA_1024)
    assert PublicKey.load("rsa", bare).octets == RSA_1024


@pytest.mark.parametrize("key_type", KEYS)
def test_loading_is_remembered(key_type: str) -> None:
    octets = KEYS[key_type]
    assert PublicKey.load(key_type, octets) is PublicKey.load(key_type, bytes(bytearray(octets)))


@pytest.mark.parametrize("key_type", ["", "RSA", "dsa", "x" * 100_000])
def test_another_key_type_is_refused_in_a_short_sentence(key_type: str) -> None:
    with pytest.raises(UnusableKey, match="not known") as caught:
        PublicKey.load(key_type, ED25519)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("size", [0, 31, 33, 64, 100_000])
@pytest.mark.parametrize("key_type", KEYS)
def test_a_digest_of_another_size_is_never_signed(key_type: str, size: int) -> None:
    key = PrivateKey.generate(key_type, 1024)
    assert not key.public_key.verify(key.sign(DIGEST), bytes(size))


@pytest.mark.parametrize(
    ("bits", "exponent", "says"),
    [
        pytest.param(1023, 65537, "1023 bits", id="DKIM-20"),
        pytest.param(8193, 65537, "8193 bits", id="DKIM-21"),
        pytest.param(2048, 1, "exponent 1;", id="DKIM-22-one"),
        pytest.param(2048, 2, "exponent 2;", id="DKIM-22-even"),
        pytest.param(2048, -3, "exponent -3;", id="DKIM-22-negative"),
        pytest.param(2048, 2**33 + 1, "exponent of 34 bits;", id="DKIM-22-long"),
    ],
)
def test_a_refusal_says_what_is_wrong(bits: int, exponent: int, says: str) -> None:
    with pytest.raises(UnusableKey, match=says):
        check_rsa(bits, exponent)


@pytest.mark.parametrize(
    ("bits", "exponent"), [(1024, 3), (8192, 2**33 - 1)], ids=["DKIM-20", "DKIM-22"]
)
def test_the_bounds_themselves_are_inside(bits: int, exponent: int) -> None:
    check_rsa(bits, exponent)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        pytest.param(bytes(32), "small order", id="DKIM-25-zeros"),
        pytest.param(b"\1" + bytes(31), "small order", id="DKIM-25-identity"),
        pytest.param(b"\xff" * 32, "not canonically", id="DKIM-25-ones"),
        pytest.param(b"\2" + bytes(31), "not a point", id="DKIM-25-nowhere"),
        pytest.param(bytes(44), "44 octets", id="DKIM-26"),
    ],
)
def test_a_bad_point_is_named(octets: bytes, says: str) -> None:
    with pytest.raises(UnusableKey, match=says):
        check_ed25519(octets)


def pem(octets: bytes, label: str = "PUBLIC KEY") -> bytes:
    text = base64.encodebytes(octets).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


ED25519_INFO = bytes.fromhex("302a300506032b6570032100") + ED25519  # RFC 8410 §4
FILES = {
    "PEM": ("rsa", pem(RSA_1024)),
    "PEM of PKCS#1": ("rsa", pem(RSA_1024[22:], "RSA PUBLIC KEY")),
    "DER": ("rsa", RSA_1024),
    "DER of PKCS#1": ("rsa", RSA_1024[22:]),
    "PEM of Ed25519": ("ed25519", pem(ED25519_INFO)),
    "DER of Ed25519": ("ed25519", ED25519_INFO),
}


@pytest.mark.parametrize(("key_type", "octets"), FILES.values(), ids=FILES)
def test_a_file_holds_a_key(tmp_path: Path, key_type: str, octets: bytes) -> None:
    (tmp_path / "key").write_bytes(octets)
    (tmp_path / "key").chmod(0o644)
    assert is_public(octets)
    assert PublicKey.read(tmp_path / "key") == PublicKey.load(key_type, KEYS[key_type])


SECRET = PrivateKey.generate("ed25519").pem()


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        pytest.param(pem(RSA_1024)[:80], "cannot be read; export it again", id="torn"),
        pytest.param(pem(ED25519_INFO[:-32] + bytes(32)), "small order", id="weak"),
        pytest.param(ED25519_INFO[:-32] + bytes(32), "small order", id="weak DER"),
        pytest.param(SECRET, "must hold a public key", id="private"),
        pytest.param(pem(RSA_1024) + SECRET, "must hold a public key", id="private beside it"),
        pytest.param(b"junk", "must hold a public key", id="junk"),
    ],
)
def test_a_file_without_a_usable_key_is_named(tmp_path: Path, octets: bytes, says: str) -> None:
    (tmp_path / "key").write_bytes(octets)
    with pytest.raises(UnusableKey, match=f"{tmp_path}/key: .*{says}"):
        PublicKey.read(tmp_path / "key")


@given(st.sampled_from(sorted(KEYS)), st.binary(max_size=4000))
def test_any_octets_are_a_key_or_unusable(key_type: str, octets: bytes) -> None:
    try:
        key = PublicKey.load(key_type, octets)
    except UnusableKey:
        return
    assert key.verify(bytes(64), DIGEST) is False


@given(st.data())
def test_an_altered_rsa_key_is_a_key_or_unusable(data: st.DataObject) -> None:
    octets = bytearray(RSA_1024)
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        key = PublicKey.load("rsa", bytes(octets))
    except UnusableKey:
        return
    assert key.verify(b"\1" * 128, DIGEST) is False


@given(
    st.sampled_from(sorted(KEYS)),
    st.one_of(st.binary(max_size=2000), st.binary(min_size=128, max_size=128)),
    st.one_of(st.binary(max_size=100), st.binary(min_size=32, max_size=32)),
)
def test_any_octets_are_a_signature_that_fails(key_type: str, sig: bytes, digest: bytes) -> None:
    assert PublicKey.load(key_type, KEYS[key_type]).verify(sig, digest) is False


def test_an_rsa_signature_has_the_length_of_the_modulus() -> None:
    key = PrivateKey.generate(bits=1024)
    for digest in (hashlib.sha256(number.to_bytes(2)).digest() for number in range(65_536)):
        signature = key.sign(digest)
        if signature[0] == 0:
            break
    else:
        pytest.fail("one signature in 256 begins with a zero")
    public = key.public_key
    assert public.verify(signature, digest)
    for wrong in (signature[1:], b"\0" + signature, signature + b"\0", b""):
        assert public.verify(wrong, digest) is False
        assert public.signed_digest(wrong) is None


@pytest.mark.parametrize("other", [hashes.SHA384(), hashes.SHA512()])
def test_an_rsa_signature_is_over_sha256(other: hashes.HashAlgorithm) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = PublicKey.load("rsa", spki(key.public_key()))
    for algorithm, verifies in ((hashes.SHA256(), True), (other, False)):
        signature = key.sign(b"mailauth", PKCS1v15(), algorithm)
        assert public.verify(signature, DIGEST) is verifies
        assert public.signed_digest(signature) == (DIGEST if verifies else None)
