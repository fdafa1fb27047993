"""The DKIM-Signature field: parse and format (RFC 6376 §3.5).

A parsed `Signature` is well-formed and consistent; whether it is acceptable
and whether it verifies is for `verify`.
"""

import binascii
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from mailauth.dkim import quotedprintable
from mailauth.dkim.canonical import Canonicalization, pair
from mailauth.dkim.hashing import BodyWay, places
from mailauth.dkim.result import Refusal, Result
from mailauth.errors import SyntaxFault, UnsignableMessage
from mailauth.keys.algorithm import DIGEST_OCTETS, Algorithm
from mailauth.syntax import domain as domains
from mailauth.syntax import folding, taglist
from mailauth.syntax.abnf import BODY_LENGTH, FTEXT, TIMESTAMP

FIELD_NAME = "DKIM-Signature"
FIELD_KEY = FIELD_NAME.lower().encode()
MAX_SIGNED_FIELDS = 1000


class SignedFields(NamedTuple):
    """What h= names, in lower case."""

    names: tuple[str, ...]
    places: tuple[tuple[bytes, int], ...]
    """The names as keys of fields, each with the number of times that it has occurred so far."""


class Signature(NamedTuple):
    """The tags of one DKIM-Signature field (§3.5)."""

    value: bytes  # b=
    shown: str
    """The first characters of b=, which tell signatures apart (RFC 8601 §2.7.1)."""
    body_hash: bytes  # bh=
    algorithm: Algorithm  # a=
    header_canonicalization: Canonicalization  # c=, before the slash
    body_canonicalization: Canonicalization  # c=, after it
    domain: str  # d=, the SDID
    selector: str  # s=
    identity: str  # i=, the AUID
    identity_domain: str
    signed_fields: SignedFields  # h=
    body_length: int | None  # l=
    signed_at: int | None  # t=
    expires_at: int | None  # x=
    emptied: bytes
    """The octets of the field with an empty b=, as it was signed (§3.7)."""

    @property
    def body_way(self) -> BodyWay:
        """How the body was hashed."""
        return self.body_canonicalization, self.body_length


def parse(octets: bytes, tags: Mapping[str, str]) -> Signature:
    """The signature in the field `octets`, whose tag list is `tags` (§3.5, §6.1.1).

    z= is not read: it is for diagnosis by people (§3.5), and may be huge.

    **Raises** Refusal, permerror: a required tag is missing, a value is malformed, or
    two tags contradict each other.
    """
    if tags.get("v") != "1":  # §3.5: compared as a string
        raise _malformed("v= is not 1" if "v" in tags else "v= is missing")
    for name in ("a", "b", "bh", "d", "h", "s"):
        if name not in tags:
            raise _malformed(f"the required tag {name}= is missing")
    if "q" in tags and "dns/txt" not in taglist.words(tags["q"]):  # §3.5
        raise _malformed("q= does not list dns/txt, the only method that is supported")
    algorithm = read_algorithm(tags["a"])  # before bh=, whose length follows from it
    domain = read_domain("d", tags["d"])
    identity, identity_domain = _identity(tags.get("i"), domain)
    signed_at = read_timestamp("t", tags)
    expires_at = read_timestamp("x", tags)
    if signed_at is not None and expires_at is not None and expires_at <= signed_at:
        raise _malformed("x= is not later than t=")  # §3.5
    header_canonicalization, body_canonicalization = _canonicalizations(tags.get("c"))
    return Signature(
        read_base64("b", tags["b"]),
        shown(tags),
        _body_hash(tags["bh"]),
        algorithm,
        header_canonicalization,
        body_canonicalization,
        domain,
        read_domain("s", tags["s"]),
        identity,
        identity_domain,
        _signed_fields(tags["h"]),
        _body_length(tags.get("l")),
        signed_at,
        expires_at,
        taglist.without_value(octets, list(tags).index("b")),
    )


def shown(tags: Mapping[str, str]) -> str:
    """The first eight characters of b= (RFC 8601 §2.7.1, header.b)."""
    return taglist.without_blanks(tags.get("b", "")[:80])[:8]


def begin(tags: Mapping[str, str], *, name: str = FIELD_NAME) -> folding.Folded:
    """The beginning of a field, folded, with these tags; `finish` adds others (§3.5)."""
    return folding.Folded.begin(name).add(_words_of(tags))


def finish(begun: folding.Folded, tags: Mapping[str, str]) -> bytes:
    """The field with more tags and an empty b= at its end, with its CRLF (§3.5)."""
    return begun.add([*_words_of(tags), "b="]).octets()


def check_count(count: int) -> None:
    """Check that verifiers accept this many names in h=.  **Raises** UnsignableMessage.

    A signature that no verifier accepts, ours included, would be useless.
    """
    if count > MAX_SIGNED_FIELDS:
        msg = (
            f"{count} fields to sign, and verifiers accept at most {MAX_SIGNED_FIELDS};"
            " remove repeated ones from the message"
        )
        raise UnsignableMessage(msg)


def with_value(field: bytes, value: bytes) -> bytes:
    """A field from `finish` with its b= filled in.

    **Raises** UnsignableMessage: z= or the names in h= make it longer than verifiers accept.
    """
    field = field.removesuffix(b"\r\n")
    last_line = field.rpartition(b"\n")[2]
    room = max(0, folding.WIDTH - len(last_line))
    lines = folding.cut(b64encode(value), first=room)
    field = field + b"\r\n\t".join(lines) + b"\r\n"
    if len(field) > taglist.MAX_OCTETS:
        limit = f"verifiers accept at most {taglist.MAX_OCTETS}"
        raise UnsignableMessage(f"the signature would have {len(field)} octets, and {limit}")
    return field


_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}
_SEPARATORS = {"h": ":", "z": "|"}


def _malformed(reason: str) -> Refusal:
    return Refusal(Result.PERMERROR, reason)


def read_domain(tag: str, value: str) -> str:
    """The domain name in a tag, as A-labels.  **Raises** Refusal."""
    try:
        return domains.parse(value)
    except SyntaxFault as fault:
        raise _malformed(f"{tag}= is not a domain name: {fault}: {value[:80]!r}") from None


def _identity(value: str | None, domain: str) -> tuple[str, str]:
    """sig-i-tag = [ Local-part ] "@" domain-name (§3.5); its default is "@" and d=.

    It is dkim-quoted-printable, in which blanks only fold and are not part of the value (§2.11).
    """
    if value is None:
        return f"@{domain}", domain
    identity = taglist.without_blanks(value)
    if "=" in identity:
        identity = quotedprintable.decode(identity)
    local, at, name = identity.rpartition("@")
    if not at:
        raise _malformed("i= has no @")
    name = read_domain("i", name)
    if not domains.is_same_or_subdomain(name, domain):
        raise _malformed(f"the domain of i= is not {domain} or below it")  # §3.5, §6.1.1
    return f"{local}@{name}", name


def read_algorithm(value: str) -> Algorithm:
    """sig-a-tag (§3.5, RFC 8301 §3.1, RFC 8463 §3).  **Raises** Refusal."""
    if value == "rsa-sha1":
        raise _malformed("a=rsa-sha1 must not be verified (RFC 8301)")
    algorithm = _ALGORITHMS.get(value)
    if algorithm is None:
        raise _malformed(f"a={value[:40]!r} is not a known algorithm")
    return algorithm


@lru_cache(maxsize=64)
def _canonicalizations(value: str | None) -> tuple[Canonicalization, Canonicalization]:
    """sig-c-tag; an omitted tag has the default, an empty value does not (§3.2)."""
    try:
        return pair("simple" if value is None else value)
    except ValueError:
        raise _malformed(f"c={value!r:.40} is not a pair of canonicalizations") from None


@lru_cache(maxsize=1024)
def _signed_fields(value: str) -> SignedFields:
    """sig-h-tag = hdr-name *( ":" hdr-name ) (§3.5); From must be among them (§5.4).

    Remembered, because a signer names the same fields in each message.
    """
    if value.count(":") >= MAX_SIGNED_FIELDS:
        raise _malformed(f"h= lists more than {MAX_SIGNED_FIELDS} names")
    keys = tuple(word.lower().encode() for word in taglist.words(value))
    if not all(keys) or b"".join(keys).translate(None, FTEXT):
        raise _malformed("h= is not a list of field names")
    if b"from" not in keys:
        raise _malformed("h= does not sign From")
    return SignedFields(tuple(key.decode() for key in keys), places(keys))


def read_timestamp(name: str, tags: Mapping[str, str]) -> int | None:
    """sig-t-tag and sig-x-tag (§3.5).  **Raises** Refusal."""
    value = tags.get(name)
    if value is None:
        return None
    if not TIMESTAMP.fullmatch(value):
        raise _malformed(f"{name}= is not a number of 1 to 12 digits")
    return int(value)


def _body_length(value: str | None) -> int | None:
    if value is None:
        return None
    if not BODY_LENGTH.fullmatch(value):
        raise _malformed("l= is not a number of 1 to 76 digits")
    return int(value)


def _body_hash(value: str) -> bytes:
    digest = read_base64("bh", value)
    if len(digest) != DIGEST_OCTETS:
        raise _malformed(f"bh= has {len(digest)} octets, and a SHA-256 has {DIGEST_OCTETS}")
    return digest


def read_base64(name: str, value: str) -> bytes:
    """base64string (§3.1), strictly by RFC 4648 §4: each value has only one encoding.

    **Raises** Refusal.
    """
    value = taglist.without_blanks(value)
    try:
        octets = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise _malformed(f"{name}= is not base64") from None
    if binascii.b2a_base64(octets, newline=False) != value.encode():
        raise _malformed(f"{name}= is not canonical base64 (RFC 4648)")
    if not octets:
        raise _malformed(f"{name}= is empty")
    return octets


def _words_of(tags: Mapping[str, str]) -> list[str]:
    return [word for tag in tags.items() for word in _words(*tag)]


def _words(name: str, value: str) -> list[str]:
    """A tag as words for folding: a list may be folded before its separators (§3.5).

    A long copy in z= may be folded within too, because no line may have more than 998
    octets (RFC 5322 §2.1.1), and relays break a longer one.
    """
    separator = _SEPARATORS.get(name)
    if separator is None:
        return [f"{name}={value}; "]
    first, *rest = value.split(separator)
    words = [f"{name}={first}", *[separator + word for word in rest]]
    if name == "z":
        words = [piece for word in words for piece in _pieces(word)]
    words[-1] += "; "
    return words


def _pieces(copy: str) -> list[str]:
    """sig-z-tag-copy, cut after its name and anywhere but in a hex-octet (§2.11, §3.5)."""
    if len(copy) < folding.WIDTH:
        return [copy]
    name, colon, value = copy.partition(":")
    return [name + colon, *_QP_PIECE.findall(value)]


_QP_PIECE = re.compile(r"(?:=..|.){1,20}")
