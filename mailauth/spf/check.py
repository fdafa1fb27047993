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
    the addresses of earlier hops, the latest first: if `ip` is in `policy.relays`,
    the first hop that is not is judged instead.  `receiver` and `now` are as in
    `check_host`.  **Asks** what `check_host` asks.

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

    `hops` are as in `check`, `receiver` and `now` as in `check_host`.  **Asks** what
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
    """Whether the host `ip` may send mail for `domain`: the function of §4.

    `sender` is the whole mailbox; without a local part it is the postmaster's
    (§4.3).  `receiver` and `now`, in seconds since the epoch, are the macros r and t
    of explanations; without `now`, an explanation may show a time of 1970.
    **Asks** for the record, and then for `policy.max_lookups` terms at most: an mx or
    a ptr asks at most eleven questions, any other term one.  %{p} asks as a ptr does,
    once; after a fail, an explanation may be asked for.

    **Raises** BadArgument: `ip` is no address.
    """
    subject = Subject(client(ip), sender_of(sender), helo, receiver, now)
    return _by_course(subject, domain, "mailfrom", policy)


def _by_course(subject: Subject, domain: str, identity: str, policy: Policy) -> Lookups[Verdict]:
    """The verdict, after §4.3: by the domain's course if it leads to this client, or evaluated.

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
    """The address to judge: the first of `ip` and `hops` that is no relay of ours, or else `ip`."""
    for each in (ip, *hops):
        address = client(each).ip
        if not any(address in network for network in policy.relays):
            return each
    return ip


_NEW: Final = Course()
"""What is remembered of a domain that was checked once."""
_COURSES: Final[Memory[tuple[str, bool], Course]] = Memory(4_194_304)
"""By domain, and by whether the client's address is IPv4; room for some 400 domains."""
