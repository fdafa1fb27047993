"""Option negotiation: what the MTA offers, what a filter wants, what both keep to.

The protocol has no RFC; Sendmail's libmilter defines it, up to version 6.  The MTA
names its version, the actions that a filter may take and the steps of the protocol
that it can leave out; the filter answers with a choice from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final, NamedTuple

VERSION: Final = 6
MIN_VERSION: Final = 2
"""Version 1 is older than Sendmail 8.12, and no MTA speaks it."""


class Actions(IntFlag):
    """What a filter may do to a message (SMFIF_)."""

    NONE = 0
    ADD_HEADERS = 0x01
    CHANGE_BODY = 0x02
    ADD_RECIPIENTS = 0x04
    DELETE_RECIPIENTS = 0x08
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_FROM = 0x40
    ADD_RECIPIENTS_WITH_ARGUMENTS = 0x80
    SET_MACROS = 0x100


class Steps(IntFlag):
    """What the MTA is to leave out or do differently (SMFIP_)."""

    NONE = 0
    NO_CONNECT = 0x01
    NO_HELO = 0x02
    NO_MAIL = 0x04
    NO_RECIPIENTS = 0x08
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_END_OF_HEADERS = 0x40
    NO_REPLY_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    """The MTA understands the reply skip."""
    REJECTED_RECIPIENTS = 0x800
    """Recipients that the MTA itself refused are sent too."""
    NO_REPLY_CONNECT = 0x1000
    NO_REPLY_HELO = 0x2000
    NO_REPLY_MAIL = 0x4000
    NO_REPLY_RECIPIENT = 0x8000
    NO_REPLY_DATA = 0x10000
    NO_REPLY_UNKNOWN = 0x20000
    NO_REPLY_END_OF_HEADERS = 0x40000
    NO_REPLY_BODY = 0x80000
    LEADING_SPACE = 0x100000
    """Values of header fields include the blank after the colon, in both directions."""


class Offer(NamedTuple):
    """What the MTA says first; its actions and steps may have bits unknown to us."""

    version: int
    actions: int
    steps: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a filter would like, and what it cannot do without."""

    actions: Actions = Actions.NONE
    """All that it may do; it needs every one of them."""
    steps: Steps = Steps.NONE
    """Each is taken where it is offered."""
    macros: Mapping[bytes, str] = field(default_factory=dict)
    """By the code of a stage, the names of the macros to be sent with it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What both sides have agreed on."""

    version: int = VERSION
    actions: Actions = Actions.NONE
    steps: Steps = Steps.NONE
    macros: Mapping[bytes, str] = field(default_factory=dict)

    def lacks(self, wanted: Wanted) -> Actions:
        """The actions that are wanted but not granted."""
        return wanted.actions & ~self.actions


def negotiate(offer: Offer, wanted: Wanted) -> Options:
    """What is wanted, as far as it is offered."""
    actions = wanted.actions & offer.actions
    asks_for_macros = wanted.macros and offer.actions & Actions.SET_MACROS
    if asks_for_macros:
        actions |= Actions.SET_MACROS
    return Options(
        min(offer.version, VERSION),
        Actions(actions),
        Steps(wanted.steps & offer.steps),
        dict(wanted.macros) if asks_for_macros else {},
    )
