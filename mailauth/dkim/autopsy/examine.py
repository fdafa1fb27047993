"""For each signature of a message, what explains the state of the body and the header."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailauth.dkim import hashing
from mailauth.dkim import key as keys
from mailauth.dkim import signature as signatures
from mailauth.dkim.autopsy import body, header
from mailauth.dkim.autopsy.sentences import ENDED, INTACT, UNKNOWN, not_looked_into
from mailauth.dkim.autopsy.work import Ended, Work
from mailauth.dkim.result import Refusal
from mailauth.dkim.signature import FIELD_KEY, Signature
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups
from mailauth.errors import SyntaxFault, UnusableKey
from mailauth.syntax import taglist
from mailauth.syntax.message import Message

if TYPE_CHECKING:
    from mailauth.dkim.canonical import Canonicalization

MAX_SIGNATURES: Final = 10
MAX_BODY: Final = 4_000_000
"""Octets of the longest body that is examined."""


@dataclass(frozen=True, slots=True)
class Autopsy:
    """What explains the state of one signature."""

    domain: str  # d=
    selector: str  # s=
    signature: str
    """The first octets of b=, as in the verdict."""
    body: str
    """A sentence: that it is as it was signed, what changed it, or why that is not known."""
    header: str
    """The same for the header."""


def autopsy(message: bytes | Message) -> Lookups[list[Autopsy]]:
    """What happened to the body and the header that each signature of `message` covers.

    In the order of the signatures, from the top.  A field that is not a well-formed
    signature is skipped: its verdict says why.  **Asks** one TXT question for each
    signature, ten at most.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    search = _Search(message)
    found: dict[bytes, Autopsy] = {}
    fields = [octets for key, octets in zip(message.keys, message.field_octets, strict=True)
              if key == FIELD_KEY]  # fmt: skip
    for octets in dict.fromkeys(fields[:MAX_SIGNATURES]):
        try:
            signature = signatures.parse(octets, taglist.parse(octets.partition(b":")[2]))
        except (SyntaxFault, Refusal):
            continue
        header_story = yield from _header_story(search, signature)
        found[octets] = Autopsy(
            signature.domain,
            signature.selector,
            signature.shown,
            _body_story(search, signature),
            header_story,
        )
    return [found[octets] for octets in fields[:MAX_SIGNATURES] if octets in found]


class _Search:
    """What is known about one message, and how much work it may still cost."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.work = Work()
        self.bodies: dict[tuple[Canonicalization, bytes], str] = {}
        """What was found for each hash of the body, which signatures mostly share."""
        self.fields: header.Looked = {}


def _body_story(search: _Search, signature: Signature) -> str:
    message = search.message
    hasher = hashing.BodyHasher.of(signature.body_way)
    hasher.update(message.octets, message.body_start)
    if hasher.digest() == signature.body_hash:
        return INTACT
    if signature.body_length is not None:
        return "the signature has l=; such a body is not examined"
    if len(message.body) > MAX_BODY:
        return not_looked_into(MAX_BODY)
    form, wanted = signature.body_canonicalization, signature.body_hash
    if (form, wanted) not in search.bodies:
        search.bodies[form, wanted] = _first(body.stories(message, form, wanted, search.work))
    return search.bodies[form, wanted]


def _header_story(search: _Search, signature: Signature) -> Lookups[str]:
    try:
        record, _ = yield from keys.find_key(signature.domain, signature.selector)
        key = record.public_key()
    except LookupFailed as failure:
        return f"the key could not be looked up: {failure}"
    except (Refusal, UnusableKey) as fault:
        return f"there is no key to check with: {fault}"
    return _first(header.stories(search.message, signature, key, search.work, search.fields))


def _first(stories: Iterator[str]) -> str:
    """The most likely explanation, or why there is none."""
    try:
        return next(stories, UNKNOWN)
    except Ended:
        return ENDED
