"""One child process: forked into its own group, heard through its channel, ended with its group.

The channel is a pair of sockets that keep datagrams whole.  A child dies with the
supervisor; what it leaves behind, in its group or outside it, dies with the child.
"""

import faulthandler
import logging
import os
import signal
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailauth.errors import MailauthError
from mailauth.service.processes import privileges
from mailauth.service.telling import log

logger = logging.getLogger(__name__)

HANDLED: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGCHLD,
)
"""The signals that the supervisor handles; they are blocked while it forks."""

_FAILED: Final = 70  # EX_SOFTWARE of sysexits.h

Run = Callable[[socket.socket], int]
"""What a child runs: takes its end of the channel, returns its exit status."""


def signal_even_if_stopped(pid: int, *numbers: signal.Signals) -> None:
    """Send signals, then SIGCONT: a stopped process could neither show its stacks nor end."""
    with suppress(ProcessLookupError):
        for number in (*numbers, signal.SIGCONT):
            os.kill(pid, number)


def next_dead() -> int | None:
    """The pid of a child that has ended and is not reaped yet, if there is one."""
    try:
        dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return dead.si_pid if dead else None


def kill_group(leader: int) -> None:
    """Send SIGKILL to a group, and to its leader, which may not have made the group yet."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(leader, signal.SIGKILL)


def fork(
    role: str, run: Run, forget: Callable[[], None], *, sink: log.Sink
) -> tuple[int, socket.socket]:
    """Start a child that runs `run`; returns its pid and the supervisor's end of the channel.

    In the child, `forget` closes what belongs to the supervisor alone.  Signals are blocked
    until the child has its own handlers, so that none is taken for the supervisor's.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    theirs.settimeout(0)
    parent = os.getpid()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(role, lambda: run(theirs), [forget, ours.close], parent, sink)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    theirs.close()
    with suppress(OSError):  # the child does the same; either may be first
        os.setpgid(pid, pid)
    return pid, ours


def _be_child(
    role: str,
    run: Callable[[], int],
    forget: Collection[Callable[[], None]],
    parent: int,
    sink: log.Sink,
) -> None:
    """The child's whole life; never returns."""
    status = _FAILED
    try:
        os.setpgid(0, 0)
        privileges.die_with(parent)
        signal.set_wakeup_fd(-1)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor says when to stop
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a worker will handle it: shows its tasks
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        for close in forget:
            close()
        show_stacks_on_sigquit(sink)
        log.rename(role)
        status = run()
    except MailauthError as fault:
        values = {"role": role, "fault": f"{fault}"}
        logger.error("the %(role)s failed: %(fault)s", values)  # noqa: TRY400 - it says it all
    except BaseException:
        logger.exception("the %(role)s failed", {"role": role})
    finally:
        os._exit(status)


def show_stacks_on_sigquit(sink: log.Sink) -> None:
    """From now on SIGQUIT only writes the stacks of all threads to the log.

    It works even while the interpreter is in a loop or in C code.
    """
    faulthandler.register(signal.SIGQUIT, file=sink.descriptor, all_threads=True, chain=False)


def strays(known: Collection[int]) -> list[int]:
    """Children of this process that are not `known`: what ended children left behind.

    A process of its own group is none of these: each child that it starts has another.
    """
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc/self").exists() else ():
        if entry.name.isdigit() and int(entry.name) not in known:
            with suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                parent, group = int(fields[1]), int(fields[2])
                if fields[0] != "Z" and parent == os.getpid() and group != os.getpgrp():
                    found.append(int(entry.name))
    return found
