"""Messages from where people keep them: files, folders, mboxes, Maildirs, standard input.

A file may have the line ends of Unix, and the line `From ` of an mbox before its
message; a field that looks like that line, such as `From : a@example.com`, belongs to
the message.  `Source.octets` is the message as it is sent, with CRLF (RFC 5322 §2.3);
`Source.restored` has the form of the file again.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from mailauth import reading
from mailauth.errors import BadArgument
from mailauth.syntax.message import normalize_line_endings

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """One message and where it came from."""

    name: str
    octets: bytes
    unix: bool = False
    """Whether the file ends its lines with LF."""
    envelope: bytes = b""
    """The line before the message in an mbox, which is not part of it (RFC 4155 §A)."""

    @classmethod
    def of(cls, name: str, octets: bytes) -> "Source":
        """A message from the octets of a file; line ends become CRLF if none is CRLF already.

        A file with both is left as it is: nobody can tell which of its bare LFs are
        meant as line ends.
        """
        envelope = _envelope_of(octets)
        octets = octets[len(envelope) :] if envelope else octets
        if b"\r\n" in octets or b"\n" not in octets:
            return cls(name, octets, envelope=envelope)
        return cls(name, normalize_line_endings(octets), unix=True, envelope=envelope)

    def restored(self, octets: bytes) -> bytes:
        """A message made from this one, in the form of this one's file."""
        return self.envelope + (octets.replace(b"\r\n", b"\n") if self.unix else octets)


def read(path: str) -> Source:
    """The one message in a file, or on standard input for `-`.

    **Raises** BadArgument: it cannot be read, or is an mbox of several messages.
    """
    sources = messages(path)
    source = next(sources, None)
    if isinstance(source, BadArgument):
        raise source
    if next(sources, None) is not None:
        raise BadArgument(f"{path} is an mbox of several messages; give them one by one")
    return source or Source(path, b"")


def files(paths: Iterable[str]) -> Iterator[str | BadArgument]:
    """The files for which `paths` stand; a fault in place of a folder that cannot be read.

    A folder stands for the `.eml` files in it and below, and for the messages of each
    Maildir there, which may be the folder itself: one with `cur` and `new` in it.  Links
    to folders are not followed.  A folder without any message is a fault: having nothing
    to judge must not look like having found nothing wrong.
    """
    for path in paths:
        if path == STANDARD_INPUT or not os.path.isdir(path):  # noqa: PTH112 - "-" is no path
            yield path
            continue
        found, closed = _files_of(Path(path))
        for fault in closed:
            yield reading.unreadable(str(fault.filename), fault)
        yield from found
        if not found and not closed:
            yield BadArgument(f"{path} has no messages: no Maildir, and no .eml in it")


def messages(path: str) -> Iterator[Source | BadArgument]:
    """The messages in a file, one at a time: several if it is an mbox; or why there is none."""
    try:
        yield from _messages_in(path)
    except OSError as fault:
        yield reading.unreadable(path, fault)
    except BadArgument as fault:
        yield fault


def standard_input(most: int) -> bytes:
    """The octets of standard input.  **Raises** BadArgument: it cannot be read, or is too large."""
    try:
        return reading.rest_of(sys.stdin.buffer, STANDARD_INPUT, most)
    except OSError as fault:
        raise reading.unreadable(STANDARD_INPUT, fault) from None


def _files_of(top: Path) -> tuple[list[str], list[OSError]]:
    """The messages in a folder and below, and the faults of folders that cannot be read."""
    found: list[Path] = []
    closed: list[OSError] = []
    for name, inside, names in os.walk(top, onerror=closed.append):
        folder = Path(name)
        if {"cur", "new"}.issubset(inside):  # a Maildir; what is in tmp is not delivered yet
            inside[:] = [each for each in inside if each not in ("cur", "new", "tmp")]
            for box in (folder / "cur", folder / "new"):
                try:
                    with os.scandir(box) as entries:
                        found += (Path(each) for each in entries if each.name[:1] != ".")
                except OSError as fault:
                    closed.append(fault)
        found += [folder / each for each in names if each.lower().endswith(".eml")]
    return sorted(str(path) for path in found if path.is_file()), closed


def _messages_in(path: str) -> Iterator[Source]:
    """The messages of a file; a whole message is read at once, an mbox line by line."""
    with _opened(path) as file:
        head = file.readline(_MAX_ENVELOPE + 1)
        if _envelope_of(head):
            yield from _split_mbox(path, _lines(head, file))
        elif path != STANDARD_INPUT and file.seekable():
            file.seek(0)  # joining this line to the rest would copy the whole message
            yield Source.of(path, reading.rest_of(file, path, reading.MAX_MESSAGE))
        else:
            yield Source.of(path, head + reading.rest_of(file, path, reading.MAX_MESSAGE))


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else Path(path).open("rb")


def _lines(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, of which the first is read already; one too long is cut in several."""
    yield first
    yield from iter(partial(file.readline, reading.MAX_MESSAGE), b"")


def _split_mbox(name: str, lines: Iterable[bytes]) -> Iterator[Source]:
    """The messages of an mbox (RFC 4155 §A), numbered if there are several.

    A message begins with a line `From ` after an empty line.
    """
    message: list[bytes] = []
    number, size = 1, 0
    for line in lines:
        if message and message[-1] in _EMPTY and _envelope_of(line):
            yield Source.of(f"{name}#{number}", b"".join(message[:-1]))
            message = []
            number, size = number + 1, 0
        message.append(line)
        size += len(line)
        if size > reading.MAX_MESSAGE:
            raise BadArgument(f"{name}#{number} has more than {reading.MAX_MESSAGE} octets")
    yield Source.of(name if number == 1 else f"{name}#{number}", b"".join(message))


def _envelope_of(octets: bytes) -> bytes:
    """The line at the start with which an mbox begins a message; empty if none (RFC 4155 §A).

    It needs a time of day, so that a paragraph that begins with `From `, which many
    programs do not quote, does not cut its message in two.  A colon makes it a field,
    even after blanks (RFC 5322 §4.5.2): a field that is taken away is not judged.
    """
    if not octets.startswith(b"From "):
        return b""
    line = octets[: octets.find(b"\n", 0, _MAX_ENVELOPE) + 1 or _MAX_ENVELOPE + 1]
    return line if len(line) <= _MAX_ENVELOPE and _ENVELOPE.match(line) else b""


def size(file: str | BadArgument) -> int:
    """How many octets a file has; 0 if that is not known."""
    with suppress(OSError):
        return Path(file).stat().st_size if isinstance(file, str) else 0
    return 0


_MAX_ENVELOPE = 512
_ENVELOPE = re.compile(rb"From [ \t]*+(?!:).* \d\d?:\d\d")
_EMPTY = (b"\n", b"\r\n")
