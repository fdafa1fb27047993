"""What a service is to do: frozen structs read from TOML; any error refuses the whole file.

Every error is found in one reading and reported with its line.  Durations are in
seconds, and are measured by a clock that never goes back.
"""

import grp
import pwd
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from socket import AF_UNIX
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from mailauth.errors import BadArgument, MailauthError, SyntaxFault, how_to_get
from mailauth.service.settings import tomlfile
from mailauth.service.settings.address import Address, parse
from mailauth.service.settings.tables import (
    Dns,
    Limits,
    Listen,
    Milter,
    Service,
    Signing,
    Srs,
    Verifying,
    Watchdog,
)
from mailauth.service.settings.tomlfile import BadToml, Complaint, Place, show


class BadConfiguration(MailauthError):
    """A configuration that must not be run; each of `errors` is one line."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = tuple(errors)


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    listen: tuple[Listen, ...] = ()
    service: Service = Service()
    watchdog: Watchdog = Watchdog()
    limits: Limits = Limits()
    dns: Dns = Dns()
    srs: Srs | None = None
    milter: Milter = Milter()
    signing: Signing | None = None
    verifying: Verifying | None = None


MAX_LISTENERS = 100
"""The figures of all listeners must fit into one beat."""

Check = Callable[[Configuration], Iterable[Complaint]]


class Reading(NamedTuple):
    """A configuration, and where in its file everything is."""

    configuration: Configuration
    document: tomlfile.Document

    def told(self, complaints: Iterable[Complaint]) -> BadConfiguration:
        """The complaints as a refusal."""
        return BadConfiguration(self.lines(complaints))

    def lines(self, complaints: Iterable[Complaint]) -> list[str]:
        """The complaints as lines, without repetitions, in the order of the file."""
        path, line_of = self.document.path, self.document.line
        ordered = sorted(dict.fromkeys(complaints), key=lambda one: line_of(one.place))
        return [f"{_at(path, line_of(one.place))}: {_sentence(one)}" for one in ordered]


def read(path: Path, check: Check = lambda _: ()) -> Reading:
    """The configuration in a file; `check` says what else is wrong with it.

    **Raises** BadConfiguration, with every error.
    """
    try:
        document = tomlfile.Document(path)
    except BadArgument as fault:
        raise BadConfiguration([str(fault)]) from None
    except BadToml as fault:
        raise BadConfiguration([f"{_at(path, fault.line)}: {fault}"]) from None
    configuration, complaints = convert(document.tables, check)
    reading = Reading(configuration, document)
    if complaints:
        raise reading.told(tomlfile.first_of_each(complaints))
    return reading


def convert(tables: Mapping[str, Any], check: Check) -> tuple[Configuration, list[Complaint]]:
    """The configuration in these tables, and everything that is wrong with it."""
    complaints: list[Complaint] = []
    configuration = tomlfile.convert(Configuration, tables, (), complaints)
    complaints += _unsound(configuration)
    complaints += check(configuration)
    return configuration, complaints


class Found(NamedTuple):
    """Where the service of a file reports its status, and what is wrong with the file."""

    status: Address | None
    faults: Sequence[str] = ()


def find_status(path: Path) -> Found:
    """The address of `service.status`, even in a file that is no longer valid.

    **Raises** BadConfiguration: the file is unsound, and has no such address.
    """
    try:
        status = read(path).configuration.service.status
    except BadConfiguration as unsound:
        for value in _salvaged(path):
            with suppress(SyntaxFault):
                address = parse(value)
                if address.family == AF_UNIX:
                    return Found(address, unsound.errors)
        raise
    return Found(parse(status) if status else None)


def _salvaged(path: Path) -> Iterator[str]:
    """What may be `service.status` in an unsound file: no other table has a key `status`."""
    try:
        service = tomlfile.Document(path).tables.get("service")
        values = [service.get("status")] if isinstance(service, Mapping) else []
    except BadToml:
        values = tomlfile.salvage(path, "status")
    except BadArgument:
        values = []
    return (value for value in values if isinstance(value, str))


def _at(path: Path, line: int) -> str:
    return f"{path}:{line}" if line else f"{path}"


def _sentence(complaint: Complaint) -> str:
    where = show(complaint.place)
    return f"{where}: {complaint.sentence}" if where else complaint.sentence


def _unsound(configuration: Configuration) -> list[Complaint]:
    """What is wrong although every value has the right type."""
    service = configuration.service
    complaints = [*_missing(configuration), *_addresses(configuration), *_limits(configuration)]
    complaints += _unknown("user", service.user, ("service", "user"))
    complaints += _unknown("group", service.group, ("service", "group"))
    for at, listen in enumerate(configuration.listen):
        complaints += _unknown("group", listen.group, ("listen", at, "group"))
    return complaints


def _missing(configuration: Configuration) -> Iterator[Complaint]:
    if not configuration.listen:
        yield Complaint(("listen",), "there is no [[listen]], so there is nothing to serve")
    if len(configuration.listen) > MAX_LISTENERS:
        yield Complaint(
            ("listen", MAX_LISTENERS), f"is one too many: at most {MAX_LISTENERS} are served"
        )
    for at, listen in enumerate(configuration.listen):
        for key, value in (("kind", listen.kind), ("address", listen.address_or_usual)):
            if not value:
                yield Complaint(("listen", at, key), "is missing")
    for table, struct, keys in (
        ("srs", configuration.srs, ("domain", "secrets")),
        ("verifying", configuration.verifying, ("authserv_id",)),
    ):
        for key in keys if struct is not None else ():
            if not getattr(struct, key):
                yield Complaint((table, key), "is missing")


def _addresses(configuration: Configuration) -> Iterator[Complaint]:
    """Complaints about addresses that are invalid or used twice."""
    service = configuration.service
    ends: list[tuple[str | None, Place]] = [
        (service.metrics, ("service", "metrics")),
        (service.status, ("service", "status")),
    ]
    ends += [
        (one.address_or_usual, ("listen", at, "address"))
        for at, one in enumerate(configuration.listen)
    ]
    taken: dict[str, Place] = {}
    for text, place in ends:
        if not text:
            continue
        try:
            address = str(parse(text))
        except SyntaxFault as fault:
            yield Complaint(place, str(fault))
            continue
        if address in taken:
            yield Complaint(place, f"is already the address of {show(taken[address])}")
        taken[address] = place
    if service.status is not None and not service.status.startswith(("unix:", "local:")):
        yield Complaint(("service", "status"), "must be a Unix socket: unix:/path")
    if service.metrics is not None and find_spec("prometheus_client") is None:
        sentence = f"needs prometheus-client: {how_to_get('service')}"
        yield Complaint(("service", "metrics"), sentence)


def _unknown(kind: Literal["user", "group"], name: str | None, place: Place) -> Iterator[Complaint]:
    """A complaint about a user or group that the system does not know."""
    if name is None:
        return
    try:
        _ = pwd.getpwnam(name) if kind == "user" else grp.getgrnam(name)
    except (KeyError, ValueError):  # ValueError: a NUL in the name
        yield Complaint(place, f"there is no {kind} {name!r} on this system")


def _limits(configuration: Configuration) -> Iterator[Complaint]:
    """Complaints about limits that contradict each other."""
    watchdog, srs = configuration.watchdog, configuration.srs
    if watchdog.silence < 2 * watchdog.beat:
        sentence = f"must be at least twice watchdog.beat, {watchdog.beat:g} s"
        yield Complaint(("watchdog", "silence"), sentence, (("watchdog", "beat"),))
    if watchdog.request <= configuration.limits.request:
        sentence = f"must be longer than limits.request, {configuration.limits.request:g} s"
        yield Complaint(("watchdog", "request"), sentence, (("limits", "request"),))
    if srs is not None and srs.hash_minimum > srs.hash_length:
        sentence = f"is over hash_length, {srs.hash_length}: none of our addresses would verify"
        yield Complaint(("srs", "hash_minimum"), sentence, (("srs", "hash_length"),))
    if srs is not None and srs.mac not in srs.accept:
        sentence = f"must include {srs.mac!r}, which signs new addresses"
        yield Complaint(("srs", "accept"), sentence, (("srs", "mac"),))
