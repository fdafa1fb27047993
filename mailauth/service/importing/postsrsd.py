"""The configuration of postsrsd, read: postsrsd.conf of 2.x, /etc/default/postsrsd of 1.x.

For 2.x it is a file of libconfuse.  For 1.x it is a shell file of variables; a value
that only a shell could expand is refused.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.service.importing import confuse
from mailauth.service.importing.confuse import Settings
from mailauth.service.importing.imported import SECRETS_NOTE, Imported, Table, listener, user_note

_MAX_CHARACTERS: Final = 1_048_576
_ASSIGNMENT: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_SHELL_LINE: Final = re.compile(r"\s*(?:export\s+)?(?:SRS_[A-Z_]+|RUN_AS|CHROOT)=")
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
    """The configuration that a file of postsrsd describes; `domain` is used if it names none.

    **Raises** SyntaxFault: it is no such file.  BadArgument: it does not say enough.
    """
    if len(text) > _MAX_CHARACTERS:
        raise SyntaxFault(f"{len(text)} characters are too many for a configuration")
    is_shell = any(map(_SHELL_LINE.match, text.splitlines()))
    return _from_shell(text, source, domain) if is_shell else _from_confuse(text, source, domain)


# 2.x


def _from_confuse(text: str, source: str, domain: str) -> Imported:
    settings = {**_DEFAULTS_2, **confuse.parse(text)}
    imported = Imported(source, notes=[SECRETS_NOTE])
    domains = list(filter(None, _as_list(settings.get("domains", []))))
    srs_domain = _text(settings, "srs-domain") or (domains or [domain])[0]
    imported.srs["domain"] = srs_domain.removeprefix(".")
    if not imported.srs["domain"]:
        raise BadArgument("the file names neither srs-domain nor domains: give --domain")
    imported.srs["secrets"] = _text(settings, "secrets-file")
    if _is_on(settings, "always-rewrite"):
        imported.srs["always_rewrite"] = True
        imported.notes.append(_ALWAYS_NOTE)
    else:
        _local_domains(domains, _text(settings, "domains-file"), imported)
    _copy(settings, imported.srs, {"separator": "separator"})
    _copy_numbers(
        settings, imported.srs, {"hash-length": "hash_length", "hash-minimum": "hash_minimum"}
    )
    _copy_numbers(
        settings, imported.limits, {"keep-alive": "idle", "connection-limit": "connections"}
    )
    if user := _text(settings, "unprivileged-user"):
        imported.notes.append(user_note(user))
    if _is_on(settings, "debug"):
        imported.service["log_level"] = "debug"
    if address := _text(settings, "socketmap"):
        imported.listen.append(listener({"kind": "socketmap"}, address, imported.notes))
    if address := _text(settings, "milter"):
        imported.srs["reject_forged"] = True
        imported.notes.append(_MILTER_NOTE)
        milter: Table = {"kind": "milter", "role": "srs"}
        imported.listen.append(listener(milter, address, imported.notes))
    imported.notes += _left_out(settings)
    return imported


def _local_domains(domains: list[str], path: str, imported: Imported) -> None:
    if domains:
        imported.srs["own_domains"] = list(domains)
    if path:
        imported.srs["exclude_file"] = path


_ALWAYS_NOTE: Final = (
    "always-rewrite: senders of your own domains are rewritten too, so domains and domains-file "
    "are not carried over; to leave some alone, put them into srs.own_domains"
)
_MILTER_NOTE: Final = (
    "the milter rewrites only mail that leaves, and must run after aliases are expanded: "
    "see docs/milter-srs.md"
)

_LEFT_OUT: Final = {
    "original-envelope": "senders are not kept in a database: bounces still to come to addresses "
    "SRS0=...=1=... are lost; senders that are too long are not rewritten, or see "
    "srs.long_senders",
    "envelope-database": 'to store long senders, set long_senders = "store" and aliases = FILE',
    "chroot-dir": "there is no chroot; the systemd unit confines the service",
    "domains-file-watch": "the file is read again on SIGHUP",
    "syslog": "the log goes to standard error, and from there to the journal",
    "milter-rewrite-local": "the milter does not rewrite the sender of mail that stays here",
    "milter-recipient-limit": "the mail server limits the number of recipients",
    "seccomp": "the systemd unit filters system calls",
    "daemonize": "the service stays in the foreground",
    "pid-file": "there is no PID file",
}
_CARRIED: Final = frozenset(
    {
        "domains",
        "srs-domain",
        "domains-file",
        "socketmap",
        "milter",
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
    """The variables that a shell would have after reading the file."""
    found: Settings = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise SyntaxFault(f"line {number} is not an assignment NAME=value", line)
        found[match[1]] = _word(match[2], number)
    return found


def _word(text: str, number: int) -> str:
    """One shell word, made of quoted and bare pieces; a comment may follow."""
    value = ""
    at = 0
    while at < len(text) and (match := _SHELL_WORD.match(text, at)) and match.end() > at:
        value += match[1] or re.sub(r"\\([\"\\$`])", r"\1", match[2] or "") or match[3] or ""
        at = match.end()
    rest = text[at:].strip()
    if rest and not (rest.startswith("#") and text[at].isspace()):
        raise SyntaxFault(f"only a shell can expand the value in line {number}", text, at)
    return value


def _from_shell(text: str, source: str, domain: str) -> Imported:
    settings = {**_DEFAULTS_1, **_variables(text)}
    imported = Imported(source, notes=[SECRETS_NOTE])
    imported.srs["domain"] = _text(settings, "SRS_DOMAIN") or domain
    if not imported.srs["domain"]:
        raise BadArgument(
            "SRS_DOMAIN is not set; give the output of `postconf -h mydomain` as --domain"
        )
    imported.srs["secrets"] = _text(settings, "SRS_SECRET")
    options = [*_options(_text(settings, "SRS_EXTRA_OPTIONS"))]
    excluded = _listed(_text(settings, "SRS_EXCLUDE_DOMAINS"))
    for option, value in options:
        excluded += _listed(value) if option == "-X" else []
    if excluded:
        imported.srs["exclude"] = excluded
    _copy(settings, imported.srs, {"SRS_SEPARATOR": "separator"})
    _copy_numbers(
        settings, imported.srs, {"SRS_HASHLENGTH": "hash_length", "SRS_HASHMIN": "hash_minimum"}
    )
    if user := _text(settings, "RUN_AS"):
        imported.notes.append(user_note(user))
    host = _text(settings, "SRS_LISTEN_ADDR")
    for name, name_of_map in (("SRS_FORWARD_PORT", "forward"), ("SRS_REVERSE_PORT", "reverse")):
        table: Table = {"kind": "tcp_table", "map": name_of_map}
        address = f"inet:{host}:{_text(settings, name)}"
        imported.listen.append(listener(table, address, imported.notes))
    _extra_options(options, imported)
    if _text(settings, "CHROOT"):
        imported.notes.append(f"CHROOT is not carried over: {_LEFT_OUT['chroot-dir']}")
    known = {"SRS_DOMAIN", "SRS_EXCLUDE_DOMAINS", "SRS_EXTRA_OPTIONS", "CHROOT", *_DEFAULTS_1}
    known |= {"SRS_SEPARATOR", "SRS_HASHLENGTH", "SRS_HASHMIN"}
    imported.notes += [
        f"{name} is unknown and not carried over" for name in settings if name not in known
    ]
    return imported


def _listed(text: str) -> list[str]:
    return [word for word in re.split(r"[,;\s]+", text) if word]


_WITH_VALUE: Final = frozenset("dalfrsnNutpc")


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Options and their values, as getopt(3) reads them; -X takes its value from the same word."""
    words = iter(text.split())
    for word in words:
        if not word.startswith("-") or word == "-":
            yield word, ""
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            value = ""
            if letter in _WITH_VALUE or letter == "X":
                value, letters = letters, ""
            if letter in _WITH_VALUE and not value:
                value = next(words, "")
            yield f"-{letter}", value


def _extra_options(options: Iterable[tuple[str, str]], imported: Imported) -> None:
    for option, value in options:
        if option == "-A":
            imported.srs["always_rewrite"] = True
        elif option == "-t" and _is_number(value):
            imported.limits["idle"] = int(value)
        elif option != "-X":
            shown = f"{option} {value}".strip()
            imported.notes.append(f"the extra option {shown} is not carried over")


# Both


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name, "")
    if isinstance(value, list):
        raise BadArgument(f"{name} must be one value, not a list")
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
            raise BadArgument(f"{theirs} must be a number, not {value!r}")
        if value:
            table[ours] = int(value)
