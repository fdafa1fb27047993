"""Policy discovery and the organizational domain: the DNS tree walk (RFC 9989 §4.10).

A walk asks for the `_dmarc` records of a domain and of the names above it, eight at
most; what it finds tells both whose policy applies and where the organization begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from mailauth.dmarc import record as records
from mailauth.dmarc.record import Disposition, Record
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Answer, Lookups, Status
from mailauth.errors import SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.verdicts import Step

MAX_QUESTIONS: Final = 8
"""How many questions one walk asks at most (§4.10)."""


class Found(NamedTuple):
    """A record and where it stands."""

    domain: str
    record: Record


class Silence(NamedTuple):
    """A name for which the DNS did not answer, so that its records are not known."""

    domain: str
    failure: LookupFailed


@dataclass(frozen=True, slots=True)
class Walk:
    """The records on the way from a domain up to the top."""

    start: str
    found: tuple[Found, ...]
    """From the longest name to the shortest."""
    steps: tuple[Step, ...]
    silent: tuple[Silence, ...] = ()
    """The names for which the DNS did not answer, in the same order."""

    @property
    def has_own(self) -> bool:
        """Whether there is a record at the start, which is the one that applies (§4.10.1)."""
        return bool(self.found) and self.found[0].domain == self.start


@dataclass(frozen=True, slots=True)
class Discovered:
    """The record that applies to an author domain, and how it applies."""

    found: Found
    policy: Disposition
    """The value of p=, sp= or np=, whichever applies."""
    tag: str
    """Which of them applies: `p`, `sp` or `np`."""


def walk(domain: str) -> Lookups[Walk]:
    """The records from `domain` upwards (§4.10).

    **Asks** `MAX_QUESTIONS` questions at most, side by side: few records end a walk
    before its top, and with one that does, the answers above it do not count, not
    even failures.  Where the DNS does not answer, the walk goes on; `LookupFailed` is
    raised later, by functions that need what is then unknown.
    """
    return (yield from walk_all([domain]))[domain]


Walks: TypeAlias = Mapping[str, Walk]
"""Walks by the domain at which they start."""


def walk_all(starts: Iterable[str]) -> Lookups[Walks]:
    """The walks from several domains.  **Asks** what `walk` asks for each, and nothing twice."""
    ways = {start: names(start) for start in starts}
    wanted = dict.fromkeys(chain.from_iterable(ways.values()))
    answers = yield from ask.txt_of_each([f"_dmarc.{name}" for name in wanted])
    said = dict(zip(wanted, answers, strict=True))
    return {start: _walked(start, way, said) for start, way in ways.items()}


def _walked(
    domain: str, way: Iterable[str], said: Mapping[str, Answer[bytes] | LookupFailed]
) -> Walk:
    """The walk along these names, made from the answer for each."""
    found: list[Found] = []
    silent: list[Silence] = []
    steps: list[Step] = []
    for name in way:
        answer = said[name]
        if isinstance(answer, LookupFailed):
            silent.append(Silence(name, answer))
            steps.append(Step(1, f"? {answer}"))
            continue
        record, told = _only_record(answer)
        steps.append(Step(1, f"? TXT of _dmarc.{name}: {told}"))
        if record is None:
            continue
        found.append(Found(name, record))
        if record.public_suffix != "u":
            break  # §4.10, steps 2 and 6: psd=y and psd=n end the walk
    return Walk(domain, tuple(found), tuple(steps), tuple(silent))


def _only_record(answer: Answer[bytes]) -> tuple[Record | None, str]:
    """The record that counts, if there is one, and the words for a step (§4.10, steps 2 and 6)."""
    texts = [octets for octets in answer.records if records.is_record(octets)]
    if len(texts) != 1:
        return None, f"{len(texts)} records, which count as none" if texts else "no record"
    try:
        record = records.parse(texts[0])
    except SyntaxFault as fault:
        return None, f"{fault}: {texts[0].decode('latin-1')}"
    told = "" if record.policy is not None else " (no p= to go by, and no rua=)"
    return record, record.text + told


def names(domain: str) -> list[str]:
    """The names of a walk, the longest first (§4.10, steps 1, 3, 4 and 7)."""
    labels = domain.split(".")
    kept = min(len(labels) - 1, MAX_QUESTIONS - 1)
    return [domain, *[".".join(labels[-count:]) for count in range(kept, 0, -1)]]


def organizational_domain(walked: Walk) -> str:
    """Where the organization of the walk's start begins (§4.10.2).

    **Raises** LookupFailed: the DNS did not answer for a name that may decide it.
    """
    if walked.silent:
        raise walked.silent[0].failure
    return _by_what_was_found(walked)


def is_same_organization(ours: Walk, theirs: Walk) -> bool:
    """Whether two walks lead to the same organizational domain (§4.10.2).

    **Raises** LookupFailed: that depends on a name for which the DNS did not answer.
    """
    silent = [*ours.silent, *theirs.silent]
    if silent:
        for one, other in ((ours, theirs), (theirs, ours)):
            if not domains.is_same_or_subdomain(one.start, widest(other)):
                return False
        shared = {each.domain for each in ours.found} & {each.domain for each in theirs.found}
        height = max(each.domain.count(".") for each in silent)
        if any(domain.count(".") > height for domain in shared):
            return True  # they share a record: whatever is above it is the same for both
    return organizational_domain(ours) == organizational_domain(theirs)


def widest(walked: Walk) -> str:
    """The shortest name that may be the organizational domain, as far as is known."""
    names = [_by_what_was_found(walked), *(each.domain for each in walked.silent)]
    return min(names, key=lambda name: name.count("."))


def _by_what_was_found(walked: Walk) -> str:
    """The organizational domain by the last record (§4.10.2): psd=n and psd=y end a walk."""
    if not walked.found:
        return walked.start
    domain, record = walked.found[-1]
    if record.public_suffix == "y" and domain != walked.start:
        labels = walked.start.split(".")
        return ".".join(labels[-domain.count(".") - 2 :])
    return domain


def applying(walked: Walk) -> Found | None:
    """The record that applies to the domain of a walk (§4.10.1); None: DMARC does not apply.

    **Raises** LookupFailed: the DNS did not answer for a name that may decide it.
    """
    found = walked.found[0] if walked.has_own else _of_another(walked)
    return found if found is not None and found.record.policy is not None else None


def find_policy(walked: Walk) -> Lookups[Discovered | None]:
    """The policy for the domain of a walk (§4.10.1); None: DMARC does not apply.

    A record at the domain itself decides, whatever stands above it.
    **Asks** whether the domain exists, if the answer matters.
    **Raises** LookupFailed: the DNS did not answer for a name that may decide it.
    """
    found = applying(walked)
    if found is None:
        return None
    record = found.record
    assert record.policy is not None  # noqa: S101 - or it would not apply
    if walked.has_own:
        return Discovered(found, record.policy, "p")
    existing = record.subdomain_policy or record.policy
    tag = "p" if record.subdomain_policy is None else "sp"
    absent = record.nonexistent_policy
    if absent is None or absent == existing or (yield from _exists(walked.start)):
        return Discovered(found, existing, tag)
    return Discovered(found, absent, "np")


def _of_another(walked: Walk) -> Found | None:
    """The record of the organizational domain, or else that of the public suffix (§4.10.1)."""
    organization = organizational_domain(walked)
    for each in walked.found:
        if each.domain == organization:
            return each
    return next((each for each in walked.found if each.record.public_suffix == "y"), None)


def _exists(domain: str) -> Lookups[bool]:
    """Whether the DNS knows the name, with or without records (§3.2.13)."""
    answer = yield from ask.addresses(domain, like=ask.FAMILIES[0])
    return answer.status is not Status.NO_SUCH_NAME
