"""Policy discovery and the organizational domain: the DNS tree walk (RFC 9989 §4.10).

From a domain upwards the records at `_dmarc` are asked for, at most eight; what
was found tells both whose policy applies and where the organization begins.
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
    walks = yield from walk_all([domain])
    walked = walks[domain]
    if isinstance(walked, LookupFailed):
        raise walked
    return walked


Walks: TypeAlias = Mapping[str, Walk | LookupFailed]
"""By where they start; in place of one that failed, why."""


def walk_all(starts: Iterable[str]) -> Lookups[Walks]:
    """The walks from several domains.  **Asks** what `walk` asks for each, and nothing twice."""
    ways = {start: names(start) for start in starts}
    wanted = dict.fromkeys(chain.from_iterable(ways.values()))
    answers = yield from ask.txt_of_each([f"_dmarc.{name}" for name in wanted])
    said = dict(zip(wanted, answers, strict=True))
    return {start: _walked(start, way, said) for start, way in ways.items()}


def _walked(
    domain: str, way: Iterable[str], said: Mapping[str, Answer[bytes] | LookupFailed]
) -> Walk | LookupFailed:
    """The walk along these names, by what the DNS said to each."""
    found: list[Found] = []
    steps: list[Step] = []
    for name in way:
        answer = said[name]
        if isinstance(answer, LookupFailed):
            return answer
        record, told = _only_record(answer)
        steps.append(Step(1, f"? TXT of _dmarc.{name}: {told}"))
        if record is None:
            continue
        found.append(Found(name, record))
        if record.public_suffix != "u":
            break  # §4.10, steps 3 and 7: psd=y and psd=n end the walk
    return Walk(domain, tuple(found), tuple(steps))


def _only_record(answer: Answer[bytes]) -> tuple[Record | None, str]:
    """The record that counts, if there is one, and what is told of it (§4.10, steps 2 and 6)."""
    texts = [octets for octets in answer.records if records.is_record(octets)]
    if len(texts) != 1:
        return None, f"{len(texts)} records, which count as none" if texts else "no record"
    try:
        record = records.parse(texts[0])
    except SyntaxFault as fault:
        return None, f"{fault}: {texts[0].decode('latin-1')}"
    return record, record.text


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
