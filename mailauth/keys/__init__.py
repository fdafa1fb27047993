"""Keys for rsa-sha256 and ed25519-sha256: generate, load, check, sign, verify (RFC 8301, 8463).

`cryptography` does the computing; what it does not check is checked here.  It loads
RSA keys of 512 bits, and Ed25519 keys for which one signature fits every message; no
`PublicKey` is one of these.  A signature is always over a SHA-256 digest, and any
`Signer` can replace a `PrivateKey`.
"""

from mailauth.keys.algorithm import Algorithm, Signer
from mailauth.keys.private import PrivateKey
from mailauth.keys.public import PublicKey
from mailauth.keys.strength import DEFAULT_RSA_BITS, MAX_RSA_BITS, MIN_RSA_BITS

__all__ = [
    "DEFAULT_RSA_BITS",
    "MAX_RSA_BITS",
    "MIN_RSA_BITS",
    "Algorithm",
    "PrivateKey",
    "PublicKey",
    "Signer",
]
