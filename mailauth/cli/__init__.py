"""The command line: one file for each command, which parses, runs and prints.

A command's module is imported when the command is used, and what it needs of
the library when it is needed, so that signing starts without DNS.
"""

import os
import sys
from importlib import import_module

import click

from mailauth.errors import MailauthError

_COMMANDS = {
    "demo": "sign, verify, alter one octet: see it at work",
    "keygen": "make a key, and print the record to publish",
    "record": "print a record to publish",
    "sign": "sign messages with DKIM",
    "testkey": "is the published key the one that signs?",
    "verify": "verify the DKIM signatures of messages",
}
_INTERRUPTED = 130
_BROKEN_PIPE = 141


class _Commands(click.Group):
    """The commands by name; each is imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"mailauth.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        import mailauth

        click.echo(f"mailauth {mailauth.__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def command() -> None:
    """Prove that mail is yours, and judge the mail of others."""


def main(arguments: list[str] | None = None) -> None:
    """The program: runs a command and exits; a fault of the caller is one line and status 2."""
    try:
        status = command.main(arguments, prog_name="mailauth", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status or 0)
    except click.ClickException as fault:
        fault.show()
        sys.exit(2)
    except MailauthError as fault:
        from mailauth.cli.output import complain

        complain(str(fault))
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not flush into the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)
