"""What is reported of one message, and of what went wrong: values for logs and metrics."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from mailauth.authres import MethodResult, resinfo


class Record(NamedTuple):
    """One message that has ended; anybody may have written the texts in it."""

    queue_id: str
    """The MTA's; if it gave none, one of ours that begins with a hyphen."""
    client: str
    """The client's address, or its name if it has no address."""
    helo: str
    sender: str
    user: str
    """Who has logged in, according to the MTA."""
    recipients: int
    size: int
    """Octets of header fields and body, as they came; without the body if only SRS is done."""
    ours: bool
    """It was to be signed, not judged."""
    signatures: tuple[str, ...] = ()
    """`d=` and `s=` of each signature that was made."""
    results: tuple[MethodResult, ...] = ()
    new_sender: str = ""
    """The SRS address that replaced the sender, if the message leaves."""
    returned: int = 0
    """Recipients that were SRS addresses of ours and were replaced by the original senders."""
    forged: int = 0
    """Recipients that were forged or expired SRS addresses."""
    removed: int = 0
    """Fields that were removed because they claimed to be this host's."""
    action: str = "header"
    """See `settings.Action`."""
    reply: str = "continue"
    """What the MTA was told, or would have been told without the dry run."""
    differences: tuple[str, ...] = ()
    """Where another program judged otherwise, one sentence each."""
    notes: tuple[str, ...] = ()
    """What a postmaster should know, one sentence each."""
    dry_run: bool = False
    dns_seconds: float = 0.0
    """Spent waiting for the DNS."""
    seconds: float = 0.0
    """From MAIL to the reply to the end of the message; depends on how fast the client is."""
    work_seconds: float = 0.0
    """From the end of the message to the reply."""

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON; results are written as in the header field."""
        return self._asdict() | {"results": tuple(map(resinfo, self.results))}


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure of our own; the message was deferred."""

    queue_id: str
    fingerprint: str
    """The same when the message comes again."""
    exception: BaseException
