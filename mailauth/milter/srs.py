"""The envelope of mail that leaves, and of bounces that come home: SRS by the milter.

The policy gives the same answers here as to Postfix's maps.  A recipient *leaves* if
its domain is not ours and the MTA does not say that it delivers to it locally.  If one
recipient leaves, the sender is rewritten for all of them: a message has one sender.  A
recipient that is an SRS address of ours is replaced by the address that it stands for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mailauth import srs
from mailauth.milter.protocol.events import RcptTo
from mailauth.milter.protocol.replies import (
    AddRecipient,
    AddRecipientWithArguments,
    Change,
    ChangeFrom,
    DeleteRecipient,
    Refusal,
)
from mailauth.milter.settings import SrsSettings
from mailauth.postfix.domains import canonical
from mailauth.postfix.lookup import Outcome, Request
from mailauth.postfix.rewriting import GENUINE, LEFT_ALONE, OURS
from mailauth.syntax.mailbox import without_brackets

NO_SUCH_USER: Final = Refusal(550, "5.1.1", srs.OUTWARD)
"""The same answer for forged and for expired, so that a forger learns nothing."""
MAX_PATH: Final = 512
"""Octets; a longer recipient is not taken for an SRS address: no path has more than 256."""
MAX_ARGUMENTS: Final = 1024
"""Octets; longer arguments of a recipient are dropped: an original recipient has 500."""


@dataclass(frozen=True, slots=True)
class Returning:
    """A recipient that is an SRS address of ours."""

    original: str
    """The address that it stands for."""
    arguments: bytes
    """The ESMTP arguments of RCPT, separated by blanks."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What becomes of the envelope."""

    changes: tuple[Change, ...] = ()
    sender: str = ""
    """The new sender, for display."""
    returned: int = 0
    """Recipients that were replaced by the address that they stand for."""
    trouble: str = ""
    """Why the message must wait."""
    note: str = ""
    """Why the sender of mail that leaves is not rewritten, unless that is expected."""


@dataclass(slots=True)
class Recipients:
    """What is known of the recipients of one message."""

    settings: SrsSettings
    refuses: bool = False
    """Forgeries are refused: they came by SMTP, and are not to be let in."""
    leaving: int = 0
    forged: int = 0
    returning: dict[bytes, Returning] = field(default_factory=dict)
    """By the octets of the address as it came."""

    def add(self, event: RcptTo, *, mailer: str, now: int) -> Refusal | None:
        """Add a recipient; `mailer` is how the MTA will deliver to it, {rcpt_mailer}.

        Returns a refusal for a forged SRS address, if forgeries are refused.
        """
        address, policy = text_of(event.address), self.settings.policy
        is_ours = policy.is_ours(canonical(address.rpartition("@")[2]))
        if not is_ours or len(event.address) > MAX_PATH:
            self.leaving += self._leaves(address, mailer)
            return None
        reply = policy.answer(Request("access", address), now=now)
        if reply.notice is not None and reply.notice.forged:
            self.forged += 1
            return NO_SUCH_USER if self.refuses else None
        if reply is GENUINE:
            original = policy.answer(Request("reverse", address), now=now).text
            arguments = b" ".join(event.arguments)
            kept = arguments if len(arguments) <= MAX_ARGUMENTS else b""
            self.returning[event.address] = Returning(original, kept)
            self.leaving += self._leaves(original, "")
        return None

    def rewritten(self, sender: bytes, *, now: int) -> Rewritten:
        """What becomes of the envelope; `sender` is as it came."""
        changes = [change for each in self.returning.items() for change in _return(*each)]
        address, new, note = text_of(sender), "", ""
        if self.leaving and address:
            reply = self.settings.policy.answer(Request("forward", address), now=now)
            if reply.outcome is Outcome.FOUND:
                new = shown(reply.text)
                changes.append(ChangeFrom(_path(reply.text)))
            elif reply.outcome is not Outcome.NOT_FOUND:
                return Rewritten(trouble=f"SRS: {shown(reply.text)}")
            elif reply is not OURS and reply is not LEFT_ALONE:
                note = f"the sender is not rewritten: {shown(reply.text)}"
        return Rewritten(tuple(changes), new, len(self.returning), note=note)

    def notes(self) -> Iterator[str]:
        """What a postmaster should know."""
        if self.forged:
            what = "refused" if self.refuses else "left as they are"
            yield f"forged or expired SRS recipients, {what}: {self.forged}"

    def _leaves(self, address: str, mailer: str) -> bool:
        local_part, at, domain = address.rpartition("@")
        name, settings = canonical(domain), self.settings
        if not at or settings.policy.is_ours(name) or settings.own.has(local_part, name):
            return False
        return mailer not in settings.local_mailers


def text_of(path: bytes) -> str:
    """An address without its angle brackets (RFC 5321 §4.1.2); octets outside UTF-8 are kept."""
    return without_brackets(path.decode("utf-8", "surrogateescape").strip(" \t"))


def shown(address: str) -> str:
    """The address for a log or a field: octets outside UTF-8 are replaced."""
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _return(address: bytes, returning: Returning) -> Iterator[Change]:
    """Replace a recipient; its arguments stay, so requested delivery reports are still sent."""
    yield DeleteRecipient(address)
    path = _path(returning.original)
    if returning.arguments:
        yield AddRecipientWithArguments(path, returning.arguments)
    else:
        yield AddRecipient(path)


def _path(address: str) -> bytes:
    return b"<" + address.encode("utf-8", "surrogateescape") + b">"
