"""What systemd is told, and the sockets that it hands over: sd_notify(3), sd_listen_fds(3).

Nothing here blocks: a manager that does not read must not stop a supervisor.
"""

import os
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Final

_FIRST_DESCRIPTOR: Final = 3


class Notifier:
    """Keeps the service manager informed; does nothing without one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._path = environment.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        if self._path[:1] in {"/", "@"}:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.watchdog = _watchdog(environment) if self._socket else None
        """Seconds without a sign of life after which the manager acts; None if it does not."""

    def tell(self, *assignments: str) -> None:
        """Send `READY=1`, `STATUS=...` and the like; lost if the manager is busy."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto("\n".join(assignments).encode(), self._place())

    def _place(self) -> str:
        return "\0" + self._path[1:] if self._path.startswith("@") else self._path

    def close(self) -> None:
        """Forget the manager: a child has nothing to tell it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC in seconds, if it is meant for this process."""
    interval, whom = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not (interval.isascii() and interval.isdigit()) or whom not in {"", str(os.getpid())}:
        return None
    return int(interval) / 1_000_000 or None


def handed_over(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """The listening sockets that systemd opened before this program started; call it once."""
    count = environment.pop("LISTEN_FDS", "")
    whom = environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if whom != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return []
    found = []
    for descriptor in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count)):
        os.set_inheritable(descriptor, False)  # noqa: FBT003
        found.append(socket.socket(fileno=descriptor))
    return found
