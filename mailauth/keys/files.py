"""Secret files: made for their owner alone, and refused if others could read them.

The opened file is checked, not its name, so nothing can be put in its place between
the check and the reading.  Root reads any user's files, because it reads for the user
of a service; any other user reads their own files, and root's where permitted.  All
that is wrong raises an `UnusableKey` whose sentence says how to fix it.
"""

import binascii
import contextlib
import os
import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from mailauth.errors import UnusableKey
from mailauth.keys.strength import ED25519_OCTETS, ED25519_SECRETS

FilePath: TypeAlias = str | os.PathLike[str]

_NOUN: Final = "key file"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MAX_OCTETS: Final = 65_536  # an RSA key of 8192 bits has 6,400 in PEM


def read(path: FilePath, *, noun: str = _NOUN) -> bytes:
    """The octets of a secret file; `noun` is what an error calls it.

    **Raises** UnusableKey: it cannot be read; it is not a regular file; it belongs
    neither to this user nor to root, and this user is not root; it is open to its group
    or the world; it is larger than any key; or it lies where others can replace it.
    """
    return _read(path, judge, noun)


def read_any(path: FilePath) -> bytes:
    """The octets of a file that may be open to others, as a public key is no secret.

    **Raises** UnusableKey: it cannot be read, is not a regular file, or is larger
    than any key.
    """
    return _read(path, _judge_kind, _NOUN)


def look(path: FilePath) -> None:
    """Check quickly that a key file, which is read later, exists, is ours, and is closed to others.

    **Raises** UnusableKey.
    """
    path = _sound(path, _NOUN)
    with _refusals(path, _NOUN):
        _judge_file(path, path.stat(), _NOUN)
        if not os.access(path, os.R_OK, effective_ids=True):
            raise PermissionError


_Judge: TypeAlias = Callable[[Path, os.stat_result, str], None]


def _read(path: FilePath, judge: _Judge, noun: str) -> bytes:
    path = _sound(path, noun)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO must not block us
    with _refusals(path, noun):
        descriptor = os.open(path, flags)
        try:
            judge(path, os.fstat(descriptor), noun)
            octets = os.read(descriptor, _MAX_OCTETS + 1)
        finally:
            os.close(descriptor)
    if len(octets) > _MAX_OCTETS:
        raise UnusableKey(f"the {noun} {path} is too large; check its name")
    return octets


@contextlib.contextmanager
def _refusals(path: Path, noun: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise UnusableKey(f"the {noun} {path} does not exist; check its name") from None
    except PermissionError:
        sentence = f"the {noun} {path} cannot be opened by this user; run as its owner, or chown it"
        raise UnusableKey(sentence) from None
    except OSError as error:  # a loop of links, a file as a folder, a broken disk
        raise UnusableKey(f"the {noun} {path} cannot be read: {error.strerror}") from None


def _sound(path: FilePath, noun: str) -> Path:
    """The path, which errors show; so it must not be the secret itself."""
    text = os.fspath(path)
    if not text:
        raise UnusableKey(f"the name of the {noun} is empty; give one")
    if "\n" in text or "\r" in text or text.startswith("-----BEGIN") or _is_base64_key(text):
        raise UnusableKey(f"the content of a {noun} was given where its path belongs")
    if "\0" in text:
        raise UnusableKey(f"the name of the {noun} holds a NUL character; check it")
    return Path(path)


def _is_base64_key(text: str) -> bool:
    """Whether it is an Ed25519 seed or a DER key in base64, and no file has that name."""
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # not base64
        return False
    is_der = len(octets) > ED25519_OCTETS and octets.startswith(_SEQUENCE)
    return (is_der or len(octets) in ED25519_SECRETS) and not os.path.lexists(text)


_SEQUENCE: Final = b"\x30"
"""Every key in DER begins with this (RFC 5208 §5, RFC 8017 §A.1)."""


def judge(path: Path, status: os.stat_result, noun: str) -> None:
    """Check that the opened file is closed to others, and that they cannot replace it.

    **Raises** UnusableKey: see `read`.  OSError: its folder cannot be examined.
    """
    _judge_file(path, status, noun)
    judge_folders(path, noun)


def judge_folders(path: Path, noun: str) -> None:
    """Check that others cannot put a file of theirs at this path, whether one exists or not.

    **Raises** UnusableKey: they can.  OSError: its folder cannot be examined.
    """
    for folder in {path.absolute().parent, path.resolve().parent}:  # of the link, and of its target
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise UnusableKey(
                f"others can replace the {noun} {path}; run: chmod o-w {_quoted(folder)}"
            )


def _judge_kind(path: Path, status: os.stat_result, noun: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnusableKey(f"the {noun} {path} is not a regular file; give the file itself")


def _judge_file(path: Path, status: os.stat_result, noun: str) -> None:
    _judge_kind(path, status, noun)
    if os.geteuid() not in (status.st_uid, 0) and status.st_uid != 0:
        raise UnusableKey(
            f"the {noun} {path} belongs to the user {status.st_uid}; "
            f"run: chown {os.geteuid()} {_quoted(path)}"
        )
    if status.st_mode & _OTHERS:
        raise UnusableKey(f"the {noun} {path} is open to others; run: chmod 600 {_quoted(path)}")


def _quoted(path: Path) -> str:
    """The path, quoted for a shell."""
    return shlex.quote(str(path))


def write(path: FilePath, octets: bytes, *, noun: str = _NOUN) -> None:
    """Make a file of mode 0600 with a secret in it; if that fails, no file is left.

    `noun` is what an error calls it.

    **Raises** UnusableKey: the name is taken, even by a dangling link, or the
    file cannot be made or filled.
    """
    path = _sound(path, noun)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
        _fill(path, descriptor, octets)
    except FileExistsError:
        raise UnusableKey(
            f"the {noun} {path} exists and is never overwritten; move it away first"
        ) from None
    except OSError as error:  # no folder, no right, no space
        raise UnusableKey(f"the {noun} {path} cannot be made: {error.strerror}") from None


def _fill(path: Path, descriptor: int, octets: bytes) -> None:
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # before the first octet, whatever the umask
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
    except BaseException:  # even an interrupt must not leave half of a secret
        with contextlib.suppress(OSError):
            path.unlink()
        raise
