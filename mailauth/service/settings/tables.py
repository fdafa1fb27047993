"""The tables of the TOML file, each a frozen struct with its defaults.

The type of a value says what it may be; `configuration` and the kinds of listeners check
what must hold between values.  Durations are in seconds.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from mailauth.service.settings.address import Address, parse

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=100_000)]
Mode = Annotated[int, Meta(ge=0o600, le=0o777, description="a mode from 0o600 to 0o777")]


class Watchdog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[watchdog]`: how long processes may take; all but `storm_restarts` in seconds."""

    start: Seconds = 10.0
    """From the start of a process until it must be ready."""
    beat: Seconds = 1.0
    """Between two beats."""
    silence: Seconds = 10.0
    """Without a beat, until a process is replaced."""
    request: Seconds = 60.0
    """With one request in work, until its worker is replaced."""
    probe: Seconds = 30.0
    """Until a listener must have answered the observer."""
    backtrace: Seconds = 1.0
    """From the request for a backtrace until SIGTERM."""
    terminate: Seconds = 2.0
    """From SIGTERM until SIGKILL of the group, for a condemned process."""
    stop: Seconds = 30.0
    """From the request to stop until a worker drops the work that is left."""
    restart_delay: Seconds = 0.25
    """After the first unwanted end; each further one within the window doubles it."""
    restart_delay_most: Seconds = 10.0
    """The longest delay."""
    storm_restarts: Count = 10
    """How many unwanted ends within the window are tolerated; one more ends the service."""
    storm_window: Seconds = 60.0
    """The window."""
    poison: Seconds = 3600.0
    """How long a message that a worker had in hand when it ended is deferred."""


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
    """Megabytes of address space for one worker; work that needs more fails, and its mail waits."""
    user: str | None = None
    """The user who runs it once the sockets are bound; the service must then start as root."""
    group: str | None = None
    """The group, if it is not that of the user."""
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics: str | None = None
    """The address of the Prometheus metrics."""
    status: str | None = None
    """The address that `mailauth ps` asks, a Unix socket."""
    look_again: Seconds = 30.0
    """Between two checks of table and key files, which are read again if they have changed."""


class Srs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[srs]`: how senders are rewritten."""

    domain: str = ""
    """Needed.  The domain of rewritten addresses."""
    more_domains: tuple[str, ...] = ()
    """Further domains of rewritten addresses, which a map `forward@DOMAIN` chooses."""
    secrets: str = ""
    """Needed.  The file of the secrets, one a line; the first signs."""
    separator: Literal["=", "+", "-"] = "="
    hash_length: Annotated[int, Meta(ge=1, le=27)] = 4
    """Characters of the hash that are written."""
    hash_minimum: Annotated[int, Meta(ge=1, le=27)] = 4
    """The least characters of a hash that are accepted."""
    max_age: Annotated[int, Meta(ge=1, le=1023)] = 21
    """Days for which an address is valid."""
    mac: Literal["classic", "separated"] = "classic"
    """How addresses are signed: as everybody does, or more safely; see `srs.Mac`."""
    accept: tuple[Literal["classic", "separated"], ...] = ("classic", "separated")
    """Which ways of signing are accepted in addresses."""
    url_safe: bool = False
    """Write `-` and `_` in hashes, as postsrsd does since 2.2.6."""
    always_rewrite: bool = False
    """Rewrite senders of the SRS domain itself too."""
    own_domains: tuple[str, ...] = ()
    """Senders of these domains are left alone; `.example.com` means all domains below it."""
    exclude: tuple[str, ...] = ()
    """More domains or addresses whose senders are left alone."""
    exclude_file: str | None = None
    """A file with more of them, one a line."""
    long_senders: Literal["refuse", "pass", "store"] = "pass"
    """What becomes of a sender whose rewritten local part would have over 64 octets."""
    aliases: str | None = None
    """The file that stores long senders; the user of the service creates it."""
    local_mailers: tuple[str, ...] = (
        "local", "virtual", "lmtp", "error", "retry", "discard", "prog", "*file*", "*include*",
    )  # fmt: skip
    """For milters: mail that the MTA hands to one of these, {rcpt_mailer}, does not leave."""
    reject_forged: bool = False
    """For milters: refuse recipients that are forged or expired SRS addresses."""


USUAL_ADDRESSES: Final[Mapping[tuple[str, str | None], str]] = {
    ("tcp_table", "forward"): "inet:127.0.0.1:10001",
    ("tcp_table", "srsencoder"): "inet:127.0.0.1:10001",
    ("tcp_table", "reverse"): "inet:127.0.0.1:10002",
    ("tcp_table", "srsdecoder"): "inet:127.0.0.1:10002",
    ("socketmap", None): "inet:127.0.0.1:10003",
}
"""By kind and map, the ports that postsrsd and pfix-srsd have made customary."""


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[listen]]`: one end point."""

    kind: str = ""
    """Needed.  The protocol."""
    address: str = ""
    """Where to listen.  Needed if `USUAL_ADDRESSES` has none."""
    map: str | None = None
    """The map, for a protocol whose requests name none."""
    role: Literal["sign", "verify", "both", "srs"] | None = None
    """What a milter does; by default it signs and verifies, as far as there are tables for it."""
    srs: bool = False
    """Whether a milter also does SRS."""
    group: str | None = None
    """The group of a Unix socket."""
    mode: Mode = 0o660
    """The mode of a Unix socket."""

    @property
    def address_or_usual(self) -> str:
        """The address as given, or else the usual one; empty if there is none."""
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
    """By default the domain.  Each is an address, a domain (also as `*@example.com`),
    `.example.com` for all domains below it, or `*`."""
    identity: str = ""  # i=
    """The agent or user, such as `news@example.com` or `@%`."""


Follow = Literal["accept", "tempfail", "reject", "quarantine"]


class Signing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[signing]`: which mail is signed, and how."""

    key: tuple[SigningRow, ...] = ()
    """Keys; those for the same authors sign together."""
    key_table: str | None = None
    """Instead of `key`: an OpenDKIM KeyTable."""
    signing_table: str | None = None
    """Its SigningTable; `refile:` before the name for patterns."""
    multiple: bool = False
    """Every row that matches the author signs, not only the first or the most precise."""
    networks: tuple[str, ...] = ("127.0.0.0/8", "::1")
    """Whose mail is signed: addresses, networks, host names; `!` excludes one."""
    networks_file: str | None = None
    """A file with more of them, one a line: OpenDKIM's InternalHosts."""
    excluded: tuple[str, ...] = ()
    """Whose mail is never signed, whoever has logged in; written as in `networks`."""
    excluded_file: str | None = None
    """A file with more of them, one a line: OpenDKIM's PeerList."""
    authenticated: bool = True
    """Also sign mail of users who have logged in."""
    daemons: tuple[str, ...] = ()
    """Also sign mail that came through these services of the MTA, by their {daemon_name}."""
    macros: dict[str, tuple[str, ...]] = {}
    """Also sign mail for which a macro has one of these values; if none are listed, any."""
    null_sender: bool = True
    """Also sign bounces."""
    users: dict[str, tuple[str, ...]] | None = None
    """For each user, the domains that the user may sign for; without this table all."""
    canonicalization: Literal[
        "relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"
    ] = "relaxed/relaxed"
    headers: tuple[str, ...] | None = None
    """Names of the fields to sign where they are present."""
    oversign: tuple[str, ...] | None = None
    """Names of the fields to sign once more often than they are present."""
    expire: Annotated[int, Meta(ge=3600, le=31_536_000)] | None = None
    """Seconds for which a signature is valid."""
    prefer_published: bool = False
    """Ask the DNS: keys not published there sign only if none of the author's keys is."""
    unsignable: Follow = "accept"
    """What becomes of mail that cannot be signed as it stands."""
    not_allowed: Follow = "accept"
    """What becomes of mail from a user who may not sign for its author."""


Result = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
DkimResult = Literal["none", "neutral", "pass", "fail", "policy", "temperror", "permerror"]
DmarcAnswer = Literal["none", "quarantine", "reject", "pass", "temperror", "permerror"]
Then = Literal["header", "accept", "tempfail", "reject", "quarantine"]


class Verifying(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[verifying]`: how mail is judged, and what follows."""

    authserv_id: str = ""
    """Needed.  The name under which results are reported; shared by MTAs that trust each other."""
    spf: bool = True
    dkim: bool = True
    dmarc: bool = True
    """DMARC builds on SPF and DKIM, so it needs both."""
    arc: bool = False
    """Judge the ARC chains of those who forwarded mail; ARC is about to become historic."""
    trusted_sealers: tuple[str, ...] = ()
    """Domains whose seals are believed; a chain sealed only by them may override DMARC."""
    received_spf: bool = False
    """Also add Received-SPF fields."""
    trusted: tuple[str, ...] = ()
    """Relays of our own, whose mail is not judged and whose results stay."""
    trusted_file: str | None = None
    """A file with more of them, one a line."""
    relays: tuple[str, ...] = ()
    """Relays of our own that do not judge; the client is the host before them."""
    admit_partial_body: bool = False
    """Whether a signature may leave a part of the body unsigned (l=)."""
    spf_actions: dict[Result, Then] = {}
    """For each SPF result; `header` for those not listed."""
    dkim_actions: dict[DkimResult, Then] = {}
    """For the best result of all signatures."""
    dmarc_actions: dict[DmarcAnswer, Then] = {}
    """For mail that fails, by what the author's domain asks for: `none`, `quarantine`, `reject`;
    and for the results `pass`, `temperror`, `permerror`."""
    compare_with: tuple[str, ...] = ()
    """The authserv-ids of programs that judge ahead of this one; the log says where they differ."""


class Milter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[milter]`: what one MTA and one message may use, and how long they may take."""

    dry_run: bool = False
    """Nothing is changed or refused; the log says what would have been done."""
    judging: Annotated[float, Meta(gt=0, lt=300)] = 30.0
    """From the end of a message to the reply; then it is deferred."""
    content: Seconds = 300.0
    """From the first field of a message to its end; then it is deferred."""
    progress: Annotated[float, Meta(gt=0, le=30)] = 5.0
    """Between two signs to the MTA that a message is still being judged."""
    idle: Seconds = 7200.0
    """Between two commands of the MTA."""
    frame: Seconds = 60.0
    """From the first octet of a command to its last, and for replies to be read."""
    header_octets: Annotated[int, Meta(ge=65_536, le=67_108_864)] = 1_048_576
    """How many octets of the header are kept."""
    fields: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    recipients: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    """Further ones are refused for now, one by one."""
    forged: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Forged fields that are removed; a message with more is refused."""


class Dns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[dns]`: who is asked, and for how long."""

    nameservers: tuple[str, ...] = ()
    """By default those of the system."""
    timeout: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """Seconds for one question."""
    budget: Annotated[float, Meta(gt=0, le=240)] = 20.0
    """Seconds for all questions about a message."""
    cache: Annotated[int, Meta(ge=0, le=10_000_000)] = 10_000
    """Answers that a worker remembers."""
