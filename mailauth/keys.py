"""Keys for rsa-sha256 and ed25519-sha256: generate, load, check, sign, verify (RFC 8301, 8463).

`cryptography` computes; what it does not judge is judged here.  It loads RSA
keys of 256 bits and of exponent 1, and Ed25519 keys for which one signature
fits every message; a `PublicKey` that exists is none of these.  A signature is
always over a SHA-256 digest: RSA signs it as such (RFC 8017 §8.2), Ed25519
takes its octets for the message (RFC 8463 §3).
"""

import binascii
import contextlib
import os
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from mailauth.errors import UnusableKey

MIN_RSA_BITS = 1024  # RFC 8301 §3.2
MAX_RSA_BITS = 8192
MAX_RSA_EXPONENT = 2**33 - 1
MAX_PUBLIC_KEY_OCTETS = 3072  # 4096 characters of base64
DEFAULT_RSA_BITS = 2048  # RFC 8301 §3.2


class Algorithm(StrEnum):
    """The signature algorithms that are left (RFC 8301 §3.1, RFC 8463 §3)."""

    RSA_SHA256 = "rsa-sha256"
    ED25519_SHA256 = "ed25519-sha256"

    @property
    def key_type(self) -> str:
        """The k= of a key record: "rsa" or "ed25519"."""
        return self.value.removesuffix("-sha256")


class Signer(Protocol):
    """What can sign: a `PrivateKey`, or whatever stands in for one, an HSM or a KMS."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of its signatures."""

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest, 32 octets."""


_RSA = rsa.RSAPrivateKey
_Private: TypeAlias = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_Public: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_PADDING: Final = PKCS1v15()
_HASH: Final = Prehashed(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that is fit for verifying."""

    algorithm: Algorithm
    size: int
    """Bits: of the modulus; 256 for Ed25519."""
    octets: bytes
    """As p= has it: SubjectPublicKeyInfo for RSA (RFC 5280), the 32 octets for Ed25519."""
    _key: _Public = field(repr=False, compare=False)

    @classmethod
    def load(cls, key_type: str, octets: bytes) -> "PublicKey":
        """The key of a record's k= and p= (RFC 6376 §3.6.1, RFC 8463 §4); remembered.

        RSA comes as SubjectPublicKeyInfo or as the RSAPublicKey inside it
        (both are in use; erratum 3017 of RFC 6376).

        **Raises** UnusableKey: not a key, or one that must not be trusted.
        """
        return _load_public(key_type, octets)

    def verify(self, signature: bytes, digest: bytes) -> bool:
        """Whether `signature` is of this key over a SHA-256 digest."""
        try:
            if self.algorithm is Algorithm.RSA_SHA256:
                self._key.verify(signature, digest, _PADDING, _HASH)  # type: ignore[call-arg]
            else:
                self._key.verify(signature, digest)  # type: ignore[call-arg]
        except (InvalidSignature, ValueError):  # ValueError: a digest that is not of 32 octets
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key; neither its repr nor an error of it shows the secret."""

    _key: _Private = field(repr=False)

    @classmethod
    def generate(cls, key_type: str = "rsa", bits: int = DEFAULT_RSA_BITS) -> "PrivateKey":
        """A new key; `bits` are for RSA, 1024 to 8192.

        **Raises** UnusableKey: no such type or size.
        """
        if key_type == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        if key_type != "rsa":
            msg = f"{key_type!r} is not a key type: rsa or ed25519"
            raise UnusableKey(msg)
        _check_rsa(bits, 65537)
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def load(cls, octets: bytes, *, passphrase: bytes | None = None) -> "PrivateKey":
        """The key in `octets`: PKCS#1 or PKCS#8, PEM or DER, or an Ed25519 seed in base64.

        RSA primes are not proved here, because that takes a thousand times as
        long as loading; `prove` does it.

        **Raises** UnusableKey.
        """
        seed = _seed(octets)
        if seed is not None:
            return cls(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
        key = _load_private(octets, passphrase, proved=False)
        if isinstance(key, _RSA):
            _check_rsa(key.key_size, key.public_key().public_numbers().e)
        return cls(key)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, passphrase: bytes | None = None) -> "PrivateKey":
        """The key in a file that only its owner can read.

        **Raises** UnusableKey: the file is missing, is not a regular one, belongs
        to another user, can be read or replaced by others, or holds no usable key.
        """
        octets = _read_safely(Path(path))
        try:
            return cls.load(octets, passphrase=passphrase)
        except UnusableKey as fault:
            msg = f"{path}: {fault}"
            raise UnusableKey(msg) from None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Make the file `path`, mode 0600 from its first octet, with this key as PKCS#8 PEM.

        **Raises** UnusableKey: the file exists, or cannot be written; none is left then.
        """
        _write_safely(Path(path), self.pem())

    def pem(self) -> bytes:
        """The secret, as PKCS#8 PEM without a passphrase (RFC 5958)."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def prove(self) -> None:
        """Check that the parts of an RSA key belong together; some 50 milliseconds.

        **Raises** UnusableKey: they do not, and signatures would not verify.
        """
        if isinstance(self._key, _RSA):
            _load_private(self.pem(), None, proved=True)

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest, 32 octets."""
        if isinstance(self._key, _RSA):
            return self._key.sign(digest, _PADDING, _HASH)
        return self._key.sign(digest)

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of its signatures."""
        return Algorithm.RSA_SHA256 if isinstance(self._key, _RSA) else Algorithm.ED25519_SHA256

    @property
    def size(self) -> int:
        """Bits: of the modulus; 256 for Ed25519."""
        return self._key.key_size if isinstance(self._key, _RSA) else 256

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        public = self._key.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return PublicKey.load("ed25519", public.public_bytes_raw())
        return PublicKey.load("rsa", _spki(public))


@lru_cache(maxsize=1024)
def _load_public(key_type: str, octets: bytes) -> PublicKey:
    if key_type == "ed25519":
        _check_point(octets)
        point = ed25519.Ed25519PublicKey.from_public_bytes(octets)
        return PublicKey(Algorithm.ED25519_SHA256, 256, octets, point)
    if key_type != "rsa":
        msg = f"the key type {key_type[:40]!r} is not known"
        raise UnusableKey(msg)
    if len(octets) > MAX_PUBLIC_KEY_OCTETS:
        msg = f"the public key has {len(octets)} octets, over {MAX_PUBLIC_KEY_OCTETS}"
        raise UnusableKey(msg)
    try:
        key = serialization.load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        msg = "the public key is not an RSA key in DER"
        raise UnusableKey(msg) from None
    # The identifier of RSASSA-PSS also loads as RSA, for another signature scheme.
    if not isinstance(key, rsa.RSAPublicKey) or _OID_RSASSA_PSS in octets[:32]:
        msg = "the public key is not an RSA key"
        raise UnusableKey(msg)
    _check_rsa(key.key_size, key.public_numbers().e)
    return PublicKey(Algorithm.RSA_SHA256, key.key_size, _spki(key), key)


def _spki(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


_OID_RSASSA_PSS = bytes.fromhex("06092a864886f70d01010a")


def _check_rsa(bits: int, exponent: int) -> None:
    """RFC 8301 §3.2, and bounds on what a stranger's key may cost."""
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        msg = f"an RSA key of {bits} bits; it must have {MIN_RSA_BITS} to {MAX_RSA_BITS}"
        raise UnusableKey(msg)
    if not 3 <= exponent <= MAX_RSA_EXPONENT or exponent % 2 == 0:  # noqa: PLR2004
        msg = f"an RSA key of exponent {exponent:#x}; it must be odd, from 3 to 2^33-1"
        raise UnusableKey(msg)


_P: Final = 2**255 - 19
_Y_OF_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER: Final = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})
"""The y of the eight points for which a signature says nothing of its message."""
_ED25519_SIZE = 32


def _check_point(octets: bytes) -> None:
    """RFC 8463 §4, RFC 8032 §5.1.3."""
    if len(octets) != _ED25519_SIZE:
        msg = f"an Ed25519 key of {len(octets)} octets; it must have {_ED25519_SIZE}"
        raise UnusableKey(msg)
    y = int.from_bytes(octets, "little") & (2**255 - 1)  # the top bit is the sign of x
    if y >= _P:
        msg = "an Ed25519 key that is not canonically encoded"
        raise UnusableKey(msg)
    if y in _SMALL_ORDER:
        msg = "an Ed25519 key of small order, for which one signature fits many messages"
        raise UnusableKey(msg)


def _seed(octets: bytes) -> bytes | None:
    """An Ed25519 private key as dkimpy writes it: 32 octets in base64, on a line."""
    try:
        seed = binascii.a2b_base64(octets.strip(), strict_mode=True)
    except ValueError:
        return None
    return seed if len(seed) == _ED25519_SIZE else None


def _load_private(octets: bytes, passphrase: bytes | None, *, proved: bool) -> _Private:
    pem = b"-----BEGIN" in octets
    load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
    try:
        key = load(octets, passphrase, unsafe_skip_rsa_key_validation=not proved)
    except TypeError:  # how cryptography says it
        need = "needs a passphrase" if passphrase is None else "has no passphrase"
        msg = f"the private key {need}"
        raise UnusableKey(msg) from None
    except (ValueError, UnsupportedAlgorithm):
        if proved:
            msg = "the parts of the RSA key do not belong together"
        else:
            msg = "not a private key in PEM, DER, or as an Ed25519 seed in base64"
        raise UnusableKey(msg) from None
    if not isinstance(key, (_RSA, ed25519.Ed25519PrivateKey)):
        msg = "the private key is neither RSA nor Ed25519"
        raise UnusableKey(msg)
    return key


_MAX_KEY_FILE = 65_536


def _read_safely(path: Path) -> bytes:
    """The octets of a file that was judged after it was opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            fault = _unsafe(path, os.fstat(descriptor))
            octets = b"" if fault else file.read(_MAX_KEY_FILE)
    except OSError as error:
        msg = f"the key file {path} cannot be read: {error.strerror}"
        raise UnusableKey(msg) from None
    if fault:
        raise UnusableKey(fault)
    return octets


def _unsafe(path: Path, status: os.stat_result) -> str:
    """Why the file is not safe to keep a secret in, and how to mend it; or nothing."""
    if not stat.S_ISREG(status.st_mode):
        return f"the key file {path} is not a regular file; give the file itself"
    if status.st_uid not in (os.geteuid(), 0):
        return f"the key file {path} belongs to another user; chown it to the one who signs"
    if status.st_mode & 0o077:
        return f"the key file {path} is open to others; run: chmod 600 {path}"
    folder = path.resolve().parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        return f"others can replace the key file {path}; run: chmod o-w {path.resolve().parent}"
    return ""


def _write_safely(path: Path, octets: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        msg = f"the key file {path} exists; a key is never overwritten"
        raise UnusableKey(msg) from None
    except OSError as error:
        msg = f"the key file {path} cannot be made: {error.strerror}"
        raise UnusableKey(msg) from None
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        msg = f"the key file {path} cannot be written: {error.strerror}"
        raise UnusableKey(msg) from None
