"""Files named by a user, read whole, but only up to a limit.

A name may turn out to be an endless device, a folder, or the wrong file of many
gigabytes.  None of these can fill the memory, and each is reported in one sentence.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from mailauth.errors import BadArgument

MAX_MESSAGE: Final = 64 * 1024 * 1024
"""Octets of the longest message, or of the longest file that contains one."""
MAX_TEXT: Final = 16 * 1024 * 1024
"""Octets of the longest text that people write: a zone, a configuration."""

FileState: TypeAlias = tuple[int, int, int]
"""Inode, modification time in nanoseconds and size: what changes when a file does."""


def octets(path: str | Path, most: int) -> bytes:
    """The octets of a file.

    **Raises** BadArgument: it cannot be read, or has more than `most` octets.
    """
    try:
        with Path(path).open("rb") as file:
            return rest_of(file, str(path), most)
    except OSError as fault:
        raise unreadable(str(path), fault) from None


def regular(path: str | Path, most: int) -> bytes:
    """The octets of a regular file: a service must not wait for the writer of a FIFO.

    **Raises** BadArgument: it is not a regular file, cannot be read, or has more than
    `most` octets.
    """
    if "\0" in str(path):
        raise BadArgument(f"{str(path)!r:.80} is not the name of a file")
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadArgument(f"{path} is not a regular file")
            return rest_of(file, str(path), most)
    except OSError as fault:
        raise unreadable(str(path), fault) from None


def text(path: str | Path, most: int) -> str:
    """The text of a file.

    **Raises** BadArgument: it cannot be read, has more than `most` octets, or is
    not UTF-8.
    """
    return decoded(octets(path, most), str(path))


def rest_of(file: BinaryIO, name: str, most: int) -> bytes:
    """The unread rest of a file.

    **Raises** BadArgument: more than `most` octets are left.  OSError.
    """
    read = file.read(most + 1)
    if len(read) > most:
        raise BadArgument(f"{name} has more than {most} octets, and so it is not read")
    return read


def decoded(read: bytes, name: str) -> str:
    """The octets as text, without the byte order mark that some editors put first.

    **Raises** BadArgument: they are not UTF-8.
    """
    try:
        return read.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadArgument(f"{name} is not UTF-8") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def state_of(path: str) -> FileState | None:
    """The state of a file, by which a change is noticed; None: it cannot be examined."""
    try:
        status = os.stat(path)  # noqa: PTH116 - done for each message, and faster without a Path
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def unreadable(name: str, fault: OSError) -> BadArgument:
    """The exception for a file that cannot be read."""
    return BadArgument(f"{name} cannot be read: {fault.strerror}")
