"""What many tests need: keys, a zone with their records, a message, and signers for it."""

from base64 import b64encode
from functools import cache
from typing import Any

from mailauth import dkim
from mailauth.dkim import signature
from mailauth.dkim.hashing import data_hash, index, places, select
from mailauth.dkim.key import name
from mailauth.dns import Zone
from mailauth.keys import PrivateKey
from mailauth.syntax.message import Message

NOW = 1_795_000_000
DOMAIN = "example.com"

MESSAGE = (
    b"Received: from a.example.com (a.example.com [192.0.2.1])\r\n"
    b"\tby b.example.com; Mon, 23 Nov 2026 08:00:00 +0000\r\n"
    b"From: Ada <ada@example.com>\r\n"
    b"To: ben@example.net\r\n"
    b"Subject: a  subject\r\n that is folded\r\n"
    b"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"\r\n"
    b"Two  blanks, a\ttab and  \r\n"
    b"a line end.\r\n"
    b"\r\n"
    b"\r\n"
)


def key(key_type: str = "rsa") -> PrivateKey:
    """A key of each type, made once."""
    return _key(key_type)


@cache
def _key(key_type: str) -> PrivateKey:
    return PrivateKey.generate(key_type)


def record(key_type: str = "rsa", **tags: Any) -> str:
    """The text of the key record of `key(key_type)`."""
    return dkim.KeyRecord.for_key(key(key_type).public_key, **tags).format()


def zone(**texts: str) -> Zone:
    """A zone with a key record for each selector; `rsa` and `ed25519` are always there."""
    records = {"rsa": record("rsa"), "ed25519": record("ed25519")} | texts
    return Zone({name(DOMAIN, selector): {"TXT": [text]} for selector, text in records.items()})


def signed(message: bytes = MESSAGE, key_type: str = "rsa", **options: Any) -> bytes:
    """The message, signed by the key of this type, whose name is the selector."""
    given: dict[str, Any] = {"now": NOW, "domain": DOMAIN, "selector": key_type, **options}
    return dkim.sign(message, key=key(key_type), **given) + message


def signed_by_hand(
    message: bytes = MESSAGE, key_type: str = "rsa", h: str = "From", **tags: str
) -> bytes:
    """The message with a valid signature with these tags, even if our signer refuses them."""
    parsed = Message.parse(message)
    hasher = dkim.BodyHasher("relaxed", length=int(tags["l"]) if "l" in tags else None)
    hasher.update(message, parsed.body_start)
    given = {"v": "1", "a": f"{key_type}-sha256", "c": "relaxed/relaxed", "d": DOMAIN}
    given |= {"s": key_type, "h": h, "bh": b64encode(hasher.digest()).decode()} | tags
    field = signature.finish(signature.begin(given), {})
    selected = select(index(parsed), places(h.lower().encode().split(b":")))
    emptied = (signature.FIELD_KEY, field.removesuffix(b"\r\n"))
    digest = data_hash(selected, emptied, dkim.Canonicalization.RELAXED)
    return signature.with_value(field, key(key_type).sign(digest)) + message


def verdicts(
    octets: bytes, where: Zone | None = None, *, now: int = NOW, **options: Any
) -> list[dkim.Verdict]:
    """The verdicts on a message, by default against `zone()`."""
    return (where or zone()).run(dkim.verify(octets, now=now, **options))


def verdict(octets: bytes, where: Zone | None = None, **options: Any) -> dkim.Verdict:
    """The one verdict on a message."""
    (only,) = verdicts(octets, where, **options)
    return only


def with_tags(octets: bytes, **tags: str | None) -> bytes:
    """A signed message with tags of its first signature replaced, added, or (None) dropped."""
    end = octets.index(b"\r\n", octets.index(b"; b="))
    while octets[end + 2 : end + 3] == b"\t":
        end = octets.index(b"\r\n", end + 2)
    text = octets[:end].decode().partition(":")[2].replace("\r\n\t", "")
    parts = [part.strip() for part in text.split(";")]
    pairs = dict(part.partition("=")[::2] for part in parts)
    for tag, value in tags.items():
        if value is None:
            pairs.pop(tag, None)
        else:
            pairs[tag] = value
    field = "; ".join(f"{tag}={value}" for tag, value in pairs.items())
    return b"DKIM-Signature: " + field.encode() + octets[end:]
