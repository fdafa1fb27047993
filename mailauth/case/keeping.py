"""A case as a value: what one judgement used, and how it is made again."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mailauth import __version__, authres, dkim, spf
from mailauth.authenticate import METHODS, Envelope, Report, authenticate, begin_verification
from mailauth.dkim.hashing import HashedBodies
from mailauth.dmarc.suffixes import ByList
from mailauth.dns.lookups import Answer, Lookups, Question, Status, recall, run
from mailauth.syntax.address import Address
from mailauth.syntax.message import Message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One judgement, with all that it used."""

    octets: bytes
    """The message; in a private case only the header, with the empty line that ends it."""
    envelope: Envelope
    now: int
    """Seconds since the epoch."""
    receiver: str = "unknown"
    methods: AbstractSet[str] = METHODS
    dkim_policy: dkim.Policy = dkim.RFC8301
    spf_policy: spf.Policy = spf.RFC7208
    bodies: HashedBodies | None = None
    """The hashes of the body of a private case."""
    answers: Mapping[Question, Answer[Any]] = field(default_factory=dict)
    verdicts: tuple[str, ...] = ()
    """The verdicts of the judgement; see `verdicts_of`."""
    trusted_sealers: tuple[str, ...] = ()
    """The domains whose ARC seals were trusted."""
    version: str = ""
    """The version of mailauth that made the verdicts."""
    listed: Mapping[str, str] = field(default_factory=dict)
    """What a public suffix list said of the domains that were looked up, if there was one."""

    def resolve(self, question: Question) -> Answer[Any]:
        """The answer that is kept; a failure for a question that was not asked."""
        unasked: Answer[Any] = Answer(Status.SERVER_FAILURE, reason="the case has no answer")
        return self.answers.get(question, unasked)

    def listed_domain(self, domain: str) -> str:
        """What the public suffix list said; the domain itself, if it was not looked up."""
        return self.listed.get(domain, domain)

    def authenticate(self) -> Lookups[Report]:
        """The judgement, again; `resolve` has the answers.  **Asks** what `authenticate` asks."""
        message = Message.parse(self.octets)
        verification = begin_verification(
            message,
            now=self.now,
            policy=self.dkim_policy,
            methods=self.methods,
            bodies=self.bodies,
        )
        verification.update(message.octets, message.body_start)
        return authenticate(
            verification,
            ip=self.envelope.ip,
            helo=self.envelope.helo,
            mail_from=self.envelope.mail_from,
            now=self.now,
            receiver=self.receiver,
            spf_policy=self.spf_policy,
            methods=self.methods,
            by_list=self.listed_domain if self.listed else None,
            trusted_sealers=self.trusted_sealers,
        )

    def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`, from the answers of the case alone."""
        return run(lookups, self.resolve)

    def replay(self) -> Report:
        """The report of the judgement made again, from the answers of the case alone."""
        return self.run(self.authenticate())


def record(  # noqa: PLR0913 - what `authenticate` takes
    message: bytes | Message,
    *,
    ip: str | Address = "",
    helo: str = "",
    mail_from: str = "",
    now: int,
    receiver: str = "unknown",
    spf_policy: spf.Policy = spf.RFC7208,
    dkim_policy: dkim.Policy = dkim.RFC8301,
    methods: AbstractSet[str] = METHODS,
    by_list: ByList | None = None,
    trusted_sealers: tuple[str, ...] = (),
    private: bool = False,
) -> Lookups[tuple[Report, Case]]:
    """The report of `authenticate`, and the case from which it can be made again.

    Of the body, a `private` case holds only hashes.  **Asks** what `authenticate` asks.

    **Raises** BadArgument, as `authenticate` does.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    octets, body_start = message.octets, message.body_start
    verification = begin_verification(message, now=now, policy=dkim_policy, methods=methods)
    verification.update(octets, body_start)
    answers: dict[Question, Answer[Any]] = {}
    listed: dict[str, str] = {}
    judging = authenticate(
        verification,
        ip=ip,
        helo=helo,
        mail_from=mail_from,
        now=now,
        receiver=receiver,
        spf_policy=spf_policy,
        methods=methods,
        by_list=by_list and _noted(by_list, listed),
        trusted_sealers=trusted_sealers,
    )
    report = yield from recall(judging, answers)
    case = Case(
        octets[:body_start] if private else octets,
        report.envelope,
        now,
        receiver,
        methods,
        dkim_policy,
        spf_policy,
        verification.hashed_bodies() if private else None,
        answers,
        verdicts_of(report),
        trusted_sealers,
        __version__,
        listed,
    )
    return report, case


def _noted(by_list: ByList, listed: dict[str, str]) -> ByList:
    """The same list, which notes what it says in `listed`."""

    def noted(domain: str) -> str:
        listed[domain] = said = by_list(domain)
        return said

    return noted


def verdicts_of(report: Report) -> tuple[str, ...]:
    """The verdicts as in Authentication-Results, without the reasons (RFC 8601 §2.2)."""
    results = report.results()
    return tuple(
        authres.resinfo(authres.MethodResult(each.method, each.result, properties=each.properties))
        for each in results
    )
