"""Verification, in the steps of RFC 6376 §6.1.

Every DKIM-Signature field that is examined gets a verdict of its own, and nothing in
a message or a key record raises an exception.
"""

from collections.abc import Iterable, Mapping
from hmac import compare_digest
from typing import Protocol

from mailauth.dkim import key as keys
from mailauth.dkim import signature as signatures
from mailauth.dkim.hashing import (
    BodyHasher,
    BodyWay,
    HashedBodies,
    HashedBody,
    Hasher,
    Octets,
    copied,
    data_hash,
    index,
    select,
)
from mailauth.dkim.policy import RFC8301, Policy
from mailauth.dkim.result import Refusal, Result
from mailauth.dkim.signature import FIELD_KEY, Signature
from mailauth.dkim.verdict import Stage, Verdict, Verdicts
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.errors import SyntaxFault, UnusableKey
from mailauth.keys import Algorithm, PublicKey
from mailauth.syntax import taglist
from mailauth.syntax.message import Field, Message

ONCE_ONLY = frozenset(
    b"from sender reply-to to cc bcc date subject message-id in-reply-to references "
    b"mime-version content-type content-transfer-encoding".split()
)
"""The fields that a message may have only once (RFC 5322 §3.6, RFC 2045 §3)."""


def verify(
    message: bytes | Message, *, now: int, policy: Policy = RFC8301
) -> Lookups[list[Verdict]]:
    """The verdict on each signature of `message`, from top to bottom (§6.1).

    A message without a signature gets one verdict, none.  **Asks** one TXT question for
    each well-formed signature, `policy.max_signatures` at most, side by side.  `now` is
    in seconds since the epoch.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    verification = Verification(message, now=now, policy=policy)
    verification.update(message.octets, message.body_start)
    return (yield from verification.verdicts())


class Verification:
    """A verification whose body arrives in pieces: header first, then `update`, then `verdicts`."""

    def __init__(
        self,
        header: Message,
        *,
        now: int,
        policy: Policy = RFC8301,
        ways: Iterable[BodyWay] = (),
        bodies: HashedBodies | None = None,
    ) -> None:
        """Read the signatures of `header`, a message of which only the header is used.

        The body is hashed in the additional `ways` too, for `hashed_bodies`.  With `bodies`,
        the `hashed_bodies` of another verification of the message, no body is needed.
        """
        self.header = header
        self._now = now
        self.policy = policy
        self._by_key = index(header)
        self._repeated = [key for key, fields in self._by_key.items() if len(fields) > 1]
        self._examined: list[tuple[Signature, Hasher] | Verdict] = []
        self._hashers: dict[BodyWay, Hasher] = dict(bodies or {})
        for way in ways:
            self._hasher(way)
        fields = self._by_key.get(FIELD_KEY, [])
        unfit = self._unfit()
        for octets in fields[: policy.max_signatures]:
            self._examined.append(self._examine(octets, unfit))
        if not 0 < len(fields) <= policy.max_signatures:
            self._examined.append(self._summary(len(fields), unfit))

    def update(self, octets: Octets, start: int = 0, end: int | None = None) -> None:
        """The next piece of the body: `octets[start:end]`, which is all of `octets` by default.

        **Raises** BadArgument: `verdicts` or `hashed_bodies` has ended the body.
        """
        if not isinstance(octets, bytes):
            octets, start, end = copied(octets, start, end)
        for hasher in self._hashers.values():
            hasher.update(octets, start, end)

    @property
    def domains(self) -> list[str]:
        """The d= of each signature that can be read."""
        return [one[0].domain for one in self._examined if not isinstance(one, Verdict)]

    def hashed_bodies(self) -> HashedBodies:
        """The hash of the body for each way in which it is hashed; this ends the body."""
        return {
            way: HashedBody(hasher.digest(), hasher.missing, hasher.unsigned)
            for way, hasher in self._hashers.items()
        }

    def verdicts(self) -> Lookups[list[Verdict]]:
        """The verdicts; this ends the body.  **Asks** as `verify` does."""
        signed = [one for one in self._examined if not isinstance(one, Verdict)]
        judged = iter((yield from gather(*(self._judge(*one) for one in signed))))
        return Verdicts(one if isinstance(one, Verdict) else next(judged) for one in self._examined)

    def check_policy(self, signature: Signature, hasher: Hasher) -> None:
        """Check what a valid signature, of DKIM or ARC, may still lack (§6.3, §8.2, §8.15).

        **Raises** Refusal, policy.
        """
        if "." not in signature.domain:
            raise Refusal(Result.POLICY, f"d={signature.domain} is a top-level domain")
        if hasher.unsigned and not self.policy.admit_partial_body:
            raise Refusal(Result.POLICY, f"l= leaves {hasher.unsigned} octets of the body unsigned")
        authors = len(self._by_key.get(b"from", ()))
        if authors != 1:
            raise Refusal(Result.POLICY, f"the message has {authors} From fields")
        if not self.policy.admit_unsigned_duplicates:
            for key in filter(ONCE_ONLY.__contains__, self._repeated):
                fields = self._by_key[key]
                if (key, len(fields)) not in signature.signed_fields.places:
                    word = Field(key, fields[0]).name.decode()
                    raise Refusal(
                        Result.POLICY,
                        f"the message has {len(fields)} {word} fields, and not all are signed",
                    )

    def _unfit(self) -> str:
        """Why no signature of this header can be trusted; "" if one can (§3.8, §8.4)."""
        header = self.header
        if header.faults:
            return f"the header is malformed: {header.faults[0]}"
        if header.body_start > self.policy.max_header_octets:
            return f"the header has more than {self.policy.max_header_octets} octets"
        if len(header.keys) > self.policy.max_fields:
            return f"the header has more than {self.policy.max_fields} fields"
        return ""

    def _examine(self, octets: bytes, unfit: str) -> tuple[Signature, Hasher] | Verdict:
        """§6.1.1: the signature, or why its field is not one."""
        tags: dict[str, str] = {}
        try:
            tags = taglist.parse(octets.partition(b":")[2])
            if unfit:
                return _refused(Refusal(Result.PERMERROR, unfit), tags)
            signature = signatures.parse(octets, tags)
        except SyntaxFault as fault:
            reason = unfit or f"the signature is not a tag list: {fault}"
            return Verdict(Result.PERMERROR, reason)
        except Refusal as refusal:
            return _refused(refusal, tags)
        return signature, self._hasher(signature.body_way)

    def _hasher(self, way: BodyWay) -> Hasher:
        """One hasher for all signatures that hash the body alike."""
        hasher = self._hashers.get(way)
        if hasher is None:
            hasher = self._hashers[way] = BodyHasher.of(way)
        return hasher

    def _summary(self, count: int, unfit: str) -> Verdict:
        """The verdict on signatures that were not examined, or on a message without any."""
        if count:
            more = count - self.policy.max_signatures
            reason = f"too many signatures: {more} more than {self.policy.max_signatures}"
            return Verdict(Result.POLICY, reason)
        if unfit and FIELD_KEY in self.header.octets[: self.header.body_start].lower():
            return Verdict(Result.PERMERROR, unfit)
        return Verdict(Result.NONE, "the message is not signed")

    def _judge(self, signature: Signature, hasher: Hasher) -> Lookups[Verdict]:
        """§6.1.2 and §6.1.3: the key, the body, the header, and what policy says about them."""
        record: keys.KeyRecord | None = None
        key: PublicKey | None = None
        secure = False
        stage = Stage.READ
        try:
            check_times(signature, self._now, self.policy)
            stage = Stage.TIMELY
            record, secure = yield from keys.find_key(signature.domain, signature.selector)
            stage = Stage.FOUND
            key = usable_key(record, signature)
            stage = Stage.KEYED
            check_body(signature, hasher)
            stage = Stage.BODY
            self._check_header(signature, key)
            stage = Stage.HEADER
            self.check_policy(signature, hasher)
            stage = Stage.ADMITTED
        except (LookupFailed, UnusableKey, Refusal) as fault:
            result, reason = _outcome(fault)
        else:
            result, reason = Result.PASS, "the signature verifies"
        testing = record is not None and record.testing
        if testing and result is not Result.PASS:
            # §3.6.1: a failure under t=y is not treated differently from no signature.
            result, reason = Result.NEUTRAL, f"{reason}; the domain only tests its key (t=y)"
        return Verdict(
            result,
            reason,
            domain=signature.domain,
            selector=signature.selector,
            identity=_cut(signature.identity),
            algorithm=signature.algorithm,
            key_size=None if key is None else key.size,
            testing=testing,
            signed_at=signature.signed_at,
            expires_at=signature.expires_at,
            signed_fields=signature.signed_fields.names,
            secure=secure,
            signature=signature.shown,
            record=record,
            stage=stage,
        )

    def _check_header(self, signature: Signature, key: PublicKey) -> None:
        """§6.1.3, step 4."""
        selected = select(self._by_key, signature.signed_fields.places)
        emptied = (FIELD_KEY, signature.emptied)
        digest = data_hash(selected, emptied, signature.header_canonicalization)
        if not key.verify(signature.value, digest):
            raise Refusal(
                Result.FAIL,
                "the header is not what was signed, or not signed by this key: b= does not verify",
            )


def _outcome(fault: LookupFailed | UnusableKey | Refusal) -> tuple[Result, str]:
    """What stopped a verification, as a result and its reason."""
    if isinstance(fault, LookupFailed):
        return Result.TEMPERROR, f"the key could not be looked up: {fault}"
    if isinstance(fault, UnusableKey):
        return Result.PERMERROR, f"the key is not usable: {fault}"
    return fault.result, fault.reason


def check_times(signature: Signature, now: int, policy: Policy) -> None:
    """Check that the signature is neither from the future nor expired.  **Raises** Refusal."""
    skew = policy.clock_skew
    if signature.expires_at is not None and signature.expires_at + skew < now:
        raise Refusal(
            Result.PERMERROR,
            f"the signature expired {now - signature.expires_at} seconds ago (x=)",
        )  # §6.1.1
    if signature.signed_at is not None and signature.signed_at - skew > now:
        raise Refusal(
            Result.PERMERROR,
            f"the signature is dated {signature.signed_at - now} seconds in the future (t=)",
        )  # §3.5


def check_body(signature: Signature, hasher: Hasher) -> None:
    """Check that the body is what was signed (§6.1.3, steps 2 and 3).  **Raises** Refusal."""
    digest = hasher.digest()
    if hasher.missing:
        raise Refusal(Result.PERMERROR, "l= counts more octets than the body has")  # §3.5
    if not compare_digest(digest, signature.body_hash):
        raise Refusal(Result.FAIL, "the body is not what was signed: bh= differs")


def _refused(refusal: Refusal, tags: Mapping[str, str]) -> Verdict:
    """The verdict on a field that is not a signature, with what its tags claim."""
    told = {name: _cut(value) for name, value in tags.items() if name in _CLAIMS}
    return Verdict(
        refusal.result,
        refusal.reason,
        domain=told.get("d"),
        selector=told.get("s"),
        identity=told.get("i"),
        algorithm=told.get("a"),
        signature=signatures.shown(tags),
    )


_CLAIMS = frozenset("dsia")
_LONGEST_CLAIM = 320
"""Characters of the longest address (RFC 5321 §4.5.3.1); a verdict quotes no more of a tag."""


def _cut(claim: str) -> str:
    return claim if len(claim) <= _LONGEST_CLAIM else f"{claim[:_LONGEST_CLAIM]}..."


class Signed(Protocol):
    """The parts of a signature, of DKIM or ARC, that its key record is compared with."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm in a=."""

    @property
    def domain(self) -> str:
        """The domain in d=."""

    @property
    def identity_domain(self) -> str:
        """The domain of i=, or `domain`."""


def usable_key(record: keys.KeyRecord, signature: Signed) -> PublicKey:
    """The key of a record, if it may verify the signature (§6.1.2, steps 6 to 8).

    **Raises** Refusal, permerror; UnusableKey.
    """
    reason = ""
    if record.revoked:
        reason = "the key is revoked: p= is empty"
    elif record.hashes is not None and "sha256" not in record.hashes:
        reason = "the key does not allow sha256 (h=)"
    elif "*" not in record.services and "email" not in record.services:
        reason = "the key is not for email (s=)"
    elif record.key_type != signature.algorithm.key_type:
        reason = f"the key is of type {record.key_type[:40]!r}, which does not fit a="
    elif record.strict and signature.identity_domain != signature.domain:
        reason = "the key allows no subdomain in i= (t=s)"
    if reason:
        raise Refusal(Result.PERMERROR, reason)
    return record.public_key()
