"""From a file to a running service: read, bind, read the secrets, give up root, supervise.

Nothing is served until all of that has succeeded.
"""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mailauth.errors import MailauthError
from mailauth.service.listeners import maps
from mailauth.service.listeners.kinds import Build, Kind, Kinds, KindsOnDemand
from mailauth.service.processes import generation as generations
from mailauth.service.processes import privileges, process, sockets
from mailauth.service.processes.generation import Generation, Open
from mailauth.service.processes.supervisor import Supervisor
from mailauth.service.processes.watchedfiles import WatchedFiles
from mailauth.service.settings.configuration import BadConfiguration, Configuration, Reading
from mailauth.service.settings.tomlfile import Complaint
from mailauth.service.telling import log, systemd

logger = logging.getLogger(__name__)

_STANDARD_ERROR: Final = 2


def kinds_of_listeners() -> Kinds:
    """All kinds that a service can serve; they keep their keys from one reading to the next.

    A service without a milter does not import the code that judges mail, which takes 14 MB.
    """
    return KindsOnDemand(maps.KINDS, {"milter": _milter})


def check(path: Path, kinds: Kinds | None = None) -> Reading:
    """The configuration in the file, if it and its files are sound for this user; binds nothing.

    **Raises** BadConfiguration, with every error.
    """
    kinds = kinds_of_listeners() if kinds is None else kinds
    reading = generations.read(path, kinds)
    service = reading.configuration.service
    try:
        privileges.identity(service.user, service.group)
    except privileges.UnsafeProcess as fault:
        key = "group" if service.user is None else "user"
        raise reading.told([Complaint(("service", key), str(fault))]) from None
    generations.prepare(reading, kinds, generations.look(reading.configuration, kinds))
    return reading


def serve(path: Path, kinds: Kinds | None = None) -> int:
    """Run the service until it stops; returns its exit status.

    **Raises** MailauthError: it cannot start, and leaves nothing behind.
    """
    _open_standard_descriptors()
    with _reloads_held():
        return _serve(path.absolute(), kinds_of_listeners() if kinds is None else kinds)


_RELOADS: Final = frozenset({signal.SIGHUP, signal.SIGUSR1})


@contextmanager
def _reloads_held() -> Iterator[None]:
    """Let signals to reload wait until the supervisor handles them: before, they would kill it.

    If it cannot start, they are dropped, so that the reason can be told.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _RELOADS)
    try:
        yield
    finally:
        while signal.sigtimedwait(_RELOADS, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(path: Path, kinds: Kinds) -> int:
    reading = generations.read(path, kinds)
    configuration = reading.configuration
    sink = log.Sink()
    service = configuration.service
    log.start(sink, service.log, service.log_level, "supervisor")
    process.show_stacks_on_sigquit(sink)
    become = privileges.identity(service.user, service.group)
    owner = become[0] if become else None
    endpoints = generations.bind(configuration, _handed_over(configuration), owner)
    try:
        files = WatchedFiles(generations.files(configuration, kinds))
        builds = _prepare(reading, kinds, become)
        if become:
            privileges.drop(become)
        elif os.geteuid() == 0:
            logger.warning("the service runs as root, which it does not need: set service.user")
    except BaseException:
        generations.close(endpoints, keep={})
        raise
    privileges.forbid_core_dumps()
    privileges.adopt_orphans()
    first = generations.assemble(1, configuration, builds, endpoints, files, kinds)

    def make(number: int, current: Generation) -> Generation:
        made = _again(number, current, path, kinds)
        service = made.configuration.service
        log.start(sink, service.log, service.log_level, "supervisor")
        return made

    return Supervisor(first, make, sink=sink, notifier=systemd.Notifier()).run()


def _milter() -> Kind:
    from mailauth.service.listeners.milters import Milters  # noqa: PLC0415 - see kinds_of_listeners

    return Milters().kind


def _open_standard_descriptors() -> None:
    """Open closed standard streams, so that no file or socket of ours gets their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)


def _handed_over(configuration: Configuration) -> Open:
    """The end points whose sockets the service manager has opened."""
    given = systemd.handed_over()
    found: Open = {}
    for address, listen in generations.addresses(configuration):
        endpoint = sockets.match(address, given)
        if endpoint is not None:
            found[address] = endpoint
        elif listen is not None and address.is_public:
            values = {"address": str(address)}
            logger.warning(
                "%(address)s can be reached from other hosts: protect it with a firewall", values
            )
    used = {endpoint.socket for endpoint in found.values()}
    for one in given:
        if one not in used:
            values = {"address": str(one.getsockname())}
            logger.warning("the socket %(address)s was handed over, but is not configured", values)
            one.close()
    return found


def _prepare(reading: Reading, kinds: Kinds, become: tuple[int, int] | None) -> tuple[Build, ...]:
    """Read files and secrets as the user of the service, as a reload will do.

    What only root can read is read as root, with a warning: a reload cannot read it.
    What the workers open themselves must be open to the user.
    """
    if become is None:
        return generations.prepare(reading, kinds, generations.look(reading.configuration, kinds))
    with _acting_as(become):
        looked = generations.look(reading.configuration, kinds)
        try:
            return generations.prepare(reading, kinds, looked)
        except BadConfiguration as refused:
            fault = refused
    builds = generations.prepare(reading, kinds, looked)
    for line in fault.errors:
        values = {"fault": line}
        logger.warning("read as root, so SIGHUP cannot read it again: %(fault)s", values)
    return builds


@contextmanager
def _acting_as(become: tuple[int, int]) -> Iterator[None]:
    uid, gid = become
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _again(number: int, current: Generation, path: Path, kinds: Kinds) -> Generation:
    """The next generation, from the same file; sockets whose addresses have stayed are kept.

    **Raises** MailauthError.
    """
    reading = generations.read(path, kinds)
    configuration = reading.configuration
    old, new = current.configuration.service, configuration.service
    if (old.user, old.group) != (new.user, new.group):
        raise MailauthError("user and group cannot be changed by a reload: restart the service")
    files = WatchedFiles(generations.files(configuration, kinds))
    builds = generations.prepare(reading, kinds, generations.look(configuration, kinds))
    endpoints = generations.bind(configuration, current.endpoints, None)
    return generations.assemble(number, configuration, builds, endpoints, files, kinds)
