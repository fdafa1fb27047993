"""The policy record (RFC 9989 §4.7, §4.8).

A tag that cannot be read counts as absent, except sp= and np= (§4.10.1), and an
unknown tag is ignored.  What was passed over as faulty stands in `faults`, for those
who publish records, not for those who judge mail by them.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from mailauth.errors import SyntaxFault
from mailauth.syntax import mailbox

MAX_OCTETS: Final = 8192
MAX_TAGS: Final = 100
MAX_URIS: Final = 20


class Disposition(StrEnum):
    """What the owner wants done with mail that fails (§4.7, p=)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def tested(self) -> "Disposition":
        """One level below, as t=y asks for (§4.7, t=)."""
        return Disposition.QUARANTINE if self is Disposition.REJECT else Disposition.NONE


class Alignment(StrEnum):
    """How an authenticated domain must match the author's (§4.7, adkim= and aspf=)."""

    RELAXED = "r"
    STRICT = "s"


@dataclass(frozen=True, slots=True)
class Record:
    """The tags of a record (§4.7)."""

    policy: Disposition | None = Disposition.NONE  # p=
    """None: DMARC does not apply (§4.10.1).

    There is no p=, or p=, sp= or np= cannot be read; and there is no rua= that can be read.
    """
    subdomain_policy: Disposition | None = None  # sp=
    nonexistent_policy: Disposition | None = None  # np=
    dkim_alignment: Alignment = Alignment.RELAXED  # adkim=
    spf_alignment: Alignment = Alignment.RELAXED  # aspf=
    public_suffix: str = "u"  # psd=
    testing: bool = False  # t=y
    aggregate_reports: tuple[str, ...] = ()  # rua=
    failure_reports: tuple[str, ...] = ()  # ruf=
    failure_options: tuple[str, ...] = ("0",)  # fo=
    text: str = ""
    faults: tuple[str, ...] = ()
    """What was passed over as faulty, a sentence each."""


def is_record(octets: bytes) -> bool:
    """Whether a TXT record is a DMARC record: first v=, in any case, with DMARC1, in capitals.

    dmarc-version = "v" equals %s"DMARC1" (§4.7, §4.8).
    """
    return _VERSION.match(octets) is not None


@lru_cache(maxsize=1024)
def parse(octets: bytes) -> Record:
    """dmarc-record = dmarc-version *(dmarc-sep dmarc-tag) [dmarc-sep] (§4.8); remembered.

    **Raises** SyntaxFault: it is no record, or too large for one.
    """
    if not is_record(octets):
        raise SyntaxFault("it does not begin with v=DMARC1 and a semicolon")
    if len(octets) > MAX_OCTETS:
        raise SyntaxFault(f"a record of {len(octets)} octets, over {MAX_OCTETS}")
    text = octets.decode("latin-1")
    tags, faults = _tags(text)
    reading = _Reading(tags, faults)
    wanted = {name: reading.one_of(name, Disposition) for name in ("p", "sp", "np")}
    aggregate = reading.uris("rua")
    if wanted["p"] is None or any(wanted[name] is None for name in ("sp", "np") if name in tags):
        # §4.10.1: as if it were p=none alone, or nothing
        wanted = {"p": Disposition.NONE if aggregate else None, "sp": None, "np": None}
    return Record(
        wanted["p"],
        wanted["sp"],
        wanted["np"],
        reading.one_of("adkim", Alignment) or Alignment.RELAXED,
        reading.one_of("aspf", Alignment) or Alignment.RELAXED,
        reading.word("psd", "ynu") or "u",
        reading.word("t", "yn") == "y",
        aggregate,
        reading.uris("ruf"),
        reading.options("fo"),
        text,
        tuple(faults),
    )


def format(record: Record) -> str:  # noqa: A001 - the inverse of parse
    """The text of the record, without tags that have their default."""
    tags = {"v": "DMARC1"}
    for name, wanted in (
        ("p", record.policy),
        ("sp", record.subdomain_policy),
        ("np", record.nonexistent_policy),
    ):
        if wanted is not None:
            tags[name] = wanted.value
    for name, alignment in (("adkim", record.dkim_alignment), ("aspf", record.spf_alignment)):
        if alignment is Alignment.STRICT:
            tags[name] = alignment.value
    if record.public_suffix != "u":
        tags["psd"] = record.public_suffix
    if record.testing:
        tags["t"] = "y"
    if record.aggregate_reports:
        tags["rua"] = ",".join(record.aggregate_reports)
    if record.failure_reports:
        tags["ruf"] = ",".join(record.failure_reports)
    if record.failure_options != ("0",):
        tags["fo"] = ":".join(record.failure_options)
    return "; ".join(f"{name}={value}" for name, value in tags.items())


def is_uri(text: str) -> bool:
    """Whether a URI for reports can be read (§4.8): a scheme, and what follows it.

    Commas, semicolons and exclamation marks would end it; they must be percent-encoded.
    """
    return _URI.fullmatch(text) is not None


def mailto(address: str) -> str:
    """The URI for reports to an address (§4.8, RFC 6068 §2).  **Raises** SyntaxFault: to none."""
    return f"mailto:{quote(str(mailbox.parse(address)), safe='@+=/')}"


def receiver(uri: str) -> mailbox.Mailbox:
    """Who gets the reports of a mailto: URI (RFC 6068 §2).  **Raises** SyntaxFault: nobody."""
    try:
        address = unquote(uri.partition(":")[2].partition("?")[0], errors="strict")
    except UnicodeDecodeError:
        raise SyntaxFault("the address is not UTF-8") from None
    return mailbox.parse(address)


_VERSION = re.compile(rb"[vV][ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)")
_TAG = re.compile(r"([A-Za-z]++)[ \t]*+=[ \t]*+([ -:<-~]*+)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:[\"-+\--:<-~]++")
_SIZE = re.compile(r"![0-9]++[kmgtKMGT]?+")
"""obs-dmarc-report-size, which is to be ignored (§4.8)."""

KNOWN: Final = frozenset(["v", "p", "sp", "np", "adkim", "aspf", "psd", "t", "rua", "ruf", "fo"])
REMOVED: Final = frozenset({"pct", "rf", "ri"})
"""Tags that RFC 7489 had and RFC 9989 has not (§9.3)."""
Kind = TypeVar("Kind", Disposition, Alignment)


def _tags(text: str) -> tuple[dict[str, str], list[str]]:
    """The tags by name, the first of each, and what was passed over as faulty."""
    tags: dict[str, str] = {}
    faults: list[str] = []
    specs = text.split(";", MAX_TAGS)
    if any(spec.strip(" \t;") for spec in specs[MAX_TAGS:]):
        faults.append(f"more than {MAX_TAGS} tags; the rest is not read")
    for spec in specs[:MAX_TAGS]:
        stripped = spec.strip(" \t")
        if not stripped:
            continue
        found = _TAG.fullmatch(stripped)
        if found is None:
            faults.append(f"{stripped[:40]!r} is not a tag")
            continue
        name, value = found[1].lower(), found[2].rstrip(" \t")
        if name in tags:
            faults.append(f"{name}= appears twice; the first one counts")
        else:
            tags[name] = value
    return tags, faults


class _Reading:
    """The values of tags; what cannot be read is added to the faults."""

    def __init__(self, tags: dict[str, str], faults: list[str]) -> None:
        self._tags = tags
        self._faults = faults

    def one_of(self, name: str, kind: type[Kind]) -> Kind | None:
        """A value of one kind, in any case; None: there is none that can be read."""
        value = self._tags.get(name)
        if value is None:
            return None
        try:
            return kind(value.lower())
        except ValueError:
            self._pass_over(name, value)
            return None

    def word(self, name: str, letters: str) -> str | None:
        """One of some letters, in any case; None: there is none that can be read."""
        value = self._tags.get(name)
        if value is None:
            return None
        if value.lower() in set(letters):
            return value.lower()
        self._pass_over(name, value)
        return None

    def uris(self, name: str) -> tuple[str, ...]:
        """dmarc-urilist (§4.8): the URIs that can be read, without obsolete sizes."""
        found: list[str] = []
        uris = self._tags.get(name, "").split(",", MAX_URIS)
        if any(rest.strip(" \t,") for rest in uris[MAX_URIS:]):
            self._faults.append(f"{name}= has more than {MAX_URIS} URIs; the rest is not read")
        for each in uris[:MAX_URIS]:
            text = each.strip(" \t")
            uri, sign, _ = text.partition("!")
            if sign and not _SIZE.fullmatch(text[len(uri) :]):
                uri = ""
            if is_uri(uri):
                found.append(uri)
            elif text:
                self._pass_over(name, text)
        return tuple(found)

    def options(self, name: str) -> tuple[str, ...]:
        """dmarc-fo (§4.8): 0 or 1, d, s, each once."""
        value = self._tags.get(name, "0")
        words = value.lower().replace(" ", "").split(":")
        sound = set(words) <= set("01ds") and len(set(words)) == len(words)
        if not sound or {"0", "1"} <= set(words):
            self._pass_over(name, value)
            return ("0",)
        return tuple(words)

    def _pass_over(self, name: str, value: str) -> None:
        self._faults.append(f"{name}={value[:40]!r} cannot be read")
