"""A milter without a socket: an MTA's frames go in, and the resulting message comes out."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mail as mails
import mta

from mailauth.dns import Zone
from mailauth.milter.protocol.events import EndOfMessage
from mailauth.milter.record import Record
from mailauth.milter.session import Session
from mailauth.milter.settings import Settings, SigningSettings, VerifyingSettings
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.tables.signingtable import SigningKey, SigningTable
from mailauth.milter.wire import Connection, Limits

ID = "mx.example.org"


@dataclass(frozen=True)
class Delivery:
    """What became of one message."""

    replies: list[tuple[bytes, bytes]]
    message: bytes
    record: Record

    @property
    def verdict(self) -> tuple[bytes, bytes]:
        """The reply to its end."""
        return self.replies[-1]

    @property
    def results(self) -> str:
        """The first Authentication-Results field, unfolded."""
        head = self.message.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").split(b"\r\n")
        return next(f for f in head if f.startswith(b"Authentication-Results:")).decode()


def pieces(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The code and the octets of each frame; they must be whole."""
    at = 0
    while at < len(octets):
        (length,) = struct.unpack_from(">I", octets, at)
        piece = octets[at + 4 : at + 4 + length]
        assert len(piece) == length > 0, "a frame that is not whole"
        yield piece[:1], piece[1:]
        at += 4 + length


class Filtered:
    """One connection of an MTA to the milter."""

    def __init__(self, settings: Settings, zone: Zone | None = None) -> None:
        self.connection = Connection(Limits())
        self.session = Session(settings, KeyRing(), self.connection, clock=lambda: mails.NOW)
        self.zone = zone or Zone({})
        self.records: list[Record] = []

    def hear(self, *frames: bytes) -> list[tuple[bytes, bytes]]:
        """The replies to these frames."""
        octets = b""
        self.connection.receive(b"".join(frames))
        while (event := self.connection.next_event()) is not None:
            if isinstance(event, EndOfMessage):
                outcome = self.zone.run(self.session.finish(event.octets))
                self.records.append(outcome.record)
                octets += b"".join(map(self.connection.send, outcome.changes))
                octets += self.connection.send(outcome.reply)
                continue
            reply = self.session.hear(event)
            assert (reply is None) == (self.connection.owed is None)
            if reply is not None:
                octets += self.connection.send(reply)
        return list(pieces(octets))

    def open(self, **client: str) -> "Filtered":
        """Get past CONNECT and HELO."""
        self.hear(mta.offer(), mta.macros(b"C", {"j": "mx"}), mta.connect(**client), mta.helo())
        return self

    def deliver(
        self,
        message: bytes,
        *,
        sender: str = "<ada@example.com>",
        arguments: Sequence[str] = (),
        recipients: Sequence[bytes] = (),
        user: str = "",
        **how: Any,
    ) -> Delivery:
        """Deliver one message, from MAIL on; `recipients` are frames."""
        login = {"{auth_authen}": user} if user else {}
        frames = [
            mta.macros(b"M", login),
            mta.mail(sender, *arguments),
            *recipients,
            *mta.message(message, **how),
        ]
        said = self.hear(*frames)
        return Delivery(said, applied(said, message), self.records[-1])


def applied(said: Sequence[tuple[bytes, bytes]], message: bytes) -> bytes:
    """The message after the changes, made as an MTA makes them."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    for code, octets in said:
        if code not in (b"i", b"m"):
            continue
        (index,) = struct.unpack_from(">I", octets)
        name, value = octets[4:-1].split(b"\0")
        if code == b"i":
            fields.insert(index, name + b":" + value.replace(b"\n", b"\r\n"))
            continue
        of_name = [f for f in fields if f.partition(b":")[0].strip().lower() == name.lower()]
        assert not value, "only removals"
        assert 0 < index <= len(of_name), "an index of a field that is there"
        at = next(at for at, each in enumerate(fields) if each is of_name[index - 1])
        del fields[at]
    return b"\r\n".join(fields) + b"\r\n\r\n" + body


def verifying(**settings: Any) -> Settings:
    """The settings of a milter that verifies, under the name `ID`."""
    return Settings(verifying=VerifyingSettings(**{"authserv_id": ID, **settings}))


def signing(folder: Path, **settings: Any) -> Settings:
    """The settings of a milter that signs for example.com with both types of keys."""
    rows = []
    for key_type in ("rsa", "ed25519"):
        path = folder / key_type
        if not path.exists():
            mails.key(key_type).write(path)
        rows.append((mails.DOMAIN, SigningKey(mails.DOMAIN, key_type, str(path))))
    table = settings.pop("table", SigningTable.of(rows))
    return Settings(signing=SigningSettings(table, **settings))
