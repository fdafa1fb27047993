"""Messages from where people keep them: files, folders, mboxes, Maildirs, standard input.

A file may have the line ends of Unix, and the line `From ` of an mbox before
its message.  `Source.octets` is the message as it is on its way, with CRLF
(RFC 5322 §2.3); `Source.restored` gives back what the file had.
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
    """The file ends its lines with LF."""
    envelope: bytes = b""
    """The line that an mbox has before the message, which is no part of it (RFC 4155 §A)."""

    @classmethod
    def of(cls, name: str, octets: bytes) -> "Source":
        """A message as a file has it; only if no line ends with CRLF are the ends made CRLF.

        A file with both is left as it is: which of its line ends are meant to be
        none cannot be told.
        """
        envelope = b""
        if octets.startswith(_ENVELOPE):
            start = octets.find(b"\n") + 1 or len(octets)
            envelope, octets = octets[:start], octets[start:]
        if b"\r\n" in octets or b"\n" not in octets:
            return cls(name, octets, envelope=envelope)
        return cls(name, normalize_line_endings(octets), unix=True, envelope=envelope)

    def restored(self, octets: bytes) -> bytes:
        """A message that came of this one, in the form of this one's file."""
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
    """The files that `paths` stand for; instead of those of an unreadable folder, the fault.

    A folder is a Maildir if it has `cur` and `new`, else it stands for the
    `.eml` files in it and below; a folder without any is a fault, for nothing
    to judge must not look like nothing to complain of.
    """
    for path in paths:
        if path == STANDARD_INPUT or not os.path.isdir(path):  # noqa: PTH112 - "-" is no path
            yield path
            continue
        try:
            found = _files_of(Path(path))
        except OSError as fault:
            yield reading.unreadable(path, fault)
            continue
        yield from found
        if not found:
            yield BadArgument(f"{path} has no messages: no Maildir, and no .eml in it")


def messages(path: str) -> Iterator[Source | BadArgument]:
    """The messages in a file, one at a time: several if it is an mbox; or why it has none."""
    try:
        yield from _messages_in(path)
    except OSError as fault:
        yield reading.unreadable(path, fault)
    except BadArgument as fault:
        yield fault


def standard_input(most: int) -> bytes:
    """What standard input has.  **Raises** BadArgument: it cannot be read, or is too large."""
    try:
        return reading.rest_of(sys.stdin.buffer, STANDARD_INPUT, most)
    except OSError as fault:
        raise reading.unreadable(STANDARD_INPUT, fault) from None


def _files_of(folder: Path) -> list[str]:
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        inner = [path for name in ("cur", "new") for path in (folder / name).iterdir()]
    else:
        next(folder.iterdir(), None)  # rglob passes over a folder that it may not read
        inner = list(folder.rglob("*.eml"))
    return sorted(str(path) for path in inner if path.is_file())


def _messages_in(path: str) -> Iterator[Source]:
    """The messages of a file; a whole message is read at once, an mbox line by line."""
    with _opened(path) as file:
        head = file.read(len(_ENVELOPE))
        if head == _ENVELOPE:
            yield from _split_mbox(path, _lines(head, file))
        elif path != STANDARD_INPUT and file.seekable():
            file.seek(0)  # what is read by now would be joined to the rest, and so all be copied
            yield Source.of(path, reading.rest_of(file, path, reading.MAX_MESSAGE))
        else:
            yield Source.of(path, head + reading.rest_of(file, path, reading.MAX_MESSAGE))


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else Path(path).open("rb")


def _lines(head: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file of which `head` is read; the end of one that is too long is another."""
    yield head + file.readline(reading.MAX_MESSAGE)
    yield from iter(partial(file.readline, reading.MAX_MESSAGE), b"")


def _split_mbox(name: str, lines: Iterable[bytes]) -> Iterator[Source]:
    """The messages of an mbox (RFC 4155 §A), numbered if there are several.

    A new one begins with a line `From ` after an empty line.  Such a line needs
    a time of day, so that a paragraph that begins with that word, which many
    programs do not quote, does not cut its message in two.
    """
    message: list[bytes] = []
    number, size = 1, 0
    for line in lines:
        if line.startswith(_ENVELOPE) and message and message[-1] in _EMPTY and _is_envelope(line):
            yield Source.of(f"{name}#{number}", b"".join(message[:-1]))
            message = []
            number, size = number + 1, 0
        message.append(line)
        size += len(line)
        if size > reading.MAX_MESSAGE:
            raise BadArgument(f"{name}#{number} has more than {reading.MAX_MESSAGE} octets")
    yield Source.of(name if number == 1 else f"{name}#{number}", b"".join(message))


def _is_envelope(line: bytes) -> bool:
    return len(line) <= _MAX_ENVELOPE and _TIME_OF_DAY.search(line) is not None


def size(file: str | BadArgument) -> int:
    """Octets of a file; 0 if that cannot be told."""
    with suppress(OSError):
        return Path(file).stat().st_size if isinstance(file, str) else 0
    return 0


_ENVELOPE = b"From "
_MAX_ENVELOPE = 512
_TIME_OF_DAY = re.compile(rb" \d\d?:\d\d")
_EMPTY = (b"\n", b"\r\n")
