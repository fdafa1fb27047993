"""The areas of a check and the report on all of them.

An area is one subject, such as DMARC or the mail exchanges: what is published
for it, what was done to judge it, and the findings (see `mailauth.findings`).  The
code of a finding is unique within its area.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from mailauth.findings import UNANSWERED, Finding, Severity, has_errors, has_unanswered
from mailauth.verdicts import Step

SCHEMA: Final = 1
"""The version of `DomainReport.as_dict`; within one, a value keeps its name and meaning."""


DEMANDS: Final = "bulk"
"""The name of the area of what large providers demand, judged by what the others found."""


class Published(NamedTuple):
    """A record that was found."""

    name: str
    rrtype: str
    text: str
    """As people write it; octets of TXT that are not ASCII are read as Latin-1."""


@dataclass(frozen=True, slots=True)
class Area:
    """One subject of a check."""

    name: str
    """It does not change, so that programs can rely on it."""
    title: str
    works: bool | None = None
    """Whether the domain has this and it works; None: that is not known."""
    published: tuple[Published, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: tuple[Step, ...] = ()
    """What was evaluated, for those who ask why."""

    @property
    def state(self) -> str:
        """Whether it works, in words."""
        if not self.published and any(each.code == "none" for each in self.findings):
            return "not there"
        return {True: "works", False: "does not work", None: "not known"}[self.works]


class Rule(NamedTuple):
    """One demand of large providers on their senders, and whether the domain meets it."""

    code: str
    demand: str
    providers: tuple[str, ...]
    met: bool | None
    """None: that is not known."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class DomainReport:
    """All results of the check of one domain."""

    domain: str
    checked_at: int
    """Seconds since the epoch."""
    areas: tuple[Area, ...]
    rules: tuple[Rule, ...]

    def findings(self) -> Iterator[Finding]:
        """The findings of all areas in order."""
        for area in self.areas:
            yield from area.findings

    def findings_beside(self, area: Area) -> tuple[Finding, ...]:
        """The findings to show below an area; demands are shown as rules, if there are any."""
        return () if area.name == DEMANDS and self.rules else area.findings

    @property
    def silent(self) -> bool:
        """Whether the DNS left a question unanswered; asking again later may tell more."""
        return has_unanswered(self.findings())

    def sentence(self) -> str:
        """The whole check in one sentence."""
        counted = [
            finding.severity
            for area in self.areas
            for finding in area.findings
            if area.name != DEMANDS and finding.code != UNANSWERED  # what is counted elsewhere
        ]
        broken, unwise = counted.count(Severity.ERROR), counted.count(Severity.WARNING)
        told = [
            f"{number} {'thing is' if number == 1 else 'things are'} {word}"
            for number, word in ((broken, "broken"), (unwise, "unwise"))
            if number
        ]
        if self.silent:
            told.append("the DNS did not answer all questions")
        return f"{self.domain}: {', '.join(told) or 'nothing to fix'}"

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON, of the schema `SCHEMA`."""
        return {
            "schema": SCHEMA,
            "domain": self.domain,
            "checked_at": self.checked_at,
            "areas": [_as_dict(area) for area in self.areas],
            "rules": [rule._asdict() for rule in self.rules],
        }


def _as_dict(area: Area) -> dict[str, Any]:
    return {
        "name": area.name,
        "works": area.works,
        "published": [each._asdict() for each in area.published],
        "findings": [asdict(each) for each in area.findings],
        "steps": [each._asdict() for each in area.steps],
    }


def texts(name: str, records: Iterable[bytes]) -> tuple[Published, ...]:
    """The TXT records of a name, as they are shown."""
    return tuple(Published(name, "TXT", octets.decode("latin-1")) for octets in records)


def works(found: Sequence[Finding]) -> bool | None:
    """Whether what is published works, by its findings; None: the DNS did not answer."""
    if has_errors(found):
        return False
    return None if has_unanswered(found) else True
