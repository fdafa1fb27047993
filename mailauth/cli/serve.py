"""`mailauth serve`: the service next to the mail server."""

from pathlib import Path

import click

from mailauth.cli.given.options import configuration_file


@click.command("serve")
@configuration_file
def command(config: Path) -> None:
    """Run the service that a TOML file configures, until it is stopped.

    \b
    mailauth serve --config /etc/mailauth/mailauth.toml

    It stays in the foreground and logs to standard error.  SIGHUP reads the
    configuration and the secrets again, SIGTERM stops after the work in hand,
    SIGQUIT writes all stacks to the log.  The exit status is 0 after a stop, 2
    if the configuration cannot be run, 70 if its processes end again and again.
    """
    from mailauth.cli.check_config import refuse
    from mailauth.service.settings.configuration import BadConfiguration
    from mailauth.service.start import serve

    try:
        status = serve(config)
    except BadConfiguration as fault:
        refuse(fault)
    raise click.exceptions.Exit(status)
