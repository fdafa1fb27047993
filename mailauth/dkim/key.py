"""The key record of a selector: parse, format, find (RFC 6376 §3.6.1, §6.1.2).

Parsing is pure and remembered, so that the record of a busy domain is parsed,
and its key loaded, once.
"""

import binascii
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mailauth.dkim import damage, quotedprintable
from mailauth.dkim.result import Refusal, Result
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Answer, Lookups, Status
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.keys import PublicKey
from mailauth.syntax import taglist

MAX_RECORD = 8192
"""Octets; a key of 8192 bits needs 1,400."""
MAX_RECORDS = 20
"""How many TXT records of one name are examined."""
_SHOWN = 60
"""Characters of a record that are shown."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The tags of a key record (§3.6.1)."""

    key: bytes  # p=, decoded; empty if the key is revoked
    key_type: str = "rsa"  # k=
    hashes: tuple[str, ...] | None = None  # h=; None admits all
    services: tuple[str, ...] = ("*",)  # s=
    testing: bool = False  # t=y
    strict: bool = False  # t=s: i= must have exactly the domain of d=
    notes: str = ""  # n=, decoded

    @classmethod
    def for_key(
        cls, key: PublicKey, *, testing: bool = False, strict: bool = False, notes: str = ""
    ) -> "KeyRecord":
        """The record to publish for `key`."""
        return cls(key.octets, key.algorithm.key_type, testing=testing, strict=strict, notes=notes)

    @property
    def revoked(self) -> bool:
        """The domain has withdrawn the key: p= is empty (§3.6.1)."""
        return not self.key

    def public_key(self) -> PublicKey:
        """The key itself.  **Raises** UnusableKey."""
        return PublicKey.load(self.key_type, self.key)

    def format(self) -> str:
        """The record's text, the inverse of `parse` (§3.6.1).

        **Raises** BadArgument: `notes` are not UTF-8.
        """
        tags = {"v": "DKIM1", "k": self.key_type}
        if self.hashes is not None:
            tags["h"] = ":".join(self.hashes)
        if self.services != ("*",):
            tags["s"] = ":".join(self.services)
        flags = [flag for flag, on in (("y", self.testing), ("s", self.strict)) if on]
        if flags:
            tags["t"] = ":".join(flags)
        if self.notes:
            tags["n"] = _encoded(self.notes)
        tags["p"] = b64encode(self.key).decode()
        return taglist.format(tags)

    def shown(self) -> str:
        """The record's text for people, cut if it is long."""
        text = self.format()
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class FoundKey(NamedTuple):
    """A key record and whether a validating resolver vouched for it (the AD bit)."""

    record: KeyRecord
    secure: bool


def name(domain: str, selector: str) -> str:
    """Where a key is published: `selector._domainkey.domain` (§3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def find_key(domain: str, selector: str) -> Lookups[FoundKey]:
    """The key record of a selector (§6.1.2, steps 1 to 5).  **Asks** one TXT question.

    For several TXT records, the RFC leaves the result undefined (§3.6.2.2); others take
    the first, or try each.  Here, records that are not keys are ignored and two keys are
    an error, so that the order of the records decides nothing.

    **Raises** Refusal, permerror: there is no key, no readable one, or more than one.
    LookupFailed: the DNS did not answer.
    """
    where = name(domain, selector)
    answer = yield from ask.txt(where)
    return FoundKey(_only_key(where, answer), answer.secure)


def _only_key(where: str, answer: Answer[bytes]) -> KeyRecord:
    if not answer.records:
        why = "there is no such name" if answer.status is not Status.NO_DATA else "no TXT record"
        raise Refusal(Result.PERMERROR, f"no key at {where}: {why}")
    found, fault = readable(answer.records)
    if not found:
        raise Refusal(Result.PERMERROR, f"no readable key at {where}: {fault}")
    if len(found) > 1:
        raise Refusal(Result.PERMERROR, f"{len(found)} keys at {where}, and only one is allowed")
    return parse(found[0])


def readable(records: Sequence[bytes]) -> tuple[list[bytes], str]:
    """The key records among the TXT records of one name, or why there is none."""
    found: list[bytes] = []
    faults: list[str] = []
    for octets in records[:MAX_RECORDS]:
        try:
            parse(octets)
        except SyntaxFault as fault:
            faults.append(fault.message)
        else:
            found.append(octets)
    if found:
        return found, ""
    told = (*faults[:1], damage.seen(records[:MAX_RECORDS]))
    return found, "; ".join(filter(None, told))


def find_misplaced(domain: str, selector: str) -> Lookups[str]:
    """Where the key of a selector is, if a provider's web form has added the domain once more.

    "" if it is not there, or the DNS did not answer.  **Asks** one TXT question.
    """
    twice = f"{name(domain, selector)}.{domain}"
    try:
        answer = yield from ask.txt(twice)
    except LookupFailed:
        return ""
    return twice if readable(answer.records)[0] else ""


@lru_cache(maxsize=1024)
def parse(octets: bytes) -> KeyRecord:
    """key-record = tag-list of v, h, k, n, p, s, t (§3.6.1); unknown tags are ignored.

    **Raises** SyntaxFault: the record is too long or not a tag list, v= is not the first
    tag or not DKIM1, p= is missing or not base64.
    """
    if len(octets) > MAX_RECORD:
        raise SyntaxFault(f"a key record of {len(octets)} octets, over {MAX_RECORD}")
    tags = taglist.parse(octets)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        raise SyntaxFault("v= is not DKIM1, or not the first tag")
    if "p" not in tags:
        raise SyntaxFault("p= is missing")
    flags = taglist.words(tags.get("t", ""))
    return KeyRecord(
        key=_decode(tags["p"]),
        key_type=tags.get("k", "rsa"),
        hashes=tuple(taglist.words(tags["h"])) if "h" in tags else None,
        services=tuple(taglist.words(tags.get("s", "*"))),
        testing="y" in flags,
        strict="s" in flags,
        notes=quotedprintable.decode(tags.get("n", "")),
    )


def _encoded(notes: str) -> str:
    """The qp-section of key-n-tag; a semicolon, which would end the tag, is encoded (§3.6.1)."""
    try:
        return quotedprintable.encode(notes.encode())
    except UnicodeEncodeError:
        raise BadArgument(f"the notes {notes!r:.80} are not UTF-8") from None


def _decode(value: str) -> bytes:
    """key-p-tag, which is base64 or empty (§3.6.1, RFC 4648 §4)."""
    text = taglist.without_blanks(value)
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise SyntaxFault("p= is not base64", value) from None
    if len(text) != (len(octets) + 2) // 3 * 4:  # the decoder lets padding pass after full groups
        raise SyntaxFault("p= is not base64: it has too much padding", value)
    return octets
