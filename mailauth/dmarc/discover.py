"""Policy discovery and the organizational domain: the DNS tree walk (RFC 9989 §4.10).

From a domain upwards the records at `_dmarc` are asked for, at most eight; what
was found tells both whose policy applies and where the organization begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from mailauth.dmarc import record as records
from mailauth.dmarc.record import Disposition, Record
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, Status, gather
from mailauth.errors import SyntaxFault
from mailauth.verdicts import Step

MAX_QUESTIONS: Final = 8
"""Of one walk (§4.10)."""


class Found(NamedTuple):
    """A record and where it stands."""

    domain: str
    record: Record


@dataclass(frozen=True, slots=True)
class Walk:
    """What stands on the way from a domain up to the top."""

    start: str
    found: tuple[Found, ...]
    """From the longest name to the shortest."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Discovered:
    """The record that applies to an author domain, and how it applies."""

    found: Found
    policy: Disposition
    """p=, sp= or np=, whichever it is."""
    tag: str
    """Which of them."""


def walk(domain: str) -> Lookups[Walk]:
    """The records from `domain` upwards (§4.10).

    **Asks** `MAX_QUESTIONS` questions at most, side by side: few records end a
    walk before its top, and one that does makes the answers above it count for
    nothing, also those that failed.
    """
    found: list[Found] = []
    steps: list[Step] = []
    way = names(domain)
    answers = yield from ask.txt_of_each([f"_dmarc.{name}" for name in way])
    for name, answer in zip(way, answers, strict=True):
        if isinstance(answer, LookupFailed):
            raise answer
        texts = [octets for octets in answer.records if records.is_record(octets)]
        said = f"{len(texts)} records, which count as none" if len(texts) > 1 else "no record"
        if len(texts) == 1:
            try:
                record = records.parse(texts[0])
            except SyntaxFault as fault:
                said = f"{fault}: {texts[0].decode('latin-1')}"
            else:
                said = record.text
                found.append(Found(name, record))
        steps.append(Step(1, f"? TXT of _dmarc.{name}: {said}"))
        if found and found[-1].domain == name and found[-1].record.public_suffix != "u":
            break  # §4.10, steps 3 and 7: psd=y and psd=n end the walk
    return Walk(domain, tuple(found), tuple(steps))


Walks: TypeAlias = Mapping[str, Walk | LookupFailed]
"""By where they start; in place of one that failed, why."""


def walk_all(starts: Iterable[str]) -> Lookups[Walks]:
    """The walks from several domains, side by side.  **Asks** what `walk` asks for each."""
    wanted = list(dict.fromkeys(starts))
    found = yield from gather(*map(_walk_or_failure, wanted))
    return dict(zip(wanted, found, strict=True))


def _walk_or_failure(domain: str) -> Lookups[Walk | LookupFailed]:
    try:
        return (yield from walk(domain))
    except LookupFailed as failure:
        return failure


def names(domain: str) -> list[str]:
    """The names of a walk, the longest first (§4.10, steps 1 and 4 to 6)."""
    labels = domain.split(".")
    kept = min(len(labels) - 1, MAX_QUESTIONS - 1)
    return [domain, *[".".join(labels[-count:]) for count in range(kept, 0, -1)]]


def organizational_domain(walked: Walk) -> str:
    """Where the organization of the walk's start begins (§4.10.2)."""
    for domain, record in walked.found:
        if record.public_suffix == "n":
            return domain
        if record.public_suffix == "y" and domain != walked.start:
            labels = walked.start.split(".")
            return ".".join(labels[-domain.count(".") - 2 :])
    return walked.found[-1].domain if walked.found else walked.start


def find_policy(walked: Walk) -> Lookups[Discovered | None]:
    """The policy for the domain of a walk (§4.10.1); None: DMARC does not apply.

    **Asks** whether the domain exists, if the answer matters.
    """
    by_domain = dict(walked.found)
    start, organization = walked.start, organizational_domain(walked)
    record = by_domain.get(start)
    if record is not None:
        return Discovered(Found(start, record), record.policy, "p")
    suffixes = [each for each in walked.found if each.record.public_suffix == "y"]
    record = by_domain.get(organization)
    if record is not None:
        found = Found(organization, record)
    elif suffixes:
        found = suffixes[0]
        record = found.record
    else:
        return None
    existing = record.subdomain_policy or record.policy
    tag = "p" if record.subdomain_policy is None else "sp"
    if record.nonexistent_policy not in (None, existing) and not (yield from _exists(start)):
        assert record.nonexistent_policy is not None  # noqa: S101 - it is not in the tuple above
        return Discovered(found, record.nonexistent_policy, "np")
    return Discovered(found, existing, tag)


def _exists(domain: str) -> Lookups[bool]:
    """Whether the DNS knows the name, with or without records (§3.2.13)."""
    answer = yield from ask.addresses(domain, like=ask.FAMILIES[0])
    return answer.status is not Status.NO_SUCH_NAME
