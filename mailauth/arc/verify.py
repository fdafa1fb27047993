"""Verification of a chain, in the steps of RFC 8617 §5.2."""

import hashlib
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeAlias

from mailauth.arc import sets
from mailauth.arc.sets import KEYS, ArcSet, BrokenChain, Seal
from mailauth.arc.verdict import Result, Verdict
from mailauth.dkim import Verification
from mailauth.dkim.canonical import Canonicalization, header
from mailauth.dkim.hashing import data_hash, index, select
from mailauth.dkim.key import FoundKey, KeyRecord, find_key
from mailauth.dkim.key import name as key_name
from mailauth.dkim.result import Refusal
from mailauth.dkim.signature import Signature
from mailauth.dkim.verify import check_body, check_times, usable_key
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.errors import UnusableKey, refuse_text
from mailauth.syntax.message import Message
from mailauth.verdicts import Step


class _Link(NamedTuple):
    """A set whose fields have been read."""

    fields: ArcSet
    signature: Signature
    seal: Seal


Key: TypeAlias = FoundKey | Refusal | LookupFailed
"""What was found where a key should be."""


def verify(
    message: bytes | Message | Verification,
    *,
    now: int,
    trusted: Collection[str] = (),
) -> Lookups[Verdict]:
    """The verdict on the chain of `message` (§5.2).

    `trusted` are the domains of sealers whose word is accepted.  A message whose body
    arrives in pieces is given as its `Verification`, made with the `ways` of its header.
    **Asks** one TXT question for each key, 51 at most, side by side.

    **Raises** BadArgument: `trusted` is text.
    """
    refuse_text(trusted, "domains")
    verification = _verification(message, now)
    try:
        found = sets.collect(verification.header)
        if not found:
            return Verdict(Result.NONE, "the message has no ARC chain")
        links = [_read(each) for each in found]
        _check_status(links)
    except BrokenChain as broken:
        return Verdict(Result.FAIL, str(broken))
    return (yield from _Chain(verification, links, now).verdict(trusted))


def _verification(message: bytes | Message | Verification, now: int) -> Verification:
    if isinstance(message, Verification):
        return message
    if not isinstance(message, Message):
        message = Message.parse(message)
    verification = Verification(message, now=now, ways=sets.ways(message))
    verification.update(message.octets, message.body_start)
    return verification


def _read(found: ArcSet) -> _Link:
    try:
        return _Link(found, sets.read_signature(found.signature), sets.read_seal(found.seal))
    except BrokenChain as broken:
        raise BrokenChain(f"i={found.instance}: {broken}") from None


def _check_status(links: Sequence[_Link]) -> None:
    """Check what each sealer says about the chain (§5.2, steps 2 and 3 C)."""
    for link in reversed(links):
        instance, said = link.fields.instance, link.seal.chain
        if said == "fail":
            raise BrokenChain(f"i={instance}: {link.seal.domain} found the chain broken (cv=fail)")
        if said != ("none" if instance == 1 else "pass"):
            raise BrokenChain(f"i={instance}: cv={said} is not allowed here")


class _Chain:
    """A chain whose structure is sound."""

    def __init__(self, verification: Verification, links: Sequence[_Link], now: int) -> None:
        self._links = links
        self._now = now
        self._verification = verification
        self._by_key = index(verification.header)
        self._bodies = verification.hashed_bodies()
        self._keys: dict[tuple[str, str], Key] = {}
        self._steps: list[Step] = []

    def verdict(self, trusted: Collection[str]) -> Lookups[Verdict]:
        """§5.2, steps 4 to 7."""
        yield from self._find_keys()
        newest = self._links[-1]
        try:
            self._check_signature(newest)
            oldest = self._oldest_pass()
            self._check_seals()
        except _Failed as failed:
            return self._verdict(Result.FAIL, failed.reason, temporary=failed.temporary)
        believed = {domain.lower() for domain in trusted}
        every = all(link.seal.domain in believed for link in self._links)
        lack = self._lack(newest.signature)
        count = "1 seal verifies" if len(self._links) == 1 else f"{len(self._links)} seals verify"
        reason = f"{count}, the newest by {newest.seal.domain}"
        if lack:
            reason += f"; it is not trusted: {lack}"
        passed = self._verdict(Result.PASS, reason)
        return passed._replace(oldest_pass=oldest, trusted=every and not lack)

    def _verdict(self, result: Result, reason: str, *, temporary: bool = False) -> Verdict:
        return Verdict(
            result,
            reason,
            tuple(link.seal.domain for link in self._links),
            tuple(link.fields.testimony for link in self._links),
            temporary=temporary,
            steps=tuple(self._steps),
        )

    def _find_keys(self) -> Lookups[None]:
        """Find the keys of all seals and of the newest message signature, each asked for once."""
        newest = self._links[-1].signature
        wanted = [(link.seal.domain, link.seal.selector) for link in self._links]
        names = list(dict.fromkeys([(newest.domain, newest.selector), *wanted]))
        found = yield from gather(*(_key_or_fault(*name) for name in names))
        self._keys = dict(zip(names, found, strict=True))
        for (domain, selector), key in self._keys.items():
            said = key.record.shown() if isinstance(key, FoundKey) else str(key)
            self._steps.append(Step(0, f"? TXT of {key_name(domain, selector)}: {said}"))

    def _check_signature(self, link: _Link) -> None:
        """§5.2, step 4."""
        signature, instance = link.signature, link.fields.instance
        what = f"i={instance}: the message signature of {signature.domain}"
        try:
            check_times(signature, self._now, self._verification.policy)
            body = self._bodies.get(signature.body_way)
            if body is None:
                raise _Failed(f"{what} cannot be judged: its body was not hashed")
            key = usable_key(self._record(signature.domain, signature.selector, what), signature)
            check_body(signature, body)
            selected = select(self._by_key, signature.signed_fields.places)
            emptied = (sets.SIGNATURE, signature.emptied)
            digest = data_hash(selected, emptied, signature.header_canonicalization)
            if not key.verify(signature.value, digest):
                raise _Failed(f"{what}: the header is not what was signed")
        except (Refusal, UnusableKey) as fault:
            raise _Failed(f"{what}: {fault}") from None
        self._steps.append(Step(0, f"{what} verifies"))

    def _oldest_pass(self) -> int:
        """§5.2, step 5, but only as far back as the keys that were asked for allow."""
        for link in reversed(self._links[:-1]):
            if (link.signature.domain, link.signature.selector) not in self._keys:
                return link.fields.instance + 1
            try:
                self._check_signature(link)
            except _Failed as failed:
                self._steps.append(Step(0, failed.reason))
                return link.fields.instance + 1
        return 0

    def _lack(self, signature: Signature) -> str:
        """What policy has against the newest message signature; "" if nothing.

        It does not break the chain (§5.2), but counts as for a DKIM signature (§4.1.2).
        """
        try:
            self._verification.check_policy(signature, self._bodies[signature.body_way])
        except Refusal as refusal:
            return refusal.reason
        return ""

    def _check_seals(self) -> None:
        """§5.2, step 6; a seal covers the sets up to its own (§5.1.1)."""
        digests: list[bytes] = []
        covered = hashlib.sha256()
        for link in self._links:
            *before, last = (
                _canonical(*field) for field in zip(KEYS, link.fields[1:], strict=True)
            )
            covered.update(b"".join(before))
            sealed = covered.copy()
            sealed.update(_canonical(sets.SEAL, link.seal.emptied).removesuffix(b"\r\n"))
            digests.append(sealed.digest())
            covered.update(last)
        for link, digest in zip(reversed(self._links), reversed(digests), strict=True):
            seal = link.seal
            what = f"i={link.fields.instance}: the seal of {seal.domain}"
            try:
                key = usable_key(self._record(seal.domain, seal.selector, what), seal)
            except (Refusal, UnusableKey) as fault:
                raise _Failed(f"{what}: {fault}") from None
            if not key.verify(seal.value, digest):
                raise _Failed(f"{what} does not verify")
            self._steps.append(Step(0, f"{what} verifies"))

    def _record(self, domain: str, selector: str, what: str) -> KeyRecord:
        found = self._keys[domain, selector]
        if isinstance(found, LookupFailed):
            raise _Failed(f"{what}: the key could not be looked up: {found}", temporary=True)
        if isinstance(found, Refusal):
            raise found
        return found.record


class _Failed(Exception):
    """The chain fails; caught where its verdict is made."""

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.temporary = temporary


def _key_or_fault(domain: str, selector: str) -> Lookups[Key]:
    try:
        return (yield from find_key(domain, selector))
    except (Refusal, LookupFailed) as fault:
        return fault


def _canonical(key: bytes, octets: bytes) -> bytes:
    return header([(key, octets)], Canonicalization.RELAXED)
