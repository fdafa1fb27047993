"""What a milter is to do, as values: whose mail is signed, and what follows from verdicts.

By default nothing is refused: a verdict is only written into a header field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mailauth.authenticate import METHODS
from mailauth.dkim import RFC8301
from mailauth.dkim import Policy as DkimPolicy
from mailauth.errors import BadArgument
from mailauth.milter.tables.clients import LOOPBACK, NOBODY, Clients
from mailauth.milter.tables.signingtable import SigningTable
from mailauth.postfix.domains import DomainList
from mailauth.postfix.rewriting import Rewriting


class Action(StrEnum):
    """What follows from a verdict."""

    HEADER = "header"
    """The verdict is only written into the header field."""
    ACCEPT = "accept"
    """The message passes, whatever follows from the other verdicts."""
    TEMPFAIL = "tempfail"
    """The message is refused for now, and its sender tries again."""
    REJECT = "reject"
    """The message is refused."""
    QUARANTINE = "quarantine"
    """The MTA holds the message in quarantine."""


RANK: Final = (Action.ACCEPT, Action.TEMPFAIL, Action.REJECT, Action.QUARANTINE, Action.HEADER)
"""Of several actions, the one that is first here is taken; waiting comes before refusing."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Which mail is ours to sign."""

    clients: Clients = LOOPBACK
    """Mail of these clients."""
    excluded: Clients = NOBODY
    """But never mail of these clients, whoever has logged in and however it came."""
    authenticated: bool = True
    """Mail of users who have logged in, as the MTA says in {auth_authen}."""
    daemons: frozenset[str] = frozenset()
    """Mail that came through these services of the MTA, as it says in {daemon_name}."""
    macros: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Mail for which a macro has one of these values; if none are listed, any value."""
    null_sender: bool = True
    """Also mail with the null sender: bounces, receipts."""


@dataclass(frozen=True, slots=True)
class SigningSettings:
    """How mail is signed."""

    table: SigningTable
    ours: Ours = Ours()
    users: Mapping[str, frozenset[str]] | None = None
    """For each user who logs in, the domains that the user may sign for; `.example.com` means all
    domains below it, `*` means all.  None: every user may sign for every domain of the table."""
    canonicalization: str = "relaxed/relaxed"
    headers: tuple[str, ...] | None = None
    oversign: tuple[str, ...] | None = None
    expire: int | None = None
    """Seconds for which a signature is valid."""
    prefer_published: bool = False
    """Keys that the DNS does not publish sign only if it publishes none of the author's keys."""
    on_unsignable: Action = Action.ACCEPT
    """What follows if a message cannot be signed as it stands."""
    on_not_allowed: Action = Action.ACCEPT
    """What follows if a user may not sign for the author's domain; the mail is never signed."""

    def may_sign(self, user: str, domain: str) -> bool:
        """Whether a user who has logged in may sign for a domain."""
        if self.users is None:
            return True
        allowed = self.users.get(user, frozenset())
        above = (name for name in allowed if name.startswith("."))
        return "*" in allowed or domain in allowed or any(map(domain.endswith, above))


@dataclass(frozen=True, slots=True)
class VerifyingSettings:
    """How mail is judged."""

    authserv_id: str
    """The name under which the results are reported (RFC 8601 §2.5)."""
    spf: bool = True
    dkim: bool = True
    dmarc: bool = True
    """DMARC builds on SPF and DKIM, so it needs both."""
    arc: bool = False
    """ARC chains are judged too; ARC is an experiment that is about to end."""
    trusted_sealers: frozenset[str] = frozenset()
    """Domains; a chain sealed only by these may override a failure of DMARC."""
    received_spf: bool = False
    """Also add a Received-SPF field for each identity (RFC 7208 §9.1)."""
    trusted: Clients = NOBODY
    """Relays of our own: their mail is not judged, and the fields in it stay."""
    relays: Clients = NOBODY
    """Relays that do not judge: the client is the host before them in their Received fields."""
    spf_actions: Mapping[str, Action] = field(default_factory=dict)
    """For each SPF result; those not listed get Action.HEADER."""
    dkim_actions: Mapping[str, Action] = field(default_factory=dict)
    """For the best result of all signatures."""
    dmarc_actions: Mapping[str, Action] = field(default_factory=dict)
    """For mail that fails, by what the author's domain asks for: `none`, `quarantine`, `reject`;
    and for the results `pass`, `temperror` and `permerror`."""
    policy: DkimPolicy = RFC8301
    compared: frozenset[str] = frozenset()
    """The authserv-ids of programs that judge ahead of us; where they differ, a note says so."""

    def __post_init__(self) -> None:
        if self.dmarc and not (self.spf and self.dkim):
            raise BadArgument("DMARC needs SPF and DKIM: switch both on, or DMARC off")

    @property
    def methods(self) -> frozenset[str]:
        """The methods that are switched on, as Authentication-Results names them."""
        return frozenset(method for method in METHODS if getattr(self, method))

    @property
    def actions(self) -> frozenset[Action]:
        """Every action that may follow from a verdict."""
        by_method = (self.spf_actions, self.dkim_actions, self.dmarc_actions)
        return frozenset(action for actions in by_method for action in actions.values())


LOCAL_MAILERS: Final = frozenset(
    ["local", "virtual", "lmtp", "error", "retry", "discard", "prog", "*file*", "*include*"]
)
"""The values of {rcpt_mailer} in Postfix and Sendmail for mail that does not leave by SMTP."""


@dataclass(frozen=True, slots=True)
class SrsSettings:
    """How senders of forwarded mail are rewritten, and how its bounces come home."""

    policy: Rewriting
    """The policy that also answers Postfix's maps: domain, secrets, senders left alone."""
    own: DomainList = field(default_factory=DomainList)
    """Mail to these domains and addresses stays; so does mail to the SRS domains."""
    local_mailers: frozenset[str] = LOCAL_MAILERS
    """Mail that the MTA gives to one of these stays, whatever its domain."""
    reject_forged: bool = False
    """Refuse recipients that are forged or expired SRS addresses; otherwise leave them alone."""


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """How much of one message we keep; what exceeds these limits is counted, not kept."""

    header_octets: int = 1_048_576
    fields: int = 10_000
    recipients: int = 10_000
    """Further ones are refused one by one; the client sends later (RFC 5321 §4.5.3.1.10)."""
    forged: int = 1000
    """Forged fields that are removed; a message with more of them is refused."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings: a milter signs, verifies, rewrites envelopes, or does several of these."""

    signing: SigningSettings | None = None
    verifying: VerifyingSettings | None = None
    srs: SrsSettings | None = None
    limits: MessageLimits = MessageLimits()
    dry_run: bool = False
    """Nothing is changed and nothing refused; the records say what would have been done."""
