"""`mailauth.sign` and `mailauth.verify`: the system's clock and resolver, and one line.

Whoever signs or verifies many messages keeps a key and a `Resolver` and calls
`mailauth.dkim`.
"""

import os
import time
from typing import Any

from mailauth import dkim
from mailauth.dkim import Verdict
from mailauth.keys import PrivateKey, Signer


def sign(
    message: bytes,
    *,
    domain: str,
    selector: str,
    key: Signer | bytes | str | os.PathLike[str],
    **options: Any,  # noqa: ANN401 - they are those of dkim.sign
) -> bytes:
    """The message with a DKIM-Signature before it, made now (RFC 6376 §5).

    `key` is a key, its octets, or the path of its file; `options` are those of
    `dkim.sign`.

    **Raises** UnusableKey, UnsignableMessage, BadArgument.
    """
    if isinstance(key, bytes):
        key = PrivateKey.load(key)
    elif isinstance(key, str | os.PathLike):
        key = PrivateKey.read(key)
    options.setdefault("now", int(time.time()))
    return dkim.sign(message, domain=domain, selector=selector, key=key, **options) + message


def verify(message: bytes) -> list[Verdict]:
    """The verdict on each signature of the message, as the DNS stands now (RFC 6376 §6)."""
    from mailauth.dns import Resolver  # noqa: PLC0415 - signing needs no DNS

    return Resolver().run(dkim.verify(message, now=int(time.time())))
