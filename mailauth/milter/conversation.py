"""One connection of an MTA: octets from the socket to the session, its replies back.

Everything that one read brings is answered in one write.  Nothing more is read while
a message is being judged.  If something goes wrong on our side, the MTA is told to try
again later; if something goes wrong on the peer's, this one connection ends.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast

from mailauth import serving
from mailauth.dns.lookups import Lookups, Question, Together
from mailauth.milter.ending import LATER
from mailauth.milter.guard import Guard
from mailauth.milter.outcome import Outcome
from mailauth.milter.protocol import codes
from mailauth.milter.protocol.events import EndOfMessage, Event, MailFrom, ProtocolViolation
from mailauth.milter.protocol.replies import Progress, Reply, printable_ascii
from mailauth.milter.protocol.states import State
from mailauth.milter.record import Fault
from mailauth.milter.session import Session
from mailauth.milter.stopwatch import Stopwatch
from mailauth.milter.terms import Limits, Resolver, Watch
from mailauth.milter.wire import Connection

TURN: Final = 128
"""How many events of one connection are handled in a row."""
LINGER: Final = 1.0
"""Seconds without an octet after which an MTA with no message under way may be closed."""
MAX_UNREAD: Final = 1_048_576
"""Octets of replies that the peer may leave unread before what it sends must wait."""


class Conversation(serving.Client):
    """Our end of one connection, which is in the `roster` while it is open."""

    def __init__(
        self,
        begin: Callable[[Connection], Session],
        *,
        resolver: Resolver,
        limits: Limits,
        watch: Watch,
        guard: Guard,
        roster: serving.Roster["Conversation"],
    ) -> None:
        super().__init__(roster)
        self._wire = Connection(limits.octets)
        self._session = begin(self._wire)
        self._resolver = resolver
        self._limits = limits
        self._watch = watch
        self._guard = guard
        self._roster = roster
        self._loop = asyncio.get_running_loop()
        self._transport = cast("asyncio.Transport", None)
        self._socket: socket.socket | None = None
        self._judging: asyncio.Task[None] | None = None
        self._waiting = False  # events are left for a later turn
        self._unread = False  # the peer has left so many replies unread that we wait
        self._closing = False  # after the current message
        self._gone: asyncio.Future[None] | None = None
        self._is_partial = False  # the deadline is that of a frame
        self._number = 0  # the watch's number for the message being judged
        self._begun = 0.0  # when MAIL began the current message
        self._content_begun = 0.0  # when its first field came
        self._judging_begun = 0.0  # when it was complete
        self._shown = 0.0  # the last sign of progress
        self._heard = self._loop.time()  # when the peer last sent something
        self.deadline = self._heard + limits.idle
        """By when the peer must have done something."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNREAD)
        end = transport.get_extra_info("socket")
        if end is not None and end.family in (socket.AF_INET, socket.AF_INET6):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = end
        self._roster.add(self)
        self._watch.opened()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's; no news
        """Called by asyncio, once."""
        if self._judging is not None:
            self._defer("the MTA closed the connection")
        self._wire.close()
        self._roster.discard(self)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._watch.closed()

    def receive(self, octets: bytes) -> None:
        """Octets that have arrived."""
        if self._socket is not None and _QUICKACK is not None:
            # An MTA sends many small frames; each delayed acknowledgement costs it 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        self._wire.receive(octets)
        self._heard = self._loop.time()
        if not self._is_held():
            self._work()

    def pause_writing(self) -> None:
        """Called by asyncio: the peer is not reading, so what it sends waits."""
        self._unread = True
        self._transport.pause_reading()
        self.deadline = self._loop.time() + self._limits.frame

    def resume_writing(self) -> None:
        """Called by asyncio: the peer has read."""
        self._unread = False
        self._go_on()

    def finish(self) -> asyncio.Future[None]:
        """Close once no message is under way, has just ended or is about to begin.

        The future is done when the connection is closed.
        """
        self._closing = True
        self._gone = self._gone or self._loop.create_future()
        self._close_if_done(self._loop.time())
        return self._gone

    def abort(self) -> None:
        """Close now; a message that is being judged is deferred."""
        if self._judging is not None:
            self._defer("the service is stopping")
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._transport.abort()

    def tick(self, now: float) -> None:
        """Called now and then: check the deadlines."""
        limits = self._limits
        if self._judging is not None:
            if now >= self._judging_begun + limits.judging:
                self._overdue(f"judging a message took over {limits.judging:g} s")
                self._defer("judging the message took too long")
            elif now >= self._shown + limits.progress:
                self._shown = now
                self._transport.write(self._wire.send(Progress()))
        elif self._content_begun and now >= self._content_begun + limits.content:
            self._overdue(f"the content of a message took over {limits.content:g} s")
            self._session.fail("the content came too slowly")
            self._content_begun = 0.0
        if self._judging is None and now >= self.deadline:
            why = "half a frame" if self._wire.pending else "idle"
            self._overdue("closed: replies are unread" if self._unread else f"closed: {why}")
            self._transport.abort()
        self._close_if_done(now)

    def _is_held(self) -> bool:
        """Whether what has arrived must wait: for a verdict, a turn, or the peer to read."""
        return self._judging is not None or self._waiting or self._unread

    def _work(self) -> None:
        """Handle what has arrived, up to `TURN` events, and answer in one write."""
        said: list[bytes] = []
        if mark := self._session.mark:
            self._guard.take(mark)
        try:
            self._hear_all(said)
        except ProtocolViolation as violation:
            self._watch.violated(f"{self._peer()}: {printable_ascii(str(violation))}")
        except Exception as fault:  # noqa: BLE001 - the state is unknown; the MTA defers the message
            self._fail(fault)
            self._wire.close()
        self._guard.leave()
        if said:
            self._transport.write(b"".join(said))
        if self._wire.state is State.CLOSED:
            self._transport.close()
            return
        self._set_deadline(heard=bool(said))

    def _hear_all(self, said: list[bytes]) -> None:
        wire = self._wire
        for _ in range(TURN):
            event = wire.next_event()
            if event is None:
                return
            if isinstance(event, EndOfMessage):
                self._end_message(event.octets, said)
                if self._judging is not None:
                    return
                continue
            reply = self._hear(event)
            if reply is not None:
                said.append(wire.send(reply))
        self._waiting = True
        self._transport.pause_reading()
        self._loop.call_soon(self._have_turn)

    def _have_turn(self) -> None:
        self._waiting = False
        self._go_on()

    def _go_on(self) -> None:
        """Handle what has arrived in the meantime, then read on."""
        if self._is_held() or self._transport.is_closing():
            return
        self._work()
        if not self._is_held() and not self._transport.is_closing():
            self._transport.resume_reading()

    def _hear(self, event: Event) -> Reply | None:
        session, wire = self._session, self._wire
        if isinstance(event, MailFrom):
            self._begun = self._loop.time()
        try:
            return session.hear(event)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the mail waits
            self._fail(fault)
            session.fail(f"internal error: {type(fault).__name__}")
            if wire.owed == codes.OFFER:  # an offer cannot be refused
                wire.close()
            return LATER if wire.owed else None

    def _end_message(self, octets: bytes, said: list[bytes]) -> None:
        """The message is complete: answer at once if no look-up has to wait."""
        self._judging_begun = self._shown = self._loop.time()
        self._number = self._watch.started()
        try:
            lookups = self._session.finish(octets)
            question = next(lookups)
            while (answer := self._resolver.remembered(question)) is not None:
                question = lookups.send(answer)
        except StopIteration as stop:
            said.append(self._answer(stop.value, 0.0))
        except Exception as fault:  # noqa: BLE001 - whatever it is, the mail waits
            said.append(self._give_up(fault))
        else:
            self._transport.pause_reading()
            self._judging = self._loop.create_task(self._judge(lookups, question))

    async def _judge(self, lookups: Lookups[Outcome], question: Question | Together) -> None:
        stopwatch = Stopwatch(self._guard, self._session.mark)
        try:
            outcome = await self._resolver.run(stopwatch.timed(lookups, question))
            octets = self._answer(outcome, stopwatch.seconds)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the mail waits
            octets = self._give_up(fault)
        self._guard.leave()
        self._judging = None
        self._transport.write(octets)
        self._go_on()

    def _answer(self, outcome: Outcome, dns_seconds: float) -> bytes:
        """The replies to the end of a message, encoded; if that fails, the message is deferred."""
        try:
            octets = b"".join(map(self._wire.send, (*outcome.changes, outcome.reply)))
        except Exception as fault:  # noqa: BLE001 - whatever it is, the mail waits
            self._fail(fault)
            outcome = outcome.deferred(f"internal error: {type(fault).__name__}")
            octets = self._wire.send(outcome.reply)
        now = self._loop.time()
        record = outcome.record._replace(
            dns_seconds=dns_seconds,
            seconds=now - self._begun,
            work_seconds=now - self._judging_begun,
        )
        self._content_begun = 0.0
        self._watch.ended(self._number, record)
        return octets

    def _give_up(self, fault: Exception) -> bytes:
        """The same after a fault of ours, in whatever state it left us."""
        self._fail(fault)
        try:
            outcome = self._session.give_up(f"internal error: {type(fault).__name__}")
            return self._answer(outcome, 0.0)
        except Exception as again:  # noqa: BLE001 - then without a record
            self._fail(again)
            self._watch.dropped(self._number)
            self._session.fail("internal error")
            return self._wire.send(LATER) if self._wire.owed else b""

    def _defer(self, trouble: str) -> None:
        """Answer now for the message being judged: defer it."""
        judging, self._judging = self._judging, None
        if judging is not None:
            judging.cancel()
            self._transport.write(self._answer(self._session.give_up(trouble), 0.0))
            self._loop.call_soon(self._go_on)

    def _fail(self, fault: Exception) -> None:
        session = self._session
        self._watch.failed(Fault(session.queue_id, session.fingerprint, fault))

    def _set_deadline(self, *, heard: bool) -> None:
        """An idle peer has a long time; sending more of a partial frame buys no extra time."""
        now = self._loop.time()
        content = self._wire.state in (State.HEADER, State.BODY)
        if not self._wire.in_message:
            self._content_begun = 0.0
        if content and not self._content_begun:
            self._content_begun = now
        partial = self._wire.pending > 0 and self._wire.owed is None
        if not partial:
            self.deadline = now + self._limits.idle
        elif heard or not self._is_partial:
            self.deadline = now + self._limits.frame
        self._is_partial = partial

    def _close_if_done(self, now: float) -> None:
        under_way = self._wire.in_message or self._judging is not None
        if self._closing and not under_way and now >= self._heard + LINGER:
            self._transport.close()

    def _overdue(self, what: str) -> None:
        self._watch.overdue(f"{self._peer()}: {what}")

    def _peer(self) -> str:
        return serving.peer_of(self._transport)


_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
