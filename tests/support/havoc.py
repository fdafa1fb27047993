"""Faults while mail flows.

Workers are killed, stopped and made to hang; the DNS falls silent; the configuration is
reloaded.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from nameserver import Nameserver, drops
from tree import Tree

WATCHDOG: dict[str, Any] = {
    "silence": 1.0,
    "backtrace": 0.2,
    "terminate": 0.2,
    "poison": 1.0,
    "storm_restarts": 1000,
    "restart_delay": 0.01,
    "restart_delay_most": 0.05,
    "stop": 2.0,
}
"""Watchdog settings for a service whose processes will fail again and again."""
DEFERRING = """
dmarc = false
[verifying.spf_actions]
temperror = "tempfail"
[verifying.dkim_actions]
temperror = "tempfail"
"""
"""How mail is judged: it waits if the DNS does not answer."""


class Havoc:
    """Causes one fault after another, in a thread, until it is stopped."""

    def __init__(self, service: Tree, nameserver: Nameserver, hang: Callable[[], object]) -> None:
        """`hang` sends a message that makes a worker hang."""
        self._service = service
        self._nameserver = nameserver
        self._hang = hang
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0
        """How often each fault was caused."""
        self.faults: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                for fault in (self._kill, self._reload, self._silence, self._stop, self._hang):
                    fault()
                    self._over.wait(0.3)
                self.rounds += 1
        except BaseException as fault:  # noqa: BLE001 - the test is told
            self.faults.append(fault)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._service.pids()[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def _reload(self) -> None:
        self._service.signal(signal.SIGHUP)

    def _silence(self) -> None:
        script, self._nameserver.script = self._nameserver.script, drops
        time.sleep(0.7)
        self._nameserver.script = script
