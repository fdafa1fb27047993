"""`mailauth spf`: whether a host may send for a domain, and whether its record is sound."""

import click

from mailauth.cli.lint import lint_command
from mailauth.cli.names import Commands
from mailauth.cli.spf.check import check
from mailauth.cli.spf.flatten import flatten


@click.group("spf", cls=Commands)
def command() -> None:
    """Check hosts against the SPF records of domains, and the records themselves (RFC 7208)."""


lint = lint_command("spf", "v=spf1 mx -all")

for subcommand in (check, lint, flatten):
    command.add_command(subcommand)
