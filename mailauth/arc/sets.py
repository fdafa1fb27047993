"""The ARC Sets of a message: which fields form a set, and whether sets form a chain (RFC 8617).

Fields of the same instance form a set, whatever their place in the header
(RFC 8617 §4.2.1).
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from mailauth.dkim import signature as signatures
from mailauth.dkim.hashing import BodyWay
from mailauth.dkim.result import Refusal
from mailauth.dkim.signature import Signature
from mailauth.errors import SyntaxFault
from mailauth.keys import Algorithm
from mailauth.syntax import structured, taglist
from mailauth.syntax.message import Message
from mailauth.syntax.scanner import Scanner

RESULTS: Final = b"arc-authentication-results"
SIGNATURE: Final = b"arc-message-signature"
SEAL: Final = b"arc-seal"
KEYS: Final = (RESULTS, SIGNATURE, SEAL)
"""In the order in which a seal covers them (§5.1.1)."""
MAX_SETS: Final = 50
"""How many sets a message may have (§4.2.1)."""
MAX_RESULTS: Final = 65_536
"""How many octets of an ARC-Authentication-Results field are read."""


class BrokenChain(Exception):
    """The sets form no chain (§5.2, steps 1 to 3), or one of them cannot be read."""


class Seal(NamedTuple):
    """The tags of an ARC-Seal (§4.1.3)."""

    algorithm: Algorithm  # a=
    value: bytes  # b=
    chain: str  # cv=
    domain: str  # d=
    selector: str  # s=
    signed_at: int | None  # t=
    emptied: bytes
    """The octets of the field with an empty b=."""

    @property
    def identity_domain(self) -> str:
        """The domain of the seal, which has no other identity."""
        return self.domain


class ArcSet(NamedTuple):
    """One set: three fields of one instance (§4.2)."""

    instance: int
    results: bytes
    """The octets of its ARC-Authentication-Results."""
    signature: bytes
    seal: bytes

    @property
    def testimony(self) -> str:
        """The results as the sealer reports them, unfolded: authserv-id and resinfos (§4.1.1)."""
        octets = self.results.partition(b":")[2][:MAX_RESULTS]
        scanner = Scanner(octets.decode("latin-1"))
        _read_instance(scanner)
        return b" ".join(octets[scanner.at + 1 :].split()).decode("utf-8", "replace")


def is_sealed(header: Message) -> bool:
    """Whether there is any ARC field."""
    return any(key in header.keys for key in KEYS)


def collect(header: Message) -> list[ArcSet]:
    """The sets, from the oldest to the newest; none if there is no chain (§5.2, steps 1 and 3).

    **Raises** BrokenChain.
    """
    if not is_sealed(header):
        return []
    found: dict[bytes, dict[int, bytes]] = {key: {} for key in KEYS}
    for key, octets in zip(header.keys, header.field_octets, strict=False):
        if key not in found:
            continue
        instance = _instance(key, octets)
        if instance in found[key]:
            raise BrokenChain(f"there are two {_name(key)} fields with i={instance}")
        found[key][instance] = octets
    if header.faults:
        raise BrokenChain(f"the header is malformed: {header.faults[0]}")
    newest = max(instance for fields in found.values() for instance in fields)
    for instance in range(1, newest + 1):
        for key in KEYS:
            if instance not in found[key]:
                raise BrokenChain(f"there is no {_name(key)} with i={instance}")
    return [
        ArcSet(instance, *(found[key][instance] for key in KEYS))
        for instance in range(1, newest + 1)
    ]


def highest_instance(header: Message) -> int:
    """The highest in the header, even if its fields form no chain; 0 if none can be read."""
    highest = 0
    for key, octets in zip(header.keys, header.field_octets, strict=False):
        if key in KEYS:
            try:
                highest = max(highest, _instance(key, octets))
            except BrokenChain:
                continue
    return highest


def read_signature(octets: bytes) -> Signature:
    """An ARC-Message-Signature: as one of DKIM, except for instance and version (§4.1.2).

    **Raises** BrokenChain.
    """
    tags = _tags(SIGNATURE, octets)
    of_dkim = {name: value for name, value in tags.items() if name not in {"i", "v"}}
    try:
        signature = signatures.parse(octets, {"v": "1"} | of_dkim)
    except Refusal as refusal:
        raise BrokenChain(f"ARC-Message-Signature: {refusal.reason}") from None
    covered = sorted({*map(bytes.decode, KEYS)}.intersection(signature.signed_fields.names))
    if covered:
        raise BrokenChain(
            f"ARC-Message-Signature signs {', '.join(covered)} fields, which it must not"
        )
    return signature._replace(emptied=taglist.without_value(octets, list(tags).index("b")))


def read_seal(octets: bytes) -> Seal:
    """An ARC-Seal (§4.1.3).  **Raises** BrokenChain."""
    tags = _tags(SEAL, octets)
    for name in ("a", "b", "cv", "d", "s"):
        if name not in tags:
            raise BrokenChain(f"ARC-Seal: the required tag {name}= is missing")
    if "h" in tags:
        raise BrokenChain("ARC-Seal has a tag h=, which it must not have")
    if tags["cv"].lower() not in {"none", "pass", "fail"}:
        raise BrokenChain(f"ARC-Seal: cv={tags['cv'][:40]!r} is not a known value")
    try:
        return Seal(
            signatures.read_algorithm(tags["a"]),
            signatures.read_base64("b", tags["b"]),
            tags["cv"].lower(),
            signatures.read_domain("d", tags["d"]),
            signatures.read_domain("s", tags["s"]),
            signatures.read_timestamp("t", tags),
            taglist.without_value(octets, list(tags).index("b")),
        )
    except Refusal as refusal:
        raise BrokenChain(f"ARC-Seal: {refusal.reason}") from None


def ways(header: Message) -> list[BodyWay]:
    """How the body must be hashed for the signatures of a chain; see `dkim.Verification`.

    Only the newest must verify.  An older one with l= is left out, and counts as broken,
    because each of them could require one more pass over the body.
    """
    try:
        wanted = [read_signature(each.signature).body_way for each in collect(header)]
    except BrokenChain:
        return []
    return wanted[-1:] + [way for way in wanted[:-1] if way[1] is None]


def _instance(key: bytes, octets: bytes) -> int:
    """The instance of a field, a tag in its list; it comes first in AAR (§4.1.1, §4.2.1)."""
    value = octets.partition(b":")[2][:MAX_RESULTS]
    number = _read_instance(Scanner(value.decode("latin-1")))
    if number is None:
        number = "" if key == RESULTS else _tags(key, octets).get("i", "")
    if not _POSITION.fullmatch(number) or not 1 <= int(number) <= MAX_SETS:
        raise BrokenChain(f"{_name(key)}: i={number[:40]!r} is not a number from 1 to {MAX_SETS}")
    return int(number)


def _read_instance(scanner: Scanner) -> str | None:
    """instance = [CFWS] %s"i" [CFWS] "=" [CFWS] position (§3.9), up to the ";" after it.

    None: there is no instance here.
    """
    try:
        for sign in ("i", "="):
            structured.skip_cfws(scanner)
            if not scanner.skip(sign):
                return None
        structured.skip_cfws(scanner)
        number = scanner.read(_WORD)
        structured.skip_cfws(scanner)
    except SyntaxFault:
        return None
    return number if scanner.ended or scanner.check(";") else None


def _tags(key: bytes, octets: bytes) -> Mapping[str, str]:
    try:
        return taglist.parse(octets.partition(b":")[2])
    except SyntaxFault as fault:
        raise BrokenChain(f"{_name(key)} is not a tag list: {fault}") from None


def _name(key: bytes) -> str:
    return key.decode().title().replace("Arc", "ARC", 1)


_WORD = re.compile(r"[^; \t\r\n(]*+")
# position = 1*2DIGIT                                               §3.9
_POSITION = re.compile(r"[0-9]{1,2}")
