"""What a milter is to do, as values: whose mail is signed, and what follows on verdicts.

By default nothing is refused: a verdict is written into a field, and no more.
What is not known is deferred, and never passed for something else.
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
    """What follows on a verdict."""

    HEADER = "header"
    """It is written into the field, and no more."""
    ACCEPT = "accept"
    """The message passes, whatever the other verdicts would do."""
    TEMPFAIL = "tempfail"
    """The message is refused for now, and its sender tries again."""
    REJECT = "reject"
    """The message is refused."""
    QUARANTINE = "quarantine"
    """The message is put aside by the MTA."""


RANK: Final = (Action.ACCEPT, Action.TEMPFAIL, Action.REJECT, Action.QUARANTINE, Action.HEADER)
"""Which action is taken of several, the first of these; to wait comes before to refuse."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Which mail is ours to sign."""

    clients: Clients = LOOPBACK
    """That of these clients."""
    excluded: Clients = NOBODY
    """But never that of these, whoever has logged in and however it came."""
    authenticated: bool = True
    """That of users who have logged in, as the MTA says in {auth_authen}."""
    daemons: frozenset[str] = frozenset()
    """That which came by these services of the MTA, as it says in {daemon_name}."""
    macros: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """That for which a macro has one of these values; with none of them, any value."""
    null_sender: bool = True
    """Also that with the null sender: bounces, receipts."""


@dataclass(frozen=True, slots=True)
class SigningSettings:
    """How mail is signed."""

    table: SigningTable
    ours: Ours = Ours()
    users: Mapping[str, frozenset[str]] | None = None
    """For each user who logs in, the domains that he may sign for; `.example.com` is all below
    one, `*` is all.  None: every user for every domain of the table."""
    canonicalization: str = "relaxed/relaxed"
    headers: tuple[str, ...] | None = None
    oversign: tuple[str, ...] | None = None
    expire: int | None = None
    """Seconds for which a signature holds."""
    prefer_published: bool = False
    """Keys that the DNS does not publish sign only if it publishes none of them."""
    on_unsignable: Action = Action.ACCEPT
    """What follows if a message cannot be signed as it stands."""
    on_not_allowed: Action = Action.ACCEPT
    """What follows if a user may not sign for the author's domain; in any case it is not signed."""

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
    """The name under which the results are told (RFC 8601 §2.5)."""
    spf: bool = True
    dkim: bool = True
    dmarc: bool = True
    """It is judged by SPF and DKIM, so it needs both."""
    arc: bool = False
    """Chains of seals are judged too; ARC is an experiment that is about to end."""
    trusted_sealers: frozenset[str] = frozenset()
    """Domains; a chain that all its sealers are of may stand for mail that fails DMARC."""
    received_spf: bool = False
    """Also a field Received-SPF for each identity (RFC 7208 §9.1)."""
    trusted: Clients = NOBODY
    """Relays of one's own: their mail is not judged, and its fields remain."""
    relays: Clients = NOBODY
    """Relays that do not judge: by their Received fields the host before them is the client."""
    spf_actions: Mapping[str, Action] = field(default_factory=dict)
    """For results of SPF; what is not named here is Action.HEADER."""
    dkim_actions: Mapping[str, Action] = field(default_factory=dict)
    """For the best result of all signatures."""
    dmarc_actions: Mapping[str, Action] = field(default_factory=dict)
    """For what the author's domain asks of mail that fails, `none`, `quarantine` and `reject`,
    and for the results `pass`, `temperror` and `permerror`."""
    policy: DkimPolicy = RFC8301

    def __post_init__(self) -> None:
        if self.dmarc and not (self.spf and self.dkim):
            raise BadArgument("DMARC is judged by SPF and DKIM; switch both on, or it off")

    @property
    def methods(self) -> frozenset[str]:
        """Those that are switched on, in the words of Authentication-Results."""
        return frozenset(method for method in METHODS if getattr(self, method))

    @property
    def actions(self) -> frozenset[Action]:
        """All that may follow on a verdict."""
        by_method = (self.spf_actions, self.dkim_actions, self.dmarc_actions)
        return frozenset(action for actions in by_method for action in actions.values())


LOCAL_MAILERS: Final = frozenset(
    ["local", "virtual", "lmtp", "error", "retry", "discard", "prog", "*file*", "*include*"]
)
"""What Postfix and Sendmail say in {rcpt_mailer} of mail that does not leave by SMTP."""


@dataclass(frozen=True, slots=True)
class SrsSettings:
    """How senders of forwarded mail are rewritten, and its bounces come home."""

    policy: Rewriting
    """The same that answers Postfix's maps: its domain, secrets, and senders left alone."""
    own: DomainList = field(default_factory=DomainList)
    """Mail to these domains and addresses stays; so does mail to the SRS domains."""
    local_mailers: frozenset[str] = LOCAL_MAILERS
    """Mail that the MTA gives to one of these stays, whatever its domain."""
    reject_forged: bool = False
    """Recipients that are forged or expired SRS addresses are refused; else they are left."""


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """What one message may make us keep; what is over them is counted, not kept."""

    header_octets: int = 1_048_576
    fields: int = 10_000
    recipients: int = 10_000
    """More are refused one by one, for the client to send later (RFC 5321 §4.5.3.1.10)."""
    forged: int = 1000
    """Fields to be removed; a message with more of them is refused."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole: a milter signs, verifies, rewrites envelopes, or does several of these."""

    signing: SigningSettings | None = None
    verifying: VerifyingSettings | None = None
    srs: SrsSettings | None = None
    limits: MessageLimits = MessageLimits()
    dry_run: bool = False
    """Nothing is changed and nothing refused; the records tell what would have been."""
