"""`mailauth spf lint`, `mailauth dmarc lint`: what is broken or unwise in a record."""

from importlib import import_module
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.shown.findings import leave_if_broken, show
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.findings import Finding

_HELP = """Say what is broken or unwise in the {name} record of a domain, and in those it needs.

\b
mailauth {protocol} lint example.com
mailauth {protocol} lint --record '{record}'

The exit status is 0 if nothing is broken, 1 if something is, 75 if the DNS
did not answer, 2 on misuse.
"""


def lint_command(protocol: str, record: str) -> click.Command:
    """The command `lint` for a package with `lint` and `lint_record`; `record` is an example."""

    @click.command(
        "lint",
        short_help="Say what is broken or unwise in a record.",
        help=_HELP.format(name=protocol.upper(), protocol=protocol, record=record),
    )
    @click.argument("domain", required=False)
    @click.option("--record", "text", metavar="TEXT", help="Check this record, without the DNS.")
    @options.dns
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each finding.")
    def lint(
        domain: str | None,
        text: str | None,
        zones: tuple[str, ...],
        nameservers: tuple[str, ...],
        as_json: bool,
    ) -> None:
        if (domain is None) == (text is None):
            raise BadArgument("give either a domain or --record TEXT")
        package = import_module(f"mailauth.{protocol}")
        found: list[Finding]
        if text is not None:
            found = package.lint_record(text.encode("utf-8", "surrogateescape"))
        else:
            ask = options.resolver(zones, nameservers)
            found = ask.run(package.lint(options.record_name(domain or "")))
        show(found, as_json=as_json)
        if not found and not as_json:
            click.echo("nothing to fix")
        leave_if_broken(found)

    return lint
