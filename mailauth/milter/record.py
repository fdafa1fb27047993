"""What is told of one message, and of what went wrong: values for logs and metrics."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from mailauth.authres import MethodResult, resinfo


class Record(NamedTuple):
    """One message that came to its end; texts in it may be of anybody."""

    queue_id: str
    """That of the MTA; if it told none, one of ours that begins with a hyphen."""
    client: str
    """The address, or the name if it has none."""
    helo: str
    sender: str
    user: str
    """Who has logged in, as the MTA says."""
    recipients: int
    size: int
    """Octets of header fields and body, as they came; without the body if only SRS is done."""
    ours: bool
    """It was to be signed; else it was to be judged."""
    signatures: tuple[str, ...] = ()
    """`d=` and `s=` of each that was made."""
    results: tuple[MethodResult, ...] = ()
    new_sender: str = ""
    """The SRS address in the place of the sender, if the message leaves."""
    returned: int = 0
    """Recipients that were SRS addresses of ours, in whose place somebody else was put."""
    forged: int = 0
    """Those that were forged or expired."""
    removed: int = 0
    """Fields that were taken away, because they claimed to be of this host."""
    action: str = "header"
    """See `settings.Action`."""
    reply: str = "continue"
    """What the MTA was told, or in a dry run what it would have been told."""
    notes: tuple[str, ...] = ()
    """What a postmaster should know, a sentence each."""
    dry_run: bool = False
    dns_seconds: float = 0.0
    """Spent waiting for the DNS."""
    seconds: float = 0.0
    """From MAIL to the reply to the end of the message, as the client was slow or quick."""
    work_seconds: float = 0.0
    """From the end of the message to the reply."""

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON; the results as they stand in a field."""
        return self._asdict() | {"results": tuple(map(resinfo, self.results))}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in us that failed; the message was deferred."""

    queue_id: str
    fingerprint: str
    """The same when the message comes again."""
    exception: BaseException
