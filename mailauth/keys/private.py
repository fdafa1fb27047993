"""The private key: generate or load it, and sign with it.

Only `pem` and `write` give the secret away: no repr, no error and no traceback of
this module shows it.
"""

import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from mailauth.errors import BadArgument, UnusableKey
from mailauth.keys import files
from mailauth.keys.algorithm import DIGEST_OCTETS, RSA_HASH, RSA_PADDING, Algorithm
from mailauth.keys.public import PublicKey, is_public, spki
from mailauth.keys.strength import (
    DEFAULT_RSA_BITS,
    ED25519_BITS,
    ED25519_OCTETS,
    ED25519_SECRETS,
    check_rsa,
)

_Key: TypeAlias = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """A private key, a `Signer`; made by `generate`, `load` and `read`."""

    algorithm: Algorithm
    """The algorithm of its signatures."""
    _key: _Key
    _sign: Callable[[bytes], bytes] = field(compare=False)
    """Takes a digest; bound once, because signing is the hot path."""

    def __repr__(self) -> str:
        return f"<PrivateKey {self.algorithm} of {self.size} bits>"

    @classmethod
    def generate(cls, key_type: str = "rsa", bits: int = DEFAULT_RSA_BITS) -> "PrivateKey":
        """A new key; `bits` are for RSA, 1024 to 8192.

        **Raises** UnusableKey: no such type or size.
        """
        if key_type == "ed25519":
            return cls._bound(Ed25519PrivateKey.generate())
        if key_type != "rsa":
            raise UnusableKey(f"{key_type!r} is not a key type; it must be rsa or ed25519")
        exponent = 65537
        check_rsa(bits, exponent)
        return cls._bound(generate_private_key(public_exponent=exponent, key_size=bits))

    @classmethod
    def load(cls, octets: bytes, *, passphrase: bytes | None = None) -> "PrivateKey":
        """The key in `octets`: PKCS#1 or PKCS#8, PEM or DER, or an Ed25519 seed in base64.

        DER may be in base64 too, and the seed may have its public half after it.

        The numbers of an RSA key are not checked here, because that takes a thousand
        times as long as loading; `prove` does it.

        **Raises** UnusableKey: not such a key, a wrong passphrase, or too weak a key.
        """
        bare = _from_base64(octets)
        if len(bare) in ED25519_SECRETS:
            return cls._bound(_from_seed(bare))
        key = _parse(bare or octets, passphrase)
        if isinstance(key, RSAPrivateKey):
            check_rsa(key.key_size, key.public_key().public_numbers().e)
        return cls._bound(key)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, passphrase: bytes | None = None) -> "PrivateKey":
        """The key in a file that only its owner can read; `files.read` says what that means.

        **Raises** UnusableKey: the file is unsafe, or holds no usable key.
        """
        octets = files.read(path)
        try:
            return cls.load(octets, passphrase=passphrase)
        except UnusableKey as fault:
            raise UnusableKey(f"{os.fspath(path)}: {fault}") from None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Make the file `path`, mode 0600 from its first octet, with this key as PKCS#8 PEM.

        **Raises** UnusableKey: the file exists already; or it cannot be written, and then
        none is left.
        """
        files.write(path, self.pem())

    def pem(self) -> bytes:
        """The secret, as PKCS#8 PEM without a passphrase (RFC 5958)."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def prove(self) -> None:
        """Check that the numbers of an RSA key belong together; takes some 50 milliseconds.

        **Raises** UnusableKey: they do not, so its signatures would fail or leak the key.
        """
        if not isinstance(self._key, RSAPrivateKey):
            return  # any 32 octets are a sound Ed25519 key
        try:
            load_pem_private_key(self.pem(), None)
        except ValueError:  # "Invalid private key"
            raise UnusableKey(_INCONSISTENT) from None

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest of 32 octets.

        **Raises** BadArgument: not a digest.  UnusableKey: the numbers of the RSA key do
        not belong together, so its first signature does not verify.
        """
        if len(digest) != DIGEST_OCTETS:
            raise BadArgument(f"{len(digest)} octets to sign; a SHA-256 digest has {DIGEST_OCTETS}")
        try:
            return self._sign(digest)
        except (ValueError, InvalidSignature):  # of RSA; the digest fits every size admitted
            raise UnusableKey(_INCONSISTENT) from None

    @property
    def size(self) -> int:
        """In bits: that of the modulus for RSA, 256 for Ed25519."""
        return self._key.key_size if isinstance(self._key, RSAPrivateKey) else ED25519_BITS

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        if isinstance(self._key, RSAPrivateKey):
            return PublicKey.load("rsa", spki(self._key.public_key()))
        return PublicKey.load("ed25519", self._key.public_key().public_bytes_raw())

    @classmethod
    def _bound(cls, key: _Key) -> "PrivateKey":
        if isinstance(key, RSAPrivateKey):
            return cls(Algorithm.RSA_SHA256, key, _rsa_signing(key))
        return cls(Algorithm.ED25519_SHA256, key, key.sign)


def _rsa_signing(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    """RSASSA-PKCS1-V1_5-SIGN (RFC 8017 §8.2.1), which verifies its first signature.

    That costs a tenth of one signing, and is enough to detect a key that was put
    together from two: none of its signatures would verify.
    """
    sign = partial(key.sign, padding=RSA_PADDING, algorithm=RSA_HASH)
    proved = False

    def sign_and_prove(digest: bytes) -> bytes:
        nonlocal proved
        signature = sign(digest)
        if not proved:
            key.public_key().verify(signature, digest, RSA_PADDING, RSA_HASH)
            proved = True
        return signature

    return sign_and_prove


_INCONSISTENT = "the numbers of the RSA key do not belong together; make a new key"


def _from_base64(octets: bytes) -> bytes:
    """The content of base64 without PEM lines around it; b"" if the octets are not that."""
    try:
        return binascii.a2b_base64(b"".join(octets.split()), strict_mode=True)
    except binascii.Error:  # some other form
        return b""


def _from_seed(secret: bytes) -> Ed25519PrivateKey:
    """The key of a seed, as dkimpy has it, or of a seed and its public half, as NaCl has it.

    **Raises** UnusableKey: the halves do not belong to one key.
    """
    key = Ed25519PrivateKey.from_private_bytes(secret[:ED25519_OCTETS])
    if secret[ED25519_OCTETS:] not in (b"", key.public_key().public_bytes_raw()):
        raise UnusableKey("the halves of the Ed25519 key do not belong together; make a new key")
    return key


def _parse(octets: bytes, passphrase: bytes | None) -> _Key:
    pem = b"-----BEGIN" in octets
    load = load_pem_private_key if pem else load_der_private_key
    try:
        key = load(octets, passphrase, unsafe_skip_rsa_key_validation=True)
    except TypeError:  # a passphrase is missing, or not needed
        need = _LOCKED if passphrase is None else "has no passphrase; give none"
        raise UnusableKey(f"the private key {need}") from None
    except ValueError:  # not such a file, or a wrong passphrase
        raise UnusableKey(_unreadable(octets, passphrase)) from None
    except UnsupportedAlgorithm:  # an unknown kind of key, or an unknown cipher around it
        raise UnusableKey("the private key is of an unknown kind or cipher") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise UnusableKey("the private key is of another kind; it must be RSA or Ed25519")
    return key


_LOCKED = "needs a passphrase; write it without one: (umask 077; openssl pkey -in OLD -out NEW)"


def _unreadable(octets: bytes, passphrase: bytes | None) -> str:
    if is_public(octets):
        return "this is a public key; give the private one"
    if passphrase is not None:
        return "the private key cannot be read; check its passphrase"
    return "not a private key in PEM, DER or base64, nor an Ed25519 seed in base64"
