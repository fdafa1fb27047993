"""The MTA's side: sends a message to a filter and reads the answer.

A `Client` is one connection over a blocking socket.  Nothing is taken for granted of
the filter except the form of its frames; any other form is a `BrokenFilter`.
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
"""Octets in the longest frame that is read."""
MAX_FIELD: Final = 102_400
"""Octets of a field that Postfix keeps, its default header_size_limit."""
MAX_NAME: Final = 100
"""Octets of a field's name that are shown."""

_LENGTH: Final = struct.Struct(">I")
_OFFER: Final = struct.Struct(">III")


class BrokenFilter(MailauthError):
    """The other end is no filter, closed the connection, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a message reaches the MTA."""

    ip: str = "127.0.0.1"
    host: str = ""
    """The verified name of the client, if it has one."""
    helo: str = "localhost"
    sender: str = ""
    recipients: tuple[str, ...] = ()
    """Filters built on libmilter do not answer for a message without any."""
    macros: commands.Macros = field(default_factory=dict)
    """Macros sent at CONNECT and MAIL, such as {auth_authen}."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Those of MAIL: SMTPUTF8 if an address is not all ASCII (RFC 6531 §3.4)."""
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
"""What a filter may do to a message, by reply code."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a filter asks the MTA to do."""

    reply: PlainReply | Refusal = CONTINUE
    changes: tuple[Change | bytes, ...] = ()
    """In order; a change of a kind that we never make is the octets of its frame."""


class Client:
    """One connection to a filter, over a blocking socket with a timeout."""

    def __init__(self, connected: socket.socket) -> None:
        """Offer everything that Postfix offers.  **Raises** BrokenFilter."""
        self._socket = connected
        self._said = b""
        self._send(commands.offer())
        code, octets = self._read()
        if code != codes.OFFER or len(octets) < _OFFER.size:
            raise BrokenFilter("what answers is not a milter")
        version, actions, steps = _OFFER.unpack_from(octets)
        self._skipped: set[bytes] = set()
        self.options = Options(version, actions, Steps(steps & commands.ALL_STEPS))

    def deliver(self, envelope: Envelope, octets: bytes, *, queue_id: str = "TEST") -> Answer:
        """Send a message, with any line endings, and return the answer.

        **Raises** BrokenFilter, and BadArgument: a field that no MTA would send unchanged.
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
        """Send QUIT and close."""
        try:
            self._socket.sendall(commands.QUIT)
        except OSError:
            pass  # the filter closed first
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
        """Send one command if the filter wants it; return a reply that ends the message early."""
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
            raise BrokenFilter(f"the filter sent a frame of {length} octets")
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
        """What happened to the connection, and at which command."""
        at = _name(self._said)
        if isinstance(fault, TimeoutError):
            patience = self._socket.gettimeout() or 0
            return BrokenFilter(f"the filter did not answer {at} within {patience:g} s")
        if isinstance(fault, ConnectionError):
            return BrokenFilter(f"the filter closed the connection at {at}")
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
"""By command code, the step that leaves the command out."""


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
    """The name of a command, from its first octets; macros are named for their command."""
    code = command[:1]
    if code == codes.HEADER:
        return f"the field {command[1:].partition(bytes(1))[0].decode('utf-8', 'replace')}"
    return _NAMES[command[1:2] if code == codes.MACROS else code]


def _check_fields(octets: bytes) -> None:
    """**Raises** BadArgument: a field that Postfix would not send to a filter unchanged."""
    for each in commands.split(octets)[0]:
        name = each.partition(b":")[0][:MAX_NAME].decode("utf-8", "replace")
        if b"\0" in each:
            raise BadArgument(
                f"the field {name} has a NUL, and Postfix sends only what is before it"
            )
        if len(each) > MAX_FIELD:
            reason = f"and Postfix cuts it off after {MAX_FIELD}, its header_size_limit"
            raise BadArgument(f"the field {name} has {len(each)} octets, {reason}")


def _reply(code: bytes, octets: bytes) -> PlainReply | Refusal:
    if code == codes.REPLY_IN_WORDS:
        words = octets.rstrip(b"\0").decode("utf-8", "replace").replace("%%", "%").split(" ", 2)
        if len(words) == 3 and words[0].isascii() and words[0].isdigit():  # noqa: PLR2004
            return Refusal(int(words[0][:3]), words[1], words[2])
        raise BrokenFilter(f"the filter sent the malformed reply {octets[:60]!r}")
    reply = PLAIN_REPLIES.get(code)
    if reply is None:
        raise BrokenFilter(f"the filter sent the unknown reply {code!r}")
    return reply


def _change(code: bytes, octets: bytes) -> Change | bytes:
    """A change as its class; as its frame, if malformed or of a kind that we never make."""
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
