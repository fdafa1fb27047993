"""The kind of listener that an MTA asks about each message: `milter`.

`[signing]`, `[verifying]` and `[srs]` say what it does, see `mailtables`; the library
is `mailauth.milter`.  Each message leaves one line in the log.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from mailauth.dns import AsyncResolver
from mailauth.dns.cache import Cache
from mailauth.dns.lookups import Lookups, Question, Together
from mailauth.milter import Fault, KeyRing, Limits, MilterServer, Record
from mailauth.milter.outcome import Outcome
from mailauth.milter.protocol import commands
from mailauth.milter.settings import Action, Settings
from mailauth.service.listeners import mailchecks, mailtables, srstable
from mailauth.service.listeners.kinds import Build, Kind
from mailauth.service.listeners.listening import ListenerWatch
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Dns, Listen, Milter, Srs
from mailauth.service.settings.tomlfile import Complaint
from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally
from mailauth.srs.aliases import UnusableAliases

logger = logging.getLogger(__name__)

_ENDINGS: Final[Mapping[str, Figure]] = {
    Action.TEMPFAIL: Figure.DEFERRED,
    Action.REJECT: Figure.REFUSED_MESSAGES,
    Action.QUARANTINE: Figure.QUARANTINED,
}


class Milters:
    """The kind, and the keys, which are kept from one reading of the file to the next."""

    def __init__(self) -> None:
        self._keys = KeyRing(on_fault=_tell_of_key)
        self.kind = Kind(
            _check,
            self._prepare,
            lambda _: commands.PROBE,
            commands.is_options,
            files=mailtables.files,
            look=_look_at_store,
            doubts=_doubts,
            asks=_asks,
            uses=mailtables.used,
        )

    def _prepare(self, configuration: Configuration, listen: Listen) -> Build:
        """Reads tables and keys; a worker opens further keys and the store when it needs them.

        **Raises** Unsound.
        """
        keys = self._keys
        keys.look_again = configuration.service.look_again
        settings = mailtables.settings(configuration, listen, keys)
        limits = _limits(configuration.limits.connections, configuration.milter)
        cache = Cache(configuration.dns.cache)

        def build(tally: Tally) -> MilterServer:
            resolver = _resolver(configuration.dns, cache, tally)
            watch = MilterWatch(tally, str(listen.where))
            mine = _with_store(settings, configuration.srs)
            return MilterServer(
                mine, resolver=resolver, limits=limits, watch=watch, keys=keys, guard=watch
            )

        return build


def _check(configuration: Configuration, index: int) -> Iterable[Complaint]:
    return mailchecks.complaints(configuration, configuration.listen[index], ("listen", index))


def _look_at_store(configuration: Configuration, listen: Listen) -> Iterable[Complaint]:
    given = configuration.srs if listen.rewrites else None
    return () if given is None else srstable.look_at_store(given)


def _doubts(configuration: Configuration, listen: Listen) -> Iterable[Complaint]:
    given = configuration.srs if listen.rewrites else None
    yield from () if given is None else srstable.doubts(given)
    yield from mailtables.doubts(configuration, listen)


def _asks(configuration: Configuration, listen: Listen) -> bool:
    signing = mailtables.signing(configuration, listen)
    prefers_published = signing is not None and signing.prefer_published
    return prefers_published or mailtables.verifying(configuration, listen) is not None


def _with_store(settings: Settings, given: Srs | None) -> Settings:
    """The settings for one process, which opens the store of long senders for itself."""
    if settings.srs is None or given is None:
        return settings
    policy = srstable.with_store(settings.srs.policy, given)
    return replace(settings, srs=replace(settings.srs, policy=policy))


def _limits(connections: int, given: Milter) -> Limits:
    return Limits(
        connections=connections,
        idle=given.idle,
        frame=given.frame,
        content=given.content,
        judging=given.judging,
        progress=given.progress,
    )


def _tell_of_key(sentence: str) -> None:
    logger.error("%(fault)s", {"fault": sentence})


def _resolver(given: Dns, cache: Cache, tally: Tally) -> "CountingResolver":
    resolver = AsyncResolver(
        given.nameservers, timeout=given.timeout, budget=given.budget, cache=cache
    )
    return CountingResolver(resolver, tally)


class CountingResolver:
    """A resolver that counts questions: those asked, and those whose answer was remembered."""

    def __init__(self, resolver: AsyncResolver, tally: Tally) -> None:
        self._resolver = resolver
        self._tally = tally

    def remembered(self, asked: Question | Together) -> Any:  # noqa: ANN401 - an answer or several
        """The remembered answer, or answers to questions asked together; None if one is missing."""
        said = self._resolver.remembered(asked)
        if said is not None:
            self._tally.count(Figure.DNS_REMEMBERED, len(_questions(asked)))
        return said

    async def run(self, lookups: Lookups[Outcome]) -> Outcome:
        """The result of `lookups`."""
        return await self._resolver.run(self._counted(lookups))

    def _counted(self, lookups: Lookups[Outcome]) -> Lookups[Outcome]:
        try:
            asked: Any = next(lookups)
            while True:
                for question in _questions(asked):
                    known = self._resolver.remembered(question) is not None
                    self._tally.count(Figure.DNS_REMEMBERED if known else Figure.DNS_QUESTIONS)
                try:
                    answered: Any = yield asked
                except Exception as fault:  # noqa: BLE001 - it is for the look-ups
                    asked = lookups.throw(fault)
                    continue
                answers = answered if isinstance(asked, Together) else (answered,)
                failed = sum(answer.failed for answer in answers)
                self._tally.count(Figure.DNS_FAILURES, failed)
                asked = lookups.send(answered)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        finally:
            lookups.close()


def _questions(asked: Question | Together) -> tuple[Question, ...]:
    return asked.questions if isinstance(asked, Together) else (asked,)


class MilterWatch(ListenerWatch):
    """What a milter reports of itself, as figures and log lines (`mailauth.milter.Watch`).

    It is also the `Guard`: it notes what is in hand where the supervisor finds it.
    """

    def __init__(self, tally: Tally, listener: str) -> None:
        super().__init__(tally, listener)
        self.take = tally.hand.take
        self.leave = tally.hand.leave

    def knows(self, fingerprint: str) -> bool:
        """Whether a worker ended with this message in hand."""
        if not self._tally.remembered.has(fingerprint):
            return False
        self._tally.count(Figure.POISONED)
        values = {"listener": self._listener, "message": fingerprint}
        logger.error(
            "%(listener)s: the message %(message)s ended a worker before and is deferred", values
        )
        return True

    def started(self) -> int:
        """A message is complete and is being judged; returns its number."""
        return self._tally.begin()

    def ended(self, work: int, record: Record) -> None:
        """The message was answered as the record says."""
        self._tally.end(work)
        self._count(record)
        level = logging.WARNING if record.action is Action.TEMPFAIL else logging.INFO
        values = record.as_dict() | {"listener": self._listener, "did": _did(record)}
        values["code"], words = _code_and_words(record.reply)
        values["more"] = _sentences(record) + words
        values |= {name: _shortened(values[name]) for name in ("sender", "helo", "user")}
        logger.log(level, _LINE, values, extra={"every": True})

    def forged(self, recipient: str, client: str) -> None:
        """A recipient is a forged or expired SRS address."""
        self._tally.count(Figure.BOUNCES_FORGED)
        values = {"listener": self._listener, "recipient": recipient, "client": client}
        logger.info(
            "%(listener)s: forged or expired SRS recipient %(recipient)r client=%(client)s", values
        )

    def dropped(self, work: int) -> None:
        """The message was deferred, and the failure left no record of it."""
        self._tally.end(work)

    def failed(self, fault: Fault) -> None:
        """Something on our side failed; the message is deferred."""
        self._tally.count(Figure.FAULTS)
        values = {"listener": self._listener, "queue_id": fault.queue_id}
        if isinstance(fault.exception, UnusableAliases):  # a full disk, for one
            logger.error(
                "%(listener)s: %(why)s; the message %(queue_id)s is deferred",
                values | {"why": f"{fault.exception}"},
            )
            return
        logger.error(
            "%(listener)s: internal error; the message %(queue_id)s is deferred",
            values,
            exc_info=fault.exception,
        )

    def _count(self, record: Record) -> None:
        count = self._tally.count
        count(_came_to(record))
        if not record.dry_run:
            if record.action in _ENDINGS:
                count(_ENDINGS[record.action])
            count(Figure.REMOVED_FIELDS, record.removed)
            count(Figure.SENDERS_REWRITTEN, bool(record.new_sender))
            count(Figure.BOUNCES_RETURNED, record.returned)
        count(Figure.DIFFERENT, bool(record.differences))
        for result in record.results:
            figure = Figure.__members__.get(f"{result.method}_{result.result}".upper())
            if figure is not None:
                count(figure)


_MAX_PATH: Final = 256
"""Characters; no path in SMTP has more octets (RFC 5321 §4.5.3.1.3)."""
_LINE: Final = (
    "%(listener)s: %(queue_id)s: %(did)s, %(action)s: %(code)s; client=%(client)s "
    "from=%(sender)r helo=%(helo)r user=%(user)r size=%(size)d "
    "dns=%(dns_seconds).3f work=%(work_seconds).3f total=%(seconds).3f%(more)s"
)


def _shortened(text: str) -> str:
    """Text that anybody may have written, cut to leave room for the rest of the line."""
    return text if len(text) <= _MAX_PATH else f"{text[:_MAX_PATH]}..."


def _came_to(record: Record) -> Figure:
    """The one figure that counts what was done with a message."""
    if record.signatures:
        return Figure.SIGNED
    if record.results:
        return Figure.JUDGED
    is_stopped = record.action in (Action.TEMPFAIL, Action.REJECT)
    return Figure.STOPPED if is_stopped and not record.dry_run else Figure.PASSED


def _did(record: Record) -> str:
    """What became of the message, in a few words."""
    dry = "would be " if record.dry_run else ""
    if record.signatures:
        did = f"{dry}signed by {' and '.join(record.signatures)}"
    elif record.results:
        results = " ".join(f"{one.method}={one.result}" for one in record.results)
        did = f"{dry}marked {results}"
    elif record.new_sender or record.returned:
        did = f"{dry}rewritten"
    else:
        did = "not signed" if record.ours else "left as it is"
    return f"{did}, forged fields removed: {record.removed}" if record.removed else did


def _code_and_words(reply: str) -> tuple[str, str]:
    """A reply split up: its words may come from the sender's domain, and must not fake values."""
    code, enhanced, words = (*reply.split(" ", 2), "", "")[:3]
    return f"{code} {enhanced}".rstrip(), f"; told: {words}" if words else ""


def _sentences(record: Record) -> str:
    """What a postmaster should know, each after a semicolon."""
    said = [f"sender now <{record.new_sender}>"] if record.new_sender else []
    said += [f"SRS recipients reversed: {record.returned}"] if record.returned else []
    said += [
        f"{each.method} {each.result}: {each.reason}"
        for each in record.results
        if each.reason and each.result != "pass"
    ]
    return "".join(f"; {sentence}" for sentence in (*said, *record.notes, *record.differences))
