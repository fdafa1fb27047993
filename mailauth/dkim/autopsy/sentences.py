"""What an autopsy says if it explains nothing, and how it shows text."""

from typing import Final

INTACT: Final = "it is as it was signed"
UNKNOWN: Final = "none of the known changes explains it"
TOO_LONG: Final = f"{UNKNOWN}; it is too long to try each octet"
ENDED: Final = "nothing explains it so far; the limit of work for one message was reached"


def not_looked_into(limit: int) -> str:
    """Says that a text is not searched at all."""
    return f"it has more than {limit} octets, and is not examined"


def lines_were(count: int) -> str:
    """So many lines, as the subject of a sentence."""
    return "1 line was" if count == 1 else f"{count} lines were"


def shown(octets: bytes) -> str:
    """The beginning of octets of a message, in quotes."""
    return repr(octets.decode("utf-8", "replace")[:60])
