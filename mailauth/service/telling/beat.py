"""The beat that a child sends to the supervisor at intervals: a record of a fixed size.

It is sent from the loop that does the work, so a loop that is stuck falls silent.  It
holds the age of the oldest request in work, and the figures of each listener since the
child started.  One beat is one datagram of a socket pair: it arrives whole or not at
all.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum, auto
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct("=dI")


class Figure(IntEnum):
    """What is counted for each listener; all figures but OPEN only grow."""

    CONNECTIONS = 0
    """Connections accepted."""
    OPEN = auto()
    """Connections open now."""
    REFUSED = auto()
    """Connections closed at once: there were too many, or no descriptors were left."""
    FOUND = auto()
    """Requests answered with a value."""
    NOT_FOUND = auto()
    """Requests answered: there is no value."""
    REJECTED = auto()
    """Requests answered with a permanent refusal."""
    TEMPORARY = auto()
    """Requests answered with a temporary failure."""
    FAULTS = auto()
    """Requests and messages that met a fault of ours; the MTA was told to try again."""
    BROKEN = auto()
    """Connections closed because the peer broke the protocol."""
    OVERDUE = auto()
    """Connections whose peer took too long to finish a request or to read."""
    SIGNED = auto()
    """Messages that were signed."""
    JUDGED = auto()
    """Messages that were judged."""
    PASSED = auto()
    """Messages that were left as they are: not ours to sign, or a trusted relay's."""
    STOPPED = auto()
    """Messages that were deferred or refused before they were signed or judged."""
    DEFERRED = auto()
    """Messages that were deferred."""
    REFUSED_MESSAGES = auto()
    """Messages that were refused."""
    QUARANTINED = auto()
    """Messages that were put into quarantine."""
    REMOVED_FIELDS = auto()
    """Fields that were removed because they claimed to be ours."""
    DIFFERENT = auto()
    """Messages that another program judged otherwise."""
    POISONED = auto()
    """Messages that were deferred because they had ended a worker."""
    SENDERS_REWRITTEN = auto()
    """Messages that left with an SRS address as their sender."""
    BOUNCES_RETURNED = auto()
    """Recipients that were SRS addresses of ours and were turned back into the originals."""
    BOUNCES_FORGED = auto()
    """Recipients and look-ups that were forged or expired SRS addresses."""
    DNS_QUESTIONS = auto()
    """Questions asked of the DNS."""
    DNS_REMEMBERED = auto()
    """Questions whose answer was remembered."""
    DNS_FAILURES = auto()
    """Answers that were failures or came too late."""
    SPF_NONE = auto()
    SPF_NEUTRAL = auto()
    SPF_PASS = auto()
    SPF_FAIL = auto()
    SPF_SOFTFAIL = auto()
    SPF_TEMPERROR = auto()
    SPF_PERMERROR = auto()
    DKIM_NONE = auto()
    DKIM_NEUTRAL = auto()
    DKIM_PASS = auto()
    DKIM_FAIL = auto()
    DKIM_POLICY = auto()
    DKIM_TEMPERROR = auto()
    DKIM_PERMERROR = auto()
    DMARC_NONE = auto()
    DMARC_PASS = auto()
    DMARC_FAIL = auto()
    DMARC_TEMPERROR = auto()
    DMARC_PERMERROR = auto()


VERDICTS: Final = {
    figure: (method, result)
    for figure in Figure
    for method, _, result in [figure.name.lower().partition("_")]
    if method in {"spf", "dkim", "dmarc"}
}
"""The figures that count verdicts, with method and result."""

Figures = list[int]
"""One number for each `Figure`."""


class Beat(NamedTuple):
    """One sign of life."""

    oldest: float
    """Seconds that the oldest request has been in work; 0 if there is none."""
    unanswered: int
    """Set by the observer: 0, or 1 plus the index of a listener that did not answer."""
    figures: tuple[Figures, ...]
    """For each listener, in the order of the configuration."""

    def pack(self) -> bytes:
        """The beat as a datagram."""
        numbers = [number for figures in self.figures for number in figures]
        return _HEADER.pack(self.oldest, self.unanswered) + struct.pack(
            f"={len(numbers)}Q", *numbers
        )


def size(listeners: int) -> int:
    """How many octets a beat about so many listeners has."""
    return _HEADER.size + listeners * len(Figure) * 8


def unpack(octets: bytes, listeners: int) -> Beat | None:
    """The beat in a datagram; None if it is not a beat about so many listeners."""
    if len(octets) != size(listeners):
        return None
    oldest, unanswered = _HEADER.unpack_from(octets)
    numbers = struct.unpack_from(f"={listeners * len(Figure)}Q", octets, _HEADER.size)
    if not 0 <= oldest < float("inf") or unanswered > listeners:
        return None
    step = len(Figure)
    return Beat(
        oldest,
        unanswered,
        tuple(list(numbers[at : at + step]) for at in range(0, len(numbers), step)),
    )


def add(one: Sequence[int], other: Sequence[int]) -> Figures:
    """The sums of two lists of figures."""
    return [a + b for a, b in zip(one, other, strict=True)]


def nothing() -> Figures:
    """Figures that are all zero."""
    return [0] * len(Figure)
