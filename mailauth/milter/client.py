"""The side of the MTA: a message is sent to a filter, and what comes back is read.

A `Client` is one connection, by a blocking socket.  Nothing is believed of the
filter but the form of its frames; what has another is a `BrokenFilter`.
"""

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from mailauth.errors import MailauthError
from mailauth.milter import commands, events
from mailauth.milter.options import Options, Steps
from mailauth.milter.replies import (
    CONTINUE,
    NO_REPLY,
    SKIP,
    VERDICTS,
    AddHeader,
    AddRecipient,
    AddRecipientWithArguments,
    ChangeFrom,
    ChangeHeader,
    DeleteRecipient,
    InsertHeader,
    Quarantine,
    Refusal,
    Verdict,
    frame,
)
from mailauth.syntax.message import normalize_line_endings

MAX_FRAME: Final = 16_777_216
"""Octets of a reply that are read."""

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
    macros: commands.Macros = field(default_factory=dict)
    """Those at MAIL, such as {auth_authen}."""


CHANGES: Final[Mapping[bytes, str]] = {
    b"h": "a field is added",
    b"i": "a field is inserted",
    b"m": "a field is changed",
    b"e": "the sender is changed",
    b"b": "the body is replaced",
    b"q": "quarantine",
    b"+": "a recipient is added",
    b"2": "a recipient is added",
    b"-": "a recipient is deleted",
}
"""What a filter may do to a message, by the code of the reply."""

_Change: TypeAlias = (
    AddHeader
    | InsertHeader
    | ChangeHeader
    | ChangeFrom
    | AddRecipient
    | AddRecipientWithArguments
    | DeleteRecipient
    | Quarantine
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a filter would have the MTA do."""

    verdict: Verdict | Refusal = CONTINUE
    changes: tuple[_Change | bytes, ...] = ()
    """In their order; those that we never make are the octets of their frames."""


class Client:
    """One connection to a filter, over a blocking socket with a time-out."""

    def __init__(self, connected: socket.socket) -> None:
        """Offer all that Postfix does.  **Raises** BrokenFilter."""
        self._socket = connected
        self._send(commands.offer())
        code, octets = self._read()
        if code != events.OFFER or len(octets) < _OFFER.size:
            raise BrokenFilter("what answers is no milter")
        version, actions, steps = _OFFER.unpack_from(octets)
        self._skipped: set[bytes] = set()
        self.options = Options(version, actions, Steps(steps & commands.ALL_STEPS))

    def deliver(self, envelope: Envelope, octets: bytes, *, queue_id: str = "TEST") -> Answer:
        """Send a message, whatever its line ends, and come to the answer.

        **Raises** BrokenFilter.
        """
        self._skipped.clear()
        for say in self._before(envelope, queue_id):
            early = self._say(say)
            if early is not None:
                return Answer(early)
        spaced = bool(self.options.steps & Steps.LEADING_SPACE)
        content = normalize_line_endings(octets)
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
        yield commands.macros(
            events.CONNECT, {"j": "localhost", "v": "mailauth", **envelope.macros}
        )
        yield commands.connect(envelope.ip, envelope.host or f"[{envelope.ip}]", family)
        yield commands.helo(envelope.helo)
        yield commands.macros(events.MAIL, {"i": queue_id, **envelope.macros})
        yield commands.mail(f"<{envelope.sender}>")
        for recipient in envelope.recipients:
            yield commands.rcpt(f"<{recipient}>")
        yield commands.data()

    def _say(self, octets: bytes) -> Verdict | Refusal | None:
        """Say one command as far as it is wanted; what refuses the message already, or None."""
        code = octets[_LENGTH.size : _LENGTH.size + 1]
        steps = self.options.steps
        if code in self._skipped or steps & LEFT_OUT.get(code, Steps.NONE):
            return None
        self._send(octets)
        if code == events.MACROS or steps & NO_REPLY[code]:
            return None
        verdict = _verdict(*self._read())
        if verdict is SKIP:
            self._skipped.add(code)
        return verdict if verdict.refuses or verdict.ends else None

    def _answer(self) -> Answer:
        changes: list[_Change | bytes] = []
        while True:
            code, octets = self._read()
            if code in CHANGES:
                changes.append(_change(code, octets))
            elif code != b"p":
                return Answer(_verdict(code, octets), tuple(changes))

    def _send(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError as fault:
            raise BrokenFilter(f"the filter cannot be told: {fault.strerror or fault}") from None

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
                    raise BrokenFilter("the filter has closed the connection")
                octets += piece
        except TimeoutError:
            raise BrokenFilter("the filter does not answer") from None
        except OSError as fault:
            raise BrokenFilter(f"the filter is gone: {fault.strerror or fault}") from None
        return bytes(octets)


LEFT_OUT: Final = {
    events.CONNECT: Steps.NO_CONNECT,
    events.HELO: Steps.NO_HELO,
    events.MAIL: Steps.NO_MAIL,
    events.RCPT: Steps.NO_RECIPIENTS,
    events.BODY: Steps.NO_BODY,
    events.HEADER: Steps.NO_HEADERS,
    events.END_OF_HEADERS: Steps.NO_END_OF_HEADERS,
    events.UNKNOWN: Steps.NO_UNKNOWN,
    events.DATA: Steps.NO_DATA,
}
"""For the code of a command, the step that leaves it out."""


def _verdict(code: bytes, octets: bytes) -> Verdict | Refusal:
    if code == b"y":
        words = octets.rstrip(b"\0").decode("utf-8", "replace").replace("%%", "%").split(" ", 2)
        if len(words) == 3 and words[0].isascii() and words[0].isdigit():  # noqa: PLR2004
            return Refusal(int(words[0][:3]), words[1], words[2])
        raise BrokenFilter(f"the reply {octets[:60]!r}")
    verdict = VERDICTS.get(code)
    if verdict is None:
        raise BrokenFilter(f"the reply {code!r}")
    return verdict


def _change(code: bytes, octets: bytes) -> _Change | bytes:
    words = octets.split(b"\0")
    match code:
        case b"h" if len(words) > 1:
            return AddHeader(words[0], words[1])
        case b"i" | b"m" if len(octets) > _LENGTH.size and octets.count(0, _LENGTH.size) > 1:
            (index,) = _LENGTH.unpack_from(octets)
            name, value, *_ = octets[_LENGTH.size :].split(b"\0")
            return (InsertHeader if code == b"i" else ChangeHeader)(index, name, value)
        case b"e" | b"2":
            arguments = words[1] if len(words) > 1 else b""
            return (ChangeFrom if code == b"e" else AddRecipientWithArguments)(words[0], arguments)
        case b"+" | b"-":
            return (AddRecipient if code == b"+" else DeleteRecipient)(words[0])
        case b"q":
            return Quarantine(words[0].decode("utf-8", "replace"))
    return frame(code, octets)
