"""`mailauth.sign` and `mailauth.verify`: one line, with the system's clock and resolver.

To sign or verify many messages, keep a key and a `Resolver`, and call `mailauth.dkim`.
"""

import os
import time
from collections.abc import Sequence
from typing import TypedDict, Unpack

from mailauth import dkim
from mailauth.dkim import Verdict
from mailauth.keys import PrivateKey, Signer
from mailauth.syntax.message import Message


class Options(TypedDict, total=False):
    """The optional arguments of `dkim.sign`."""

    identity: str | None
    canonicalization: str
    headers: Sequence[str] | None
    oversign: Sequence[str] | None
    now: int | None
    expire: int | None
    copied_headers: bool


def sign(
    message: bytes | Message,
    *,
    domain: str,
    selector: str,
    key: Signer | bytes | str | os.PathLike[str],
    **options: Unpack[Options],
) -> bytes:
    """The message with a DKIM-Signature before it, made now (RFC 6376 §5).

    `key` is a key, its octets, its text in PEM, or the path of its file; `options`
    are as in `dkim.sign`.

    **Raises** UnusableKey, UnsignableMessage, BadArgument.
    """
    if isinstance(key, str) and key.lstrip().startswith("-----BEGIN"):
        key = key.encode(errors="replace")
    if isinstance(key, bytes):
        key = PrivateKey.load(key)
    elif isinstance(key, str | os.PathLike):
        key = PrivateKey.read(key)
    options.setdefault("now", int(time.time()))
    if not isinstance(message, Message):
        message = Message.parse(message)
    field = dkim.sign(message, domain=domain, selector=selector, key=key, **options)
    return field + message.octets


def verify(message: bytes | Message) -> list[Verdict]:
    """The verdict on each signature of the message, by the DNS as it is now (RFC 6376 §6)."""
    from mailauth.dns import Resolver  # noqa: PLC0415 - signing needs no DNS

    return Resolver().run(dkim.verify(message, now=int(time.time())))
