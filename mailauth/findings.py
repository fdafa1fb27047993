"""What a lint finds in a record: one noun for all protocols."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Receivers refuse the record, or anybody may do what it should forbid."""
    WARNING = "warning"
    """It works, and is likely not what was meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend."""

    code: str
    """It does not change, so that programs can go by it."""
    severity: Severity
    sentence: str
    domain: str
    """In whose record."""
    place: str = ""
    """The term or tag, as the record has it."""
