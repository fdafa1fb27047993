"""What may follow what in the milter protocol: the states of a connection, and one table.

A command that is not in the table for the current state breaks the protocol.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from mailauth.milter.protocol import codes


class State(Enum):
    """How far the conversation of one connection has come."""

    OPENED = auto()
    """No options have been agreed on yet."""
    WAITING = auto()
    """Waiting for a client."""
    GREETED = auto()
    """A client is there, between two messages."""
    ENVELOPE = auto()
    """MAIL has come; recipients follow."""
    HEADER = auto()
    """DATA or a header field has come."""
    BODY = auto()
    """The header is complete."""
    CLOSED = auto()


def _between_messages(state: State) -> dict[bytes, State]:
    return {
        codes.MAIL: State.ENVELOPE,
        codes.HELO: State.GREETED,
        codes.ABORT: state,
        codes.QUIT: State.CLOSED,
        codes.QUIT_NEW_CONNECTION: State.WAITING,
        codes.UNKNOWN: state,
        codes.MACROS: state,
    }


def _within_a_message(state: State, further: Mapping[bytes, State]) -> dict[bytes, State]:
    return {
        codes.ABORT: State.GREETED,
        codes.QUIT: State.CLOSED,
        codes.QUIT_NEW_CONNECTION: State.WAITING,
        codes.MACROS: state,
        **further,
    }


_INTO_THE_HEADER: Final = {
    codes.HEADER: State.HEADER,
    codes.END_OF_HEADERS: State.BODY,
}

NEXT: Final[Mapping[State, Mapping[bytes, State]]] = {
    State.OPENED: {codes.OFFER: State.WAITING, codes.QUIT: State.CLOSED},
    State.WAITING: _between_messages(State.WAITING) | {codes.CONNECT: State.GREETED},
    State.GREETED: _between_messages(State.GREETED),
    State.ENVELOPE: _within_a_message(
        State.ENVELOPE,
        {
            codes.RCPT: State.ENVELOPE,
            codes.UNKNOWN: State.ENVELOPE,
            # If MAIL needs no reply, Sendmail drops an envelope without ABORT.
            codes.MAIL: State.ENVELOPE,
            codes.HELO: State.GREETED,
            codes.DATA: State.HEADER,  # MTAs before version 4 do not send it
            **_INTO_THE_HEADER,
        },
    ),
    State.HEADER: _within_a_message(State.HEADER, _INTO_THE_HEADER),
    State.BODY: _within_a_message(
        State.BODY, {codes.BODY: State.BODY, codes.END_OF_MESSAGE: State.BODY}
    ),
    State.CLOSED: {},
}
"""For each state, the commands that may come and the state after each of them.

Replies make two more transitions: the reply to the end of a message ends the
message, and so does one that refuses or accepts it earlier.
"""

IN_A_MESSAGE: Final = frozenset({State.ENVELOPE, State.HEADER, State.BODY})
