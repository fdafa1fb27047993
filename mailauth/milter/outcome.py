"""The end of a message: what the MTA is told, what the postmaster, and in which order.

Fields are removed before any is inserted, the highest index first, because a
removal counts those above it anew.  What is inserted goes to the very top, so
the last is the first to be read.
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
    """Changes, the reply after them, and the record of it all."""

    changes: tuple[Change, ...]
    reply: PlainReply | Refusal
    record: Record

    def deferred(self, trouble: str) -> "Outcome":
        """The same message, which is deferred instead."""
        notes = (*self.record.notes, f"deferred: {trouble}")
        record = self.record._replace(action=Action.TEMPFAIL, reply=str(LATER), notes=notes)
        return replace(self, changes=(), reply=LATER, record=record)


def removals(mail: Mail) -> Iterator[ChangeHeader]:
    """The changes that remove the forged fields of a message."""
    for forged in mail.forged.values():
        for index in reversed(forged.indexes):
            yield ChangeHeader(index, forged.name)


def insertion(field: bytes, separator: bytes) -> InsertHeader:
    """The change that inserts a field of ours; its folds become bare LF, as milters have them.

    `separator` is what stands between name and value where this MTA tells of a field:
    a colon, or a colon and the blank after it.
    """
    name, _, value = field.removesuffix(b"\r\n").replace(b"\r\n", b"\n").partition(b":")
    return InsertHeader(0, name, value.removeprefix(separator[1:]))
