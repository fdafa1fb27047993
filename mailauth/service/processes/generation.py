"""One reading of the configuration, made ready: sockets bound, files and secrets read.

A service runs one generation at a time; a reload makes the next one, which takes over
the sockets whose addresses stay.  Either everything is made ready, or nothing is.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailauth.service.listeners.kinds import Build, Kinds
from mailauth.service.processes import sockets
from mailauth.service.processes.sockets import Access, Endpoint
from mailauth.service.processes.watchedfiles import WatchedFiles
from mailauth.service.settings import configuration as configurations
from mailauth.service.settings.address import Address, parse
from mailauth.service.settings.configuration import Configuration, Reading
from mailauth.service.settings.tables import Listen
from mailauth.service.settings.tomlfile import Complaint, collect

Open = dict[Address, Endpoint]
"""The end points that are open, by address."""


@dataclass(frozen=True)
class Probe:
    """How to ask one listener whether it is alive."""

    address: Address
    question: bytes
    is_answer: Callable[[bytes], bool]


@dataclass(frozen=True)
class Generation:
    """What the workers and the observer of one configuration are made of."""

    number: int
    configuration: Configuration
    builds: tuple[Build, ...]
    """For each listener of the configuration."""
    probes: tuple[Probe, ...]
    endpoints: Mapping[Address, Endpoint]
    files: WatchedFiles
    """The files that were read for it, and are read again when they change."""

    def endpoint(self, address: str | None) -> Endpoint | None:
        """The end point of an address in the configuration."""
        return None if address is None else self.endpoints[parse(address)]


def read(path: Path, kinds: Kinds) -> Reading:
    """The configuration in a file, checked by the kinds of its listeners too.

    **Raises** BadConfiguration.
    """
    return configurations.read(path, lambda configuration: wrong_listeners(configuration, kinds))


def wrong_listeners(configuration: Configuration, kinds: Kinds) -> Iterable[Complaint]:
    """What the kinds find wrong with a configuration, and kinds that do not exist."""
    for index, listen in enumerate(configuration.listen):
        if listen.kind in kinds:
            yield from kinds[listen.kind].check(configuration, index)
        else:
            yield Complaint(("listen", index, "kind"), _no_kind(listen.kind, list(kinds)))


def _no_kind(kind: str, known: list[str]) -> str:
    sentence = f"there is no kind {kind!r}; there are {', '.join(sorted(known))}"
    near = difflib.get_close_matches(kind, known, n=1)
    return f"{sentence}; do you mean {near[0]}?" if near else sentence


def look(configuration: Configuration, kinds: Kinds) -> list[Complaint]:
    """What is wrong with the files that workers open themselves; creates and changes nothing."""
    return [
        complaint
        for listen in configuration.listen
        for complaint in kinds[listen.kind].look(configuration, listen)
    ]


def prepare(reading: Reading, kinds: Kinds, looked: Sequence[Complaint]) -> tuple[Build, ...]:
    """Read files and secrets, and return what makes the servers of the configuration.

    `looked` is what `look` found.  **Raises** BadConfiguration, with that and with
    every file that cannot be used.
    """
    configuration = reading.configuration
    builds: list[Build] = []
    complaints = list(looked)
    for index, listen in enumerate(configuration.listen):
        with collect(complaints, ("listen", index)):
            builds.append(kinds[listen.kind].prepare(configuration, listen))
    if complaints:
        raise reading.told(complaints)
    return tuple(builds)


def files(configuration: Configuration, kinds: Kinds) -> Iterable[str]:
    """The files that a running service checks for changes."""
    for listen in configuration.listen:
        yield from kinds[listen.kind].files(configuration)


def bind(configuration: Configuration, have: Mapping[Address, Endpoint], owner: int | None) -> Open:
    """An end point for each address: one that is open already, unchanged, or a new one.

    **Raises** CannotListen; what has been opened is then closed again.
    """
    opened: Open = {}
    try:
        for address, listen in addresses(configuration):
            if address in have:
                opened[address] = have[address]
                opened[address].check(_access(listen))
            else:
                opened[address] = sockets.bind(address, owner=owner, access=_access(listen))
    except BaseException:
        close(opened, keep=have)
        raise
    return opened


def admit(generation: Generation) -> list[str]:
    """Give kept sockets their new modes and groups; returns the faults, a sentence each."""
    faults = []
    for address, listen in addresses(generation.configuration):
        try:
            generation.endpoints[address].admit(_access(listen))
        except OSError as fault:
            faults.append(f"{address} keeps its mode and group: {fault.strerror}")
    return faults


def _access(listen: Listen | None) -> Access:
    return Access() if listen is None else Access(listen.group, listen.mode)


def addresses(configuration: Configuration) -> Iterable[tuple[Address, Listen | None]]:
    """Every address that is bound, with its `[[listen]]` if it has one."""
    for listen in configuration.listen:
        yield listen.where, listen
    for text in (configuration.service.metrics, configuration.service.status):
        if text is not None:
            yield parse(text), None


def close(endpoints: Mapping[Address, Endpoint], *, keep: Mapping[Address, Endpoint]) -> None:
    """Close the end points that are not kept."""
    for address, endpoint in endpoints.items():
        if address not in keep:
            endpoint.close()


def assemble(
    number: int,
    configuration: Configuration,
    builds: tuple[Build, ...],
    endpoints: Mapping[Address, Endpoint],
    files: WatchedFiles,
    kinds: Kinds,
) -> Generation:
    """Put the parts of a generation together."""
    probes = tuple(
        Probe(listen.where, kinds[listen.kind].probe(listen), kinds[listen.kind].is_answer)
        for listen in configuration.listen
    )
    return Generation(number, configuration, builds, probes, endpoints, files)
