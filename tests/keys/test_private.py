"""Private keys: every form loads, signatures verify, and the secret stays inside."""

import base64
import hashlib
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mailauth.errors import BadArgument, UnusableKey
from mailauth.keys import Algorithm, PrivateKey, PublicKey, Signer
from mailauth.keys.public import spki

DIGEST = hashlib.sha256(b"mailauth").digest()
SEED = b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="  # RFC 8463 §A.1
RSA_PEM = b"""-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""  # RFC 8463 §A.1

RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - quick
ED25519 = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SEED))
PKCS1, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8
LOCK = BestAvailableEncryption(b"open sesame")
PEM, DER, OPEN = Encoding.PEM, Encoding.DER, NoEncryption()
PASSPHRASE = b"open sesame"
FORMS = {
    "rsa PKCS#8 PEM": (RSA.private_bytes(PEM, PKCS8, OPEN), None),
    "rsa PKCS#8 DER": (RSA.private_bytes(DER, PKCS8, OPEN), None),
    "rsa PKCS#8 PEM encrypted": (RSA.private_bytes(PEM, PKCS8, LOCK), PASSPHRASE),
    "rsa PKCS#8 DER encrypted": (RSA.private_bytes(DER, PKCS8, LOCK), PASSPHRASE),
    "rsa PKCS#1 PEM": (RSA.private_bytes(PEM, PKCS1, OPEN), None),
    "rsa PKCS#1 DER": (RSA.private_bytes(DER, PKCS1, OPEN), None),
    "rsa PKCS#1 PEM encrypted": (RSA.private_bytes(PEM, PKCS1, LOCK), PASSPHRASE),
    "ed25519 PKCS#8 PEM": (ED25519.private_bytes(PEM, PKCS8, OPEN), None),
    "ed25519 PKCS#8 DER": (ED25519.private_bytes(DER, PKCS8, OPEN), None),
    "ed25519 PKCS#8 PEM encrypted": (ED25519.private_bytes(PEM, PKCS8, LOCK), PASSPHRASE),
    "ed25519 PKCS#8 DER encrypted": (ED25519.private_bytes(DER, PKCS8, LOCK), PASSPHRASE),
}


def test_the_example_keys_of_the_rfc() -> None:
    rsa_key, ed25519 = PrivateKey.load(RSA_PEM), PrivateKey.load(SEED)
    assert base64.b64encode(ed25519.public_key.octets) == (
        b"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    )
    assert base64.b64encode(rsa_key.public_key.octets).startswith(b"MIGfMA0GCSqGSIb3DQEBAQUAA4GN")
    for key in (rsa_key, ed25519):
        key.prove()
        assert key.public_key.verify(key.sign(DIGEST), DIGEST)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_loads_and_signs(form: str) -> None:
    octets, passphrase = FORMS[form]
    key = PrivateKey.load(octets, passphrase=passphrase)
    assert key.algorithm.key_type == form.partition(" ")[0]
    assert key.public_key.verify(key.sign(DIGEST), DIGEST)
    assert PrivateKey.load(key.pem()).public_key == key.public_key


@pytest.mark.parametrize("around", [b"%s\n", b"%s\r\n", b" \t%s \n\n"])
def test_the_seed_of_dkimpy_may_end_its_line(around: bytes) -> None:
    assert PrivateKey.load(around % SEED).public_key == PrivateKey.load(SEED).public_key


@pytest.mark.parametrize("form", [form for form in FORMS if form.endswith("DER")])
@pytest.mark.parametrize("around", [b"%s", b"\t%s\r\n"])
def test_der_may_be_in_base64_without_the_lines_of_pem(form: str, around: bytes) -> None:
    octets = FORMS[form][0]
    for written in (base64.b64encode(octets), base64.encodebytes(octets)):
        assert PrivateKey.load(around % written).pem() == PrivateKey.load(octets).pem()


def test_the_public_half_may_stand_behind_an_ed25519_seed() -> None:
    """As NaCl has secret keys, and rspamadm(8) writes them."""
    seed, public = base64.b64decode(SEED), PrivateKey.load(SEED).public_key.octets
    key = PrivateKey.load(base64.b64encode(seed + public) + b"\n")
    assert key.pem() == PrivateKey.load(SEED).pem()
    with pytest.raises(UnusableKey, match="do not belong together"):
        PrivateKey.load(base64.b64encode(seed + seed))


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_passphrase_is_said_so(form: str) -> None:
    octets, passphrase = FORMS[form]
    with pytest.raises(UnusableKey, match="check its passphrase" if passphrase else "give none"):
        PrivateKey.load(octets, passphrase=b"wrong")
    if passphrase:
        with pytest.raises(UnusableKey, match=r"needs a passphrase.* -in OLD -out NEW"):
            PrivateKey.load(octets)


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PKCS8, NoEncryption())


UNHEARD_OF = base64.b64decode("MC4CAQAwBQYDK2V/BCIE" + "A" * 44)  # an Ed25519 key of another number
PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        pytest.param(b"", "not a private key", id="empty"),
        pytest.param(b"\0" * 32, "not a private key", id="32 octets"),
        pytest.param(SEED[:-4] + b"AA==", "not a private key", id="31 octets in base64"),
        pytest.param(SEED.replace(b"n", b"-"), "not a private key", id="not base64"),
        pytest.param(RSA_PEM[:400], "not a private key", id="half of a PEM"),
        pytest.param(RSA_PEM.replace(b"M", b"!"), "not a private key", id="PEM of junk"),
        pytest.param(PUBLIC_PEM, "this is a public key", id="public"),
        pytest.param(spki(RSA.public_key()), "this is a public key", id="public DER"),
        pytest.param(
            base64.b64encode(spki(RSA.public_key())), "this is a public key", id="public in base64"
        ),
        pytest.param(_pem(ec.generate_private_key(ec.SECP256R1())), "another kind", id="EC"),
        pytest.param(UNHEARD_OF, "unknown kind or cipher", id="unheard of"),
    ],
)
def test_what_is_no_usable_key_is_refused(octets: bytes, says: str) -> None:
    with pytest.raises(UnusableKey, match=says):
        PrivateKey.load(octets)


@given(st.data())
@settings(max_examples=200)
def test_any_octets_are_a_key_or_unusable(data: st.DataObject) -> None:
    octets, passphrase = FORMS[data.draw(st.sampled_from([f for f in FORMS if "encr" not in f]))]
    altered = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 3))):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    try:
        key = PrivateKey.load(bytes(altered), passphrase=passphrase)
        key.prove()
    except UnusableKey:
        return
    assert len(key.sign(DIGEST)) == (key.size + 7) // 8 * (2 if key.size == 256 else 1)


def altered_rsa(**numbers: int) -> bytes:
    """The RSA key with some of its numbers replaced; PKCS#1 in DER."""
    private = RSA.private_numbers()
    public = private.public_numbers
    order = ("version", "n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp")
    values = {
        "version": 0, "n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q,
        "dmp1": private.dmp1, "dmq1": private.dmq1, "iqmp": private.iqmp,
    } | numbers  # fmt: skip
    body = b"".join(_integer(values[name]) for name in order)
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def _integer(value: int) -> bytes:
    octets = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\2" + _length(octets) + octets


def _length(octets: bytes) -> bytes:
    size = len(octets)
    if size < 128:
        return bytes([size])
    return bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")


N = RSA.private_numbers().public_numbers.n


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        pytest.param({"n": N >> 1 | 1}, "1023 bits", id="DKIM-20"),
        pytest.param({"n": N << 7169 | 1}, "8193 bits", id="DKIM-21"),
        pytest.param({"e": 2**33 + 1}, "exponent of 34 bits", id="DKIM-22"),
    ],
)
def test_a_private_key_is_as_strong_as_its_public_half(numbers: dict[str, int], says: str) -> None:
    with pytest.raises(UnusableKey, match=says):
        PrivateKey.load(altered_rsa(**numbers))


@pytest.mark.parametrize(
    "numbers",
    [
        {"n": N + 2},
        {"n": N + 1},
        {"d": 3},
        {"e": 3},
        {"p": 0},
        {"p": 0, "q": 0},
        {"dmp1": 5},
        {"iqmp": 0},
    ],
    ids="-".join,
)
def test_prove_finds_numbers_that_do_not_belong_together(numbers: dict[str, int]) -> None:
    key = PrivateKey.load(altered_rsa(**numbers))
    with pytest.raises(UnusableKey, match="do not belong together"):
        key.prove()


def test_signing_with_impossible_numbers_is_unusable_too() -> None:
    with pytest.raises(UnusableKey, match="do not belong together"):
        PrivateKey.load(altered_rsa(p=0, q=0)).sign(DIGEST)


OTHER = rsa.generate_private_key(public_exponent=65537, key_size=1024).private_numbers()  # noqa: S505


@pytest.mark.parametrize(
    "numbers",
    [
        {name: getattr(OTHER, name) for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp")},
        {"d": OTHER.d, "dmp1": 5, "dmq1": 5},
        {"n": N + 2},
        {"n": N + 1},
        {"e": 3},
    ],
    ids="-".join,
)
def test_DKIM_41_a_first_signature_that_does_not_verify_is_not_given(
    numbers: dict[str, int],
) -> None:
    key = PrivateKey.load(altered_rsa(**numbers))
    for _ in range(2):
        with pytest.raises(UnusableKey, match="do not belong together"):
            key.sign(DIGEST)


def test_numbers_that_signing_does_not_need_may_be_wrong() -> None:
    """OpenSSL signs by the primes, and so d is of no use."""
    key = PrivateKey.load(altered_rsa(d=OTHER.d))
    assert key.public_key.verify(key.sign(DIGEST), DIGEST)


def test_generated_keys_are_of_the_kind_that_was_asked() -> None:
    key = PrivateKey.generate()
    assert (key.algorithm, key.size) == (Algorithm.RSA_SHA256, 2048)
    key = PrivateKey.generate("ed25519")
    assert (key.algorithm, key.size) == (Algorithm.ED25519_SHA256, 256)
    key.prove()


@pytest.mark.parametrize(
    ("key_type", "bits"), [("rsa", 1023), ("rsa", 8193), ("rsa", 0), ("dsa", 2048), ("", 2048)]
)
def test_no_other_keys_are_generated(key_type: str, bits: int) -> None:
    with pytest.raises(UnusableKey, match="it must"):
        PrivateKey.generate(key_type, bits)


@pytest.mark.parametrize("octets", [b"", DIGEST[:31], DIGEST + b"\0", b"a whole message"])
@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_only_a_digest_is_signed(key_type: str, octets: bytes) -> None:
    with pytest.raises(BadArgument, match="32"):
        PrivateKey.generate(key_type, 1024).sign(octets)


def test_DKIM_27_the_digest_is_the_message_of_ed25519() -> None:
    assert PrivateKey.load(SEED).sign(DIGEST) == ED25519.sign(DIGEST)


@pytest.mark.parametrize("secret", [RSA_PEM, SEED], ids=["OPS-04-rsa", "OPS-04-ed25519"])
def test_the_secret_is_in_no_repr(secret: bytes) -> None:
    key = PrivateKey.load(secret)
    assert repr(key) == str(key) == f"<PrivateKey {key.algorithm} of {key.size} bits>"


def test_the_secret_is_in_no_traceback() -> None:
    locked, _ = FORMS["rsa PKCS#8 PEM encrypted"]
    wrong = PASSPHRASE[::-1]
    with pytest.raises(UnusableKey) as caught:
        PrivateKey.load(locked, passphrase=wrong)
    text = "".join(traceback.format_exception(caught.value))
    assert wrong.decode() not in text
    assert locked.split(b"\n")[1].decode() not in text


class Vault:
    """A key that is kept elsewhere."""

    algorithm = Algorithm.ED25519_SHA256

    def sign(self, digest: bytes) -> bytes:
        """As a `Signer` does."""
        return ED25519.sign(digest)


def test_whatever_signs_is_a_signer() -> None:
    signers: list[Signer] = [Vault(), PrivateKey.load(SEED)]
    public = PublicKey.load("ed25519", ED25519.public_key().public_bytes_raw())
    assert all(public.verify(signer.sign(DIGEST), DIGEST) for signer in signers)
