"""The jobs of children: a worker serves, the observer probes and shows the figures."""

import socket
from collections.abc import Callable
from functools import partial

from mailauth.service.processes import privileges, process
from mailauth.service.processes.crew import WORKER, Job
from mailauth.service.processes.generation import Generation
from mailauth.service.processes.observer import observe
from mailauth.service.processes.worker import work
from mailauth.service.telling.poison import Hand, Remembered
from mailauth.service.telling.tally import Tally


def of(role: str, generation: Generation, remembered: Remembered) -> Job:
    """The job of a child.  **Raises** OSError: there is no memory for its hand."""
    configuration = generation.configuration
    listeners = tuple(str(listen.where) for listen in configuration.listen)
    hand = Hand()
    if role == WORKER:
        run = _worker(generation, partial(Tally, hand=hand, remembered=remembered))
    else:
        run = _observer(generation)
    return Job(role, generation.number, listeners, configuration.watchdog, run, hand)


def _worker(generation: Generation, make_tally: Callable[[], Tally]) -> process.Run:
    """What a worker runs."""
    configuration = generation.configuration
    sockets = [generation.endpoints[listen.where].socket for listen in configuration.listen]
    served = list(zip(sockets, generation.builds, strict=True))
    shared = configuration.service.workers > 1

    def run(channel: socket.socket) -> int:
        for endpoint in generation.endpoints.values():
            if endpoint.socket not in sockets:
                endpoint.socket.close()  # the observer's or the supervisor's
        privileges.bound_memory(configuration.service.memory)
        return work(channel, served, configuration.watchdog, make_tally, shared=shared)

    return run


def _observer(generation: Generation) -> process.Run:
    """What the observer runs."""
    configuration = generation.configuration
    metrics = generation.endpoint(configuration.service.metrics)

    def run(channel: socket.socket) -> int:
        shown = None if metrics is None else metrics.socket
        return observe(channel, generation.probes, shown, configuration.watchdog)

    return run
