"""The supervisor: keeps the processes of a generation running, and nothing else.

One loop without threads: bury the dead, hear the beats, carry out what the
watchdog decides, start missing processes, report to those who want to know, obey
signals.  A start and a reload are the same thing: a coming generation is started
beside the current one, and takes its place once all of its workers are ready.
"""

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from mailauth.errors import MailauthError
from mailauth.service.processes import generation as generations
from mailauth.service.processes import jobs, process
from mailauth.service.processes.crew import OBSERVER, WORKER, Crew, Ended
from mailauth.service.processes.generation import Generation
from mailauth.service.processes.restarts import Restarts
from mailauth.service.processes.sockets import Endpoint
from mailauth.service.processes.watchdog import Phase
from mailauth.service.telling import log, status
from mailauth.service.telling.poison import Remembered
from mailauth.service.telling.systemd import Notifier

logger = logging.getLogger(__name__)

STORM: Final = 70
"""The exit status after a storm of restarts, EX_SOFTWARE of sysexits.h."""
_LONGEST_TICK: Final = 0.25
_LONGEST_TURN: Final = 1.0
"""Seconds; if a turn took longer, the supervisor itself stood still."""

Make = Callable[[int, Generation], Generation]
"""Makes the generation of this number, beside the current one.  **Raises** MailauthError."""


class Supervisor:
    """Runs a first generation, and those that `make` makes on each reload."""

    def __init__(
        self, first: Generation, make: Make, *, sink: log.Sink, notifier: Notifier
    ) -> None:
        self._current: Generation | None = None
        self._coming: Generation | None = first
        self._make = make
        self._crew = Crew(sink)
        self._remembered = Remembered()
        self._notifier = notifier
        self._restarts = Restarts(first.configuration.watchdog)
        self._exit_status: int | None = None  # known once the service stops
        self._reload_wanted = False
        self._started = self._told = self._alive_at = self._looked = time.monotonic()
        self._turned = self._started
        self._wake, self._wakes = socket.socketpair()

    def run(self) -> int:
        """Run until the service has ended; returns its exit status."""
        self._handle_signals()
        logger.info("the service starts as process %(pid)d", {"pid": os.getpid()})
        while self._exit_status is None or self._crew:
            now = self._turn()
            for ended in self._crew.bury(now):
                self._note(ended, now)
            self._hear(now)
            self._crew.watch(now)
            if self._exit_status is None:
                self._end_a_storm(now)
            if self._exit_status is None:  # no storm has ended the service
                self._take_over(now)
                self._look_at_files(now)
                self._reload_if_wanted()
                self._start_what_is_lacking(now)
            self._tell(now)
            self._wait()
        logger.info("the service has ended")
        return self._exit_status

    def _turn(self) -> float:
        """The time at which a turn begins; children are excused if none began for long.

        In a paused container or on a frozen host, they stood still with the supervisor.
        """
        now = time.monotonic()
        stood_still = now - self._turned - _LONGEST_TURN
        if stood_still > 0:
            for child in self._crew:
                child.watched.excuse(now, stood_still)
        self._turned = now
        return now

    # Signals, and the wait for them

    def _handle_signals(self) -> None:
        """Turn signals into octets in a socket; the loop decides what they mean."""
        for end in (self._wake, self._wakes):
            end.settimeout(0)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in process.HANDLED:
            signal.signal(number, lambda _number, _frame: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, process.HANDLED)  # some have waited

    def _wait(self) -> None:
        """Wait for a signal, a beat or a question, and no longer than a tick."""
        asked = self._status_endpoint()
        poll = select.poll()
        for one in (self._wake, *(child.channel for child in self._crew)):
            poll.register(one, select.POLLIN)
        if asked is not None:
            poll.register(asked.socket, select.POLLIN)
        tick = min(_LONGEST_TICK, self._newest().configuration.watchdog.beat / 2)
        poll.poll(tick * 1000)
        with suppress(BlockingIOError):
            for number in self._wake.recv(4096):
                self._obey(signal.Signals(number))
        if asked is not None and self._exit_status is None:
            status.answer(asked.socket, self._snapshot)

    def _obey(self, number: signal.Signals) -> None:
        if number in {signal.SIGTERM, signal.SIGINT}:
            if self._exit_status is None:
                self._stop(0)
            else:  # asked twice
                logger.warning("asked to stop again: all processes are killed")
                for child in self._crew:
                    self._crew.kill(child)
        elif number in {signal.SIGHUP, signal.SIGUSR1}:  # SIGUSR1 as in OpenDKIM
            self._reload_wanted = True

    def _stop(self, exit_status: int) -> None:
        """Stop listening, and ask all children to finish their work and end."""
        self._exit_status = exit_status
        logger.info("the service is stopping")
        self._notifier.tell("STOPPING=1")
        for one in self._generations():
            generations.close(one.endpoints, keep={})
        now = time.monotonic()
        for child in self._crew:
            self._crew.dismiss(child, now)

    # Generations

    def _generations(self) -> list[Generation]:
        return [one for one in (self._current, self._coming) if one is not None]

    def _newest(self) -> Generation:
        return self._generations()[-1]

    def _look_at_files(self, now: float) -> None:
        """If a file has changed and is stable again, ask for a reload of everything."""
        current = self._current
        if current is None or now - self._looked < current.configuration.service.look_again:
            return
        self._looked = now
        for file in current.files.changed():
            logger.info("%(file)s has changed: the configuration is read again", {"file": file})
            self._reload_wanted = True

    def _reload_if_wanted(self) -> None:
        """Make the next generation; if that fails, everything stays as it is."""
        if not self._reload_wanted or self._current is None or self._coming is not None:
            return  # a generation that is starting comes first
        self._reload_wanted = False
        self._notifier.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._coming = self._make(self._newest().number + 1, self._current)
        except MailauthError as fault:
            for line in str(fault).splitlines():
                logger.error("not reloaded: %(fault)s", {"fault": line})  # noqa: TRY400
            self._stay()
        except Exception:
            logger.exception("not reloaded, because of an internal error")
            self._stay()
        else:
            logger.info("the configuration has been read again; its workers are starting")

    def _stay(self) -> None:
        logger.error("the old configuration and the old secrets stay in force")
        self._notifier.tell("READY=1", "STATUS=The last reload failed; the old configuration runs.")

    def _take_over(self, now: float) -> None:
        """Make the coming generation the current one, once all of its workers are ready."""
        coming, old = self._coming, self._current
        if coming is None:
            return
        workers = self._crew.of(WORKER, coming.number)
        ready = sum(child.watched.phase is Phase.WORKING for child in workers)
        if ready < coming.configuration.service.workers:
            return
        self._current, self._coming = coming, None
        self._restarts.limits = coming.configuration.watchdog
        for child in self._crew:
            if child.job.generation != coming.number:
                self._crew.dismiss(child, now)
        if old is not None:
            generations.close(old.endpoints, keep=coming.endpoints)
        for fault in generations.admit(coming):
            logger.error("%(fault)s", {"fault": fault})
        values = {"generation": coming.number, "workers": ready}
        logger.info("generation %(generation)d serves with %(workers)d workers", values)
        self._notifier.tell("READY=1", f"STATUS={ready} workers serve.")

    def _is_tried(self, generation: int) -> bool:
        """Whether a generation was made while another served, and has not taken its place."""
        return self._current is not None and generation > self._current.number

    def _give_up_coming(self) -> None:
        """Drop the coming generation, of which a worker failed; the old one goes on."""
        coming, old = self._coming, self._current
        if coming is None or old is None:
            return
        self._coming = None
        for child in self._crew:
            if child.job.generation == coming.number:
                self._crew.kill(child)
        generations.close(coming.endpoints, keep=old.endpoints)
        logger.error("not reloaded: a worker of the new configuration failed")
        self._stay()

    # Children

    def _start_what_is_lacking(self, now: float) -> None:
        if not self._restarts.may_start(now):
            return
        for one in self._generations():
            have = len(self._crew.of(WORKER, one.number))
            for _ in range(one.configuration.service.workers - have):
                if not self._start(WORKER, one, now):
                    return  # the next turn may have what is lacking now
        if self._current is not None and not self._crew.of(OBSERVER, self._current.number):
            self._start(OBSERVER, self._current, now)
            self._told = 0.0  # at once

    def _start(self, role: str, generation: Generation, now: float) -> bool:
        """Start a child; returns whether that succeeded."""
        try:
            job = jobs.of(role, generation, self._remembered)
            self._crew.start(job, partial(self._forget, generation), now)
        except OSError as fault:  # no memory, no descriptors, too many processes
            values = {"role": role, "fault": fault.strerror}
            logger.error("no %(role)s could be started: %(fault)s", values)  # noqa: TRY400
            if self._is_tried(generation.number):
                self._give_up_coming()
            else:
                self._restarts.ended(now, f"no {role} could be started: {fault.strerror}")
            return False
        return True

    def _forget(self, generation: Generation) -> None:
        """In a child: close what is the supervisor's, and sockets that its generation lacks.

        A socket that a reload removes would go on accepting connections if it were open anywhere.
        """
        self._notifier.close()
        self._wake.close()
        self._wakes.close()
        if (endpoint := self._status_endpoint()) is not None:
            endpoint.socket.close()
        for one in self._generations():
            for address, endpoint in one.endpoints.items():
                if address not in generation.endpoints:
                    endpoint.socket.close()  # the path of a Unix socket stays

    def _hear(self, now: float) -> None:
        for child, said in self._crew.hear(now):
            current = self._current
            if said.unanswered and current and child.job.generation == current.number:
                # A listener is silent although all workers beat: they accept but never answer.
                where = child.job.listeners[said.unanswered - 1]
                for worker in self._crew.of(WORKER, current.number):
                    self._crew.condemn(worker, now, f"or another one did not answer at {where}")

    def _note(self, ended: Ended, now: float) -> None:
        """Log an end; an unasked one counts for restarts, unless it only makes a reload fail."""
        child = ended.child
        values = {"role": child.job.role, "pid": child.pid, "how": ended.how}
        if child.is_asked and not child.watched.is_condemned:
            logger.info("the %(role)s %(pid)d has ended, %(how)s", values)
            return
        logger.error("the %(role)s %(pid)d ended unexpectedly, %(how)s", values)
        if ended.in_hand:
            self._remember(ended, now)
        if not self._is_tried(child.job.generation):
            why = child.watched.reason or f"ended {ended.how}"
            self._restarts.ended(now, f"the {child.job.role} {child.pid} {why}")
        elif not child.is_asked:  # children of a generation already given up were asked
            self._give_up_coming()

    def _remember(self, ended: Ended, now: float) -> None:
        """Remember what a worker had in hand when it ended, so that it does not end the next."""
        seconds = ended.child.job.limits.poison
        self._remembered.add(ended.in_hand, now + seconds)
        values = {"pid": ended.child.pid, "message": ended.in_hand, "seconds": seconds}
        logger.error(
            "the worker %(pid)d was working on the message %(message)s; if that comes again within "
            "%(seconds)g s, it is deferred",
            values,
        )

    def _end_a_storm(self, now: float) -> None:
        if not self._restarts.is_storm(now):
            return
        limits = self._restarts.limits
        values = {
            "most": limits.storm_restarts,
            "window": limits.storm_window,
            "last": self._restarts.reason,
        }
        logger.critical(
            "more than %(most)d processes ended unexpectedly within %(window)g s, most recently: "
            "%(last)s; the service cannot work like this and stops",
            values,
        )
        self._stop(STORM)

    # Those who want to know

    def _status_endpoint(self) -> Endpoint | None:
        if self._exit_status is not None:
            return None
        one = self._current or self._newest()
        return one.endpoint(one.configuration.service.status)

    def _tell(self, now: float) -> None:
        """Tell systemd that the loop is running, and send the observer a snapshot."""
        if self._notifier.watchdog and now - self._alive_at >= self._notifier.watchdog / 3:
            self._alive_at = now
            self._notifier.tell("WATCHDOG=1")
        if now - self._told >= self._newest().configuration.watchdog.beat:
            self._told = now
            for child in self._crew:
                if child.job.role == OBSERVER:
                    status.tell(child.channel, self._snapshot())

    def _snapshot(self) -> dict[str, Any]:
        """The present state of the service."""
        now = time.monotonic()
        restarts = self._restarts
        return {
            "pid": os.getpid(),
            "uptime": now - self._started,
            "state": self._state(),
            "generation": self._current.number if self._current else 0,
            "restarts": {
                "total": restarts.total,
                "recent": restarts.recent(now),
                "last": restarts.reason,
                "ago": now - restarts.at if restarts.total else None,
            },
            "processes": [child.describe(now) for child in self._crew],
            "figures": self._crew.figures(),
        }

    def _state(self) -> str:
        if self._exit_status is not None:
            return "stopping"
        if self._coming is not None:
            return "starting" if self._current is None else "reloading"
        return "serving"
