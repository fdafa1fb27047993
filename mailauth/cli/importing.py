"""`mailauth import`: the TOML for an installation of another program."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailauth import reading
from mailauth.cli.given.options import require_service
from mailauth.cli.names import Commands
from mailauth.cli.shown.output import put
from mailauth.errors import BadArgument, SyntaxFault

if TYPE_CHECKING:
    from mailauth.service.importing.imported import Imported

_output = click.option(
    "-o", "--output", metavar="FILE",
    help="Write to this file, if the import succeeds.",
)  # fmt: skip


def _write(imported: "Imported", output: str | None) -> None:
    """Write the TOML.  **Raises** BadArgument: the file cannot be written."""
    put(output, imported.text().encode("utf-8", "backslashreplace"))


@click.group("import", cls=Commands)
def command() -> None:
    """Convert the configuration of another program to TOML.

    Comments at the top name what cannot be carried over, and what check-config would refuse.
    Use -o rather than `>`, which would empty the file first.
    """
    require_service()


@command.command("postsrsd")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-d", "--domain", default="", metavar="DOMAIN",
              help="The domain, if the file has none.")  # fmt: skip
@_output
def postsrsd(file: Path, domain: str, output: str | None) -> None:
    """Convert postsrsd.conf (2.x), or /etc/default/postsrsd (1.x).

    \b
    mailauth import postsrsd /etc/postsrsd.conf -o mailauth.toml
    mailauth import postsrsd /etc/default/postsrsd -d $(postconf -h mydomain) -o mailauth.toml
    """
    from mailauth.service.importing import differences
    from mailauth.service.importing import postsrsd as installation

    text = reading.octets(file, reading.MAX_TEXT).decode("utf-8", "surrogateescape")
    try:
        imported = installation.read(text, str(file), domain)
    except SyntaxFault as fault:
        raise BadArgument(f"{file}: {fault}") from None
    differences.note_differences(imported, trims=False)
    _write(imported, output)


@command.command("opendkim")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--hostname", default="", metavar="NAME",
              help="This host, if the file has no AuthservID.")  # fmt: skip
@_output
def opendkim(file: Path, hostname: str, output: str | None) -> None:
    """Convert opendkim.conf; its tables stay where they are.

    \b
    mailauth import opendkim /etc/opendkim.conf -o mailauth.toml

    Comments name each directive that is not carried over, with its line.
    """
    from socket import getfqdn

    from mailauth.service.importing import differences
    from mailauth.service.importing import opendkim as installation

    imported = installation.read(file, hostname or getfqdn())
    differences.note_refusals(imported)
    _write(imported, output)


@command.command("policyd-spf")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--hostname", default="", metavar="NAME",
              help="This host, if the file has no Authserv_Id.")  # fmt: skip
@_output
def policyd_spf(file: Path, hostname: str, output: str | None) -> None:
    """Convert the configuration of policyd-spf or pyspf-milter.

    \b
    mailauth import policyd-spf /etc/postfix-policyd-spf-python/policyd-spf.conf -o mailauth.toml
    """
    from socket import getfqdn

    from mailauth.service.importing import differences
    from mailauth.service.importing import policyd_spf as installation

    text = reading.octets(file, reading.MAX_TEXT).decode("utf-8", "surrogateescape")
    imported = installation.read(text, str(file), hostname or getfqdn())
    differences.note_refusals(imported)
    _write(imported, output)


_PORT = click.IntRange(1, 65_535)


@command.command(
    "pfix-srsd",
    short_help="Convert the command line of pfix-srsd.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("domain")
@click.argument("secrets")
@click.option("-P", "--protocol", type=click.Choice(["tcp", "socketmap"]), default="tcp",
              help="The protocol that Postfix speaks.")  # fmt: skip
@click.option("-e", "--encoding", "encoder_port", type=_PORT, metavar="PORT",
              help="The port of the encoder.  [default: 10001]")  # fmt: skip
@click.option("-d", "--decoding", "decoder_port", type=_PORT, metavar="PORT",
              help="The port of the decoder.  [default: 10002]")  # fmt: skip
@click.option("-l", "--port", type=_PORT, metavar="PORT", help="The port of the socketmap.")
@click.option("-L", "--socketfile", "path", metavar="FILE",
              help="The Unix socket of the socketmap.")  # fmt: skip
@click.option("-s", "--separator", type=click.Choice(["=", "+", "-"]),
              help="The character after SRS0.")  # fmt: skip
@click.option("-I", "--ignore-outside", is_flag=True, help="Always on in mailauth.")
@click.option("-p", "--pid-file", metavar="FILE", help="Not carried over.")
@click.option("-u", "--unsafe", is_flag=True, help="Run as the user who starts it.")
@click.option("-U", "--user", metavar="USER", help="Not carried over.")
@click.option("-G", "--group", metavar="GROUP", help="Not carried over.")
@click.option("-f", "--foreground", is_flag=True, help="Always on in mailauth.")
@click.option("-v", "--verbose", is_flag=True, help="Log every look-up.")
@_output
def pfix_srsd(output: str | None, **given: Any) -> None:  # noqa: ANN401 - click has checked them
    """Convert the command line of pfix-srsd; give the same arguments.

    \b
    mailauth import pfix-srsd example.com /etc/pfix-srsd.secrets -P socketmap -l 10003
    """
    from mailauth.service.importing import differences
    from mailauth.service.importing.pfix_srsd import CommandLine, read

    imported = read(CommandLine(**given))
    differences.note_differences(imported, trims=True)
    _write(imported, output)
