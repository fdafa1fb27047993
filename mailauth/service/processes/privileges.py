"""What a process of the service may do: less and less, and never more again.

Root is needed to bind a port below 1024 and to read root's files.  After that it is
given up for good, and we try to regain it to make sure that we cannot.  What only
Linux has (`prctl`) is left out elsewhere.
"""

import ctypes
import grp
import os
import pwd
import resource
import signal
from typing import Final

from mailauth.errors import MailauthError

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36


class UnsafeProcess(MailauthError):
    """The process cannot take on the user and group it should, or cannot give up its rights."""


def identity(user: str | None, group: str | None) -> tuple[int, int] | None:
    """The uid and gid to run as; None to keep the present ones.

    **Raises** UnsafeProcess: another user or group is asked for, and we are not root.
    """
    if user is None and group is None:
        return None
    uid, gid = os.geteuid(), os.getegid()
    if user is not None:
        entry = pwd.getpwnam(user)
        uid, gid = entry.pw_uid, entry.pw_gid
    if group is not None:
        gid = grp.getgrnam(group).gr_gid
    if (uid, gid) == (os.geteuid(), os.getegid()):
        return None
    if os.geteuid() != 0:
        raise UnsafeProcess(
            f"only root can become user {user or uid} and group {group or gid}; "
            "start as root, or leave both out"
        )
    return uid, gid


def user() -> str:
    """The name of the present user, or its uid if it has no name."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def may_give_to(gid: int) -> bool:
    """Whether the present user may give its own files to a group."""
    return os.geteuid() == 0 or gid in {os.getegid(), *os.getgroups()}


def drop(become: tuple[int, int]) -> None:
    """Become another user and group for good, with no supplementary groups.

    **Raises** UnsafeProcess: the old rights could be regained.
    """
    uid, gid = become
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if uid != 0:
        _expect_refusal(uid)
    if os.getgroups() not in ([], [gid]) or os.getresuid() != (uid,) * 3:
        raise UnsafeProcess(f"the process still has more rights than user {uid} and group {gid}")


def _expect_refusal(uid: int) -> None:
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise UnsafeProcess(f"user {uid} could become root again")


def forbid_core_dumps() -> None:
    """Keep this memory, which holds secrets, from being dumped to disk.

    The limit alone does not apply if core_pattern is a pipe.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def bound_memory(megabytes: int) -> None:
    """Limit the address space of the process from now on."""
    octets = megabytes << 20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or octets < hard:
        resource.setrlimit(resource.RLIMIT_AS, (octets, hard))


def adopt_orphans() -> None:
    """Make orphaned descendants of this process its own children."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Have this process killed when its parent ends, even if that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, ctypes.c_ulong(value), 0, 0, 0)
