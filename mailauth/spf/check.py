"""What receivers ask: may this host send for this identity? (RFC 7208 §2.3, §2.4, §4.1)."""

from collections.abc import Sequence
from typing import Any, Final

from mailauth.dns.lookups import Answer, Lookups, Question, RRType, recall
from mailauth.errors import SyntaxFault
from mailauth.spf.course import Course
from mailauth.spf.evaluation import Evaluation
from mailauth.spf.identity import Subject, checked_domain, client, sender_of
from mailauth.spf.memory import Memory
from mailauth.spf.plot import plot
from mailauth.spf.policy import RFC7208, Policy
from mailauth.spf.result import Result
from mailauth.spf.verdict import Verdict
from mailauth.syntax.address import Address
from mailauth.syntax.mailbox import without_brackets


def check(  # noqa: PLR0913 - the arguments of the RFC, and our own
    *,
    ip: str | Address,
    helo: str,
    sender: str,
    hops: Sequence[str] = (),
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """The verdict on the MAIL FROM identity (§2.4); an empty sender is postmaster@HELO.

    `sender` is the reverse-path, with or without its angle brackets.  `hops` are
    the addresses from which the mail came before, the latest first: if `ip` is
    one of `policy.relays`, the first of them that is not is judged.  `receiver` and
    `now` are as `check_host` has them.  **Asks** what `check_host` asks.

    **Raises** BadArgument: `ip` is no address.
    """
    said = sender_of(without_brackets(sender) or f"postmaster@{helo}")
    if policy.relays:
        ip = outermost(ip, hops, policy)
    subject = Subject(client(ip), said, helo, receiver, now)
    return _by_course(subject, said.domain, "mailfrom", policy)


def check_helo(
    *,
    ip: str | Address,
    helo: str,
    hops: Sequence[str] = (),
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """The verdict on the HELO identity (§2.3).

    `hops` are as `check` has them, `receiver` and `now` as `check_host`.  **Asks** what
    `check_host` asks.

    **Raises** BadArgument: `ip` is no address.
    """
    if policy.relays:
        ip = outermost(ip, hops, policy)
    subject = Subject(client(ip), sender_of(f"postmaster@{helo}"), helo, receiver, now)
    return _by_course(subject, helo, "helo", policy)


def check_host(  # noqa: PLR0913 - the arguments of the RFC, and our own
    ip: str | Address,
    domain: str,
    sender: str,
    *,
    helo: str = "",
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """Whether the host `ip` may send mail of `domain`: the function of §4.

    `sender` is the whole mailbox; without a local part it is the postmaster's
    (§4.3).  `receiver` and `now`, seconds since the epoch, are the macros r and t of
    explanations; give `now`, or an explanation with the time shows 1970.
    **Asks** for the record, and then at most ten terms' worth of questions; an mx
    or a ptr among them asks at most eleven.

    **Raises** BadArgument: `ip` is no address.
    """
    subject = Subject(client(ip), sender_of(sender), helo, receiver, now)
    return _by_course(subject, domain, "mailfrom", policy)


def _by_course(subject: Subject, domain: str, identity: str, policy: Policy) -> Lookups[Verdict]:
    """§4.3, and then the course of the domain if it leads to this client, or an evaluation.

    A course is drawn when a domain is checked for the second time.
    """
    try:
        name = checked_domain(domain, subject.sender.local_part)
    except SyntaxFault as fault:
        return Verdict(Result.NONE, f"there is nothing to check: {fault}", "", identity)
    if policy is not RFC7208:
        return (yield from Evaluation(subject, policy).verdict(name, identity))
    key = (name, subject.client.is_ip4)
    course = _COURSES.get(key)
    if course is None:
        _COURSES.put(key, _NEW, _NEW.weight())
        return (yield from Evaluation(subject, policy).verdict(name, identity))
    heard: dict[Question, Answer[Any]] = {}
    verdict = yield from course.follow(subject, name, identity, heard)
    if verdict is None:
        is_known = course.is_whole and not heard
        verdict = yield from recall(Evaluation(subject, policy).verdict(name, identity), heard)
        if not is_known or heard.get(Question(name, RRType.TXT)) is not course.record:
            drawn = plot(subject, name, heard)
            _COURSES.put(key, drawn, drawn.weight())
    return verdict


def outermost(ip: str | Address, hops: Sequence[str], policy: Policy) -> str | Address:
    """The address that is judged: of `ip` and `hops` the first that is no relay of ours."""
    for each in (ip, *hops):
        address = client(each).ip
        if not any(address in network for network in policy.relays):
            return each
    return ip


_NEW: Final = Course()
"""Of a domain that was checked once."""
_COURSES: Final[Memory[tuple[str, bool], Course]] = Memory(4_194_304)
"""By domain, and by whether the client is one of IPv4; some 400 domains."""
