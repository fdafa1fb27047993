"""The listening sockets: bound once, shared by all workers, taken away at the end.

A Unix socket is made with its mode and group before anyone can connect.  What
lies at its path is removed only if it is a socket of ours on which nobody
listens; a file, a link, or the socket of another is never touched.
"""

import grp
import os
import socket
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailauth.errors import MailauthError
from mailauth.service.address import Address

_BACKLOG: Final = 4096
"""Connections that wait to be accepted; the system may allow fewer."""
_PRIVATE: Final = 0o177
"""The umask while a socket is bound: nobody but its owner, until its mode is set."""


class CannotListen(MailauthError):
    """An address that cannot be had; the text says why."""


class Endpoint:
    """One listening socket that does not block; `is_ours` tells one made here from one given."""

    def __init__(self, address: Address, listening: socket.socket, *, is_ours: bool) -> None:
        self.address = address
        self.socket = listening
        self._is_ours = is_ours
        listening.settimeout(0)

    def close(self) -> None:
        """Listen no more, and take a Unix socket away that was made here."""
        self.socket.close()
        if self._is_ours and self.address.family == socket.AF_UNIX:
            with suppress(OSError):  # its folder may be closed to us after the change of user
                Path(self.address.host).unlink()


def bind(
    address: Address,
    *,
    owner: int | None = None,
    group: str | None = None,
    mode: int = 0o660,
) -> Endpoint:
    """Listen at an address; `owner` (a uid), `group` and `mode` are those of a Unix socket.

    **Raises** CannotListen.
    """
    listening = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        if address.family == socket.AF_UNIX:
            _clear(Path(address.host), {os.geteuid(), owner or os.geteuid()})
            _bind_unix(listening, Path(address.host), _keeper(owner, group), mode)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address.family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address.place)
        listening.listen(_BACKLOG)
    except OSError as fault:
        listening.close()
        raise CannotListen(f"cannot listen at {address}: {fault.strerror or fault}") from None
    except CannotListen:
        listening.close()
        raise
    return Endpoint(address, listening, is_ours=True)


Keep = Callable[[Path], None]


def _keeper(owner: int | None, group: str | None) -> Keep:
    """Gives a path its owner and group, where they are not those of any new file."""
    uid = -1 if owner is None else owner
    gid = -1 if group is None else grp.getgrnam(group).gr_gid
    return lambda path: os.chown(path, uid, gid) if (uid, gid) != (-1, -1) else None


def _bind_unix(listening: socket.socket, path: Path, keep: Keep, mode: int) -> None:
    umask = os.umask(_PRIVATE)
    try:
        listening.bind(str(path))
    finally:
        os.umask(umask)
    try:
        keep(path)
        path.chmod(mode)
    except OSError:
        path.unlink()
        raise


def _clear(path: Path, ours: set[int]) -> None:
    """Remove the socket that an ended process of ours left at the path.

    **Raises** CannotListen: something else is there.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise CannotListen(f"{path} exists and is no socket; move it away")
    if status.st_uid not in ours:
        raise CannotListen(f"the socket {path} belongs to user {status.st_uid}; remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:  # a full backlog, a socket of another type: somebody is there
            pass
    raise CannotListen(f"another process listens at {path}; stop it first")


def match(address: Address, given: Iterable[socket.socket]) -> Endpoint | None:
    """The one of the sockets handed over that listens at the address."""
    for one in given:
        name = one.getsockname()
        where = name if one.family == socket.AF_UNIX else name[:2]
        if one.family == address.family and where == address.place:
            return Endpoint(address, one, is_ours=False)
    return None
