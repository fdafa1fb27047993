"""`mailauth check-config`: every error of a configuration, each with its line."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from mailauth.cli.given.options import configuration_file
from mailauth.cli.shown.output import complain, printable
from mailauth.cli.shown.statuses import MISUSE

if TYPE_CHECKING:
    from mailauth.service.settings.configuration import BadConfiguration


@click.command("check-config", short_help="check a configuration and name every error")
@configuration_file
def command(config: Path) -> None:
    """Read a configuration and its secrets as `serve` would, and start nothing.

    \b
    mailauth check-config --config /etc/mailauth/mailauth.toml

    If a listener judges mail, each nameserver is asked one question; if one signs,
    its first 100 keys are compared with those that are published.  The exit status
    is 0 if it could be run, also with warnings, 2 if not.
    """
    from mailauth.service.doubts import doubts
    from mailauth.service.settings.configuration import BadConfiguration
    from mailauth.service.start import check, kinds_of_listeners

    kinds = kinds_of_listeners()
    try:
        reading = check(config, kinds)
    except BadConfiguration as fault:
        refuse(fault)
    configuration = reading.configuration
    for line in reading.lines(doubts(configuration, kinds, int(time.time()))):
        complain(f"warning: {line}")
    listeners = _counted(len(configuration.listen), "listener")
    workers = _counted(configuration.service.workers, "worker")
    click.echo(printable(f"{config}: sound, {listeners}, {workers}"))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def refuse(fault: "BadConfiguration") -> NoReturn:
    """Say every error on a line of its own, and exit with status 2."""
    for error in fault.errors:
        complain(error)
    raise click.exceptions.Exit(MISUSE)
