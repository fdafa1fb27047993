"""One connection of Postfix: its requests are answered in order, many in one write.

A peer that does not read, does not finish a request, or sends something else, makes
only its own connection wait or be closed.  At most `TURN` requests are answered before
the other connections get their turn, and none while the peer leaves replies unread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

from mailauth import serving
from mailauth.postfix.lookup import Outcome, Reply, Request, Wire, WireFault

TURN: Final = 256
"""How many requests of one connection are answered in a row."""
LINGER: Final = 1.0
"""Seconds in which a peer may read why its connection is closed."""
MAX_UNREAD: Final = 65_536
"""Octets of replies that the peer may leave unread before its requests must wait."""

Answer = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the peers of one server may use; times in seconds."""

    connections: int = 1000
    """Open at a time."""
    idle: float = 300.0
    """Between two requests.  Postfix itself keeps idle processes and their connections for 100."""
    request: float = 10.0
    """From the first octet of a request to its last; also for the peer to read waiting replies."""


class Watch(serving.Watch, Protocol):
    """What a look-up server reports of itself."""

    def started(self, request: Request) -> None:
        """A request is being answered."""

    def ended(self, request: Request, reply: Reply) -> None:
        """The request got this reply."""

    def failed(self, request: Request, fault: Exception) -> None:
        """The answering function raised, and Postfix was told to try again."""


class Connection(serving.Client):
    """The server's end of one connection, which is in the `roster` while it is open."""

    def __init__(
        self,
        wire: Wire,
        answer: Answer,
        *,
        limits: Limits,
        watch: Watch,
        roster: serving.Roster["Connection"],
    ) -> None:
        super().__init__(roster)
        self._wire = wire
        self._answer = answer
        self._limits = limits
        self._watch = watch
        self._roster = roster
        self._loop = asyncio.get_running_loop()
        self._transport = cast("asyncio.Transport", None)
        self._unread = False  # the peer has left so many replies unread that we wait
        self._waiting = False  # requests are left for a later turn
        self._gone: asyncio.Future[None] | None = None
        self._finishing = False  # we close as soon as nothing is under way
        self._lingering = False  # all is sent; the peer has a moment to read it
        self._is_half = False  # the deadline is that of a request
        self.touched = self._loop.time()
        """When the peer last gave a sign of life."""
        self.deadline = self.touched + limits.idle
        """By when the peer must give the next one."""

    @property
    def idle(self) -> bool:
        """Whether no request and no reply is under way."""
        under_way = self._held or self._lingering or self._wire.partial
        return not under_way and self._transport.get_write_buffer_size() == 0

    @property
    def _held(self) -> bool:
        """Whether requests are waiting, for their turn or for the peer to read."""
        return self._unread or self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNREAD)
        self._roster.add(self)
        self._watch.opened()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's; no news
        """Called by asyncio, once."""
        self._roster.discard(self)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._watch.closed()

    def receive(self, octets: bytes) -> None:
        """Take in octets that have arrived."""
        if self._lingering:
            return
        self._wire.receive(octets)
        if not self._held:
            self._work()

    def eof_received(self) -> bool:
        """Called by asyncio; returning false closes the connection once all is sent.

        No request is waiting: while one is, we do not read, so we do not see the end.
        """
        if self._wire.partial and not self._lingering:
            self._watch.violated(f"{self._peer()}: closed in the middle of a request")
        return False

    def pause_writing(self) -> None:
        """Called by asyncio: the peer is not reading, so its requests wait."""
        self._unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by asyncio: the peer has read."""
        self._unread = False
        if not self._lingering:
            self._later()

    def finish(self) -> asyncio.Future[None]:
        """Answer what is under way, then close; the future is done when it is closed."""
        self._finishing = True
        self._gone = self._gone or self._loop.create_future()
        if not (self._held or self._lingering):
            self._close_when_done()
        return self._gone

    def abort(self) -> None:
        """Close now, whatever is under way."""
        self._transport.abort()

    def tick(self, now: float) -> None:
        """Called now and then: close if the deadline has passed."""
        if now < self.deadline:
            return
        limit = self._limits.request
        if self._unread:
            self._watch.overdue(f"{self._peer()}: closed: replies are unread after {limit:g} s")
        elif self._wire.partial and not self._lingering:
            self._watch.overdue(f"{self._peer()}: closed: half a request after {limit:g} s")
        self._transport.abort()

    def _work(self) -> None:
        """Answer the requests that are there, up to `TURN`, in one write."""
        take, send, answer = self._wire.next_request, self._wire.send, self._answer
        started, ended = self._watch.started, self._watch.ended
        replies: list[bytes] = []
        fault: WireFault | None = None
        try:
            while len(replies) < TURN and (request := take()) is not None:
                started(request)
                try:
                    reply = answer(request)
                    octets = send(reply)
                except Exception as failure:  # noqa: BLE001 - whatever it is, the mail must wait
                    reply = self._failed(request, failure)
                    octets = send(reply)
                ended(request, reply)
                replies.append(octets)
        except WireFault as raised:
            fault = raised
            replies.append(raised.reply)
        if replies:
            self._transport.write(b"".join(replies))
        if fault is not None:
            self._refuse(fault)
            return
        self._set_deadline(answered=bool(replies))
        if len(replies) == TURN:
            self._later()
        elif self._finishing:
            self._close_when_done()

    def _failed(self, request: Request, failure: Exception) -> Reply:
        self._watch.failed(request, failure)
        return Reply(Outcome.TEMP, type(failure).__name__)

    def _later(self) -> None:
        """Go on once all other connections have had their turn."""
        if not self._waiting:
            self._waiting = True
            self._transport.pause_reading()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._waiting = False
        if self._unread or self._transport.is_closing():
            return
        self._work()
        if not self._held:
            self._transport.resume_reading()

    def _set_deadline(self, *, answered: bool) -> None:
        """An idle peer has a long time; sending more of a partial request buys no extra time."""
        now = self.touched = self._loop.time()
        half = self._wire.partial
        if self._unread:
            self.deadline = now + self._limits.request
        elif not half:
            self.deadline = now + self._limits.idle
        elif answered or not self._is_half:
            self.deadline = now + self._limits.request
        self._is_half = half

    def _refuse(self, fault: WireFault) -> None:
        """Close, but let the peer read why: closing with octets unread would reset it."""
        self._watch.violated(f"{self._peer()}: {fault}")
        self._lingering = True
        self.deadline = self._loop.time() + LINGER
        self._transport.write_eof()

    def _close_when_done(self) -> None:
        """Close, unless the rest of a request has yet to come."""
        if not self._wire.partial:
            self._transport.close()

    def _peer(self) -> str:
        return serving.peer_of(self._transport)
