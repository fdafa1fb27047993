"""Files put in place whole: the old content or the new, whatever happens in between."""

import os
import stat
import tempfile
from contextlib import suppress

from mailauth.errors import BadArgument


def replace(path: str, octets: bytes) -> None:
    """Put `octets` into a file: first beside it, then in its place; mode and owner stay.

    A link stays a link, and its target is replaced.  What is not a regular file, such
    as `/dev/null` or a pipe, is written to.

    **Raises** BadArgument: it cannot be written; the old content is still there.
    """
    try:
        old = _status(path)
        if old is not None and not stat.S_ISREG(old.st_mode):
            with open(path, "wb") as file:  # noqa: PTH123 - /dev/stdout leads to what has no path
                file.write(octets)
            return
        _swap(os.path.realpath(path), octets, old)
    except OSError as fault:
        raise BadArgument(f"{path} cannot be written: {fault.strerror}") from None


def _swap(target: str, octets: bytes, old: os.stat_result | None) -> None:
    folder, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name[:_SHOWN]}.")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            _take_after(old, descriptor)
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)  # noqa: PTH105 - a string from tempfile
    except BaseException:  # even an interrupt leaves nothing beside the file
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - likewise
        raise
    with suppress(OSError):  # the content is there; only its survival of a power cut is in doubt
        _synchronize(folder)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - a string, as `path` of `replace`
    except FileNotFoundError:
        return None


def _take_after(old: os.stat_result | None, descriptor: int) -> None:
    """Give the new file the owner and mode of the old one, or those of any new file."""
    if old is None:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _synchronize(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_SHOWN = 64
"""Characters of the name in that of the temporary file, which may have 255 octets at most."""
