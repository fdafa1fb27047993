"""The listening sockets: bound once, shared by all workers, removed at the end.

A Unix socket gets its mode and group before anyone else can connect.  Whatever is at its
path is removed only if it is a socket of ours on which nobody listens; a file, a link, or
another user's socket is never touched.
"""

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mailauth.errors import MailauthError
from mailauth.service.processes import privileges
from mailauth.service.settings.address import Address

_BACKLOG: Final = 4096
"""Connections that wait to be accepted; the system may allow fewer."""
_PRIVATE: Final = 0o600
"""The mode with which a Unix socket is bound: for its owner only, until it gets its own."""


class CannotListen(MailauthError):
    """An address at which we cannot listen; the text says why."""


class Access(NamedTuple):
    """Who may connect to a Unix socket."""

    group: str | None = None
    """By default the group of any new file."""
    mode: int = 0o660


_BY_DEFAULT: Final = Access()


class Endpoint:
    """One listening socket that does not block."""

    def __init__(self, address: Address, listening: socket.socket) -> None:
        self.address = address
        self.socket = listening
        listening.settimeout(0)

    def check(self, access: Access) -> None:
        """Check that it could be given this access.  **Raises** CannotListen."""

    def admit(self, access: Access) -> None:
        """Give it this access, if that is ours to decide.  **Raises** OSError."""

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()


class UnixEndpoint(Endpoint):
    """A Unix socket that was made here; its path is ours to change and to remove."""

    def __init__(self, address: Address, listening: socket.socket, new: os.stat_result) -> None:
        """A new socket: with its first group, and for its owner only."""
        super().__init__(address, listening)
        self._new = new
        self._gid = new.st_gid
        self._mode = _PRIVATE

    def check(self, access: Access) -> None:
        """Check that it could be given this group.  **Raises** CannotListen."""
        try:
            gid = self._wanted(access)
        except OSError as fault:
            raise CannotListen(
                f"cannot set the group of {self.address}: {fault.strerror}"
            ) from None
        if gid != self._gid and not privileges.may_give_to(gid):
            raise CannotListen(
                f"cannot give {self.address} to the group {access.group or gid}: the user "
                f"{privileges.user()} is not in it; add it (SupplementaryGroups= of the unit) "
                "and restart the service"
            )

    def admit(self, access: Access) -> None:
        """Give it this access; at no moment may anybody else connect.

        **Raises** OSError: it stays as it was.
        """
        gid = self._wanted(access)
        if (gid, access.mode) == (self._gid, self._mode):
            return
        path = Path(self.address.host)
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.ENOTSOCK, f"{path} is not a socket any more")
        if not self._is_ours(path):
            raise OSError(errno.EEXIST, f"{path} is now the socket of another process")
        path.chmod(access.mode & self._mode)
        try:
            if gid != self._gid:
                os.chown(path, -1, gid)
        except OSError:
            path.chmod(self._mode)
            raise
        path.chmod(access.mode)
        self._gid, self._mode = gid, access.mode

    def close(self) -> None:
        """Stop listening, and remove the path, unless somebody else has it by now."""
        path = Path(self.address.host)
        with suppress(OSError):  # its folder may be closed to us since the change of user
            if self._is_ours(path):
                path.unlink()
        super().close()

    def _is_ours(self, path: Path) -> bool:
        """Whether the file at the path is still the socket that was made here.

        While it is open, no other file has its inode number.  **Raises** OSError: there is none.
        """
        return self.socket.fileno() >= 0 and os.path.samestat(path.lstat(), self._new)

    def _wanted(self, access: Access) -> int:
        """The group id of an access.  **Raises** OSError: the group no longer exists."""
        if access.group is None:
            return self._new.st_gid
        try:
            return grp.getgrnam(access.group).gr_gid
        except KeyError:
            raise OSError(errno.ENOENT, f"there is no group {access.group}") from None


def bind(address: Address, *, owner: int | None = None, access: Access = _BY_DEFAULT) -> Endpoint:
    """Listen at an address; `owner` (a uid) and `access` apply to a Unix socket.

    **Raises** CannotListen.
    """
    try:
        listening = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            return _listen(address, listening, owner, access)
        except BaseException:
            listening.close()
            raise
    except OSError as fault:
        raise CannotListen(f"cannot listen at {address}: {fault.strerror or fault}") from None


def _listen(
    address: Address, listening: socket.socket, owner: int | None, access: Access
) -> Endpoint:
    """**Raises** OSError, CannotListen."""
    endpoint = Endpoint(address, listening)
    if address.family == socket.AF_UNIX:
        endpoint = _bind_unix(address, listening, owner, access)
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address.place)
    listening.listen(_BACKLOG)
    return endpoint


def _bind_unix(
    address: Address, listening: socket.socket, owner: int | None, access: Access
) -> UnixEndpoint:
    """**Raises** OSError, CannotListen."""
    path = Path(address.host)
    _clear(path, {os.geteuid(), owner or os.geteuid()})
    umask = os.umask(0o777 & ~_PRIVATE)
    try:
        listening.bind(str(path))
    finally:
        os.umask(umask)
    try:
        endpoint = UnixEndpoint(address, listening, path.lstat())
        if owner is not None:
            os.chown(path, owner, -1)
        _admit(endpoint, access)
    except (OSError, CannotListen):
        path.unlink()
        raise
    return endpoint


def _admit(endpoint: UnixEndpoint, access: Access) -> None:
    """**Raises** OSError, or CannotListen, which explains more."""
    try:
        endpoint.admit(access)
    except PermissionError:
        endpoint.check(access)
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
        raise CannotListen(f"{path} exists and is not a socket; move it away")
    if status.st_uid not in ours:
        raise CannotListen(f"the socket {path} belongs to user {status.st_uid}; remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:  # a full backlog, or a socket of another type: somebody is there
            pass
    raise CannotListen(f"another process listens at {path}; stop it first")


def match(address: Address, given: Iterable[socket.socket]) -> Endpoint | None:
    """The end point of the given socket that listens at the address, if there is one."""
    for one in given:
        name = one.getsockname()
        where = name if one.family == socket.AF_UNIX else name[:2]
        if one.family == address.family and where == address.place:
            return Endpoint(address, one)
    return None
