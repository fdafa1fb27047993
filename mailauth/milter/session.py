"""What a filter does with the events of one connection, without a socket.

`hear` takes each event and returns the reply, if the MTA awaits one; `finish`
returns the final replies for a message, and may ask the DNS.  All state of a
message is in its `Mail`, which is dropped as a whole.

Every trouble defers the message: no message is ever accepted because something on
our side failed, and none is ever discarded.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mailauth import authres
from mailauth.authenticate import begin_verification
from mailauth.authres import MethodResult
from mailauth.dns.lookups import Lookups
from mailauth.milter import signing as signings
from mailauth.milter.comparing import differences
from mailauth.milter.ending import DEFERRED, DELIVERED, LATER, OVERLOADED, Ending
from mailauth.milter.guard import UNGUARDED, Guard
from mailauth.milter.judging import Envelope, judge
from mailauth.milter.mail import RECEIVED_SPF, RESULTS, Mail
from mailauth.milter.outcome import Outcome, insertion, removals
from mailauth.milter.protocol import replies
from mailauth.milter.protocol.events import (
    Abort,
    Body,
    Connect,
    EndOfHeaders,
    Event,
    Fields,
    Helo,
    MailFrom,
    QuitNewConnection,
    RcptTo,
)
from mailauth.milter.protocol.options import Offer, Options, Steps, negotiate
from mailauth.milter.protocol.replies import Change, Quarantine, Refusal, Reply
from mailauth.milter.record import Record
from mailauth.milter.settings import Action, Settings, SigningSettings, VerifyingSettings
from mailauth.milter.signing import is_ours
from mailauth.milter.srs import Recipients, Rewritten, shown, text_of
from mailauth.milter.tables.clients import Clients
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.wanted import wanted
from mailauth.milter.wire import Connection
from mailauth.syntax import address, trace
from mailauth.syntax.address import Address
from mailauth.syntax.message import Message

TOO_MANY: Final = Refusal(452, "4.5.3", "Too many recipients")


class Session:
    """One connection of an MTA, and the messages that it brings."""

    def __init__(
        self,
        settings: Settings,
        keys: KeyRing,
        connection: Connection,
        *,
        guard: Guard = UNGUARDED,
        clock: Callable[[], float] = time.time,
        on_forged: Callable[[str, str], None] | None = None,
    ) -> None:
        """A session with the macros of `connection`; `clock` gives seconds since the epoch.

        `on_forged` is called with each recipient that is a forged or expired SRS address,
        and with its client.
        """
        self._settings = settings
        self._keys = keys
        self._guard = guard
        self._connection = connection
        self._clock = clock
        self._on_forged = on_forged
        self._number = 0
        self._address: Address | None = None
        self._host = ""
        self._helo = ""
        self._is_trusted = False  # a relay of our own that judges
        self._is_relay = False  # one that does not
        self._by_smtp = True
        self._mail: Mail | None = None
        self._unfit = ""  # why no mail of this MTA can be handled
        self._trouble = ""  # why no mail of this client can be handled
        self._separator = b":"
        self._hearers: Mapping[type, Callable[[Any], Reply | None]] = {
            Offer: self._negotiate,
            Connect: self._hear_client,
            Helo: self._hear_helo,
            MailFrom: self._hear_sender,
            RcptTo: self._hear_recipient,
            Fields: self._hear_fields,
            EndOfHeaders: self._hear_end_of_headers,
            Body: self._hear_body,
            Abort: self._forget_message,
            QuitNewConnection: self._forget_client,
        }

    @property
    def queue_id(self) -> str:
        """The MTA's, or else a hyphen and a number of ours."""
        return self._macro(b"i") or f"-{self._number}"

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the current message."""
        return self._mail.fingerprint() if self._mail else ""

    @property
    def mark(self) -> str:
        """The same, or "" while the message is not in hand yet."""
        return self._mail.mark if self._mail else ""

    def hear(self, event: Event) -> Reply | None:
        """The reply to any event except the end of a message, if one is owed."""
        hear = self._hearers.get(type(event))
        reply = hear(event) if hear else None
        if self._connection.owed is None:
            return None
        return self._deferral() or reply or replies.CONTINUE

    def fail(self, trouble: str) -> None:
        """Defer the current message; without one, all mail of this client."""
        if self._mail is not None:
            self._mail.trouble = self._mail.trouble or trouble
        else:
            self._trouble = self._trouble or trouble

    def finish(self, octets: bytes) -> Lookups[Outcome]:
        """The outcome of the current message; `octets` are the last piece of its body.

        **Asks** what `judge` asks, if it is judged; what `signing.finish` asks, if it is signed.
        """
        mail = self._present()
        self._add_body(mail, octets)
        trouble = self._unfit or self._trouble or mail.trouble
        if trouble:
            return self.give_up(trouble)
        if mail.is_overloaded:
            return self._outcome(mail, OVERLOADED)
        settings, now = self._settings, int(self._clock())
        if mail.ours and settings.signing is not None:
            return (yield from self._sign(mail, settings.signing, now))
        if settings.verifying is None or self._is_trusted:
            return self._outcome(mail)
        return (yield from self._judge(mail, settings.verifying, now))

    def give_up(self, trouble: str) -> Outcome:
        """The outcome of the current message if it is deferred."""
        mail = self._present()
        mail.notes.append(f"deferred: {trouble}")
        return self._outcome(mail, DEFERRED)

    def _present(self) -> Mail:
        assert self._mail is not None, "the wire tells of no content without MAIL"  # noqa: S101
        return self._mail

    def _macro(self, name: bytes) -> str:
        value = self._connection.macro(name)
        return value.decode("utf-8", "replace") if value else ""

    def _negotiate(self, offer: Offer) -> Options:
        needed = wanted(self._settings)
        options = negotiate(offer, needed)
        lacking = options.lacks(needed)
        if lacking:
            self._unfit = f"the MTA does not allow {lacking.name}; all its mail is deferred"
        self._separator = b":" if options.steps & Steps.LEADING_SPACE else b": "
        return options

    def _deferral(self) -> Refusal | None:
        """The refusal that replaces any other reply, if the message must be deferred."""
        if self._mail is None or self._settings.dry_run:
            return None
        return LATER if self._unfit or self._trouble or self._mail.trouble else None

    def _hear_client(self, event: Connect) -> None:
        self._forget_client(event)
        self._address = address.parse(event.address.decode("utf-8", "replace"))
        self._host = event.host.decode("utf-8", "replace")
        # For mail from sendmail(1) or a queue, Postfix invents a client without a port.
        self._by_smtp = event.port != 0
        verifying = self._settings.verifying
        if verifying is not None:
            self._is_trusted = self._client() in verifying.trusted
            self._is_relay = self._client() in verifying.relays

    def _forget_client(self, _: Event) -> None:
        self._address, self._host, self._helo, self._mail = None, "", "", None
        self._is_trusted, self._is_relay, self._trouble = False, False, ""

    def _forget_message(self, _: Event) -> None:
        self._mail = None

    def _hear_helo(self, event: Helo) -> None:
        self._mail = None
        self._helo = event.name.decode("utf-8", "replace")

    def _hear_sender(self, event: MailFrom) -> None:
        self._mail = None
        self._number += 1
        self._mail = Mail.begin(event, self._settings.limits, self._judged_fields())
        if self._settings.srs is not None:
            refuses = self._settings.srs.reject_forged and self._by_smtp
            self._mail.envelope = Recipients(self._settings.srs, refuses)

    def _judged_fields(self) -> tuple[bytes, ...]:
        """The names of the fields whose forgeries are removed."""
        verifying = self._settings.verifying
        if verifying is None or self._is_trusted:
            return ()
        return (RESULTS, RECEIVED_SPF) if verifying.received_spf else (RESULTS,)

    def _hear_recipient(self, event: RcptTo) -> Refusal | None:
        mail = self._present()
        if mail.recipients >= self._settings.limits.recipients:
            return None if self._settings.dry_run else TOO_MANY
        if mail.envelope is not None:
            mailer, now = self._macro(b"rcpt_mailer"), int(self._clock())
            forged = mail.envelope.forged
            refusal = mail.envelope.add(event, mailer=mailer, now=now)
            if mail.envelope.forged > forged and self._on_forged is not None:
                self._on_forged(shown(text_of(event.address)), str(self._address or self._host))
            if refusal is not None and not self._settings.dry_run:
                return refusal
        mail.recipients += 1
        return None

    def _hear_fields(self, event: Fields) -> None:
        mail, verifying = self._present(), self._settings.verifying
        for name, value in event.fields:
            mail.add_field(name, value, separator=self._separator)
            if verifying is not None and mail.is_result(name) and self._take(mail):
                mail.judge_field(name, value, verifying.authserv_id)

    def _hear_end_of_headers(self, _: EndOfHeaders) -> None:
        """The header is complete: decide from it what to do with the body."""
        mail = self._present()
        if not self._take(mail):
            return
        settings, verifying = self._settings.signing, self._settings.verifying
        if settings is not None and is_ours(
            settings.ours, self._client(), mail.sender, self._macro
        ):
            mail.ours = True
            signings.begin(mail, settings)
        elif verifying is not None and verifying.dkim and not self._is_trusted:
            mail.verification = begin_verification(
                mail.header(),
                now=int(self._clock()),
                policy=verifying.policy,
                methods=verifying.methods,
            )

    def _take(self, mail: Mail) -> bool:
        """Take the message in hand; false if it ended a process before."""
        mark = mail.fingerprint()
        if self._guard.knows(mark):
            mail.trouble = mail.trouble or f"the message {mark} ended a process before"
            return False
        self._guard.take(mark)
        mail.mark = mark
        return True

    def _hear_body(self, event: Body) -> None:
        self._add_body(self._present(), event.octets)

    def _add_body(self, mail: Mail, octets: bytes) -> None:
        """Add a piece of the body; if the message will be deferred anyway, only count it."""
        if mail.trouble:
            mail.size += len(octets)
        else:
            mail.update(octets)

    def _client(self) -> tuple[str, Address | None]:
        """The verified name of the client, if it has one, and its address."""
        return "" if self._host.startswith("[") else self._host, self._address

    def _sign(self, mail: Mail, settings: SigningSettings, now: int) -> Lookups[Outcome]:
        user = self._macro(b"auth_authen")
        signed = yield from signings.finish(mail, settings, self._keys, user=user, now=now)
        return self._outcome(mail, signed.ending, fields=signed.fields, signatures=signed.made)

    def _judge(self, mail: Mail, verifying: VerifyingSettings, now: int) -> Lookups[Outcome]:
        """Our own results go to the very top, so they are inserted last (RFC 8601 §4)."""
        envelope = Envelope(self._address, self._helo, mail.sender, mail.smtputf8)
        if self._is_relay:
            envelope = _before_relays(envelope, mail, verifying.relays)
        judgement = yield from judge(envelope, mail.verification, verifying, now=now)
        results = authres.field(verifying.authserv_id, judgement.results, smtputf8=mail.smtputf8)
        fields = (*judgement.received_spf[::-1], results)
        differing: Iterable[str] = ()
        if verifying.compared:
            header, found = _header(mail), judgement.results
            differing = differences(header, verifying.compared, found, client=envelope.address)
        return self._outcome(
            mail,
            judgement.ending,
            fields=fields,
            results=judgement.results,
            differing=tuple(differing),
        )

    def _outcome(
        self,
        mail: Mail,
        ending: Ending = DELIVERED,
        *,
        fields: Sequence[bytes] = (),
        signatures: tuple[str, ...] = (),
        results: tuple[MethodResult, ...] = (),
        differing: tuple[str, ...] = (),
    ) -> Outcome:
        """A refused message is not changed; forged fields are removed from any other."""
        envelope = Rewritten()
        refusal = ending.refusal
        if mail.envelope is not None and refusal is None:
            envelope = mail.envelope.rewritten(mail.path, now=int(self._clock()))
            mail.notes += [*mail.envelope.notes(), *filter(None, [envelope.note])]
            if envelope.trouble:
                return self.give_up(envelope.trouble)
        self._mail = None
        dry_run = self._settings.dry_run
        removed = list(removals(mail))
        inserted = [insertion(field, self._separator) for field in fields]
        changes: list[Change] = [*removed, *inserted, *envelope.changes]
        if ending.action is Action.QUARANTINE:
            changes.append(Quarantine(ending.reason))
        record = Record(
            queue_id=self.queue_id,
            client=str(self._address or self._host),
            helo=self._helo,
            sender=mail.sender,
            user=self._macro(b"auth_authen"),
            recipients=mail.recipients,
            size=mail.size,
            ours=mail.ours,
            signatures=signatures,
            results=results,
            new_sender=envelope.sender,
            returned=envelope.returned,
            forged=mail.envelope.forged if mail.envelope else 0,
            removed=0 if refusal else len(removed),
            action=ending.action,
            reply=str(refusal or "continue"),
            differences=differing,
            notes=tuple(mail.notes),
            dry_run=dry_run,
        )
        if dry_run:
            return Outcome((), replies.CONTINUE, record)
        if refusal is not None:
            return Outcome((), refusal, record)
        return Outcome(tuple(changes), replies.CONTINUE, record)


def _header(mail: Mail) -> Message:
    return mail.verification.header if mail.verification else mail.header()


def _before_relays(envelope: Envelope, mail: Mail, relays: Clients) -> Envelope:
    """The envelope as our first relay saw it; unchanged if the mail is from the relay itself.

    It has no address if a client of the relay may have made the field unreadable.
    """
    hop = trace.client(_header(mail), lambda address: ("", address) in relays)
    if hop is None:
        mail.notes.append("the relay's Received fields name no client before it")
        return envelope
    if hop is trace.UNREADABLE:
        mail.notes.append("a Received field cannot be read, so the client is unknown")
        return replace(envelope, address=None, helo="")
    mail.notes.append(f"judged as from {hop.address}, by the relay's Received field")
    return replace(envelope, address=hop.address, helo=hop.helo)
