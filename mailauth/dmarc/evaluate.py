"""Does an authenticated domain stand for the author's? (RFC 9989 §4.4, §5.3).

SPF and DKIM were evaluated before; here it is judged whether what they
authenticated is the domain that the reader sees in the From field, and what
that domain's owner wants if it is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from mailauth import dkim, spf
from mailauth.dmarc import discover
from mailauth.dmarc.discover import Discovered, Walk, Walks
from mailauth.dmarc.record import Alignment, Disposition, Record
from mailauth.dmarc.suffixes import ByList
from mailauth.dmarc.verdict import Result, Verdict
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups
from mailauth.errors import SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax import mailbox
from mailauth.syntax.message import Message
from mailauth.verdicts import Step

MAX_IDENTIFIERS: Final = 10
"""How many authenticated domains are compared, each of which may need a walk."""


class Ahead(NamedTuple):
    """What can be asked for before SPF and DKIM have come to anything."""

    author: str = ""
    """The author domain, if there is one."""
    walks: Walks = MappingProxyType({})
    policy: Discovered | LookupFailed | None = None


NOTHING: Final = Ahead()


class NoAuthor(Exception):
    """There is not exactly one author domain; the text says why."""


def check(
    message: bytes | Message,
    *,
    spf: spf.Verdict | None = None,  # noqa: A002, RUF100 - the protocol's name
    dkim: Sequence[dkim.Verdict] = (),
    by_list: ByList | None = None,
    ahead: Ahead = NOTHING,
) -> Lookups[Verdict]:
    """The verdict on the author domain of `message`, given those of SPF and DKIM.

    `spf` is that of `spf.check`, for the MAIL FROM identity; one of HELO alone
    does not count (§4.4.2).  Where `by_list` comes to something else than the tree
    walk, the verdict tells, and stays what it is.  `ahead` is what `look_ahead` found
    of this message.
    **Asks** for the records of the author's domain, eight at most, for its address if
    np= matters, and as many records for each of ten authenticated domains below the
    same organization, without what is known from `ahead`.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    try:
        domain = ahead.author or author_domain(message)
    except NoAuthor as fault:
        return Verdict(Result.PERMERROR, str(fault))
    return (yield from _Evaluation(domain, spf, dkim, by_list, ahead).verdict())


def look_ahead(message: Message, claimed: Iterable[str]) -> Lookups[Ahead]:
    """The author's policy, and the tree walks of all that may be aligned with the author.

    They can be asked for before it is known whether the `claimed` domains are
    authentic.  **Asks** `MAX_QUESTIONS` for each of eleven domains at most, side by
    side, and then for the author's address if np= matters.
    """
    try:
        author = author_domain(message)
    except NoAuthor:
        return NOTHING
    top = ".".join(author.split(".")[-2:])
    near = [each for each in claimed if each != author and _is_name_within(each, top)]
    walks = yield from discover.walk_all([author, *near[:MAX_IDENTIFIERS]])
    walked = walks[author]
    if isinstance(walked, LookupFailed):
        return Ahead(author, walks)
    try:
        return Ahead(author, walks, (yield from discover.find_policy(walked)))
    except LookupFailed as failure:
        return Ahead(author, walks, failure)


def _is_name_within(claimed: str, top: str) -> bool:
    try:
        return domains.is_same_or_subdomain(domains.parse_name(claimed), top)
    except SyntaxFault:
        return False


def author_domain(message: Message) -> str:
    """The one domain of the From field (§5.3.1).  **Raises** NoAuthor."""
    if message.faults:
        raise NoAuthor(f"the header is malformed: {message.faults[0]}")
    try:
        found = {each.domain for each in mailbox.authors(message)}
    except SyntaxFault as fault:
        raise NoAuthor(str(fault)) from None
    if len(found) != 1:
        raise NoAuthor(f"the From field has authors of {len(found)} domains")
    domain = found.pop()
    if domain.startswith("["):
        raise NoAuthor(f"the author has an address instead of a domain: {domain[:60]}")
    return domain


class _Evaluation:
    """The evaluation of one message."""

    def __init__(
        self,
        domain: str,
        spf: spf.Verdict | None,
        dkim: Sequence[dkim.Verdict],
        by_list: ByList | None,
        ahead: Ahead,
    ) -> None:
        self._domain = domain
        self._spf = spf
        self._dkim = dkim
        self._by_list = by_list
        self._ahead = ahead
        self._listed = by_list(domain) if by_list else ""
        self._steps: list[Step] = [Step(0, f"the author domain is {domain}")]

    def verdict(self) -> Lookups[Verdict]:
        """§5.3.2 to §5.3.6."""
        organization = ""
        discovered = None
        dkim_domain = spf_domain = ""
        try:
            walked = yield from self._walk(self._domain)
            self._steps += walked.steps
            organization = discover.organizational_domain(walked)
            if self._listed not in ("", organization):
                told = f"by the public suffix list the organization is {self._listed}"
                self._steps.append(Step(0, f"{told}, by the tree walk {organization}"))
            discovered = yield from self._find_policy(walked)
            if discovered is None:
                reason = f"{self._domain} publishes no policy"
                return self._verdict(Result.NONE, reason, None, organization)
            dkim_domain = yield from self._aligned_dkim(discovered, organization, walked)
            spf_domain = yield from self._aligned_spf(discovered, organization, walked)
        except LookupFailed as failure:
            reason = f"the DNS did not answer: {failure}"
            return self._verdict(Result.TEMPERROR, reason, discovered, organization)
        result, reason = self._result(dkim_domain, spf_domain, discovered, organization)
        verdict = self._verdict(result, reason, discovered, organization)
        return verdict._replace(dkim_domain=dkim_domain, spf_domain=spf_domain)

    def _walk(self, domain: str) -> Lookups[Walk]:
        walked = self._ahead.walks.get(domain)
        if isinstance(walked, LookupFailed):
            raise walked
        return walked or (yield from discover.walk(domain))

    def _find_policy(self, walked: Walk) -> Lookups[Discovered | None]:
        policy = self._ahead.policy
        if isinstance(policy, LookupFailed):
            raise policy
        return policy or (yield from discover.find_policy(walked))

    def _result(
        self, dkim_domain: str, spf_domain: str, discovered: Discovered, organization: str
    ) -> tuple[Result, str]:
        """§5.3.5."""
        by = [f"a signature of {dkim_domain}"] if dkim_domain else []
        by += [f"SPF for {spf_domain}"] if spf_domain else []
        if by:
            verb = "passes and is" if len(by) == 1 else "pass and are"
            return Result.PASS, f"{' and '.join(by)} {verb} aligned with {self._domain}"
        for domain, mode in self._unanswered(discovered.found.record):
            # §5.3.6: what could not be aligned either way is not required
            if self._might_align(domain, mode, organization):
                return Result.TEMPERROR, f"the DNS did not answer for {domain}"
        return Result.FAIL, f"nothing that passes is aligned with {self._domain}"

    def _unanswered(self, record: Record) -> Iterator[tuple[str, Alignment]]:
        """The domains whose signature or SPF might pass, were there an answer of the DNS."""
        for each in self._dkim:
            if each.result is dkim.Result.TEMPERROR and each.domain:
                yield each.domain, record.dkim_alignment
        sent = self._spf
        if sent is None or sent.identity != "mailfrom":
            return
        if sent.result is spf.Result.TEMPERROR:
            yield sent.domain.lower(), record.spf_alignment

    def _verdict(
        self, result: Result, reason: str, discovered: Discovered | None, organization: str
    ) -> Verdict:
        if discovered is None:
            return Verdict(
                result,
                reason,
                self._domain,
                organizational_domain=organization,
                listed_domain=self._listed,
                steps=tuple(self._steps),
            )
        record = discovered.found.record
        wanted = discovered.policy.tested if record.testing else discovered.policy
        self._steps.append(
            Step(0, f"{discovered.tag}={discovered.policy} of {discovered.found.domain} applies")
        )
        return Verdict(
            result,
            reason,
            self._domain,
            wanted if result is Result.FAIL else Disposition.NONE,
            discovered.policy,
            discovered.found.domain,
            organization,
            listed_domain=self._listed,
            testing=record.testing,
            steps=tuple(self._steps),
        )

    def _aligned_dkim(
        self, discovered: Discovered, organization: str, walked: Walk
    ) -> Lookups[str]:
        """The first domain of a signature that passes and is aligned (§4.4.1)."""
        mode = discovered.found.record.dkim_alignment
        passing = [each.domain for each in self._dkim if each.result is dkim.Result.PASS]
        for domain in dict.fromkeys(passing[:MAX_IDENTIFIERS]):
            if domain and (yield from self._is_aligned(domain, mode, organization, walked)):
                return domain
        return ""

    def _aligned_spf(self, discovered: Discovered, organization: str, walked: Walk) -> Lookups[str]:
        """The domain of SPF, if it passes by MAIL FROM and is aligned (§4.4.2)."""
        verdict = self._spf
        if verdict is None or verdict.result is not spf.Result.PASS:
            return ""
        if verdict.identity != "mailfrom":
            self._steps.append(Step(0, f"SPF passes for HELO {verdict.domain}: it does not count"))
            return ""
        domain = verdict.domain.lower()
        mode = discovered.found.record.spf_alignment
        aligned = yield from self._is_aligned(domain, mode, organization, walked)
        return domain if aligned else ""

    def _might_align(self, domain: str, mode: Alignment, organization: str) -> bool:
        """Only a name within the organization can have its organizational domain (§4.10.2)."""
        if mode is Alignment.STRICT:
            return domain == self._domain
        return domains.is_same_or_subdomain(domain, organization)

    def _is_aligned(
        self, domain: str, mode: Alignment, organization: str, walked: Walk
    ) -> Lookups[bool]:
        """§4.4, §4.10.2."""
        aligned = domain == self._domain
        if not aligned and self._might_align(domain, mode, organization):
            other = yield from self._walk(domain)
            self._steps += other.steps
            aligned = discover.organizational_domain(other) == organization
        how = "strictly" if mode is Alignment.STRICT else f"by {organization}"
        said = "is aligned" if aligned else "is not aligned"
        self._steps.append(Step(0, f"{domain} {said} with {walked.start}, {how}"))
        if self._by_list is not None and mode is Alignment.RELAXED:
            listed = self._by_list(domain) == self._listed
            if listed is not aligned:
                told = "it would be" if listed else "it would not be"
                self._steps.append(Step(1, f"by the public suffix list {told}"))
        return aligned
