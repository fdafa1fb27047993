"""ARC chains for tests: made by `arc.seal`, or by a plain sealer that writes any set."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import mail

from mailauth import arc
from mailauth.authres import MethodResult
from mailauth.dns import Zone

RESULTS = [MethodResult("spf", "pass"), MethodResult("dmarc", "pass")]
BODY = b"Hello.\r\n"
PLAIN = b"From: ada@example.com\r\nTo: ben@example.net\r\nSubject: plain\r\n\r\n" + BODY
"""A message that is its own canonical form."""


def seal(message: bytes, where: Zone | None = None, **options: Any) -> bytes:
    """The fields of one more ARC set."""
    given: dict[str, Any] = {
        "domain": mail.DOMAIN,
        "selector": "rsa",
        "key": mail.key("rsa"),
        "authserv_id": "mx.example.com",
        "results": RESULTS,
        "now": mail.NOW,
        **options,
    }
    return arc.seal(message, verdict(message, where), **given)


def sealed(message: bytes = mail.MESSAGE, times: int = 1, **options: Any) -> bytes:
    """The message after so many sealers."""
    for _ in range(times):
        message = seal(message, **options) + message
    return message


def verdict(message: bytes, where: Zone | None = None, **options: Any) -> arc.Verdict:
    """The verdict on the chain of a message."""
    return (where or mail.zone()).run(arc.verify(message, **{"now": mail.NOW, **options}))


class Sealer:
    """Writes sets by hand, each field with the tags that it is given.

    It does what RFC 8617 §5.1 says in the plainest way, and so gives a second opinion
    on `arc.seal`; but it also signs what must not be signed.
    """

    def __init__(self) -> None:
        self.header, _, self.body = PLAIN.partition(b"\r\n\r\n")
        self.sets: list[tuple[str, str, str]] = []

    @property
    def message(self) -> bytes:
        """The message with all sets, the newest at the top."""
        fields = [field for each in reversed(self.sets) for field in reversed(each)]
        return "".join(f"{field}\r\n" for field in fields).encode() + self.rest

    @property
    def rest(self) -> bytes:
        """The message without its sets."""
        return self.header + b"\r\n\r\n" + self.body

    def add(
        self,
        *,
        told: str = "mx.example.com; dmarc=pass",
        instance: str = "",
        signature: dict[str, str | None] | None = None,
        seal: dict[str, str | None] | None = None,
    ) -> "Sealer":
        """One more set; the given tags replace, add or (None) drop those that belong there.

        `instance` is the instance tag that its results have.
        """
        number = len(self.sets) + 1
        results = f"ARC-Authentication-Results: {instance or f'i={number}'}; {told}"
        by_key = {"i": str(number), "a": "rsa-sha256", "d": mail.DOMAIN, "s": "rsa"}
        digest = b64encode(hashlib.sha256(self.body).digest()).decode()
        of_message = {"c": "relaxed/relaxed", "h": "from:to:subject", "bh": digest}
        tags = _with(by_key | of_message, signature)
        covered = [_named(self.header.decode(), name) for name in tags.get("h", "").split(":")]
        made = _signed("ARC-Message-Signature", tags, [each for each in covered if each])
        status = {"cv": "none" if number == 1 else "pass"}
        before = [field for each in self.sets for field in each]
        by_seal = _with(by_key | status, seal)
        self.sets.append((results, made, _signed("ARC-Seal", by_seal, [*before, results, made])))
        return self


def _with(tags: dict[str, str], given: dict[str, str | None] | None) -> dict[str, str]:
    wanted = tags | (given or {})
    return {name: value for name, value in wanted.items() if value is not None}


def _signed(name: str, tags: dict[str, str], covered: Sequence[str]) -> str:
    field = f"{name}: " + "; ".join(f"{tag}={value}" for tag, value in tags.items()) + "; b="
    octets = b"\r\n".join(relaxed(each.encode()) for each in (*covered, field))
    signature = mail.key("rsa").sign(hashlib.sha256(octets).digest())
    return field + b64encode(signature).decode()


def relaxed(field: bytes) -> bytes:
    """A field in `relaxed` form (RFC 6376 §3.4.2), computed in the plainest way."""
    name, _, value = field.partition(b":")
    return name.lower() + b":" + re.sub(rb"[ \t\r\n]+", b" ", value).strip()


def _named(header: str, name: str) -> str:
    found = [line for line in header.split("\r\n") if line.lower().startswith(f"{name}:")]
    return found[-1] if found else ""
