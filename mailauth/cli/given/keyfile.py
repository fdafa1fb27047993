"""The public half of a key file, whichever half the file holds."""

from mailauth.errors import UnusableKey
from mailauth.keys import PrivateKey, PublicKey, files
from mailauth.keys.public import is_public


def read_public(path: str) -> PublicKey:
    """The public key in a private key file, which must not be open to others, or in a public one.

    **Raises** UnusableKey.
    """
    if is_public(files.read_any(path)):
        return PublicKey.read(path)
    key = PrivateKey.read(path)
    try:
        key.prove()
    except UnusableKey as fault:
        raise UnusableKey(f"{path}: {fault}") from None
    return key.public_key
