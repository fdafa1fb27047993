"""Messages from where people keep them: files, folders, mboxes, Maildirs, standard input.

A file may have the line ends of Unix.  `Source.octets` always has CRLF, as mail
has on its way (RFC 5322 §2.3), and `Source.restored` gives back the file's own.
"""

import mailbox
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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

    @classmethod
    def of(cls, name: str, octets: bytes) -> "Source":
        """A message as a file has it; only if no line ends with CRLF are the ends made CRLF."""
        if b"\r\n" in octets or b"\n" not in octets:
            return cls(name, octets)
        return cls(name, normalize_line_endings(octets), unix=True)

    def restored(self, octets: bytes) -> bytes:
        """Octets with CRLF, in the convention of this message's file."""
        return octets.replace(b"\r\n", b"\n") if self.unix else octets


def read(path: str) -> Source:
    """The one message in a file, or on standard input for `-`.

    **Raises** BadArgument: it cannot be read.
    """
    if path == STANDARD_INPUT:
        return Source.of(STANDARD_INPUT, sys.stdin.buffer.read())
    try:
        octets = Path(path).read_bytes()
    except OSError as fault:
        raise BadArgument(f"{path} cannot be read: {fault.strerror}") from None
    if octets.startswith(b"From "):
        octets = octets.partition(b"\n")[2]  # the line before a message in an mbox
    return Source.of(path, octets)


def read_all(paths: Iterable[str]) -> Iterator[Source | BadArgument]:
    """Every message below `paths`, one at a time; instead of an unreadable one, the fault.

    A folder is a Maildir if it has `cur` and `new`, else it is read for its
    `.eml` files; a file that begins with `From ` is an mbox.
    """
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - "-" is no path
            yield from map(_read_or_fault, _files_of(Path(path)))
        elif path != STANDARD_INPUT and _is_mbox(path):
            yield from _read_mbox(path)
        else:
            yield _read_or_fault(path)


def replace(path: str, octets: bytes) -> None:
    """Put `octets` into a file at once: it has the old content or the new, whatever happens.

    **Raises** BadArgument: it cannot be written; the old content is still there.
    """
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            _take_after(target, descriptor)
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)  # noqa: PTH105 - a string from tempfile
    except OSError as fault:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - likewise
        raise BadArgument(f"{path} cannot be written: {fault.strerror}") from None


def _take_after(target: Path, descriptor: int) -> None:
    """Give the new file the mode and owner of the old one, or those of any new file."""
    try:
        old = target.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)
        return
    os.fchmod(descriptor, old.st_mode & 0o7777)
    with suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)


def _read_or_fault(path: str | Path) -> Source | BadArgument:
    try:
        return read(str(path))
    except BadArgument as fault:
        return fault


def _files_of(folder: Path) -> list[Path]:
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        inner = [path for name in ("cur", "new") for path in (folder / name).iterdir()]
        return sorted(path for path in inner if path.is_file())
    return sorted(path for path in folder.rglob("*.eml") if path.is_file())


def _is_mbox(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(5) == b"From "
    except OSError:
        return False


def _read_mbox(path: str) -> Iterator[Source]:
    box = mailbox.mbox(path, create=False)
    try:
        keys = box.keys()
        for key in keys:
            name = path if len(keys) == 1 else f"{path}#{int(key) + 1}"
            yield Source.of(name, box.get_bytes(key))
    finally:
        box.close()
