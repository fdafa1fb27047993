"""Sealing: adding a set to a message that is sent on (RFC 8617 §5.1)."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence

from mailauth import authres, dkim
from mailauth.arc import sets
from mailauth.arc.sets import MAX_SETS, ArcSet, BrokenChain
from mailauth.arc.verdict import Result, Verdict
from mailauth.authres import MethodResult
from mailauth.dkim import claims
from mailauth.dkim import signature as signatures
from mailauth.dkim.canonical import Canonicalization, header
from mailauth.dkim.hashing import BodyHasher, data_hash, index, select_all
from mailauth.errors import UnsignableMessage
from mailauth.keys import Signer
from mailauth.syntax import folding
from mailauth.syntax.message import Message

COVERED = dkim.SIGNED | {"dkim-signature"}
"""The fields that a message signature covers where they are present (§4.1.2)."""


def seal(  # noqa: PLR0913 - the tags of a set
    message: bytes | Message,
    verdict: Verdict,
    *,
    domain: str,
    selector: str,
    key: Signer,
    authserv_id: str,
    results: Sequence[MethodResult],
    now: int,
    smtputf8: bool = False,
) -> bytes:
    """The three fields to put before `message`, each with its CRLF; b"" if there must be none.

    `verdict` is what `verify` said about the message as it arrived, and `results` are
    what this host found, which the set reports under `authserv_id`.  A chain that is
    found broken here gets a last set that says so; one that an earlier seal has ended
    gets none (§5.1, step 2).  Without `smtputf8` all is ASCII, as in `authres.field`.

    **Raises** UnsignableMessage: the header is malformed, has not exactly one From, has 50
    sets or too many fields to sign, or has a chain that cannot be judged now
    (`Verdict.temporary`).  BadArgument: an argument is not valid, or what `key` returned
    is not a signature.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    _check(message, verdict)
    before, ended = _sets_before(message)
    if ended:
        return b""
    instance = _next_instance(message)
    maker = _Maker(instance, domain, selector, key, now)
    said = authres.field(authserv_id, _with_status(results, verdict), smtputf8=smtputf8)
    aar = _results_field(instance, said)
    ams = maker.message_signature(message)
    chain = [] if verdict.result is Result.FAIL else before  # §5.1.2
    return maker.seal(verdict.result.value, chain, aar, ams) + ams + aar


def _check(message: Message, verdict: Verdict) -> None:
    """Check that the message can be sealed.  **Raises** UnsignableMessage."""
    if message.faults:
        raise UnsignableMessage(f"the header is malformed: {message.faults[0]}")
    if message.keys.count(b"from") != 1:
        raise UnsignableMessage("the message must have exactly one From field to be sealed")
    if verdict.temporary:
        raise UnsignableMessage(f"the chain cannot be judged now: {verdict.reason}")


def _with_status(results: Sequence[MethodResult], verdict: Verdict) -> list[MethodResult]:
    """The results, with the status of the chain among them (§4.4)."""
    if any(each.method == "arc" for each in results):
        return list(results)
    return [*results, MethodResult("arc", verdict.result.value)]


def _sets_before(message: Message) -> tuple[list[ArcSet], bool]:
    """The sets in the message; and whether the newest, or any if they form no chain, ended it."""
    try:
        before = sets.collect(message)
        ended = bool(before) and sets.read_seal(before[-1].seal).chain == "fail"
    except BrokenChain:
        return [], _has_ended(message)
    return before, ended


def _has_ended(message: Message) -> bool:
    """Whether, among fields that form no chain, a seal says that the chain is broken."""
    for key, octets in zip(message.keys, message.field_octets, strict=True):
        if key == sets.SEAL:
            try:
                if sets.read_seal(octets).chain == "fail":
                    return True
            except BrokenChain:
                continue
    return False


def _next_instance(message: Message) -> int:
    """One more than the highest in the message, even if it has no sound chain (§5.1, step 3)."""
    newest = sets.highest_instance(message)
    if newest >= MAX_SETS:
        raise UnsignableMessage(
            f"the message has {newest} ARC Sets; at most {MAX_SETS} are allowed"
        )
    return newest + 1


def _results_field(instance: int, field: bytes) -> bytes:
    """arc-info = instance [CFWS] ";" authres-payload (§4.1.1), with the payload of `field`."""
    value = field.partition(b":")[2].removesuffix(b"\r\n").replace(b"\r\n", b"")
    words = [f"{word} " for word in value.decode().split()]
    return folding.fold("ARC-Authentication-Results", [f"i={instance}; ", *words])


class _Maker:
    """The signer of one set."""

    def __init__(self, instance: int, domain: str, selector: str, key: Signer, now: int) -> None:
        self._key = key
        domain, selector = claims.place(domain, selector)
        self._tags = {
            "i": str(instance),
            "a": claims.algorithm(key),
            "d": domain,
            "s": selector,
            "t": claims.time(now),
        }

    def message_signature(self, message: Message) -> bytes:
        """The ARC-Message-Signature (§4.1.2)."""
        selected = select_all(index(message), frozenset(name.encode() for name in COVERED))
        signatures.check_count(len(selected))
        hasher = BodyHasher(Canonicalization.RELAXED)
        hasher.update(message.octets, message.body_start)
        tags = {
            "c": "relaxed/relaxed",
            "h": ":".join(key.decode() for key, _ in selected),
            "bh": b64encode(hasher.digest()).decode(),
        }
        begun = signatures.begin(self._tags, name="ARC-Message-Signature")
        field = signatures.finish(begun, tags)
        emptied = (sets.SIGNATURE, field.removesuffix(b"\r\n"))
        digest = data_hash(selected, emptied, Canonicalization.RELAXED)
        return signatures.with_value(field, claims.signature(self._key, digest))

    def seal(self, chain: str, before: Sequence[ArcSet], aar: bytes, ams: bytes) -> bytes:
        """The ARC-Seal (§4.1.3), over the sets before and the fields of its own (§5.1.1)."""
        begun = signatures.begin(self._tags, name="ARC-Seal")
        field = signatures.finish(begun, {"cv": chain})
        own = (aar.removesuffix(b"\r\n"), ams.removesuffix(b"\r\n"), field.removesuffix(b"\r\n"))
        fields = [
            pair
            for octets in (*(each[1:] for each in before), own)
            for pair in zip(sets.KEYS, octets, strict=True)
        ]
        canonical = header(fields, Canonicalization.RELAXED).removesuffix(b"\r\n")
        digest = hashlib.sha256(canonical).digest()
        return signatures.with_value(field, claims.signature(self._key, digest))
