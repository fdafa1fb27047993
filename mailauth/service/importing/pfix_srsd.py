"""The installation of pfix-srsd, which is just its command line: `[options] domain secrets`."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailauth.errors import BadArgument
from mailauth.service.importing.imported import SECRETS_NOTE, Imported, Table, listener, user_note

_ENCODER, _DECODER = 10_001, 10_002


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """The arguments of pfix-srsd, with its defaults."""

    domain: str
    secrets: str
    protocol: str = "tcp"
    """-P: `tcp` or `socketmap`."""
    encoder_port: int | None = None
    """-e, with tcp."""
    decoder_port: int | None = None
    """-d, with tcp."""
    port: int | None = None
    """-l, with socketmap; may be combined with -L."""
    path: str | None = None
    """-L, with socketmap: its Unix socket."""
    separator: str | None = None
    """-s"""
    ignore_outside: bool = False
    """-I"""
    pid_file: str | None = None
    """-p"""
    unsafe: bool = False
    """-u: keep root."""
    user: str | None = None
    """-U"""
    group: str | None = None
    """-G"""
    foreground: bool = False
    """-f"""
    verbose: bool = False
    """-v"""


def read(line: CommandLine) -> Imported:
    """The configuration that does what this command line did.

    **Raises** BadArgument: options that exclude each other.
    """
    imported = Imported("the command line of pfix-srsd", notes=_notes(line))
    if line.verbose:
        imported.service["log_level"] = "debug"
    imported.srs = {"domain": line.domain, "secrets": line.secrets}
    if line.separator is not None:
        imported.srs["separator"] = line.separator
    if line.protocol == "socketmap":
        imported.listen += _socketmaps(line, imported.notes)
    else:
        imported.listen += _tcp_tables(line)
    return imported


def _socketmaps(line: CommandLine, notes: list[str]) -> Iterator[Table]:
    if line.encoder_port is not None or line.decoder_port is not None:
        raise BadArgument("-e and -d are for tcp: with -P socketmap give -l or -L")
    if line.path is not None:
        yield listener({"kind": "socketmap"}, f"unix:{line.path}", notes)
    if line.port is not None or line.path is None:
        yield {"kind": "socketmap", "address": f"inet:127.0.0.1:{line.port or _ENCODER}"}


def _tcp_tables(line: CommandLine) -> list[Table]:
    if line.path is not None or line.port is not None:
        raise BadArgument("-l and -L are for the socketmap: give -P socketmap too")
    ports = {"forward": line.encoder_port or _ENCODER, "reverse": line.decoder_port or _DECODER}
    return [
        {"kind": "tcp_table", "address": f"inet:127.0.0.1:{port}", "map": name}
        for name, port in ports.items()
    ]


def _notes(line: CommandLine) -> list[str]:
    notes = [
        "main.cf stays as it is; a file that lists what is not rewritten can be srs.exclude_file",
        SECRETS_NOTE,
    ]
    if line.ignore_outside:
        notes.append("-I needs no setting: mail outside the domain is never touched")
    if line.pid_file is not None:
        notes.append("-p is not carried over: there is no PID file")
    if line.unsafe:
        notes.append("-u is carried over: the service keeps running as the user who started it")
    else:
        notes.append(user_note(line.user or "nobody", line.group))
    return notes
