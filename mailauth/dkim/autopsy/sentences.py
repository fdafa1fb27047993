"""What an autopsy says where it explains nothing, and how it shows text."""

from typing import Final

INTACT: Final = "it is as it was signed"
UNKNOWN: Final = "none of the known changes explains it"
ENDED: Final = "nothing explains it as far as was searched; the work for one message has its limit"


def lines_were(count: int) -> str:
    """So many lines, as the subject of a sentence."""
    return "1 line was" if count == 1 else f"{count} lines were"


def shown(octets: bytes) -> str:
    """The beginning of octets of a message, in quotes."""
    return repr(octets.decode("utf-8", "replace")[:60])
