"""What a service is to do: frozen structs, read from TOML and refused whole if anything is wrong.

Every error is found in one reading and told with its line.  Durations are
seconds, and are measured by a clock that never goes back.
"""

import grp
import pwd
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from mailauth.errors import MailauthError, SyntaxFault
from mailauth.service import tomlfile
from mailauth.service.address import Address, parse
from mailauth.service.tomlfile import BadToml, Complaint, Place, show

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=100_000)]


class BadConfiguration(MailauthError):
    """A configuration that must not be run; each of `errors` is one line."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = tuple(errors)


class Watchdog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[watchdog]`: when a process is in time; all in seconds but `storm_restarts`."""

    start: Seconds = 10.0
    """From the start of a worker until it must be ready."""
    beat: Seconds = 1.0
    """Between two beats."""
    silence: Seconds = 10.0
    """Without a beat, until a worker is replaced."""
    request: Seconds = 60.0
    """One request in work, until its worker is replaced."""
    probe: Seconds = 30.0
    """Until a listener must answer the observer."""
    backtrace: Seconds = 1.0
    """From the request for a backtrace until SIGTERM."""
    terminate: Seconds = 2.0
    """From SIGTERM until SIGKILL of the group, for a condemned process."""
    stop: Seconds = 30.0
    """From the request to stop until a worker drops the work that is left."""
    restart_delay: Seconds = 0.25
    """After the first unwanted end; doubled by each further one within the window."""
    restart_delay_most: Seconds = 10.0
    """The longest delay."""
    storm_restarts: Count = 10
    """So many unwanted ends within the window are borne; one more ends the service."""
    storm_window: Seconds = 60.0
    """The window."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[limits]`: what the clients of one listener in one worker may use."""

    connections: Count = 1000
    """Open at a time; one more is closed at once."""
    idle: Seconds = 300.0
    """Between two requests of a connection."""
    request: Seconds = 10.0
    """From the first octet of a request to its last."""


class Service(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[service]`: the process tree."""

    workers: Annotated[int, Meta(ge=1, le=256)] = 2
    user: str | None = None
    """Who runs it once the sockets are bound; needs root at the start."""
    group: str | None = None
    """The group, if it is not that of the user."""
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics: str | None = None
    """The address of the Prometheus metrics."""
    status: str | None = None
    """The address that `mailauth ps` asks, a Unix socket."""


class Srs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[srs]`: how senders are rewritten."""

    domain: str = ""
    """Of the rewritten addresses.  Needed."""
    more_domains: tuple[str, ...] = ()
    """Further domains of rewritten addresses, which a map `forward@DOMAIN` chooses."""
    secrets: str = ""
    """Needed.  The file of the secrets, one a line; the first signs."""
    separator: Literal["=", "+", "-"] = "="
    hash_length: Annotated[int, Meta(ge=1, le=27)] = 4
    """Characters of the hash that are written."""
    hash_minimum: Annotated[int, Meta(ge=1, le=27)] = 4
    """Characters of a hash that are accepted at least."""
    max_age: Annotated[int, Meta(ge=1, le=1023)] = 21
    """Days that an address is good for."""
    mac: Literal["classic", "separated"] = "classic"
    """How addresses are signed: as all others do it, or safer; see `srs.Mac`."""
    accept: tuple[Literal["classic", "separated"], ...] = ("classic", "separated")
    """With which of them addresses are accepted."""
    url_safe: bool = False
    """Write `-` and `_` in hashes, as postsrsd does from 2.2.6 on."""
    always_rewrite: bool = False
    """Rewrite senders of the SRS domain itself too."""
    own_domains: tuple[str, ...] = ()
    """Senders of these domains are left alone; `.example.com` is all below it."""
    exclude: tuple[str, ...] = ()
    """More domains or addresses whose senders are left alone."""
    exclude_file: str | None = None
    """The same, one a line."""
    long_senders: Literal["refuse", "pass", "store"] = "pass"
    """What becomes of a sender whose rewritten local part would have over 64 octets."""
    aliases: str | None = None
    """The file in which long senders are stored; the user of the service makes it."""


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[listen]]`: one end point."""

    kind: str = ""
    """The protocol.  Needed."""
    address: str = ""
    """Where.  Needed."""
    map: str | None = None
    """The map of a protocol that names none itself."""
    group: str | None = None
    """The group of a Unix socket."""
    mode: Annotated[int, Meta(ge=0o600, le=0o777)] = 0o660
    """The mode of a Unix socket."""

    @property
    def where(self) -> Address:
        """The address, parsed."""
        return parse(self.address)


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    listen: tuple[Listen, ...] = ()
    service: Service = Service()
    watchdog: Watchdog = Watchdog()
    limits: Limits = Limits()
    srs: Srs | None = None


Check = Callable[[Configuration], Iterable[Complaint]]


def read(path: Path, check: Check = lambda _: ()) -> Configuration:
    """The configuration in a file; `check` tells what else is wrong with it.

    **Raises** BadConfiguration, with every error.
    """
    try:
        document = tomlfile.Document(path)
    except OSError as fault:
        raise BadConfiguration([f"{path}: cannot be read: {fault.strerror}"]) from None
    except BadToml as fault:
        raise BadConfiguration([f"{_at(path, fault.line)}: {fault}"]) from None
    complaints: list[Complaint] = []
    configuration = tomlfile.convert(Configuration, document.tables, (), complaints)
    complaints += _unsound(configuration)
    complaints += check(configuration)
    if complaints:
        first = {one.place: one for one in reversed(complaints)}  # of each place
        lines = sorted((document.line(place), one) for place, one in first.items())
        raise BadConfiguration([f"{_at(path, line)}: {_sentence(one)}" for line, one in lines])
    return configuration


def _at(path: Path, line: int) -> str:
    return f"{path}:{line}" if line else f"{path}"


def _sentence(complaint: Complaint) -> str:
    where = show(complaint.place)
    return f"{where}: {complaint.sentence}" if where else complaint.sentence


def _unsound(configuration: Configuration) -> list[Complaint]:
    """What is of the right types and still cannot be."""
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
    for at, listen in enumerate(configuration.listen):
        for key in ("kind", "address"):
            if not getattr(listen, key):
                yield Complaint(("listen", at, key), "is missing")
    for key in ("domain", "secrets"):
        if configuration.srs is not None and not getattr(configuration.srs, key):
            yield Complaint(("srs", key), "is missing")


def _addresses(configuration: Configuration) -> Iterator[Complaint]:
    """Addresses that are none, and those used twice."""
    service = configuration.service
    ends: list[tuple[str | None, Place]] = [
        (service.metrics, ("service", "metrics")),
        (service.status, ("service", "status")),
    ]
    ends += [
        (one.address, ("listen", at, "address")) for at, one in enumerate(configuration.listen)
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
            yield Complaint(place, f"is the address of {show(taken[address])} already")
        taken[address] = place
    if service.status is not None and not service.status.startswith(("unix:", "local:")):
        yield Complaint(("service", "status"), "must be a Unix socket: unix:/path")
    if service.metrics is not None and find_spec("prometheus_client") is None:
        sentence = "needs prometheus-client: pip install 'mailauth[service]'"
        yield Complaint(("service", "metrics"), sentence)


def _unknown(kind: Literal["user", "group"], name: str | None, place: Place) -> Iterator[Complaint]:
    """A user or group that the system does not know."""
    if name is None:
        return
    try:
        _ = pwd.getpwnam(name) if kind == "user" else grp.getgrnam(name)
    except (KeyError, ValueError):  # ValueError: a NUL in the name
        yield Complaint(place, f"there is no {kind} {name!r} on this system")


def _limits(configuration: Configuration) -> Iterator[Complaint]:
    """Limits that contradict each other."""
    watchdog, srs = configuration.watchdog, configuration.srs
    if watchdog.silence < 2 * watchdog.beat:
        sentence = f"must be twice the beat of {watchdog.beat:g} s or more"
        yield Complaint(("watchdog", "silence"), sentence)
    if watchdog.request <= configuration.limits.request:
        sentence = f"must be longer than limits.request, {configuration.limits.request:g} s"
        yield Complaint(("watchdog", "request"), sentence)
    if srs is not None and srs.hash_minimum > srs.hash_length:
        sentence = f"is over hash_length, {srs.hash_length}: no address of ours would verify"
        yield Complaint(("srs", "hash_minimum"), sentence)
    if srs is not None and srs.mac not in srs.accept:
        sentence = f"must have {srs.mac!r}, with which addresses are signed"
        yield Complaint(("srs", "accept"), sentence)
