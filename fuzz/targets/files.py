"""What postmasters keep in files: zones, keys."""

from contextlib import suppress

from mailauth.dns import Question, RRType, Zone
from mailauth.errors import BadArgument, UnusableKey
from mailauth.keys import PrivateKey, PublicKey


def zone_file(octets: bytes) -> None:
    """Any JSON is a zone that answers, or a BadArgument."""
    with suppress(BadArgument):
        zone = Zone.from_json(octets)
        for rrtype in RRType:
            zone.resolve(Question("example.com", rrtype))


def private_key(octets: bytes) -> None:
    """Any octets are a private key or an UnusableKey; likewise for public keys."""
    with suppress(UnusableKey):
        PrivateKey.load(octets)
    for key_type in ("rsa", "ed25519"):
        with suppress(UnusableKey):
            assert not PublicKey.load(key_type, octets).verify(octets, b"\0" * 32)


TARGETS = (zone_file, private_key)
