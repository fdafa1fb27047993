"""The two signature algorithms, and what can sign with them (RFC 8301 §3.1, RFC 8463 §3).

Both sign a SHA-256 digest: RSA signs it as a digest (RFC 8017 §8.2), Ed25519 signs
its 32 octets as the message (RFC 8463 §3).
"""

from enum import StrEnum
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

DIGEST_OCTETS: Final = 32
RSA_PADDING: Final = PKCS1v15()
RSA_HASH: Final = Prehashed(SHA256())


class Algorithm(StrEnum):
    """The signature algorithms that are still allowed (RFC 8301 §3.1, RFC 8463 §3)."""

    RSA_SHA256 = "rsa-sha256"
    ED25519_SHA256 = "ed25519-sha256"

    @property
    def key_type(self) -> str:
        """The k= of a key record: "rsa" or "ed25519"."""
        return self.removesuffix("-sha256")


class Signer(Protocol):
    """What can sign: a `PrivateKey`, or something in its place, such as an HSM or a KMS."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of its signatures."""

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest of 32 octets."""
