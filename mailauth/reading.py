"""Files that somebody names, read whole and no further than a bound.

A name may stand for a device without an end, a folder, or the wrong file of
many gigabytes.  None of them takes the memory of the machine, and each is
answered by one sentence.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from mailauth.errors import BadArgument

MAX_MESSAGE: Final = 64 * 1024 * 1024
"""Octets of a message, and of what carries one."""
MAX_TEXT: Final = 16 * 1024 * 1024
"""Octets of what people write: a zone, a configuration."""

FileState: TypeAlias = tuple[int, int, int]
"""What changes when a file does."""


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
    """The octets of a regular file: a service must not wait for whoever writes to a FIFO.

    **Raises** BadArgument: it is none, cannot be read, or has more than `most` octets.
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
    not of UTF-8.
    """
    return decoded(octets(path, most), str(path))


def rest_of(file: BinaryIO, name: str, most: int) -> bytes:
    """What there is still to read.

    **Raises** OSError, and BadArgument: it has more than `most` octets.
    """
    read = file.read(most + 1)
    if len(read) > most:
        raise BadArgument(f"{name} has more than {most} octets, and so it is not read")
    return read


def decoded(read: bytes, name: str) -> str:
    """The octets as text, without the byte order mark that some editors put before it.

    **Raises** BadArgument: they are not of UTF-8.
    """
    try:
        return read.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadArgument(f"{name} is not UTF-8") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def state_of(path: str) -> FileState | None:
    """The state of a file by which a change is seen; None: it cannot be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a look per message need not build a Path
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def unreadable(name: str, fault: OSError) -> BadArgument:
    """What to raise of a file that cannot be read."""
    return BadArgument(f"{name} cannot be read: {fault.strerror}")
