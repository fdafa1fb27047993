"""What a filter says: replies that end a stage, and changes before the last reply.

Each encodes itself as one or more frames.  Anything that would break the frame or the
mail (a NUL, a CR, an LF that folds nothing) is not written: it is an `UnsendableReply`,
because the code that made it has a bug.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, TypeAlias

from mailauth.milter.protocol import codes
from mailauth.milter.protocol.options import Actions, Options, Steps

MAX_BODY: Final = 65_535
"""Octets of a new body that one frame carries."""
MAX_TEXT: Final = 512
"""Octets of the text of a reply (RFC 5321 §4.5.3.1.5)."""


class UnsendableReply(Exception):
    """A reply that cannot be sent as it is, or not now: a bug of the filter."""


def printable_ascii(text: str) -> str:
    """A text from outside, with a question mark for every character but printable ASCII."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


def frame(code: bytes, octets: bytes = b"") -> bytes:
    """Length, code, octets."""
    return _LENGTH.pack(len(octets) + 1) + code + octets


@dataclass(frozen=True, slots=True)
class PlainReply:
    """A reply that is only a code, and ends a stage."""

    code: bytes
    refuses: bool = False
    """It refuses the message, or the recipient at RCPT, or the client at CONNECT and HELO."""
    ends: bool = False
    """The filter wants to see no more of the message."""

    def encode(self) -> bytes:
        """The frame."""
        return frame(self.code)


CONTINUE: Final = PlainReply(codes.CONTINUE)
ACCEPT: Final = PlainReply(codes.ACCEPT, ends=True)
REJECT: Final = PlainReply(codes.REJECT, refuses=True)
TEMPFAIL: Final = PlainReply(codes.TEMPFAIL, refuses=True)
DISCARD: Final = PlainReply(codes.DISCARD, ends=True)
SKIP: Final = PlainReply(codes.SKIP)
"""Send no more of this kind: of the body, of the header."""
SHUTDOWN: Final = PlainReply(codes.SHUTDOWN, refuses=True)
"""The client is turned away with 421."""
CONNECTION_FAILED: Final = PlainReply(codes.CONNECTION_FAILED, refuses=True)
PLAIN_REPLIES: Final = {
    reply.code: reply
    for reply in (
        CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD, SKIP, SHUTDOWN, CONNECTION_FAILED
    )
}  # fmt: skip
"""All plain replies by code."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in words: an SMTP code, an enhanced code, a text (RFC 5321 §4.2, RFC 3463)."""

    code: int
    enhanced: str
    text: str
    refuses: ClassVar[bool] = True
    ends: ClassVar[bool] = False

    def encode(self) -> bytes:
        """The frame, one line; `%` is doubled, as MTAs read it as the start of a format."""
        kind = self.code // 100
        if not (
            _CODE.fullmatch(str(self.code))
            and _ENHANCED.fullmatch(self.enhanced)
            and self.enhanced.startswith(f"{kind}.")
        ):
            raise UnsendableReply(f"{self.code} {self.enhanced} is not a refusal")
        if not (self.text.isascii() and self.text.isprintable()):
            raise UnsendableReply("a text that is not printable ASCII")
        line = f"{self.code} {self.enhanced} {self.text}"
        if len(line) > MAX_TEXT - 2:
            line = line[: MAX_TEXT - 5] + "..."
        return frame(codes.REPLY_IN_WORDS, line.replace("%", "%%").encode() + b"\0")

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


@dataclass(frozen=True, slots=True)
class Progress:
    """The filter is still at work; the MTA restarts its wait."""

    action: ClassVar[Actions] = Actions.NONE

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.PROGRESS)


@dataclass(frozen=True, slots=True)
class AddHeader:
    """Add a field below all others."""

    name: bytes
    value: bytes
    action: ClassVar[Actions] = Actions.ADD_HEADERS

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.ADD_HEADER, _field(self.name, self.value))


@dataclass(frozen=True, slots=True)
class InsertHeader:
    """Insert a field above the one at this index; 0 is the top, above the MTA's own Received."""

    index: int
    name: bytes
    value: bytes
    action: ClassVar[Actions] = Actions.ADD_HEADERS

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.INSERT_HEADER, _index(self.index) + _field(self.name, self.value))


@dataclass(frozen=True, slots=True)
class ChangeHeader:
    """Change the field of this name and number, from 1; an empty value removes it."""

    index: int
    name: bytes
    value: bytes = b""
    action: ClassVar[Actions] = Actions.CHANGE_HEADERS

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.CHANGE_HEADER, _index(self.index) + _field(self.name, self.value))


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """Replace the body, in as many frames as it needs; a further reply continues it."""

    octets: bytes
    action: ClassVar[Actions] = Actions.CHANGE_BODY

    def encode(self) -> bytes:
        """The frames."""
        return b"".join(self._frames())

    def _frames(self) -> Iterator[bytes]:
        for start in range(0, max(1, len(self.octets)), MAX_BODY):
            yield frame(codes.REPLACE_BODY, self.octets[start : start + MAX_BODY])


@dataclass(frozen=True, slots=True)
class ChangeFrom:
    """Change the sender of the envelope."""

    address: bytes
    arguments: bytes = b""
    action: ClassVar[Actions] = Actions.CHANGE_FROM

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.CHANGE_FROM, _address(self.address, self.arguments))


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """Add a recipient without arguments; see `AddRecipientWithArguments`."""

    address: bytes
    action: ClassVar[Actions] = Actions.ADD_RECIPIENTS

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.ADD_RECIPIENT, _address(self.address))


@dataclass(frozen=True, slots=True)
class AddRecipientWithArguments:
    """Add a recipient with ESMTP arguments."""

    address: bytes
    arguments: bytes
    action: ClassVar[Actions] = Actions.ADD_RECIPIENTS_WITH_ARGUMENTS

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.ADD_RECIPIENT_WITH_ARGUMENTS, _address(self.address, self.arguments))


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    """Remove a recipient, spelt as it came."""

    address: bytes
    action: ClassVar[Actions] = Actions.DELETE_RECIPIENTS

    def encode(self) -> bytes:
        """The frame."""
        return frame(codes.DELETE_RECIPIENT, _address(self.address))


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Have the message held in quarantine, for this reason."""

    reason: str
    action: ClassVar[Actions] = Actions.QUARANTINE

    def encode(self) -> bytes:
        """The frame."""
        if not (self.reason.isascii() and self.reason.isprintable()):
            raise UnsendableReply("a reason that is not printable ASCII")
        return frame(codes.QUARANTINE, self.reason[:MAX_TEXT].encode() + b"\0")


Change: TypeAlias = (
    Progress
    | AddHeader
    | InsertHeader
    | ChangeHeader
    | ReplaceBody
    | ChangeFrom
    | AddRecipient
    | AddRecipientWithArguments
    | DeleteRecipient
    | Quarantine
)
"""What may come before the reply to the end of a message."""

Reply: TypeAlias = Options | PlainReply | Refusal | Change


def encode_options(options: Options) -> bytes:
    """The answer to an offer: three numbers, and the macros that we ask for."""
    octets = _OPTIONS.pack(options.version, options.actions, options.steps)
    for code, names in options.macros.items():
        octets += _LENGTH.pack(MACRO_STAGES.index(code)) + names.encode() + b"\0"
    return frame(codes.OFFER, octets)


MACRO_STAGES: Final = (
    codes.CONNECT, codes.HELO, codes.MAIL, codes.RCPT, codes.DATA, codes.END_OF_MESSAGE,
    codes.END_OF_HEADERS,
)  # fmt: skip
"""The stages in the order of the numbers by which macros are requested (SMFIM_)."""

NO_REPLY: Final = {
    codes.CONNECT: Steps.NO_REPLY_CONNECT,
    codes.HELO: Steps.NO_REPLY_HELO,
    codes.MAIL: Steps.NO_REPLY_MAIL,
    codes.RCPT: Steps.NO_REPLY_RECIPIENT,
    codes.DATA: Steps.NO_REPLY_DATA,
    codes.UNKNOWN: Steps.NO_REPLY_UNKNOWN,
    codes.HEADER: Steps.NO_REPLY_HEADER,
    codes.END_OF_HEADERS: Steps.NO_REPLY_END_OF_HEADERS,
    codes.BODY: Steps.NO_REPLY_BODY,
}
"""By command code, the step that does without its reply."""

_LENGTH = Struct(">I")
_OPTIONS = Struct(">III")
_CODE = re.compile(r"[45][0-5][0-9]")
_ENHANCED = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")
_NAME = re.compile(rb"[!-9;-~]+")


def _index(index: int) -> bytes:
    if not 0 <= index < 2**31:
        raise UnsendableReply(f"the index {index} is out of range")
    return _LENGTH.pack(index)


def _field(name: bytes, value: bytes) -> bytes:
    if not _NAME.fullmatch(name):
        raise UnsendableReply(f"{name!r} is not the name of a header field")
    folds = value.count(b"\n ") + value.count(b"\n\t")
    if b"\0" in value or b"\r" in value or value.count(b"\n") != folds:
        raise UnsendableReply(f"a value of {name!r} with a NUL, a CR, or an LF that is not folding")
    return name + b"\0" + value + b"\0"


def _address(*words: bytes) -> bytes:
    if any(octet < b" "[0] for word in words for octet in word):
        raise UnsendableReply("an address with a control character")
    return b"".join(word + b"\0" for word in words if word)
