"""Signing (RFC 6376 §5): one pass over a message, any number of signatures."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mailauth.dkim import claims, quotedprintable
from mailauth.dkim import signature as signatures
from mailauth.dkim.canonical import Canonicalization, pair
from mailauth.dkim.hashing import BodyHasher, Octets, copied, data_hash, index, select_all
from mailauth.errors import BadArgument, UnsignableMessage, refuse_text
from mailauth.keys import Algorithm, Signer
from mailauth.syntax import domain as domains
from mailauth.syntax.abnf import FTEXT
from mailauth.syntax.folding import Folded
from mailauth.syntax.message import Field, Message

OVERSIGNED = frozenset(
    {
        "from", "reply-to", "to", "cc", "date", "subject", "message-id", "mime-version",
        "content-type", "content-transfer-encoding",
    }
)  # fmt: skip
"""Fields that are signed once more than they occur, so that none can be added (§5.4).

From always; the others only where present, because a later hop may add those that a
message lacks.
"""

SIGNED = OVERSIGNED | frozenset(
    {
        "sender", "in-reply-to", "references", "resent-date", "resent-from", "resent-sender",
        "resent-to", "resent-cc", "resent-message-id", "list-id", "list-help", "list-unsubscribe",
        "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive",
    }
)  # fmt: skip
"""Fields that are signed where they are present (§5.4.1, RFC 8058 §4)."""


class Signing(NamedTuple):
    """One signature to make: who signs, and with what."""

    domain: str  # d=
    selector: str  # s=
    key: Signer
    identity: str | None = None  # i=


def sign(  # noqa: PLR0913 - the tags of a signature
    message: bytes | Message,
    *,
    domain: str,
    selector: str,
    key: Signer,
    identity: str | None = None,
    canonicalization: str = "relaxed/relaxed",
    headers: Sequence[str] | None = None,
    oversign: Sequence[str] | None = None,
    now: int | None = None,
    expire: int | None = None,
    copied_headers: bool = False,
) -> bytes:
    """The DKIM-Signature field to put before `message`, with its final CRLF (§5).

    `headers` are the names to sign where present, by default `SIGNED`; From is always
    signed.  `oversign` are the names to sign once more than they occur, even if absent;
    by default, those of `headers` that are `OVERSIGNED`, but only where present.  With
    `now`, in seconds since the epoch, the signature says when it was made (t=); with
    `expire`, also for how many seconds it holds (x=).  `copied_headers` adds the signed
    fields themselves (z=), for diagnosis.

    **Raises** UnsignableMessage: the header is malformed, or has too many fields or not
    exactly one From; the message has a bare CR or LF; or the signature would be longer
    than verifiers accept.  BadArgument: an argument is not valid, or what `key` returned
    is not a signature.
    """
    return sign_all(
        message,
        [Signing(domain, selector, key, identity)],
        canonicalization=canonicalization,
        headers=headers,
        oversign=oversign,
        now=now,
        expire=expire,
        copied_headers=copied_headers,
    )


def sign_all(  # noqa: PLR0913 - the tags of a signature
    message: bytes | Message,
    signings: Iterable[Signing],
    *,
    canonicalization: str = "relaxed/relaxed",
    headers: Sequence[str] | None = None,
    oversign: Sequence[str] | None = None,
    now: int | None = None,
    expire: int | None = None,
    copied_headers: bool = False,
) -> bytes:
    """The DKIM-Signature fields of all `signings`, in one pass over the message.

    Arguments and errors are those of `sign`.  None of the signatures covers
    another (§5.4), so their order does not matter.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    signatory = Signatory(
        message,
        canonicalization=canonicalization,
        headers=headers,
        oversign=oversign,
        copied_headers=copied_headers,
    )
    signatory.update(message.octets, message.body_start)
    return signatory.fields(signings, now=now, expire=expire)


class Signatory:
    """A signing whose body arrives in pieces: header first, then `update`, then `fields`."""

    def __init__(
        self,
        header: Message,
        *,
        canonicalization: str = "relaxed/relaxed",
        headers: Sequence[str] | None = None,
        oversign: Sequence[str] | None = None,
        copied_headers: bool = False,
    ) -> None:
        """Choose what to sign of `header`, a message of which only the header is used.

        Arguments and errors are those of `sign`.
        """
        self._canonicalizations = _canonicalizations(canonicalization)
        by_key = index(header)
        _check_signable(header, by_key)
        wanted = _wanted(headers, oversign)
        self._selected = select_all(by_key, wanted.signed)
        self._keys = [key for key, _ in self._selected]
        self._keys += [key for key in by_key if key in wanted.oversigned]
        # Names that the caller gave are oversigned even if absent.
        self._keys += [key for key in wanted.absent_too if key not in by_key]
        signatures.check_count(len(self._keys))
        self._copied_headers = copied_headers
        self._hasher = BodyHasher(self._canonicalizations[1])
        self._line_ends = _LineEnds()

    def update(self, octets: Octets, start: int = 0, end: int | None = None) -> None:
        """The next piece of the body: `octets[start:end]`, which is all of `octets` by default.

        **Raises** BadArgument: `fields` has ended the body.
        """
        if not isinstance(octets, bytes):
            octets, start, end = copied(octets, start, end)
        self._line_ends.update(octets, start, len(octets) if end is None else end)
        self._hasher.update(octets, start, end)

    def fields(
        self, signings: Iterable[Signing], *, now: int | None = None, expire: int | None = None
    ) -> bytes:
        """The DKIM-Signature fields, each with its final CRLF; this ends the body.

        **Raises** UnsignableMessage: the body has a bare CR or LF, or the signature
        would be longer than verifiers accept.  BadArgument.
        """
        self._line_ends.check()
        header, body = self._canonicalizations
        names = tuple(self._keys)
        # With very many fields, the beginning is not worth remembering.
        begin = _begin if len(names) <= _MAX_REMEMBERED else _begin.__wrapped__
        tags = _times(now, expire)
        tags["bh"] = b64encode(self._hasher.digest()).decode()
        if self._copied_headers:
            tags["z"] = _copied(self._selected)
        fields = b""
        for domain, selector, key, identity in signings:
            algorithm = claims.algorithm(key)
            begun = begin(algorithm, f"{header}/{body}", domain, selector, identity, names)
            field = signatures.finish(begun, tags)
            emptied = (signatures.FIELD_KEY, field.removesuffix(b"\r\n"))
            digest = data_hash(self._selected, emptied, header)
            fields += signatures.with_value(field, claims.signature(key, digest))
        return fields


class _LineEnds:
    """Looks for a CR or LF outside a CRLF, which may be split between two pieces."""

    __slots__ = ("_bare", "_cr")

    def __init__(self) -> None:
        self._bare = False
        self._cr = False  # the previous piece ended in a CR

    def update(self, octets: bytes, start: int, end: int) -> None:
        for at in range(start, end, _WINDOW):
            piece = octets[at : min(at + _WINDOW, end)]
            if self._cr:
                piece = b"\r" + piece
            self._cr = piece.endswith(b"\r")
            # One scan, where replace takes two.
            text = b"".join(piece.removesuffix(b"\r").split(b"\r\n"))
            self._bare = self._bare or b"\r" in text or b"\n" in text

    def check(self) -> None:
        if self._bare or self._cr:
            msg = "the body has a bare CR or LF, which relays change; make every line end a CRLF"
            raise UnsignableMessage(msg)


_WINDOW = 32_768


@lru_cache(maxsize=64)
def _canonicalizations(text: str) -> tuple[Canonicalization, Canonicalization]:
    try:
        return pair(text)
    except ValueError:
        msg = f"the canonicalization {text!r} is not one of simple, relaxed or a pair with '/'"
        raise BadArgument(msg) from None


def _check_signable(message: Message, by_key: Mapping[bytes, Sequence[bytes]]) -> None:
    """Check what §5.3 and §3.8 require of a header before it is signed."""
    if message.faults:
        msg = f"the header is malformed: {message.faults[0]}; correct the message, then sign it"
        raise UnsignableMessage(msg)
    authors = len(by_key.get(b"from", ()))
    if authors != 1:
        msg = f"the message has {authors} From fields; it must have exactly one to be signed"
        raise UnsignableMessage(msg)


class _Wanted(NamedTuple):
    """The names to sign where present, and those to sign once more than they occur."""

    signed: frozenset[bytes]
    oversigned: frozenset[bytes]
    absent_too: Sequence[bytes] = ()


def _wanted(headers: Sequence[str] | None, oversign: Sequence[str] | None) -> _Wanted:
    if headers is None and oversign is None:
        return _WANTED
    signed = (_WANTED.signed if headers is None else _keys_of(headers)) | {b"from"}
    if oversign is None:
        return _Wanted(signed, _WANTED.oversigned & signed)
    oversigned = _keys_of(oversign)
    return _Wanted(signed | oversigned, oversigned, sorted(oversigned))


def _keys_of(names: Iterable[str]) -> frozenset[bytes]:
    refuse_text(names, "names of header fields")
    keys = frozenset(map(_key_of, names))
    if signatures.FIELD_KEY in keys:
        msg = "DKIM-Signature fields should not be signed (RFC 6376), so they cannot be named here"
        raise BadArgument(msg)
    return keys


def _key_of(name: str) -> bytes:
    """hdr-name, which in a tag has no semicolon (§2.10, §3.2)."""
    key = name.lower().encode(errors="surrogatepass")
    if not key or key.translate(None, FTEXT) or b";" in key:
        raise BadArgument(f"{name!r} is not the name of a header field that can be signed")
    return key


_WANTED = _Wanted(_keys_of(SIGNED), _keys_of(OVERSIGNED))


@lru_cache(maxsize=1024)
def _begin(
    algorithm: Algorithm,
    canonicalization: str,
    domain: str,
    selector: str,
    identity: str | None,
    names: tuple[bytes, ...],
) -> Folded:
    """A field's beginning, the same in most messages of a signer; U-labels become A-labels."""
    domain, selector = claims.place(domain, selector)
    tags = {"v": "1", "a": algorithm, "c": canonicalization, "d": domain, "s": selector}
    if identity is not None:
        tags["i"] = _identity(identity, domain)
    tags["h"] = b":".join(names).decode()
    return signatures.begin(tags)


_MAX_REMEMBERED = 100
"""Names in h=; everything else that is remembered about a signer is short."""


def _identity(identity: str, domain: str) -> str:
    """sig-i-tag, of the signing domain or below it (§3.5)."""
    local, name = claims.identity(identity)
    if not domains.is_same_or_subdomain(name, domain):
        raise BadArgument(f"the identity {identity!r} is not at {domain} or below it")
    try:
        return f"{quotedprintable.encode(local.encode())}@{name}"
    except UnicodeEncodeError:  # a command line may have octets that are not UTF-8
        raise BadArgument(f"the identity {identity!r} is not UTF-8") from None


def _times(now: int | None, expire: int | None) -> dict[str, str]:
    tags = {} if now is None else {"t": claims.time(now)}
    if expire is not None:
        tags["x"] = claims.expiry(now, expire)
    return tags


def _copied(selected: Iterable[tuple[bytes, bytes]]) -> str:
    """sig-z-tag: the signed fields, as dkim-quoted-printable (§3.5)."""
    encode = quotedprintable.encode
    fields = [Field(key, octets) for key, octets in selected]
    return "|".join(f"{field.name.decode()}:{encode(field.value)}" for field in fields)
