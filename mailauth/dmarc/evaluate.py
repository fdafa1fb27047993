"""Is an authenticated domain aligned with the author's? (RFC 9989 §4.4, §5.3).

SPF and DKIM were evaluated before.  This module decides whether a domain that they
authenticated is aligned with the one that the reader sees in the From field, and
what the owner of that one wants if none is.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from mailauth import dkim, spf
from mailauth.dmarc import discover
from mailauth.dmarc.discover import Discovered, Found, Walk, Walks
from mailauth.dmarc.record import Alignment, Disposition
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
    """What DMARC may need, asked for while SPF and DKIM are still being judged."""

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
    does not count (§4.4.2).  Where `by_list` disagrees with the tree walk, the steps of
    the verdict say so, and its result stays the same.  `ahead` is what `look_ahead`
    returned for this message.
    **Asks** for the records of the author's domain, eight at most, and for its address
    if np= matters; then for as many records of each authenticated domain within the
    organization, ten of signatures and that of SPF at most.  What `ahead` has is not
    asked again.
    """
    if not isinstance(message, Message):
        message = Message.parse(message)
    try:
        domain = ahead.author or author_domain(message)
    except NoAuthor as fault:
        return Verdict(Result.PERMERROR, str(fault))
    return (yield from _Evaluation(domain, spf, dkim, by_list, ahead).verdict())


def look_ahead(message: Message, claimed: Iterable[str]) -> Lookups[Ahead]:
    """The author's policy, and the tree walks of the domains that may be aligned with it.

    All this can be asked for before it is known whether the `claimed` domains are
    authentic.  **Asks** `discover.MAX_QUESTIONS` for each of eleven domains at most, side
    by side, and then for the author's address if np= matters.
    """
    try:
        author = author_domain(message)
    except NoAuthor:
        return NOTHING
    top = ".".join(author.split(".")[-2:])
    near = [each for each in claimed if each != author and _is_name_within(each, top)]
    walks = yield from discover.walk_all([author, *near[:MAX_IDENTIFIERS]])
    try:
        return Ahead(author, walks, (yield from discover.find_policy(walks[author])))
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
        raise NoAuthor(f"the author has an address literal instead of a domain: {domain[:60]}")
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
        self._doubts: list[str] = []
        """The reasons for which something that may be aligned could not be judged."""

    def verdict(self) -> Lookups[Verdict]:
        """The verdict (§5.3.2 to §5.3.6)."""
        walked = yield from self._walk(self._domain)
        self._steps += walked.steps
        organization = "" if walked.silent else discover.organizational_domain(walked)
        if organization and self._listed not in ("", organization):
            told = f"by the public suffix list the organization is {self._listed}"
            self._steps.append(Step(0, f"{told}, by the tree walk {organization}"))
        try:
            discovered = yield from self._find_policy(walked)
            applying = None if discovered is None else discovered.found
        except LookupFailed as failure:
            self._doubts.append(_silence(failure))
            discovered, applying = None, _applying(walked)
            if applying is None:
                return self._verdict(Result.TEMPERROR, self._doubts[0], None, organization)
        if applying is None:
            reason = f"{self._domain} publishes no policy"
            return self._verdict(Result.NONE, reason, None, organization)
        dkim_domain = yield from self._aligned_dkim(applying.record.dkim_alignment, walked)
        spf_domain = yield from self._aligned_spf(applying.record.spf_alignment, walked)
        result, reason = self._result(dkim_domain, spf_domain)
        verdict = self._verdict(result, reason, discovered, organization)
        return verdict._replace(dkim_domain=dkim_domain, spf_domain=spf_domain)

    def _walk(self, domain: str) -> Lookups[Walk]:
        return self._ahead.walks.get(domain) or (yield from discover.walk(domain))

    def _find_policy(self, walked: Walk) -> Lookups[Discovered | None]:
        policy = self._ahead.policy
        if isinstance(policy, LookupFailed):
            raise policy
        return policy or (yield from discover.find_policy(walked))

    def _result(self, dkim_domain: str, spf_domain: str) -> tuple[Result, str]:
        """The result (§5.3.5, §5.3.6): a doubt counts only if nothing is aligned."""
        by = [f"a signature of {dkim_domain}"] if dkim_domain else []
        by += [f"SPF for {spf_domain}"] if spf_domain else []
        if by:
            verb = "passes and is" if len(by) == 1 else "pass and are"
            return Result.PASS, f"{' and '.join(by)} {verb} aligned with {self._domain}"
        if self._doubts:
            return Result.TEMPERROR, self._doubts[0]
        return Result.FAIL, f"nothing that passes is aligned with {self._domain}"

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

    def _aligned_dkim(self, mode: Alignment, walked: Walk) -> Lookups[str]:
        """The first domain of a signature that passes and is aligned (§4.4.1)."""
        for each in self._dkim:
            if each.result is dkim.Result.TEMPERROR and each.domain:
                self._doubt(each.domain, mode, walked)
        passing = [each.domain for each in self._dkim if each.result is dkim.Result.PASS]
        for domain in dict.fromkeys(passing[:MAX_IDENTIFIERS]):
            if domain and (yield from self._is_aligned(domain, mode, walked)):
                return domain
        return ""

    def _aligned_spf(self, mode: Alignment, walked: Walk) -> Lookups[str]:
        """The domain of SPF, if it passes by MAIL FROM and is aligned (§4.4.2)."""
        verdict = self._spf
        if verdict is None:
            return ""
        domain = verdict.domain.lower()
        by_sender = verdict.identity == "mailfrom"
        if verdict.result is spf.Result.TEMPERROR and by_sender:
            self._doubt(domain, mode, walked)
        if verdict.result is not spf.Result.PASS:
            return ""
        if not by_sender:
            self._steps.append(Step(0, f"SPF passes for HELO {verdict.domain}: it does not count"))
            return ""
        return domain if (yield from self._is_aligned(domain, mode, walked)) else ""

    def _doubt(self, domain: str, mode: Alignment, walked: Walk) -> None:
        """Note that SPF or a signature might pass for an aligned domain if the DNS answered."""
        if self._might_align(domain, mode, walked):
            self._doubts.append(f"the DNS did not answer for {domain}")

    def _might_align(self, domain: str, mode: Alignment, walked: Walk) -> bool:
        """Whether a domain may be aligned: only one within the organization may (§4.10.2)."""
        if mode is Alignment.STRICT or domain == self._domain:
            return domain == self._domain
        return domains.is_same_or_subdomain(domain, discover.widest(walked))

    def _is_aligned(self, domain: str, mode: Alignment, walked: Walk) -> Lookups[bool]:
        """Whether a domain is aligned (§4.4, §4.10.2): an identical one is, in any organization."""
        aligned = domain == self._domain
        if not aligned and self._might_align(domain, mode, walked):
            other = yield from self._walk(domain)
            self._steps += other.steps
            try:
                aligned = discover.is_same_organization(walked, other)
            except LookupFailed as failure:
                self._doubts.append(_silence(failure))
                told = f"whether {domain} is aligned with {walked.start} is not known"
                self._steps.append(Step(0, told))
                return False
        self._tell(domain, mode, walked, aligned=aligned)
        return aligned

    def _tell(self, domain: str, mode: Alignment, walked: Walk, *, aligned: bool) -> None:
        organization = "what is known" if walked.silent else discover.organizational_domain(walked)
        how = "strictly" if mode is Alignment.STRICT else f"by {organization}"
        said = "is aligned" if aligned else "is not aligned"
        self._steps.append(Step(0, f"{domain} {said} with {walked.start}, {how}"))
        if self._by_list is not None and mode is Alignment.RELAXED:
            listed = self._by_list(domain) == self._listed
            if listed is not aligned:
                told = "it would be" if listed else "it would not be"
                self._steps.append(Step(1, f"by the public suffix list {told}"))


def _applying(walked: Walk) -> Found | None:
    """The record that applies, if it is known although the policy that applies is not."""
    try:
        return discover.applying(walked)
    except LookupFailed:
        return None


def _silence(failure: LookupFailed) -> str:
    return f"the DNS did not answer: {failure}"
