"""The side of the MTA: a message is sent to a filter, and what comes back is read.

A `Client` is one connection, by a blocking socket.  Nothing is believed of the
filter but the form of its frames; what has another is a `BrokenFilter`.
"""

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mailauth.errors import BadArgument, MailauthError
from mailauth.milter.protocol import codes, commands
from mailauth.milter.protocol.options import Options, Steps
from mailauth.milter.protocol.replies import (
    CONTINUE,
    NO_REPLY,
    PLAIN_REPLIES,
    SKIP,
    AddHeader,
    AddRecipient,
    AddRecipientWithArguments,
    Change,
    ChangeFrom,
    ChangeHeader,
    DeleteRecipient,
    InsertHeader,
    PlainReply,
    Quarantine,
    Refusal,
    frame,
)
from mailauth.syntax.message import normalize_line_endings

MAX_FRAME: Final = 16_777_216
"""Octets of a reply that are read."""
MAX_FIELD: Final = 102_400
"""Octets of a field that Postfix keeps, its header_size_limit."""
MAX_NAME: Final = 100
"""Octets of a field's name that are told."""

_LENGTH: Final = struct.Struct(">I")
_OFFER: Final = struct.Struct(">III")


class BrokenFilter(MailauthError):
    """What answers is no filter, closed the connection, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a message comes to the MTA."""

    ip: str = "127.0.0.1"
    host: str = ""
    """The verified name of the client, if it has one."""
    helo: str = "localhost"
    sender: str = ""
    recipients: tuple[str, ...] = ()
    """Filters made with libmilter do not answer a message that has none."""
    macros: commands.Macros = field(default_factory=dict)
    """Those at MAIL, such as {auth_authen}."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Those of MAIL: with more than ASCII in an address it needs SMTPUTF8 (RFC 6531 §3.4)."""
        is_ascii = all(map(str.isascii, (self.sender, *self.recipients)))
        return () if is_ascii else ("SMTPUTF8",)


CHANGES: Final[Mapping[bytes, str]] = {
    codes.ADD_HEADER: "a field is added",
    codes.INSERT_HEADER: "a field is inserted",
    codes.CHANGE_HEADER: "a field is changed",
    codes.CHANGE_FROM: "the sender is changed",
    codes.REPLACE_BODY: "the body is replaced",
    codes.QUARANTINE: "quarantine",
    codes.ADD_RECIPIENT: "a recipient is added",
    codes.ADD_RECIPIENT_WITH_ARGUMENTS: "a recipient is added",
    codes.DELETE_RECIPIENT: "a recipient is deleted",
}
"""What a filter may do to a message, by the code of the reply."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a filter would have the MTA do."""

    reply: PlainReply | Refusal = CONTINUE
    changes: tuple[Change | bytes, ...] = ()
    """In their order; those that we never make are the octets of their frames."""


class Client:
    """One connection to a filter, over a blocking socket with a time-out."""

    def __init__(self, connected: socket.socket) -> None:
        """Offer all that Postfix does.  **Raises** BrokenFilter."""
        self._socket = connected
        self._said = b""
        self._send(commands.offer())
        code, octets = self._read()
        if code != codes.OFFER or len(octets) < _OFFER.size:
            raise BrokenFilter("what answers is no milter")
        version, actions, steps = _OFFER.unpack_from(octets)
        self._skipped: set[bytes] = set()
        self.options = Options(version, actions, Steps(steps & commands.ALL_STEPS))

    def deliver(self, envelope: Envelope, octets: bytes, *, queue_id: str = "TEST") -> Answer:
        """Send a message, whatever its line ends, and come to the answer.

        **Raises** BrokenFilter, and BadArgument: a field that no MTA would send as it is.
        """
        content = normalize_line_endings(octets)
        _check_fields(content)
        self._skipped.clear()
        for say in self._before(envelope, queue_id):
            early = self._say(say)
            if early is not None:
                return Answer(early)
        spaced = bool(self.options.steps & Steps.LEADING_SPACE)
        *frames, last = commands.message(content, queue_id=queue_id, leading_space=spaced)
        for say in frames:
            early = self._say(say)
            if early is not None:
                return Answer(early)
        self._send(last)
        return self._answer()

    def close(self) -> None:
        """Say good-bye and close."""
        try:
            self._socket.sendall(commands.QUIT)
        except OSError:
            pass  # it is gone before us
        finally:
            self._socket.close()

    def _before(self, envelope: Envelope, queue_id: str) -> Iterator[bytes]:
        family = "6" if ":" in envelope.ip else "4"
        yield commands.macros(codes.CONNECT, {"j": "localhost", "v": "mailauth", **envelope.macros})
        yield commands.connect(envelope.ip, envelope.host or f"[{envelope.ip}]", family)
        yield commands.helo(envelope.helo)
        yield commands.macros(codes.MAIL, {"i": queue_id, **envelope.macros})
        yield commands.mail(f"<{envelope.sender}>", *envelope.arguments)
        for recipient in envelope.recipients:
            yield commands.rcpt(f"<{recipient}>")
        yield commands.data()

    def _say(self, octets: bytes) -> PlainReply | Refusal | None:
        """Say one command as far as it is wanted; what refuses the message already, or None."""
        code = octets[_LENGTH.size : _LENGTH.size + 1]
        steps = self.options.steps
        if code in self._skipped or steps & LEFT_OUT.get(code, Steps.NONE):
            return None
        self._send(octets)
        if code == codes.MACROS or steps & NO_REPLY[code]:
            return None
        reply = _reply(*self._read())
        if reply is SKIP:
            self._skipped.add(code)
        return reply if reply.refuses or reply.ends else None

    def _answer(self) -> Answer:
        changes: list[Change | bytes] = []
        while True:
            code, octets = self._read()
            if code in CHANGES:
                changes.append(_change(code, octets))
            elif code != codes.PROGRESS:
                return Answer(_reply(code, octets), tuple(changes))

    def _send(self, octets: bytes) -> None:
        self._said = octets[_LENGTH.size : _LENGTH.size + MAX_NAME]
        try:
            self._socket.sendall(octets)
        except OSError as fault:
            raise self._broken(fault) from None

    def _read(self) -> tuple[bytes, bytes]:
        (length,) = _LENGTH.unpack(self._receive(_LENGTH.size))
        if not 0 < length <= MAX_FRAME:
            raise BrokenFilter(f"a frame of {length} octets")
        octets = self._receive(length)
        return octets[:1], octets[1:]

    def _receive(self, count: int) -> bytes:
        octets = bytearray()
        try:
            while len(octets) < count:
                piece = self._socket.recv(min(count - len(octets), commands.CHUNK))
                if not piece:
                    raise ConnectionResetError
                octets += piece
        except OSError as fault:
            raise self._broken(fault) from None
        return bytes(octets)

    def _broken(self, fault: OSError) -> BrokenFilter:
        """What became of the connection, and at which command."""
        at = _name(self._said)
        if isinstance(fault, TimeoutError):
            patience = self._socket.gettimeout() or 0
            return BrokenFilter(f"the filter gives no answer within {patience:g} s to {at}")
        if isinstance(fault, ConnectionError):
            return BrokenFilter(f"the filter has closed the connection at {at}")
        return BrokenFilter(f"the connection broke at {at}: {fault.strerror or fault}")


LEFT_OUT: Final = {
    codes.CONNECT: Steps.NO_CONNECT,
    codes.HELO: Steps.NO_HELO,
    codes.MAIL: Steps.NO_MAIL,
    codes.RCPT: Steps.NO_RECIPIENTS,
    codes.BODY: Steps.NO_BODY,
    codes.HEADER: Steps.NO_HEADERS,
    codes.END_OF_HEADERS: Steps.NO_END_OF_HEADERS,
    codes.UNKNOWN: Steps.NO_UNKNOWN,
    codes.DATA: Steps.NO_DATA,
}
"""For the code of a command, the step that leaves it out."""


_NAMES: Final = {
    codes.OFFER: "the offer of options",
    codes.CONNECT: "CONNECT",
    codes.HELO: "HELO",
    codes.MAIL: "MAIL",
    codes.RCPT: "RCPT",
    codes.DATA: "DATA",
    codes.HEADER: "a field",
    codes.END_OF_HEADERS: "the end of the header",
    codes.BODY: "the body",
    codes.END_OF_MESSAGE: "the end of the message",
}


def _name(command: bytes) -> str:
    """A command in words, by its first octets; that which follows stands for macros."""
    code = command[:1]
    if code == codes.HEADER:
        return f"the field {command[1:].partition(bytes(1))[0].decode('utf-8', 'replace')}"
    return _NAMES[command[1:2] if code == codes.MACROS else code]


def _check_fields(octets: bytes) -> None:
    """**Raises** BadArgument: a field that Postfix would not send to a filter as it is."""
    for each in commands.split(octets)[0]:
        name = each.partition(b":")[0][:MAX_NAME].decode("utf-8", "replace")
        if b"\0" in each:
            reason = "a NUL, and Postfix sends no more of it than stands before that"
            raise BadArgument(f"the field {name} has {reason}")
        if len(each) > MAX_FIELD:
            reason = f"and Postfix drops what is over {MAX_FIELD}, its header_size_limit"
            raise BadArgument(f"the field {name} has {len(each)} octets, {reason}")


def _reply(code: bytes, octets: bytes) -> PlainReply | Refusal:
    if code == codes.REPLY_IN_WORDS:
        words = octets.rstrip(b"\0").decode("utf-8", "replace").replace("%%", "%").split(" ", 2)
        if len(words) == 3 and words[0].isascii() and words[0].isdigit():  # noqa: PLR2004
            return Refusal(int(words[0][:3]), words[1], words[2])
        raise BrokenFilter(f"the reply {octets[:60]!r}")
    reply = PLAIN_REPLIES.get(code)
    if reply is None:
        raise BrokenFilter(f"the reply {code!r}")
    return reply


def _change(code: bytes, octets: bytes) -> Change | bytes:
    """A change as its class; what is not of its form, or never made by us, as its frame."""
    words = octets.split(b"\0")
    arguments = words[1] if len(words) > 1 else b""
    change: Change | bytes = frame(code, octets)
    match code:
        case codes.ADD_HEADER if len(words) > 1:
            change = AddHeader(words[0], words[1])
        case codes.INSERT_HEADER | codes.CHANGE_HEADER if octets.count(0, _LENGTH.size) > 1:
            (index,) = _LENGTH.unpack_from(octets)
            name, value, *_ = octets[_LENGTH.size :].split(b"\0")
            make = InsertHeader if code == codes.INSERT_HEADER else ChangeHeader
            change = make(index, name, value)
        case codes.CHANGE_FROM:
            change = ChangeFrom(words[0], arguments)
        case codes.ADD_RECIPIENT:
            change = AddRecipient(words[0])
        case codes.ADD_RECIPIENT_WITH_ARGUMENTS:
            change = AddRecipientWithArguments(words[0], arguments)
        case codes.DELETE_RECIPIENT:
            change = DeleteRecipient(words[0])
        case codes.QUARANTINE:
            change = Quarantine(words[0].decode("utf-8", "replace"))
    return change
