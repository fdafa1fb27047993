"""The terms of a conversation: what an MTA may use, who watches, who answers look-ups."""

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
    """Between two frames: as slow as an SMTP client may be between RCPT and its last line."""
    frame: float = 60.0
    """From the first octet of a frame to its last; also for the peer to read waiting replies."""
    content: float = 300.0
    """From the first field of a message to its end; then it is deferred."""
    judging: float = 60.0
    """From the end of a message to the reply; then it is deferred."""
    progress: float = 5.0
    """Between two signs to the MTA that a message is still being judged; Sendmail waits 10."""
    octets: WireLimits = field(default_factory=WireLimits)
    """The sizes of frames."""


class Watch(serving.Watch, Protocol):
    """What a milter reports of itself; anybody may have written the texts of a record."""

    def started(self) -> int:
        """A message is complete and is being judged; returns its number for `ended`, `dropped`."""

    def ended(self, work: int, record: Record) -> None:
        """The message was answered as the record says."""

    def dropped(self, work: int) -> None:
        """The message was deferred, and the failure left no record of it."""

    def forged(self, recipient: str, client: str) -> None:
        """A recipient is a forged or expired SRS address."""

    def failed(self, fault: Fault) -> None:
        """Something on our side failed; the message is deferred."""


class Resolver(Protocol):
    """Runs look-ups within a budget: an `AsyncResolver`."""

    def remembered(self, asked: Question | Together) -> Any:  # noqa: ANN401 - an answer or several
        """The remembered answer, or answers to questions asked together; None if one is missing."""

    def run(self, lookups: Lookups[Outcome]) -> Awaitable[Outcome]:
        """The result of `lookups`."""
