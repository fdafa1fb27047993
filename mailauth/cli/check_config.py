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


@click.command("check-config")
@configuration_file
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings.")
def command(config: Path, *, strict: bool) -> None:
    """Check a configuration, its keys and its secrets as `serve` would, and start nothing.

    \b
    mailauth check-config --config /etc/mailauth/mailauth.toml

    Run it as the user of the service: root may read every file.  If a listener
    judges mail, or signs with prefer_published, each nameserver is sent one query.
    The keys that sign and the SRS domains, up to 100 of each, are compared with what
    the DNS publishes.  The exit status is 0 if the service could run, 1 with --strict
    if there are warnings, 2 if it could not run.
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
    warnings = reading.lines(doubts(configuration, kinds, int(time.time())))
    for line in warnings:
        complain(f"warning: {line}")
    listeners = _counted(len(configuration.listen), "listener")
    workers = _counted(configuration.service.workers, "worker")
    click.echo(printable(f"{config}: sound, {listeners}, {workers}"))
    if strict and warnings:
        raise click.exceptions.Exit(1)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def refuse(fault: "BadConfiguration") -> NoReturn:
    """Say every error on a line of its own, and exit with status 2."""
    for error in fault.errors:
        complain(error)
    raise click.exceptions.Exit(MISUSE)
