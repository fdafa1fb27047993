"""The public half of a key file, whichever half the file holds."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from mailauth.errors import UnusableKey
from mailauth.keys import PrivateKey, PublicKey


def read_public(path: str) -> PublicKey:
    """The public key of a private key file, which must be safe, or of a public one in PEM.

    **Raises** UnusableKey.
    """
    pem = _public_pem(path)
    if pem is None:
        key = PrivateKey.read(path)
        try:
            key.prove()
        except UnusableKey as fault:
            raise UnusableKey(f"{path}: {fault}") from None
        return key.public_key
    try:
        return _load(pem)
    except UnusableKey as fault:
        raise UnusableKey(f"{path}: {fault}") from None


def _public_pem(path: str) -> bytes | None:
    """The file if it is a public key; anything else is for `PrivateKey.read` to judge."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_MAX_OCTETS)
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return None
    return octets if b"PUBLIC KEY-----" in octets else None


def _load(pem: bytes) -> PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("the public key is not sound PEM; write it anew") from None
    if isinstance(key, Ed25519PublicKey):
        return PublicKey.load("ed25519", key.public_bytes_raw())
    if not isinstance(key, RSAPublicKey):
        raise UnusableKey("the public key is of another kind; it must be RSA or Ed25519")
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey.load("rsa", octets)


_MAX_OCTETS = 65_536
