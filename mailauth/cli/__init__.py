"""The command line: one file for each command, which parses, runs and prints.

`given`, `shown` and `opinions` hold what several of them need; `names` knows what other
programs call them, and `lint` makes the commands of that name.

A command's module is imported when the command is used, and imports what it needs of
the library when it runs, so that signing starts without the DNS modules.
"""

import errno
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from mailauth.cli.names import Commands, meant_option
from mailauth.cli.shown.statuses import BROKEN_PIPE, INTERRUPTED, MISUSE, TEMPORARY
from mailauth.errors import EXHAUSTED, MailauthError

_COMMANDS = {
    "arc": "Seal messages that are forwarded (ARC).",
    "check": "Check everything that a domain publishes for its mail.",
    "check-config": "Check the service's configuration, and name every error.",
    "demo": "Sign, verify, alter one octet: see mailauth at work.",
    "dmarc": "Look up and lint DMARC records.",
    "forward": "Say whether a message will survive forwarding.",
    "import": "Convert the configuration of another program.",
    "keygen": "Make a DKIM key, and print the record to publish.",
    "milter-test": "Show what a running milter would do to a message.",
    "ps": "Show the processes of the running service.",
    "record": "Print a DKIM, DMARC or SPF record to publish.",
    "replay": "Judge a saved message again, with its clock and DNS answers.",
    "serve": "Run the service: the milter and the look-up server.",
    "sign": "Sign messages with DKIM.",
    "spf": "Check hosts against SPF records; lint and flatten records.",
    "srs": "Rewrite the senders of forwarded mail, and back.",
    "testkey": "Check that the published key is the one that signs.",
    "verify": "Verify DKIM signatures; judge SPF, DMARC and ARC too.",
}
"""What each command does, for the list of commands and for the completions of a shell."""
_MODULES = {"check-config": "check_config", "import": "importing", "milter-test": "milter_test"}
"""The modules of commands whose names are no valid names of modules."""


class _Commands(Commands):
    """The commands by name; each is imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = import_module(f"mailauth.cli.{module}").command
        command.short_help = _COMMANDS[cmd_name]
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
    """Sign your own mail and check everybody else's: DKIM, SPF, DMARC, ARC and SRS.

    \b
    mailauth demo
    mailauth keygen -d example.com -s 2026
    mailauth sign -d example.com -s 2026 -k 2026.example.com.pem mail.eml > signed.eml
    mailauth verify signed.eml
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """The program: runs a command and exits; a fault of the caller is one line and status 2."""
    _reopen_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # any file name, on any terminal
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has enough
        _abandon_output()
        status = BROKEN_PIPE
    except OSError as fault:
        status = _tell(fault)
    except MemoryError:
        status = _tell(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
    except KeyboardInterrupt:  # while the last of the output was written
        _abandon_output()
        status = INTERRUPTED
    sys.exit(status)


def _tell(fault: OSError) -> int:
    """Say in one line what the system refused; returns the exit status."""
    from mailauth.cli.shown.output import complain

    status, sentence = MISUSE, f"{fault.filename or 'the output'} cannot be used: {fault.strerror}"
    if fault.errno in EXHAUSTED and fault.filename is None:  # such as sockets for the DNS
        status, sentence = TEMPORARY, f"the system is out of resources: {fault.strerror}"
    elif fault.errno == errno.ENOENT and fault.filename is None:  # what `getcwd` says
        sentence = (
            "the working folder has been deleted: change to another one, "
            "or give names that begin with /"
        )
    else:
        _abandon_output()
    with suppress(OSError):  # the status tells it even if nothing can be written
        complain(sentence)
    return status


def _run(arguments: list[str] | None) -> int:
    """Run the command that the arguments name; returns its exit status."""
    if "_MAILAUTH_COMPLETE" in os.environ:
        command.main(arguments, prog_name="mailauth")  # a shell asks for completions
    given = sys.argv[1:] if arguments is None else list(arguments)
    # No colour for those who want none: https://no-color.org.  Not `command.main`,
    # which takes a broken pipe for a failed verification, status 1.
    color = False if os.environ.get("NO_COLOR") else None
    try:
        with command.make_context("mailauth", given, color=color) as context:
            command.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.NoSuchOption as fault:
        meant = meant_option(fault)
        sentence = f"No such option {fault.option_name!r}; do you mean {meant}?"
        (click.UsageError(sentence, fault.ctx) if meant else fault).show()
        return MISUSE
    except click.ClickException as fault:
        fault.show()
        return MISUSE
    except MailauthError as fault:
        from mailauth.cli.shown.output import complain

        complain(str(fault))
        return MISUSE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    return 0


def _reopen_closed_streams() -> None:
    """Reopen streams that were closed from the start, as by `>&-`, to fail only if used.

    Python has None for them, and the next file that is opened would get the
    descriptor of one, and be written to.
    """
    no_reading, no_writing, anything = os.O_WRONLY, os.O_RDONLY, os.O_WRONLY
    streams = (("stdin", no_reading, "r"), ("stdout", no_writing, "w"), ("stderr", anything, "w"))
    for name, access, mode in streams:
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode))


def _abandon_output() -> None:
    """Discard output that is not written yet: Python would fail to write it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
