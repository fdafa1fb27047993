"""The tables of the TOML file, each a frozen struct whose defaults stand beside it.

What a value may be is in its type; what must hold between values is looked at by
`configuration` and by the kinds of listeners.  Durations are seconds.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from mailauth.service.settings.address import Address, parse

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=100_000)]
Mode = Annotated[int, Meta(ge=0o600, le=0o777, description="a mode from 0o600 to 0o777")]


class Watchdog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[watchdog]`: when a process is in time, all in seconds but `storm_restarts`."""

    start: Seconds = 10.0
    """From the start of a worker until it must be ready."""
    beat: Seconds = 1.0
    """Between two beats."""
    silence: Seconds = 10.0
    """Without a beat, until a worker is replaced."""
    request: Seconds = 60.0
    """One request in work, until its worker is replaced."""
    probe: Seconds = 30.0
    """Until a listener must answer the observer."""
    backtrace: Seconds = 1.0
    """From the request for a backtrace until SIGTERM."""
    terminate: Seconds = 2.0
    """From SIGTERM until SIGKILL of the group, for a condemned process."""
    stop: Seconds = 30.0
    """From the request to stop until a worker drops the work that is left."""
    restart_delay: Seconds = 0.25
    """After the first unwanted end; doubled by each further one within the window."""
    restart_delay_most: Seconds = 10.0
    """The longest delay."""
    storm_restarts: Count = 10
    """So many unwanted ends within the window are borne; one more ends the service."""
    storm_window: Seconds = 60.0
    """The window."""
    poison: Seconds = 3600.0
    """For so long a message that a worker had in hand when it ended is deferred."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[limits]`: what the clients of one listener in one worker may use."""

    connections: Count = 1000
    """Open at a time; one more is closed at once."""
    idle: Seconds = 300.0
    """Between two requests of a connection."""
    request: Seconds = 10.0
    """From the first octet of a request to its last."""


class Service(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[service]`: the process tree."""

    workers: Annotated[int, Meta(ge=1, le=256)] = 2
    memory: Annotated[int, Meta(ge=256, le=1_000_000)] = 2048
    """Megabytes of address space of one worker; what would need more fails, and its mail waits."""
    user: str | None = None
    """Who runs it once the sockets are bound; needs root at the start."""
    group: str | None = None
    """The group, if it is not that of the user."""
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics: str | None = None
    """The address of the Prometheus metrics."""
    status: str | None = None
    """The address that `mailauth ps` asks, a Unix socket."""
    look_again: Seconds = 30.0
    """Between two looks at the files of tables and keys, which are read again if they changed."""


class Srs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[srs]`: how senders are rewritten."""

    domain: str = ""
    """Of the rewritten addresses.  Needed."""
    more_domains: tuple[str, ...] = ()
    """Further domains of rewritten addresses, which a map `forward@DOMAIN` chooses."""
    secrets: str = ""
    """Needed.  The file of the secrets, one a line; the first signs."""
    separator: Literal["=", "+", "-"] = "="
    hash_length: Annotated[int, Meta(ge=1, le=27)] = 4
    """Characters of the hash that are written."""
    hash_minimum: Annotated[int, Meta(ge=1, le=27)] = 4
    """Characters of a hash that are accepted at least."""
    max_age: Annotated[int, Meta(ge=1, le=1023)] = 21
    """Days that an address is good for."""
    mac: Literal["classic", "separated"] = "classic"
    """How addresses are signed: as all others do it, or safer; see `srs.Mac`."""
    accept: tuple[Literal["classic", "separated"], ...] = ("classic", "separated")
    """With which of them addresses are accepted."""
    url_safe: bool = False
    """Write `-` and `_` in hashes, as postsrsd does from 2.2.6 on."""
    always_rewrite: bool = False
    """Rewrite senders of the SRS domain itself too."""
    own_domains: tuple[str, ...] = ()
    """Senders of these domains are left alone; `.example.com` is all below it."""
    exclude: tuple[str, ...] = ()
    """More domains or addresses whose senders are left alone."""
    exclude_file: str | None = None
    """The same, one a line."""
    long_senders: Literal["refuse", "pass", "store"] = "pass"
    """What becomes of a sender whose rewritten local part would have over 64 octets."""
    aliases: str | None = None
    """The file in which long senders are stored; the user of the service makes it."""
    local_mailers: tuple[str, ...] = (
        "local", "virtual", "lmtp", "error", "retry", "discard", "prog", "*file*", "*include*",
    )  # fmt: skip
    """Of a milter: mail that the MTA gives to one of these, {rcpt_mailer}, does not leave."""
    reject_forged: bool = False
    """Of a milter: refuse recipients that are forged or expired SRS addresses."""


USUAL_ADDRESSES: Final[Mapping[tuple[str, str | None], str]] = {
    ("tcp_table", "forward"): "inet:127.0.0.1:10001",
    ("tcp_table", "srsencoder"): "inet:127.0.0.1:10001",
    ("tcp_table", "reverse"): "inet:127.0.0.1:10002",
    ("tcp_table", "srsdecoder"): "inet:127.0.0.1:10002",
    ("socketmap", None): "inet:127.0.0.1:10003",
}
"""By kind and map, the ports that postsrsd and pfix-srsd have made usual."""


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[listen]]`: one end point."""

    kind: str = ""
    """The protocol.  Needed."""
    address: str = ""
    """Where.  Needed if there is none in `USUAL_ADDRESSES`."""
    map: str | None = None
    """The map of a protocol that names none itself."""
    role: Literal["sign", "verify", "both", "srs"] | None = None
    """What a milter does; by default it signs and verifies, whatever there is a table for."""
    srs: bool = False
    """Whether a milter also does SRS."""
    group: str | None = None
    """The group of a Unix socket."""
    mode: Mode = 0o660
    """The mode of a Unix socket."""

    @property
    def address_or_usual(self) -> str:
        """The address as it is given, or else the usual one; empty if there is none."""
        return self.address or USUAL_ADDRESSES.get((self.kind, self.map), "")

    @property
    def where(self) -> Address:
        """The address, parsed."""
        return parse(self.address_or_usual)

    @property
    def rewrites(self) -> bool:
        """Whether it is a milter that does SRS."""
        return self.srs or self.role == "srs"


class SigningRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[signing.key]]`: one key, and the authors whose mail it signs."""

    domain: str = ""  # d=
    """Needed.  The signing domain; `%` is that of the author."""
    selector: str = ""  # s=
    """Needed."""
    file: str = ""
    """Needed.  The private key; a `%` in it is the domain of the author."""
    authors: tuple[str, ...] = ()
    """By default the domain.  An address, a domain, `.example.com` for all below it, `*`; a
    domain also as `*@example.com`."""
    identity: str = ""  # i=
    """The agent or user, such as `news@example.com` or `@%`."""


Follow = Literal["accept", "tempfail", "reject", "quarantine"]


class Signing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[signing]`: which mail is signed, and how."""

    key: tuple[SigningRow, ...] = ()
    """Keys; those for the same authors sign together."""
    key_table: str | None = None
    """Instead: a KeyTable of OpenDKIM."""
    signing_table: str | None = None
    """Its SigningTable; `refile:` before the name for patterns."""
    multiple: bool = False
    """Every row that matches the author signs, not only the first or the most precise."""
    networks: tuple[str, ...] = ("127.0.0.0/8", "::1")
    """Whose mail is signed: addresses, networks, host names; `!` takes one out."""
    networks_file: str | None = None
    """More of them, one a line: the InternalHosts of OpenDKIM."""
    excluded: tuple[str, ...] = ()
    """Whose mail is never signed, whoever has logged in: as in `networks`."""
    excluded_file: str | None = None
    """More of them, one a line: the PeerList of OpenDKIM."""
    authenticated: bool = True
    """Also the mail of users who have logged in."""
    daemons: tuple[str, ...] = ()
    """Also that which came by these services of the MTA, by their {daemon_name}."""
    macros: dict[str, tuple[str, ...]] = {}
    """Also that for which a macro has one of these values; with none of them, any."""
    null_sender: bool = True
    """Bounces too."""
    users: dict[str, tuple[str, ...]] | None = None
    """For each user, the domains he may sign for; without this table all."""
    canonicalization: Literal[
        "relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"
    ] = "relaxed/relaxed"
    headers: tuple[str, ...] | None = None
    """Names of the fields to sign where they are present."""
    oversign: tuple[str, ...] | None = None
    """Names of those to sign once more than they are there."""
    expire: Annotated[int, Meta(ge=3600, le=31_536_000)] | None = None
    """Seconds for which a signature holds."""
    prefer_published: bool = False
    """Look in the DNS: keys that it does not publish sign only if it publishes none of them."""
    unsignable: Follow = "accept"
    """What becomes of mail that cannot be signed as it stands."""
    not_allowed: Follow = "accept"
    """What becomes of mail whose user may not sign for its author."""


Result = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
DkimResult = Literal["none", "neutral", "pass", "fail", "policy", "temperror", "permerror"]
DmarcAnswer = Literal["none", "quarantine", "reject", "pass", "temperror", "permerror"]
Then = Literal["header", "accept", "tempfail", "reject", "quarantine"]


class Verifying(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[verifying]`: how mail is judged, and what follows."""

    authserv_id: str = ""
    """Needed.  The name under which results are told; that of all MTAs that trust each other."""
    spf: bool = True
    dkim: bool = True
    dmarc: bool = True
    """It is judged by SPF and DKIM, so it needs both."""
    arc: bool = False
    """Judge the chains of those who sent mail on; ARC is about to become historic."""
    trusted_sealers: tuple[str, ...] = ()
    """Domains whose seals are believed; `dmarc_actions` pass over what they all stand for."""
    received_spf: bool = False
    """Add the field Received-SPF too."""
    trusted: tuple[str, ...] = ()
    """Relays of our own, whose mail is not judged and whose results stay."""
    trusted_file: str | None = None
    """More of them, one a line."""
    relays: tuple[str, ...] = ()
    """Relays of our own that do not judge; the host before them is the client."""
    admit_partial_body: bool = False
    """Whether a signature may leave a part of the body unsigned (l=)."""
    spf_actions: dict[Result, Then] = {}
    """For a result of SPF; `header` for all that are not named."""
    dkim_actions: dict[DkimResult, Then] = {}
    """For the best result of all signatures."""
    dmarc_actions: dict[DmarcAnswer, Then] = {}
    """For what the author's domain asks of mail that fails: `none`, `quarantine`, `reject`; and
    for the results `pass`, `temperror`, `permerror`."""


class Milter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[milter]`: what one MTA and one message may use; times are shorter than Postfix's."""

    dry_run: bool = False
    """Nothing is changed or refused; the log tells what would have been."""
    judging: Annotated[float, Meta(gt=0, lt=300)] = 30.0
    """From the end of a message to the reply; then it is deferred."""
    content: Seconds = 300.0
    """From the first field of a message to its end; then it is deferred."""
    progress: Annotated[float, Meta(gt=0, le=30)] = 10.0
    """Between two signs to the MTA that a message is still being judged."""
    idle: Seconds = 7200.0
    """Between two commands of the MTA."""
    frame: Seconds = 60.0
    """From the first octet of a command to its last, and for replies to be read."""
    header_octets: Annotated[int, Meta(ge=65_536, le=67_108_864)] = 1_048_576
    """Of the header that are kept."""
    fields: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    recipients: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    """More are deferred, one by one."""
    forged: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Fields to be removed; a message with more is refused."""


class Dns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[dns]`: who is asked, and for how long."""

    nameservers: tuple[str, ...] = ()
    """By default those of the system."""
    timeout: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """For one question."""
    budget: Annotated[float, Meta(gt=0, le=240)] = 20.0
    """For all questions of a message."""
    cache: Annotated[int, Meta(ge=0, le=10_000_000)] = 10_000
    """Answers that a worker remembers."""
