"""How a message ends: what is done with it, and in what words the MTA is told."""

from dataclasses import dataclass
from typing import Final

from mailauth.milter.protocol.replies import Refusal
from mailauth.milter.settings import Action


@dataclass(frozen=True, slots=True)
class Ending:
    """What is done with the message as a whole."""

    action: Action = Action.HEADER
    refusal: Refusal | None = None
    """The reply, if the message is refused."""
    reason: str = ""
    """Why, for whoever finds the message in quarantine: printable ASCII."""


LATER: Final = Refusal(451, "4.3.0", "Mail authentication is unavailable now; try again later")
DELIVERED: Final = Ending()
DEFERRED: Final = Ending(Action.TEMPFAIL, LATER)
"""Something on our side does not work: the mail waits."""
OVERLOADED: Final = Ending(
    Action.REJECT, Refusal(550, "5.6.0", "Too many fields claim to be results of this host")
)
