"""The public key: what a p= becomes, and the only thing that verifies.

Every `PublicKey` is fit for use: it is parsed, and checked by
`mailauth.keys.strength`, before it is made.  Loading is pure, so keys are
remembered; what a key needs for verifying is bound once, because verifying is
the hot path.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from mailauth.errors import UnusableKey
from mailauth.keys import files
from mailauth.keys.algorithm import DIGEST_OCTETS, RSA_PADDING, Algorithm
from mailauth.keys.strength import ED25519_BITS, MAX_PUBLIC_KEY_OCTETS, check_ed25519, check_rsa


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that is fit for verifying; made by `load` and `read`."""

    algorithm: Algorithm
    size: int
    """In bits: that of the modulus for RSA, 256 for Ed25519."""
    octets: bytes
    """As p= has it: SubjectPublicKeyInfo for RSA (RFC 5280), the 32 octets for Ed25519."""
    _verify: Callable[[bytes, bytes], bool] = field(repr=False, compare=False)
    """Takes a signature and a digest."""

    @staticmethod
    def load(key_type: str, octets: bytes) -> "PublicKey":
        """The key of a record's k= and p= (RFC 6376 §3.6.1, RFC 8463 §4); remembered.

        An RSA key is a SubjectPublicKeyInfo, or the RSAPublicKey inside it: RFC 6376 has
        the latter in its text and the former in its examples (erratum 3017), and both
        are published.

        **Raises** UnusableKey: not a key, or one that must not be trusted.
        """
        return _load(key_type, octets)

    @staticmethod
    def read(path: files.FilePath) -> "PublicKey":
        """The key in a file, PEM or DER: SubjectPublicKeyInfo, or for RSA also RSAPublicKey.

        **Raises** UnusableKey: the file cannot be read; it holds something else, or a
        private key too; or its key must not be trusted.
        """
        octets = files.read_any(path)
        try:
            return _load_file(octets)
        except UnusableKey as fault:
            raise UnusableKey(f"{os.fspath(path)}: {fault}") from None

    def verify(self, signature: bytes, digest: bytes) -> bool:
        """Whether `signature` is this key's over a SHA-256 digest; any octets may be given."""
        return len(digest) == DIGEST_OCTETS and self._verify(signature, digest)

    def signed_digest(self, signature: bytes) -> bytes | None:
        """The SHA-256 digest that an RSA signature of this key is over (RFC 8017 §9.2).

        None: the signature is not of this key; or the key is not RSA, and its signatures
        do not reveal their digest.
        """
        if self.algorithm is not Algorithm.RSA_SHA256:
            return None
        signed = _signed_octets(_parse_rsa(self.octets), signature)
        digest = signed[-DIGEST_OCTETS:]
        return digest if signed == _SHA256_INFO + digest else None


def is_public(octets: bytes) -> bool:
    """Whether a file holds a public key, sound or not, and no private key beside it."""
    if _PEM in octets:
        return b"PUBLIC KEY-----" in octets and b"PRIVATE KEY-----" not in octets
    try:
        load_der_public_key(octets)
    except ValueError:
        return False
    except UnsupportedAlgorithm:
        return True
    return True


_PEM = b"-----BEGIN "


def _load_file(octets: bytes) -> PublicKey:
    if not is_public(octets):
        raise UnusableKey("the file must hold a public key in PEM or DER, and no private key")
    load = load_pem_public_key if _PEM in octets else load_der_public_key
    try:
        key = load(octets)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("the public key cannot be read; export it again as PEM or DER") from None
    if isinstance(key, Ed25519PublicKey):
        return PublicKey.load("ed25519", key.public_bytes_raw())
    if not isinstance(key, RSAPublicKey):
        raise UnusableKey("the public key is of another kind; it must be RSA or Ed25519")
    return PublicKey.load("rsa", spki(key))


@lru_cache(maxsize=1024)
def _load(key_type: str, octets: bytes) -> PublicKey:
    if key_type == "rsa":
        return _load_rsa(octets)
    if key_type == "ed25519":
        return _load_ed25519(octets)
    raise UnusableKey(f"the key type {key_type[:40]!r} is not known; it must be rsa or ed25519")


def _load_ed25519(octets: bytes) -> PublicKey:
    check_ed25519(octets)
    key = Ed25519PublicKey.from_public_bytes(octets)
    verify = partial(_verify_ed25519, key.verify)
    return PublicKey(Algorithm.ED25519_SHA256, ED25519_BITS, octets, verify)


def _verify_ed25519(
    verify: Callable[[bytes, bytes], None], signature: bytes, digest: bytes
) -> bool:
    try:
        verify(signature, digest)
    except InvalidSignature:
        return False
    return True


def _load_rsa(octets: bytes) -> PublicKey:
    if len(octets) > MAX_PUBLIC_KEY_OCTETS:
        raise UnusableKey(
            f"an RSA key of {len(octets)} octets; it must have at most {MAX_PUBLIC_KEY_OCTETS}"
        )
    key = _parse_rsa(octets)
    check_rsa(key.key_size, key.public_numbers().e)
    return PublicKey(Algorithm.RSA_SHA256, key.key_size, spki(key), partial(_verify_rsa, key))


_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""What precedes a SHA-256 digest in what is signed (RFC 8017 §9.2, note 1)."""


def _verify_rsa(key: RSAPublicKey, signature: bytes, digest: bytes) -> bool:
    """RSASSA-PKCS1-V1_5-VERIFY (RFC 8017 §8.2.2).

    OpenSSL checks the padding.  A digest has only one encoding, and comparing it here
    costs less than having OpenSSL look up its hash for each signature.
    """
    return _signed_octets(key, signature) == _SHA256_INFO + digest


def _signed_octets(key: RSAPublicKey, signature: bytes) -> bytes:
    """What the padding of an RSA signature holds (RFC 8017 §9.2); b"" if it is unsound."""
    if len(signature) != (key.key_size + 7) // 8:  # RFC 8017 §8.2.2, step 1
        return b""
    try:
        return key.recover_data_from_signature(signature, RSA_PADDING, None)
    except InvalidSignature:
        return b""


_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")
"""The object identifier 1.2.840.113549.1.1.1 in DER (RFC 8017 §A.1)."""
_HEAD_OCTETS = 24
"""How many octets at its start are sure to name a SubjectPublicKeyInfo's algorithm."""


def _parse_rsa(octets: bytes) -> RSAPublicKey:
    """The key in strict DER, with nothing after it (RFC 8017 §A.1.1, RFC 5280 §4.1)."""
    try:
        key = load_der_public_key(octets)
    except ValueError:  # not DER, something after it, or an exponent under 3 or over the modulus
        raise UnusableKey(_unsound(octets)) from None
    except UnsupportedAlgorithm:  # DER, with an algorithm that cryptography does not know
        raise UnusableKey("the public key is of an unknown kind; it must be RSA") from None
    if not isinstance(key, RSAPublicKey):
        raise UnusableKey("the public key is of another kind; it must be RSA")
    # An RSASSA-PSS key loads as RSA too; it forbids the padding of DKIM (RFC 4055 §1.2).
    if _RSA_ENCRYPTION not in octets[:_HEAD_OCTETS] and octets != _pkcs1(key):
        raise UnusableKey("the public key is for RSASSA-PSS; DKIM needs one for rsaEncryption")
    return key


def _unsound(octets: bytes) -> str:
    """Why octets are not an RSA key: often a web form has cut off the record that holds them."""
    long_form = octets[:2] == b"\x30\x82"  # in DER, a sequence with two octets of length
    whole = 4 + int.from_bytes(octets[2:4]) if long_form else 0
    if len(octets) < whole:
        return f"the public key is cut off: {len(octets)} of its {whole} octets are there"
    return "the public key is not a valid RSA key in DER"


def spki(key: RSAPublicKey) -> bytes:
    """The key as SubjectPublicKeyInfo (RFC 5280 §4.1), as p= should have it."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pkcs1(key: RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
