"""One message on its way through the milter: its envelope, its header, its body in pieces.

A `Mail` is made at MAIL and dropped when the message ends; the state of the message
is nowhere else.  The header is kept whole, within limits; of the body only hashes
are kept.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from mailauth import authres
from mailauth.dkim import Signatory, Verification
from mailauth.dkim.fragile import Fragility
from mailauth.dkim.signature import FIELD_KEY
from mailauth.errors import SyntaxFault
from mailauth.milter.protocol.events import MailFrom
from mailauth.milter.settings import MessageLimits
from mailauth.milter.srs import Recipients, shown, text_of
from mailauth.spf import received
from mailauth.syntax.mailbox import Mailbox
from mailauth.syntax.message import Message, normalize_line_endings

RESULTS: Final = authres.NAME.encode()
RECEIVED_SPF: Final = received.NAME.encode()
_FIRST_LETTERS: Final = b"AaRr"
"""Of these two names; an empty slice is "in" them too."""


@dataclass(slots=True)
class Forged:
    """The fields of one name, and which of them are to be removed."""

    name: bytes
    count: int = 0
    indexes: list[int] = field(default_factory=list)
    """Counted from 1, top to bottom."""


@dataclass(slots=True)
class Mail:
    """One message."""

    limits: MessageLimits
    sender: str
    """Without angle brackets; empty is the null sender."""
    path: bytes
    """The sender as it came."""
    arguments: tuple[bytes, ...] = ()
    """The ESMTP arguments of MAIL."""
    recipients: int = 0
    envelope: Recipients | None = None
    """What SRS needs to know of the recipients."""
    fields: int = 0
    size: int = 0
    """Octets of header and body."""
    ours: bool = False
    authors: tuple[Mailbox, ...] = ()
    verification: Verification | None = None
    signatory: Signatory | None = None
    fragility: Fragility | None = None
    trouble: str = ""
    """Why the message must be deferred."""
    is_overloaded: bool = False
    """It has more forged fields than we remove, so it cannot be let in."""
    notes: list[str] = field(default_factory=list)
    forged: dict[bytes, Forged] = field(default_factory=dict)
    """By name in lower case, the fields of which forged ones are removed."""
    mark: str = ""
    """The fingerprint, once the message is in hand; see `guard`."""
    _lines: list[bytes] = field(default_factory=list)
    _lost_signature: bool = False  # a signature was beyond the limits
    _octets: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    _digested: int = 0  # how many of the lines

    @classmethod
    def begin(cls, event: MailFrom, limits: MessageLimits, results: Iterable[bytes] = ()) -> "Mail":
        """A message whose sender is known; `results` are the field names for `forged`."""
        mail = cls(limits, shown(text_of(event.address)), event.address, event.arguments)
        mail.forged = {name.lower(): Forged(name) for name in results}
        mail._digest.update(event.address)
        return mail

    @property
    def smtputf8(self) -> bool:
        """Whether the client declared an internationalized message (RFC 6531)."""
        return any(argument.upper() == b"SMTPUTF8" for argument in self.arguments)

    @property
    def is_too_large(self) -> bool:
        """Whether the header is over our limits; the rest of it is then not kept."""
        return self._octets > self.limits.header_octets or self.fields > self.limits.fields

    def add_field(self, name: bytes, value: bytes, *, separator: bytes) -> None:
        """One more header field; `separator` stands between its name and its value."""
        line = name + separator + value
        size = len(line) + 2
        self.fields += 1
        self.size += size
        self._octets += size
        if not self.is_too_large:
            self._lines.append(line)
        elif _folded(name) == FIELD_KEY:
            self._lost_signature = True

    def is_result(self, name: bytes) -> bool:
        """Whether this is the name of a field that reports results."""
        return name[:1] in _FIRST_LETTERS and _folded(name) in self.forged

    def judge_field(self, name: bytes, value: bytes, authserv_id: str) -> None:
        """Note a field of results that must be removed because it claims to be `authserv_id`'s.

        Too many of them make the message overloaded.
        """
        forged = self.forged[_folded(name)]
        forged.count += 1
        text = value.decode("utf-8", "replace")
        is_ours = authres.is_claimed if forged.name is RESULTS else _is_our_received_spf
        if not is_ours(text, authserv_id):
            return
        if len(forged.indexes) == self.limits.forged:
            if not self.is_overloaded:
                what = f"{forged.name.decode()} fields to be removed"
                self.notes.append(f"refused: over {self.limits.forged} {what}")
            self.is_overloaded = True
            return
        forged.indexes.append(forged.count)

    def header(self) -> Message:
        """The header as a message without a body, including what is wrong with it."""
        lost = [FIELD_KEY + b":"] if self._lost_signature else []  # to show that there was one
        octets = b"\r\n".join([*self._lines, *lost, b"", b""])
        message = Message.parse(normalize_line_endings(octets))
        fault = ""
        if self.is_too_large:
            fault = f"it has {self.fields} fields and {self._octets} octets, which is too much"
        elif len(message.keys) != self.fields and not message.faults:
            fault = "a header field contains a line end that is not folding"
        if fault:
            return message._replace(faults=(*message.faults, fault))
        return message

    def update(self, octets: bytes) -> None:
        """The next piece of the body."""
        self.size += len(octets)
        if self.verification is not None:
            self.verification.update(octets)
        if self.signatory is not None:
            self.signatory.update(octets)
        if self.fragility is not None:
            self.fragility.update(octets)

    def fingerprint(self) -> str:
        """What identifies this message if it comes again: its sender and its header so far."""
        if self._digested < len(self._lines):
            self._digest.update(b"\n".join([*self._lines[self._digested :], b""]))
            self._digested = len(self._lines)
        fingerprint: str = self._digest.hexdigest()
        return fingerprint[:16]


def _folded(name: bytes) -> bytes:
    return name.rstrip(b" \t").lower()


def _is_our_received_spf(text: str, receiver: str) -> bool:
    """Whether a Received-SPF field claims to be this receiver's, or cannot be read."""
    try:
        claimed = received.parse(text).get("receiver")
    except SyntaxFault:
        return True
    return claimed is None or authres.is_host(claimed, receiver)
