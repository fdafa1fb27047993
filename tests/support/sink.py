"""The last hop: an SMTP server that keeps each mail with its envelope."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Mail:
    """One mail that arrived."""

    sender: str
    recipients: list[str]
    octets: bytes


@dataclass
class Sink:
    """What has arrived."""

    mails: list[Mail] = field(default_factory=list)
    port: int = 0
    unknown: frozenset[str] = frozenset()
    """Recipients that it refuses permanently."""

    async def handle_RCPT(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """Called by aiosmtpd."""
        if address in self.unknown:
            return "550 5.1.1 there is no such user"
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd."""
        octets = envelope.content
        assert isinstance(octets, bytes)
        self.mails.append(Mail(envelope.mail_from or "", envelope.rcpt_tos, octets))
        return "250 kept"

    def wait_for(self, number: int, seconds: float = 30) -> list[Mail]:
        """All mails, once there are so many."""
        until(lambda: len(self.mails) >= number, seconds)
        return self.mails


def until(condition: Any, seconds: float = 30) -> None:
    """Wait until the condition holds.  **Raises** TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what was waited for has not happened")
        time.sleep(0.02)


@contextmanager
def sink(unknown: Iterable[str] = ()) -> Iterator[Sink]:
    """A sink on a loopback port, which refuses the `unknown` recipients."""
    from postfix import free_port

    kept = Sink(port=free_port(), unknown=frozenset(unknown))
    controller = Controller(kept, hostname="127.0.0.1", port=kept.port)
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()
