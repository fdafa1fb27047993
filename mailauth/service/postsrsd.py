"""The configuration of postsrsd, read: postsrsd.conf of 2.x, /etc/default/postsrsd of 1.x.

2.x is a file of libconfuse.  1.x is a shell's file of variables; a value that
only a shell could find is refused.
"""

import re
from collections.abc import Iterator
from typing import Final

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.service import confuse
from mailauth.service.address import parse as parse_address
from mailauth.service.confuse import Settings
from mailauth.service.tomltext import SECRETS_NOTE, Imported, Table

_MAX_CHARACTERS: Final = 1_048_576
_LISTEN_GROUP: Final = "postfix"
_ASSIGNMENT: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_SHELL_LINE: Final = re.compile(r"[ \t]*(?:export[ \t]+)?(?:SRS_[A-Z_]+|RUN_AS|CHROOT)=")
_SHELL_WORD: Final = re.compile(r"""'([^']*)'|"((?:[^"\\$`]|\\.)*)"|([^\s'"\\$`;&|<>()#]*)""")
_DEFAULTS_2: Final[Settings] = {
    "socketmap": "unix:/var/spool/postfix/srs",
    "secrets-file": "/etc/postsrsd.secret",
    "unprivileged-user": "nobody",
}
_DEFAULTS_1: Final[Settings] = {
    "SRS_SECRET": "/etc/postsrsd.secret",
    "SRS_FORWARD_PORT": "10001",
    "SRS_REVERSE_PORT": "10002",
    "RUN_AS": "postsrsd",
    "SRS_LISTEN_ADDR": "127.0.0.1",
}


def read(text: str, source: str, domain: str = "") -> Imported:
    """The configuration that a file of postsrsd is; `domain` is used if it names none.

    **Raises** SyntaxFault: no such file.  BadArgument: it does not say enough.
    """
    if len(text) > _MAX_CHARACTERS:
        raise SyntaxFault(f"a configuration of {len(text)} characters")
    lines = text.splitlines()
    is_shell = any(
        re.match(r"\s*(?:export\s+)?(?:SRS_[A-Z_]+|RUN_AS|CHROOT)=", one) for one in lines
    )
    return _from_shell(text, source, domain) if is_shell else _from_confuse(text, source, domain)


# 2.x


def _from_confuse(text: str, source: str, domain: str) -> Imported:
    settings = {**_DEFAULTS_2, **confuse.parse(text)}
    imported = Imported(source, notes=[SECRETS_NOTE])
    domains = _as_list(settings.get("domains", []))
    imported.srs["domain"] = _text(settings, "srs-domain") or (domains or [domain])[0]
    if not imported.srs["domain"]:
        raise BadArgument("the file names neither srs-domain nor domains: give --domain")
    imported.srs["secrets"] = _text(settings, "secrets-file")
    if domains:
        imported.srs["own_domains"] = domains
    if path := _text(settings, "domains-file"):
        imported.srs["exclude_file"] = path
    _copy(settings, imported.srs, {"separator": "separator"})
    _copy_numbers(
        settings, imported.srs, {"hash-length": "hash_length", "hash-minimum": "hash_minimum"}
    )
    _copy_numbers(
        settings, imported.limits, {"keep-alive": "idle", "connection-limit": "connections"}
    )
    _copy(settings, imported.service, {"unprivileged-user": "user"})
    if _is_on(settings, "always-rewrite"):
        imported.srs["always_rewrite"] = True
    if _is_on(settings, "debug"):
        imported.service["log_level"] = "debug"
    if address := _text(settings, "socketmap"):
        imported.listen.append(_listen("socketmap", address, imported.notes))
    imported.notes += _left_out(settings)
    return imported


_LEFT_OUT: Final = {
    "milter": "a milter is not served here; the socketmap is",
    "original-envelope": "senders are not kept in a database: those too long are let pass as they "
    "are, refused or stored (srs.long_senders)",
    "envelope-database": 'a store of long senders is long_senders = "store" with aliases = FILE',
    "chroot-dir": "there is no chroot; the unit of systemd confines the service",
    "domains-file-watch": "the file is read again on SIGHUP",
    "syslog": "the log goes to standard error, and from there to the journal",
    "milter-rewrite-local": "it is about the milter",
    "milter-recipient-limit": "it is about the milter",
    "seccomp": "the unit of systemd filters system calls",
    "daemonize": "the service stays in the foreground",
    "pid-file": "there is no file of the process number",
}
_CARRIED: Final = frozenset(
    {
        "domains",
        "srs-domain",
        "domains-file",
        "socketmap",
        "secrets-file",
        "separator",
        "hash-length",
        "hash-minimum",
        "always-rewrite",
        "keep-alive",
        "connection-limit",
        "unprivileged-user",
        "debug",
    }
)
_OFF: Final = frozenset({"", "off", "no", "false", "0", "embedded"})


def _left_out(settings: Settings) -> Iterator[str]:
    for name, value in settings.items():
        if name in _LEFT_OUT:
            if not isinstance(value, str) or value.lower() not in _OFF:
                yield f"{name} is not carried over: {_LEFT_OUT[name]}"
        elif name not in _CARRIED:
            yield f"{name} is unknown and not carried over"


# 1.x


def _variables(text: str) -> Settings:
    """The variables that a shell would have after the file."""
    found: Settings = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise SyntaxFault(f"line {number} is no assignment NAME=value", line)
        found[match[1]] = _word(match[2], number)
    return found


def _word(text: str, number: int) -> str:
    """One word of a shell, of quoted and bare pieces; a comment may follow."""
    value = ""
    at = 0
    while at < len(text) and (match := _SHELL_WORD.match(text, at)) and match.end() > at:
        value += match[1] or re.sub(r"\\([\"\\$`])", r"\1", match[2] or "") or match[3] or ""
        at = match.end()
    rest = text[at:].strip()
    if rest and not (rest.startswith("#") and text[at].isspace()):
        raise SyntaxFault(f"the value in line {number} is one that only a shell can find", text, at)
    return value


def _from_shell(text: str, source: str, domain: str) -> Imported:
    settings = {**_DEFAULTS_1, **_variables(text)}
    imported = Imported(source, notes=[SECRETS_NOTE])
    imported.srs["domain"] = _text(settings, "SRS_DOMAIN") or domain
    if not imported.srs["domain"]:
        raise BadArgument(
            "SRS_DOMAIN is not set there; give what `postconf -h mydomain` says as --domain"
        )
    imported.srs["secrets"] = _text(settings, "SRS_SECRET")
    if excluded := re.split(r"[\s,]+", _text(settings, "SRS_EXCLUDE_DOMAINS").strip(" ,")):
        imported.srs |= {"exclude": excluded} if excluded != [""] else {}
    _copy(settings, imported.srs, {"SRS_SEPARATOR": "separator"})
    _copy_numbers(
        settings, imported.srs, {"SRS_HASHLENGTH": "hash_length", "SRS_HASHMIN": "hash_minimum"}
    )
    _copy(settings, imported.service, {"RUN_AS": "user"})
    host = _text(settings, "SRS_LISTEN_ADDR")
    for name, name_of_map in (("SRS_FORWARD_PORT", "forward"), ("SRS_REVERSE_PORT", "reverse")):
        table = _listen("tcp_table", f"inet:{host}:{_text(settings, name)}", imported.notes)
        imported.listen.append({**table, "map": name_of_map})
    _extra_options(_text(settings, "SRS_EXTRA_OPTIONS"), imported)
    if _text(settings, "CHROOT"):
        imported.notes.append(f"CHROOT is not carried over: {_LEFT_OUT['chroot-dir']}")
    known = {"SRS_DOMAIN", "SRS_EXCLUDE_DOMAINS", "SRS_EXTRA_OPTIONS", "CHROOT", *_DEFAULTS_1}
    known |= {"SRS_SEPARATOR", "SRS_HASHLENGTH", "SRS_HASHMIN"}
    imported.notes += [
        f"{name} is unknown and not carried over" for name in settings.keys() - known
    ]
    return imported


def _extra_options(options: str, imported: Imported) -> None:
    for option in options.split():
        if option == "-A":
            imported.srs["always_rewrite"] = True
        elif option.startswith("-t") and _is_number(option[2:]):
            imported.limits["idle"] = int(option[2:])
        else:
            imported.notes.append(f"the extra option {option} is not carried over")


# Both


def _listen(kind: str, address: str, notes: list[str]) -> Table:
    """A listener; an address that we cannot have is noted, and stands there to be mended."""
    try:
        where = str(parse_address(address))
    except SyntaxFault as fault:
        notes.append(f"mend the address: {fault}")
        where = address
    table: Table = {"kind": kind, "address": where}
    if where.startswith("unix:"):
        table["group"] = _LISTEN_GROUP
    return table


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name, "")
    if isinstance(value, list):
        raise BadArgument(f"{name} is a list where one value is wanted")
    return value


def _is_on(settings: Settings, name: str) -> bool:
    return _text(settings, name).lower() not in _OFF


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - digits of 2**31


def _copy(settings: Settings, table: Table, names: dict[str, str]) -> None:
    for theirs, ours in names.items():
        if value := _text(settings, theirs):
            table[ours] = value


def _copy_numbers(settings: Settings, table: Table, names: dict[str, str]) -> None:
    for theirs, ours in names.items():
        value = _text(settings, theirs)
        if value and not _is_number(value):
            raise BadArgument(f"{theirs} is {value!r} where a number is wanted")
        if value:
            table[ours] = int(value)
