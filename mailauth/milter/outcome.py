"""The end of a message: what the MTA is told, and what the postmaster.

Fields are removed before any is inserted, the highest index first, because each
removal renumbers the fields after it.  Fields are inserted at the very top, so the
one inserted last is read first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailauth.milter.ending import LATER
from mailauth.milter.mail import Mail
from mailauth.milter.protocol.replies import Change, ChangeHeader, InsertHeader, PlainReply, Refusal
from mailauth.milter.record import Record
from mailauth.milter.settings import Action


@dataclass(frozen=True, slots=True)
class Outcome:
    """The changes, the reply that follows them, and the record."""

    changes: tuple[Change, ...]
    reply: PlainReply | Refusal
    record: Record

    def deferred(self, trouble: str) -> "Outcome":
        """The outcome of the same message if it is deferred instead."""
        notes = (*self.record.notes, f"deferred: {trouble}")
        record = self.record._replace(action=Action.TEMPFAIL, reply=str(LATER), notes=notes)
        return replace(self, changes=(), reply=LATER, record=record)


def removals(mail: Mail) -> Iterator[ChangeHeader]:
    """The changes that remove the forged fields of a message."""
    for forged in mail.forged.values():
        for index in reversed(forged.indexes):
            yield ChangeHeader(index, forged.name)


def insertion(field: bytes, separator: bytes) -> InsertHeader:
    """The change that inserts a field of ours; folds become bare LF, as in the milter protocol.

    `separator` is what this MTA leaves out between name and value: a colon, or a colon and
    the blank after it.
    """
    name, _, value = field.removesuffix(b"\r\n").replace(b"\r\n", b"\n").partition(b":")
    return InsertHeader(0, name, value.removeprefix(separator[1:]))
