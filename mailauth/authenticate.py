"""One message judged by SPF, DKIM, ARC and DMARC, to one Authentication-Results field.

`authenticate` asks independent questions side by side, and returns a `Report`: every
verdict with its reason, the field to write, and the whole story as lines and as JSON.
"""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias

from mailauth import arc, authres, dkim, dmarc, spf, story
from mailauth.authres import MethodResult, Property
from mailauth.dkim import Verification
from mailauth.dkim.hashing import HashedBodies
from mailauth.dmarc.suffixes import ByList
from mailauth.dns.lookups import Lookups, gather
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.story import Chapter
from mailauth.syntax.address import Address
from mailauth.syntax.mailbox import without_brackets
from mailauth.syntax.message import Message

METHODS: Final = frozenset({"spf", "dkim", "arc", "dmarc"})
"""What a message may be judged by, in the words of Authentication-Results."""

WITHOUT_ENVELOPE: Final = frozenset({"dkim", "arc"})
"""What a message can be judged by if its envelope is not known."""

SCHEMA: Final = 1
"""The version of `Report.as_dict`; within one, a value keeps its name and meaning."""


_BySpf: TypeAlias = spf.Verdict  # a report has fields with the names of these modules
_ByArc: TypeAlias = arc.Verdict


class Envelope(NamedTuple):
    """How a message arrived."""

    ip: str
    """The address of the client; empty if it is not known: then SPF is not checked."""
    helo: str
    mail_from: str
    """The reverse-path without its angle brackets; empty is the null sender."""


class Report(NamedTuple):
    """The verdicts on one message; None, or () for DKIM, if a method was not used."""

    envelope: Envelope
    helo: spf.Verdict | None
    """SPF for the HELO identity."""
    spf: spf.Verdict | None
    """SPF for the MAIL FROM identity; for the null sender, that of postmaster@HELO."""
    dkim: tuple[dkim.Verdict, ...]
    dmarc: dmarc.Verdict | None
    arc: _ByArc | None = None

    def results(self) -> tuple[MethodResult, ...]:
        """The verdicts for Authentication-Results (RFC 8601 §2.7)."""
        _, helo, mail_from = self.envelope
        by_spf = [of_spf(each, helo=helo, mail_from=mail_from) for each in self.by_spf()]
        by_dmarc = () if self.dmarc is None else (of_dmarc(self.dmarc, self.override()),)
        by_arc = () if self.chain is None else (of_arc(self.chain, ip=self.envelope.ip),)
        return (*by_spf, *map(of_dkim, self.dkim), *by_arc, *by_dmarc)

    @property
    def chain(self) -> _ByArc | None:
        """The verdict on the chain of ARC, if the message has one."""
        return self.arc if self.arc is not None and self.arc.result is not arc.Result.NONE else None

    def override(self) -> str:
        """Why a DMARC fail may be overridden on the word of trusted sealers; empty if it may not.

        The oldest sealer says what it found when the message arrived there (RFC 8617 §7.2.1);
        to rely on that is local policy (RFC 9989 §5.3.6).
        """
        failed = self.dmarc is not None and self.dmarc.result is dmarc.Result.FAIL
        if not failed or self.chain is None or not self.chain.trusted:
            return ""
        try:
            told = authres.parse(self.chain.testimony[0])
        except SyntaxFault:
            return ""
        if any((each.method, each.result) == ("dmarc", "pass") for each in told.understood()):
            return f"DMARC passed at {told.authserv_id}, and all who sealed the message are trusted"
        return ""

    def by_spf(self) -> tuple[_BySpf, ...]:
        """The SPF verdicts to report; for the null sender both are on HELO, so only one is."""
        of_sender = self.spf if self.envelope.mail_from or self.helo is None else None
        return tuple(each for each in (self.helo, of_sender) if each is not None)

    def field(self, authserv_id: str, *, smtputf8: bool = False) -> bytes:
        """The field to put at the top of the message."""
        return authres.field(authserv_id, self.results(), smtputf8=smtputf8)

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON, of the schema `SCHEMA`."""
        told: dict[str, Any] = {"schema": SCHEMA, "envelope": self.envelope._asdict()}
        told["helo"] = None if self.helo is None else verdict_as_dict("spf", self.helo)
        told["spf"] = None if self.spf is None else verdict_as_dict("spf", self.spf)
        told["dkim"] = [verdict_as_dict("dkim", verdict) for verdict in self.dkim]
        told["arc"] = None if self.arc is None else verdict_as_dict("arc", self.arc)
        told["dmarc"] = None if self.dmarc is None else verdict_as_dict("dmarc", self.dmarc)
        return told

    def chapters(self) -> Iterator[Chapter]:
        """The whole story, a chapter for each verdict, in the order in which they were made."""
        if self.helo is not None:
            yield story.of_spf("SPF of HELO", self.helo)
        if self.spf is not None:
            yield story.of_spf("SPF of MAIL FROM", self.spf)
        yield from map(story.of_dkim, self.dkim)
        if self.chain is not None:
            yield story.of_arc(self.chain, self.override())
        if self.dmarc is not None:
            yield story.of_dmarc(self.dmarc)

    def explain(self) -> Iterator[str]:
        """The whole story, a line at a time; details are indented below what they belong to."""
        return chain.from_iterable(chapter.lines() for chapter in self.chapters())


def authenticate(  # noqa: PLR0913 - what is known of a message
    message: bytes | Message | Verification,
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
    trusted_sealers: Collection[str] = (),
) -> Lookups[Report]:
    """The report on one message and its envelope, by these `methods`.

    A message whose body came in pieces is given as its `Verification`, which has
    a policy of its own.  Without `ip` SPF is not checked, and DMARC is judged by
    DKIM alone.  **Asks** what `spf.check`, `spf.check_helo`, `dkim.verify`, `arc.verify`
    and `dmarc.check` ask, side by side unless one needs the result of another.

    `trusted_sealers` are the domains of sealers whose chain may override DMARC; see
    `Report.override`.  `by_list` is a public suffix list; see `mailauth.dmarc.suffixes`.

    **Raises** BadArgument: `ip` is no address, one of the `methods` is not of `METHODS`, or
    `trusted_sealers` is text.
    """
    for unknown in methods - METHODS:
        known = ", ".join(sorted(METHODS))
        msg = f"there is no method {unknown!r}; the methods are {known}"
        raise BadArgument(msg)
    path = without_brackets(mail_from)
    by_spf = bool(ip) and "spf" in methods
    host: dict[str, Any] = {"ip": ip, "helo": helo}
    about: dict[str, Any] = {"receiver": receiver, "now": now, "policy": spf_policy}
    seen = _verification(message, now, dkim_policy, methods) if methods - {"spf"} else None
    judged = seen if "dmarc" in methods else None
    of_helo, of_sender, of_signatures, of_chain, ahead = yield from gather(
        spf.check_helo(**host, **about) if by_spf else None,
        spf.check(**host, sender=path, **about) if by_spf else None,
        seen.verdicts() if seen and "dkim" in methods else None,
        arc.verify(seen, now=now, trusted=trusted_sealers) if seen and "arc" in methods else None,
        _look_ahead(judged, path or helo) if judged else None,
    )
    signatures = () if of_signatures is None else tuple(of_signatures)
    of_author = None
    if judged:
        of_author = yield from dmarc.check(
            judged.header, spf=of_sender, dkim=signatures, by_list=by_list, ahead=ahead
        )
    envelope = Envelope(str(ip), helo, path)
    return Report(envelope, of_helo, of_sender, signatures, of_author, of_chain)


def _verification(
    message: bytes | Message | Verification,
    now: int,
    policy: dkim.Policy,
    methods: AbstractSet[str],
) -> Verification:
    """The verification that was given, or one that has seen the whole message."""
    if isinstance(message, Verification):
        return message
    if not isinstance(message, Message):
        message = Message.parse(message)
    verification = begin_verification(message, now=now, policy=policy, methods=methods)
    verification.update(message.octets, message.body_start)
    return verification


def begin_verification(
    header: Message,
    *,
    now: int,
    policy: dkim.Policy,
    methods: AbstractSet[str],
    bodies: HashedBodies | None = None,
) -> Verification:
    """A verification by which these `methods` can judge, once it has seen the body.

    `bodies` are as in `Verification`.
    """
    ways = arc.ways(header) if "arc" in methods else ()
    return Verification(header, now=now, policy=policy, ways=ways, bodies=bodies)


def _look_ahead(verification: Verification, sender: str) -> Lookups[dmarc.Ahead]:
    """What DMARC will need if the claims of the message and its sender are true."""
    claimed = [*verification.domains, sender.rpartition("@")[2].lower()]
    return (yield from dmarc.look_ahead(verification.header, claimed))


def of_spf(verdict: spf.Verdict, *, helo: str, mail_from: str) -> MethodResult:
    """The result of SPF; of the sender only the domain is told (RFC 8601 §2.7.2)."""
    if verdict.identity == "helo":
        prop = Property("smtp", "helo", helo)
    else:
        prop = Property("smtp", "mailfrom", mail_from.rpartition("@")[2])
    return MethodResult("spf", verdict.result, _reason(verdict), (prop,))


def of_dkim(verdict: dkim.Verdict) -> MethodResult:
    """The result of one DKIM signature (RFC 8601 §2.7.1)."""
    values = {
        "d": verdict.domain,
        "i": verdict.identity,
        "s": verdict.selector,
        "a": verdict.algorithm,
        "b": verdict.signature,
    }
    properties = tuple(Property("header", name, value) for name, value in values.items() if value)
    return MethodResult("dkim", verdict.result, _reason(verdict), properties)


def of_arc(verdict: arc.Verdict, *, ip: str) -> MethodResult:
    """The result of ARC (RFC 8617 §10.1, §10.2)."""
    properties = [Property("smtp", "remote-ip", ip)] if ip else []
    if verdict.oldest_pass is not None:
        properties.append(Property("header", "oldest-pass", str(verdict.oldest_pass)))
    return MethodResult("arc", verdict.result, _reason(verdict), tuple(properties))


def of_dmarc(verdict: dmarc.Verdict, override: str = "") -> MethodResult:
    """The result of DMARC (RFC 9989 §9.1, §9.2); `override` says why a fail may be overridden."""
    properties = [Property("header", "from", verdict.domain)] if verdict.domain else []
    if verdict.policy is not None:  # as changed by the options of the record: t=y
        policy = verdict.policy.tested if verdict.testing else verdict.policy
        properties.append(Property("policy", "dmarc", policy))
    reason = "; ".join(filter(None, (_reason(verdict), override)))
    return MethodResult("dmarc", verdict.result, reason, tuple(properties))


_Verdict: TypeAlias = spf.Verdict | dkim.Verdict | arc.Verdict | dmarc.Verdict


def _reason(verdict: _Verdict) -> str:
    """The reason, unless it passes."""
    return "" if verdict.result == "pass" else verdict.reason


def verdict_as_dict(method: str, verdict: _Verdict) -> dict[str, Any]:
    """A verdict for JSON, with the section that describes its result, and its steps."""
    told = verdict.as_dict() | {"section": story.SECTIONS[method][verdict.result]}
    return told | {"steps": [step._asdict() for step in verdict.steps]}
