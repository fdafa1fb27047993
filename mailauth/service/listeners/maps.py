"""The kinds of listeners for look-ups by Postfix: `tcp_table` and `socketmap`.

Both serve the maps of `mailauth.postfix.rewriting` by the policy in `[srs]`.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from mailauth.postfix import (
    MAPS,
    Limits,
    LookupProtocol,
    LookupServer,
    Notice,
    Outcome,
    Reply,
    Request,
    answering,
)
from mailauth.postfix.domains import canonical
from mailauth.service.listeners import srstable
from mailauth.service.listeners.kinds import Build, Kind, Kinds
from mailauth.service.listeners.listening import ListenerWatch
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Listen, Srs
from mailauth.service.settings.tomlfile import Complaint, Place
from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally
from mailauth.srs.aliases import UnusableAliases

logger = logging.getLogger(__name__)

_PROBE: Final = "mailauth-probe"
_FORGED: Final = "%(listener)s: %(map)s: forged or expired, %(why)s: %(key)s"
_WAITS: Final = "%(listener)s: %(map)s: the mail must wait, %(why)s: %(key)s"
_NOT_REWRITTEN: Final = "%(listener)s: %(map)s: not rewritten, %(why)s: %(key)s"


class LookupWatch(ListenerWatch):
    """What a look-up server reports of itself (`mailauth.postfix.Watch`)."""

    _FIGURES: Final = {
        Outcome.FOUND: Figure.FOUND,
        Outcome.NOT_FOUND: Figure.NOT_FOUND,
        Outcome.PERM: Figure.REJECTED,
        Outcome.TEMP: Figure.TEMPORARY,
    }

    def started(self, request: Request) -> None:
        """Not counted: requests are answered in one go, so one that takes long stops the beats."""

    def ended(self, request: Request, reply: Reply) -> None:
        """The request got this reply."""
        self._tally.count(self._FIGURES[reply.outcome])
        if reply.notice is not None:
            self._tell(request, reply.outcome, reply.notice)
        elif reply.outcome is Outcome.PERM:
            self._warn("%(listener)s: a request was refused: %(why)s", reply.text)
        elif logger.isEnabledFor(logging.DEBUG):
            values = {"listener": self._listener, "map": request.map_name, "key": request.key}
            values |= {"outcome": str(reply.outcome), "text": reply.text}
            logger.debug("%(listener)s: %(map)s %(key)s: %(outcome)s %(text)s", values)

    def _tell(self, request: Request, outcome: Outcome, notice: Notice) -> None:
        """Log a notice; lines of one kind share a template, so the log can limit their rate."""
        level, template = logging.INFO, _NOT_REWRITTEN
        if notice.forged:
            self._tally.count(Figure.BOUNCES_FORGED)
            template = _FORGED
        elif outcome is Outcome.TEMP:
            level, template = logging.WARNING, _WAITS
        values = {"listener": self._listener, "map": request.map_name, "key": request.key}
        logger.log(level, template, values | {"why": notice.reason})

    def failed(self, request: Request, fault: Exception) -> None:
        """The answering function raised, and Postfix was told to try again."""
        self._tally.count(Figure.FAULTS)
        values = {"listener": self._listener, "map": request.map_name}
        if isinstance(fault, UnusableAliases):  # a full disk, for one
            logger.error(
                "%(listener)s: %(map)s: %(why)s; Postfix is told to try again",
                values | {"why": f"{fault}"},
            )
            return
        logger.error(
            "%(listener)s: internal error in the map %(map)s; Postfix is told to try again",
            values,
            exc_info=fault,
        )


def _check(protocol: LookupProtocol, configuration: Configuration, index: int) -> list[Complaint]:
    """What is wrong with a listener and with the policy that it serves."""
    listen = configuration.listen[index]
    complaints: list[Complaint] = []
    if configuration.srs is None:
        sentence = f"a {protocol} needs a table [srs]"
        complaints.append(Complaint(("listen", index, "kind"), sentence))
    else:
        complaints += srstable.complaints(configuration.srs)
    for key in ("role", "srs"):
        if getattr(listen, key):
            sentence = f"a {protocol} has none; remove this line, which is for milters"
            complaints.append(Complaint(("listen", index, key), sentence))
    place: Place = ("listen", index, "map")
    if protocol is LookupProtocol.SOCKETMAP:
        if listen.map is not None:
            complaints.append(Complaint(place, "a socketmap has all maps; remove this line"))
    elif listen.map is None:
        complaints.append(Complaint(place, f"is missing: one of {', '.join(MAPS)}"))
    else:
        complaints += _check_map(listen.map, configuration.srs, place)
    return complaints


def _check_map(name: str, policy: Srs | None, place: Place) -> Iterator[Complaint]:
    kind, at, domain = name.partition("@")
    if kind not in MAPS:
        yield Complaint(place, f"there is no map {kind!r}; there are {', '.join(MAPS)}")
    if not at or policy is None:
        return
    if canonical(domain) not in map(canonical, (policy.domain, *policy.more_domains)):
        yield Complaint(place, f"{domain!r} is not in srs.more_domains")


def _prepare(protocol: LookupProtocol, configuration: Configuration, listen: Listen) -> Build:
    """Reads the secrets and the lists; a worker then opens no file but the store, if any."""
    given, limits = configuration.srs, configuration.limits
    assert given is not None  # noqa: S101 - _check refuses that
    policy = srstable.policy(given)

    def build(tally: Tally) -> LookupServer:
        return LookupServer(
            protocol,
            answering(srstable.with_store(policy, given), time.time),
            map_name=listen.map or "",
            limits=Limits(limits.connections, limits.idle, limits.request),
            watch=LookupWatch(tally, str(listen.where)),
        )

    return build


def _look_at_store(configuration: Configuration, _: Listen) -> Iterable[Complaint]:
    return () if configuration.srs is None else srstable.look_at_store(configuration.srs)


def _doubts(configuration: Configuration, _: Listen) -> Iterable[Complaint]:
    return () if configuration.srs is None else srstable.doubts(configuration.srs)


def _kind(protocol: LookupProtocol, question: bytes, end: bytes) -> Kind:
    is_answer: Callable[[bytes], bool] = lambda octets: octets.endswith(end)  # noqa: E731
    check: Callable[[Configuration, int], Iterable[Complaint]] = partial(_check, protocol)
    prepare = partial(_prepare, protocol)
    return Kind(
        check,
        prepare,
        lambda _: question,
        is_answer,
        look=_look_at_store,
        doubts=_doubts,
        uses=lambda _: ("srs",),
    )


_SOCKETMAP_PROBE: Final = f"forward {_PROBE}"

KINDS: Final[Kinds] = {
    "tcp_table": _kind(LookupProtocol.TCP_TABLE, f"get {_PROBE}\n".encode(), b"\n"),
    "socketmap": _kind(
        LookupProtocol.SOCKETMAP,
        f"{len(_SOCKETMAP_PROBE)}:{_SOCKETMAP_PROBE},".encode(),
        b",",
    ),
}
