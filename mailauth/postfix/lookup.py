"""A look-up: what Postfix asks, the reply, and what a wire protocol does with both.

A wire protocol does no I/O: octets in, requests out; replies in, octets out.
Addresses are text, in which an octet that is not UTF-8 is a lone surrogate.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from mailauth.errors import MailauthError


class Outcome(StrEnum):
    """The outcome of a look-up."""

    FOUND = "found"
    NOT_FOUND = "not-found"
    """The address is not for us to change: Postfix goes on with it as it is."""
    TEMP = "temporary"
    """Internal trouble: Postfix keeps the mail and asks again later."""
    PERM = "permanent"
    """The request can never be answered; Postfix keeps the mail for that too."""


class Request(NamedTuple):
    """One question from Postfix."""

    map_name: str
    key: str


class Notice(NamedTuple):
    """Something about an answer that a postmaster should know."""

    reason: str
    forged: bool = False
    """The address is in one of our domains, and is forged or expired."""


class Reply(NamedTuple):
    """One answer."""

    outcome: Outcome
    text: str = ""
    """The value found, or else the reason, for the log; Postfix sees the reason of PERM only."""
    notice: Notice | None = None


class WireFault(MailauthError):
    """Octets that are not a request; the connection cannot go on after them."""

    def __init__(self, message: str, reply: bytes) -> None:
        super().__init__(message)
        self.reply = reply
        """The last octets to send."""


class Wire(Protocol):
    """One connection of a look-up protocol, as the server's side sees it."""

    @property
    def partial(self) -> bool:
        """Whether octets were received that `next_request` has not returned yet."""

    def receive(self, octets: bytes) -> None:
        """Take in octets from the peer, of any length."""

    def next_request(self) -> Request | None:
        """The next whole request; None if more octets are needed first.

        **Raises** WireFault.
        """

    def send(self, reply: Reply) -> bytes:
        """The octets of a reply; one that the protocol cannot carry becomes a temporary failure."""


TROUBLE = "internal trouble, try again later"
"""All that Postfix is told about a temporary failure; the reason goes to our own log."""


def plain(text: str) -> bytes:
    """A reason as printable ASCII without `%`, so that it cannot break a line or a log."""
    return "".join(c if " " <= c <= "~" and c != "%" else "?" for c in text[:200]).encode("ascii")
