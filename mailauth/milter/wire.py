"""The milter protocol without a socket: octets in, events out; replies in, octets out.

This is the filter's side.  `receive` gives a `Connection` the octets that arrive, cut
anywhere; `next_event` returns what they say.  While the MTA waits for a reply there are
no further events, until `send` has encoded the reply.  A peer that breaks the protocol
is a `ProtocolViolation`, and its connection is over; a reply that does not fit is an
`UnsendableReply`, a bug of the filter.

What may follow what is in one table, `states.NEXT`.  Nothing is allocated merely
because a length was announced: octets are kept as they come, and a frame that is too
long is refused at its fourth octet.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, get_args

from mailauth.milter.protocol import codes, events
from mailauth.milter.protocol.events import Event, ProtocolViolation
from mailauth.milter.protocol.options import Options, Steps
from mailauth.milter.protocol.replies import (
    NO_REPLY,
    SKIP,
    Change,
    PlainReply,
    Refusal,
    Reply,
    UnsendableReply,
    encode_options,
)
from mailauth.milter.protocol.states import IN_A_MESSAGE, NEXT, State


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one connection we keep, in octets."""

    frame: int = 1_048_576
    """One frame; Postfix sends up to 65,536, and header fields of up to 102,400."""
    macros: int = 65_536
    """The macros of one stage."""


MAX_FIELDS: Final = 64
"""How many header fields one event may bring."""
_NEVER_ANSWERED: Final = frozenset({codes.ABORT, codes.QUIT, codes.QUIT_NEW_CONNECTION})
_END_WHAT_WAS: Final = _NEVER_ANSWERED | {codes.MAIL, codes.HELO}
_OF_NO_CLIENT: Final = frozenset({codes.QUIT, codes.QUIT_NEW_CONNECTION})
_OF_THE_CONNECTION: Final = frozenset({codes.CONNECT, codes.HELO})
_STAGES: Final = frozenset(NO_REPLY) | {codes.END_OF_MESSAGE}
_LENGTH: Final = Struct(">I")
_HEAD: Final = Struct(">IB")
_FIELD: Final = ord(codes.HEADER)
_CODES: Final = {ord(code): code for code in (*events.READERS, codes.MACROS)}


class Connection:
    """One connection of an MTA, from option negotiation to its end."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._longest = limits.frame
        self._buffer = b""
        self._at = 0  # how much of the buffer has been read
        self._behind = bytearray()  # what has arrived after the buffer
        self._macros: dict[bytes, bytes] = {}
        self._repeated = b""  # the last frame of macros, which is often sent again and again
        self._unanswered: frozenset[bytes] = _NEVER_ANSWERED
        self._changes: frozenset[type] = frozenset()  # those agreed on
        self._next = NEXT[State.OPENED]
        self.state = State.OPENED
        self.options = Options()
        self.owed: bytes | None = None
        """The code of the command that the MTA awaits a reply to."""

    @property
    def pending(self) -> int:
        """How many octets have arrived and have not been read."""
        return len(self._buffer) - self._at + len(self._behind)

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and has not ended."""
        return self.state in IN_A_MESSAGE

    def receive(self, octets: bytes) -> None:
        """Take in octets that have arrived."""
        if self._at < len(self._buffer) or self._behind:
            self._behind += octets
        else:
            self._buffer, self._at = octets, 0

    def next_event(self) -> Event | None:
        """The MTA's next event; None if it has not arrived in full, or if a reply is owed.

        **Raises** ProtocolViolation; the connection is then closed.
        """
        while self.owed is None and self.state is not State.CLOSED:
            if self._repeated and self._buffer.startswith(self._repeated, self._at):
                self._at += len(self._repeated)
                continue
            try:
                found = self._next_frame()
                if found is None:
                    return None
                event = self._read(*found)
            except ProtocolViolation:
                self.close()
                raise
            if event is not None:
                return event
        return None

    def macro(self, name: bytes) -> bytes | None:
        """The value of a macro, named without braces, from the latest stage that has it."""
        for octets in reversed(self._macros.values()):
            if name in octets and (value := events.macro(octets, name)) is not None:
                return value
        return None

    def send(self, reply: Reply) -> bytes:
        """The octets of a reply.

        **Raises** UnsendableReply: the MTA awaits no reply, or not this one, or the
        reply contains something that cannot be sent.
        """
        if self.owed is None:
            raise UnsendableReply(f"{reply}: the MTA awaits no reply")
        if isinstance(reply, Options):
            return self._agree(reply)
        if self.owed == codes.OFFER:
            raise UnsendableReply(f"{reply}: the MTA awaits options")
        if isinstance(reply, PlainReply | Refusal):
            octets = reply.encode()
            self._answered(reply)
            return octets
        if self.owed != codes.END_OF_MESSAGE:
            raise UnsendableReply(f"{reply}: the message has not ended")
        if type(reply) not in self._changes:
            raise UnsendableReply(f"{reply}: not among the actions that were agreed on")
        return reply.encode()

    def close(self) -> None:
        """End the connection; what is unread is dropped."""
        self._enter(State.CLOSED)
        self.owed = None
        self._buffer, self._at, self._behind = b"", 0, bytearray()
        self._forget_macros(all_of_them=True)

    def _next_frame(self) -> tuple[bytes, bytes] | None:
        """The code and the octets of the next frame, once all of it has arrived."""
        if not self._has(_HEAD.size):
            if self._has(_LENGTH.size):
                self._check_length(*_LENGTH.unpack_from(self._buffer, self._at))
            elif self._at == len(self._buffer):
                self._buffer, self._at = b"", 0  # idle connections keep nothing
            return None
        length, number = _HEAD.unpack_from(self._buffer, self._at)
        if not 0 < length <= self._longest:
            self._check_length(length)
        code = _CODES.get(number)
        if code is None:
            raise ProtocolViolation(f"the unknown command {number:#x}")
        if not self._has(_LENGTH.size + length):
            return None
        start = self._at
        self._at = end = start + _LENGTH.size + length
        if code == codes.MACROS:
            self._repeated = self._buffer[start:end]
        return code, self._buffer[start + _HEAD.size : end]

    def _has(self, size: int) -> bool:
        """Whether so many octets are unread; if so, they are all in the buffer afterwards."""
        there = len(self._buffer) - self._at
        if there >= size:
            return True
        if there + len(self._behind) < size:
            return False
        self._buffer, self._at = self._buffer[self._at :] + self._behind, 0
        self._behind = bytearray()
        return True

    def _check_length(self, length: int) -> None:
        if not 0 < length <= self._longest:
            raise ProtocolViolation(f"a frame of {length} octets")

    def _read(self, code: bytes, octets: bytes) -> Event | None:
        """The event of one frame, and enter the next state; macros are kept and are no event."""
        after = self._next.get(code)
        if after is None:
            raise ProtocolViolation(f"the command {code!r} in the state {self.state.name}")
        if code == codes.MACROS:
            self._keep_macros(octets)
            return None
        event = events.READERS[code](octets)
        if code not in self._unanswered:
            self.owed = code
        elif type(event) is events.Fields:
            self._add_fields(event.fields)
        if code in _END_WHAT_WAS:
            self._end_what_was(code)
        if after is not self.state:
            self._enter(after)
        return event

    def _add_fields(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Add the fields that arrived after the first, each its own frame, up to `MAX_FIELDS`."""
        buffer, at, repeated = self._buffer, self._at, self._repeated
        last = len(buffer) - _HEAD.size
        while len(fields) < MAX_FIELDS:
            if repeated and buffer.startswith(repeated, at):
                self._at = at = at + len(repeated)
            if at > last:
                break
            length, number = _HEAD.unpack_from(buffer, at)
            end = at + _LENGTH.size + length
            if number != _FIELD or end > len(buffer) or not 0 < length <= self._longest:
                break
            fields.append(events.field(buffer[at + _HEAD.size : end]))
            self._at = at = end

    def _end_what_was(self, code: bytes) -> None:
        """End the message, or the client, that this command ends."""
        self._end_message(but=code)
        if code in _OF_NO_CLIENT:
            self._forget_macros(all_of_them=True)

    def _enter(self, state: State) -> None:
        self.state = state
        self._next = NEXT[state]

    def _keep_macros(self, octets: bytes) -> None:
        """Replace the macros of a stage, which becomes the latest stage."""
        if len(octets) > self._limits.macros:
            raise ProtocolViolation(f"macros of {len(octets)} octets")
        stage, values = octets[:1], octets[1:]
        if stage not in _STAGES:
            raise ProtocolViolation(f"macros of the stage {stage!r}")
        events.check_macros(values)
        self._macros.pop(stage, None)
        self._macros[stage] = values

    def _forget_macros(self, *, but: bytes = b"", all_of_them: bool = False) -> None:
        """Forget the macros of a message when it ends; those of the client remain."""
        keep = frozenset() if all_of_them else _OF_THE_CONNECTION | {but}
        self._macros = {code: octets for code, octets in self._macros.items() if code in keep}
        self._repeated = b""

    def _agree(self, options: Options) -> bytes:
        if self.owed != codes.OFFER:
            raise UnsendableReply("options are agreed on once, at the start")
        self.options = options
        self._unanswered = _NEVER_ANSWERED.union(
            code for code, step in NO_REPLY.items() if options.steps & step
        )
        self._changes = frozenset(
            change for change in get_args(Change) if not change.action & ~options.actions
        )
        self.owed = None
        return encode_options(options)

    def _answered(self, reply: PlainReply | Refusal) -> None:
        if reply is SKIP and not self.options.steps & Steps.SKIP:
            raise UnsendableReply("the MTA does not know the reply skip")
        owed, self.owed = self.owed, None
        only_recipient = owed == codes.RCPT and reply.refuses
        if owed == codes.END_OF_MESSAGE or (
            self.in_message
            and owed != codes.UNKNOWN
            and (reply.ends or (reply.refuses and not only_recipient))
        ):
            self._end_message()

    def _end_message(self, *, but: bytes = b"") -> None:
        if self.in_message:
            self._enter(State.GREETED)
        self._forget_macros(but=but)
