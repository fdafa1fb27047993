"""The terms of a conversation: what an MTA may use, who is told of it, who is asked."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol

from mailauth import serving
from mailauth.dns.lookups import Lookups, Question, Together
from mailauth.milter.outcome import Outcome
from mailauth.milter.record import Fault, Record
from mailauth.milter.wire import Limits as WireLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """What the MTAs of one server may use; times in seconds."""

    connections: int = 1000
    """Open at a time."""
    idle: float = 7200.0
    """Between two frames: as long as an SMTP client may be slow between RCPT and its last line."""
    frame: float = 60.0
    """From the first octet of a frame to its last, and for the peer to read what waits for it."""
    content: float = 300.0
    """From the first field of a message to its end; then it is deferred."""
    judging: float = 60.0
    """From the end of a message to the reply; then it is deferred."""
    progress: float = 10.0
    """Between two signs to the MTA that a message is still being judged."""
    octets: WireLimits = field(default_factory=WireLimits)
    """Of frames."""


class Watch(serving.Watch, Protocol):
    """What a milter tells of itself; the texts of a record are of anybody."""

    def started(self) -> int:
        """A message is complete and is being judged; `ended` or `dropped` give the number back."""

    def ended(self, work: int, record: Record) -> None:
        """It was answered so."""

    def dropped(self, work: int) -> None:
        """It was deferred, and what failed left no record of it."""

    def forged(self, recipient: str, client: str) -> None:
        """A recipient is an SRS address that nobody made, or that has expired."""

    def failed(self, fault: Fault) -> None:
        """Something in us failed; the message is deferred."""


class Resolver(Protocol):
    """What runs look-ups within a budget: an `AsyncResolver`."""

    def remembered(self, asked: Question | Together) -> Any:  # noqa: ANN401 - an answer or several
        """The answer, or those to all that are asked together; None if it takes waiting."""

    def run(self, lookups: Lookups[Outcome]) -> Awaitable[Outcome]:
        """The result of `lookups`."""
