"""RSA keys that are long enough but can be broken all the same; badkeys knows them."""

import importlib.util
import io
from contextlib import redirect_stderr
from typing import Final

from mailauth.errors import BadArgument, how_to_get
from mailauth.keys import PublicKey

_SENTENCES: Final = {
    "fermat": "its primes are close together, so anybody can factor it",
    "roca": "it was made by a chip whose keys can be factored (ROCA, CVE-2017-15361)",
    "rsapoly": "its primes have a pattern of zeros, so anybody can factor it",
    "sharedprimes": "it shares a prime with another published key, so anybody can factor it",
    "smallfactors": "it has a small factor: it is damaged, or not an RSA key",
    "blocklist": "its private key is public, like those that Debian made until 2008",
}


def demand() -> None:
    """**Raises** BadArgument: badkeys is not installed."""
    if importlib.util.find_spec("badkeys") is None:
        raise BadArgument(f"badkeys is not installed: {how_to_get('badkeys')}")


def weakness(key: PublicKey) -> str:
    """Why a key must not be used, although its size is enough; empty if no reason is known.

    The lists of published private keys are looked at if `badkeys --update-bl` has
    fetched them.
    """
    from badkeys import checkrsa
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if key.algorithm.key_type != "rsa":
        return ""
    loaded = load_der_public_key(key.octets)
    assert isinstance(loaded, RSAPublicKey)  # noqa: S101 - its algorithm says so
    modulus = loaded.public_numbers().n
    for check, sentence in _SENTENCES.items():
        try:
            with redirect_stderr(io.StringIO()):
                if checkrsa(modulus, checks=[check]):
                    return sentence
        except SystemExit:  # the lists have not been fetched
            continue
    return ""
