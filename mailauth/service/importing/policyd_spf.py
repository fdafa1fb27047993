"""The configuration of policyd-spf, read: its policyd-spf.conf(5), or that of pyspf-milter.

Postfix asks policyd-spf at RCPT, but mailauth is a milter that judges at the end of the
message.  So only what follows from each result is carried over.  Of the lists of hosts
for which policyd-spf skips SPF, only `skip_addresses` has a counterpart.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Network, ip_network
from typing import Final

from mailauth.errors import BadArgument
from mailauth.service.importing.imported import (
    NAMESERVERS_NOTE,
    Imported,
    Table,
    listener,
    user_note,
)
from mailauth.service.settings.tables import Dns, Milter

_SOCKET: Final = "unix:/var/spool/postfix/mailauth/milter"
_LOOKUP_TIME: Final = 20
"""Seconds: the default of policyd-spf for all questions."""
_OURS: Final = Dns()
_REST: Final = int(Milter().judging - _OURS.budget)
"""Seconds that mailauth by default has for a message beyond all questions."""
_DEBUG: Final = 2
_MAPPED_PREFIX: Final = 96
_MAX_DIGITS: Final = 9

Settings = dict[str, str]


def read(text: str, source: str, hostname: str) -> Imported:
    """The configuration that such a file describes; `hostname` is used if it has no Authserv_Id.

    Lines that policyd-spf ignores are ignored too, with a note.  **Raises** BadArgument:
    a value that must be a number is not.
    """
    imported = Imported(source, notes=[_MAIN_CF, NAMESERVERS_NOTE])
    settings: Settings = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = [word.strip() for word in line.partition("#")[0].split("=")]
        if len(words) == 2:  # noqa: PLR2004 - name and value
            settings[words[0]] = words[1]
        elif words != [""]:
            imported.notes.append(f"line {number} is ignored, as policyd-spf ignores it")
    _translate(settings, imported, hostname)
    return imported


def _translate(settings: Settings, imported: Imported, hostname: str) -> None:
    imported.name_verifier(settings.get("Authserv_Id", ""), hostname)
    header = settings.get("Header_Type", "SPF")
    imported.verifying["received_spf"] = header == "SPF"
    if header == "None":
        imported.notes.append("Header_Type = None is not carried over: results are always reported")
    if trusted := [*_networks(settings, "skip_addresses", imported.notes)]:
        imported.verifying["trusted"] = trusted
    if trusted != _LOOPBACK:
        imported.notes.append(_TRUSTED)
    if actions := _actions(settings, imported.notes):
        imported.verifying["spf_actions"] = actions
    if settings.get("TestOnly", "1") == "0" or settings.get("defaultSeedOnly", "1") == "0":
        imported.milter["dry_run"] = True
        imported.notes.append("TestOnly: nothing is refused, and no field is added either")
    seconds = _number(settings, "Lookup_Time", _LOOKUP_TIME)
    if seconds != _OURS.budget:
        imported.dns["budget"] = seconds
        if seconds < _OURS.timeout:
            imported.dns["timeout"] = seconds
        imported.milter["judging"] = seconds + _REST
    if _number(settings, "debugLevel", 1) >= _DEBUG:
        imported.service["log_level"] = "debug"
    address = settings.get("Socket", _SOCKET)
    table: Table = {"kind": "milter", "role": "verify"}
    notes = imported.notes if "Socket" in settings else []  # the guides make the folder of ours
    imported.listen.append(listener(table, address, notes))
    if user := settings.get("UserID", ""):
        user, _, group = user.partition(":")
        imported.notes.append(user_note(user, group or None))
    imported.notes += _left_out(settings)


def _actions(settings: Settings, notes: list[str]) -> dict[str, str | list[str]]:
    """What follows from each SPF result."""
    word = settings.get("Mail_From_reject", "Fail")
    if word not in _REJECTED:
        notes.append(f"Mail_From_reject = {word} is unknown to policyd-spf: it rejects nothing")
    actions: dict[str, str | list[str]] = dict.fromkeys(_REJECTED.get(word, ()), "reject")
    if word not in _HEADER_ONLY:
        if settings.get("PermError_reject") == "True":
            actions["permerror"] = "reject"
        if settings.get("TempError_Defer") == "True":
            actions["temperror"] = "tempfail"
    if settings.get("No_Mail") == "True" and "fail" in actions:
        del actions["fail"]
        notes.append(
            "No_Mail is not carried over: mail is not rejected only for domains that send none, "
            'so fail = "reject" is left out'
        )
    helo = settings.get("HELO_reject", "Fail")
    if helo not in {"Null", *_HEADER_ONLY}:
        notes.append(
            f"HELO_reject = {helo} is not carried over: the result of HELO decides only for the "
            "null sender, with the same actions"
        )
    return actions


def _networks(settings: Settings, name: str, notes: list[str]) -> Iterator[str]:
    """The networks of a list, without IPv4 ones mapped into IPv6: such clients come as IPv4."""
    listed = settings.get(name, ",".join(_LOOPBACK)).split(",")
    for word in filter(None, map(str.strip, listed)):
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            notes.append(f"{name}: {word} is not a network, and is left out")
            continue
        mapped = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped
        if mapped and network.prefixlen >= _MAPPED_PREFIX:
            continue
        yield str(network)


def _number(settings: Settings, name: str, default: int) -> int:
    text = settings.get(name, str(default))
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise BadArgument(f"{name} must be a number, not {text!r}")
    return int(text)


def _left_out(settings: Settings) -> Iterator[str]:
    for name, value in settings.items():
        if name in _LEFT_OUT:
            is_off, why = _LEFT_OUT[name]
            if value not in is_off:
                yield f"{name} is not carried over: {why}"
        elif name not in _CARRIED:
            yield f"{name} is unknown and not carried over"


_REJECTED: Final[Mapping[str, tuple[str, ...]]] = {
    "Fail": ("fail",),
    "Softfail": ("fail", "softfail"),
    "SPF_Not_Pass": ("fail", "softfail", "neutral"),
    "False": (),
    "No_Check": (),
}
"""By word of Mail_From_reject, the results that are rejected."""
_HEADER_ONLY: Final = frozenset({"False", "No_Check"})
"""Words with which no result, not even an error, causes an action."""
_LOOPBACK: Final = ["127.0.0.0/8", "::1/128"]
_MAIN_CF: Final = (
    "remove check_policy_service with policyd-spf from main.cf and its service from master.cf, and "
    "add the address below to smtpd_milters; DKIM and DMARC are judged too, but only reported"
)
_TRUSTED: Final = (
    "skip_addresses become trusted: their mail is not judged at all, and results that it brings "
    "are believed, so they must be hosts of your own"
)
_SKIPPED: Final = (
    "no hosts are skipped for SPF alone; for relays of your own and for forwarders see "
    "docs/migration.md"
)
_ALL_DOMAINS: Final = "the actions are the same for all domains and recipients"
_RESTRICTIONS: Final = "a milter cannot name a restriction of Postfix"
_NOWHERE: Final = frozenset({"", "None"})
_NO: Final = frozenset({"", "No", "False"})
_YES: Final = frozenset({"Yes", "True"})
_ANY: Final = frozenset[str]()
_LEFT_OUT: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "Whitelist": (_NOWHERE, _SKIPPED),
    "HELO_Whitelist": (_NOWHERE, _SKIPPED),
    "Domain_Whitelist": (_NOWHERE, _SKIPPED),
    "Domain_Whitelist_PTR": (_NOWHERE, _SKIPPED),
    "InternalHosts": (frozenset({"127.0.0.1"}), _SKIPPED),
    "Reject_Not_Pass_Domains": (_NOWHERE, _ALL_DOMAINS),
    "Per_User": (_NOWHERE, _ALL_DOMAINS),
    "Mail_From_pass_restriction": (_NOWHERE, _RESTRICTIONS),
    "HELO_pass_restriction": (_NOWHERE, _RESTRICTIONS),
    "MacroList": (_NOWHERE, "what is judged does not depend on macros of the MTA"),
    "Prospective": (_NOWHERE, "outgoing mail is not judged; see mailauth spf check"),
    "SPF_Enhanced_Status_Codes": (_YES, "refusals always have the codes of RFC 7372"),
    "Void_Limit": (frozenset({"2"}), "the limit is two void look-ups (RFC 7208)"),
    "Reason_Message": (_ANY, "mailauth words its refusals itself"),
    "Mock": (_NO, "milters see all fields"),
    "PidFile": (_ANY, "there is no PID file"),
    "UMask": (_ANY, "the socket is for its owner and the group of Postfix; see mode"),
}
"""By setting without a counterpart, the values with which none is needed, and the reason."""
_CARRIED: Final = frozenset(
    {
        "Authserv_Id",
        "HELO_reject",
        "Header_Type",
        "Hide_Receiver",
        "Lookup_Time",
        "Mail_From_reject",
        "No_Mail",
        "PermError_reject",
        "QueueID",
        "Socket",
        "TempError_Defer",
        "TestOnly",
        "UserID",
        "Whitelist_Lookup_Time",
        "debugLevel",
        "defaultSeedOnly",
        "skip_addresses",
    }
)
"""Settings that are carried over, or that need no note."""
