"""Findings in records, as lines for people or for programs, and the commands that look for them."""

from importlib import import_module
from typing import TYPE_CHECKING

import click

from mailauth.cli import options
from mailauth.cli.output import printable
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailauth.findings import Finding

_COLORS = {"error": "red", "warning": "yellow", "note": "blue"}
_HELP = """Tell what is broken or unwise in the {name} record of a domain, and in those it needs.

\b
mailauth {protocol} lint example.com
mailauth {protocol} lint --record '{record}'

The exit status is 0 if nothing is broken, 1 if something is, 75 if the DNS
did not answer, 2 on misuse.
"""


def show(found: "Iterable[Finding]", *, as_json: bool = False, err: bool = False) -> None:
    """Print each finding on a line of its own, and below it the text that it shows."""
    for finding in found:
        if as_json:
            import json
            from dataclasses import asdict

            click.echo(json.dumps(asdict(finding)), err=err)
            continue
        click.echo(line(finding), err=err)
        for row in rows(finding):
            click.echo(f"  {row}", err=err)


def rows(finding: "Finding") -> list[str]:
    """The lines of the text that it shows."""
    return [printable(row) for row in finding.shown.split("\n")] if finding.shown else []


def line(finding: "Finding") -> str:
    """A finding on one line, but for its remedy."""
    word = click.style(finding.severity.value, fg=_COLORS[finding.severity.value])
    where = f" ({finding.place})" if finding.place else ""
    of = f"{finding.domain}: " if finding.domain else ""
    return f"{word} {finding.code}: {printable(of + finding.sentence + where)}"


def leave_if_broken(found: "Iterable[Finding]") -> None:
    """Exit with 1 if something is broken, else with 75 if the DNS did not answer."""
    from mailauth.findings import has_errors, has_unanswered

    told = list(found)
    if has_errors(told):
        raise click.exceptions.Exit(1)
    if has_unanswered(told):
        raise click.exceptions.Exit(options.TEMPORARY)


def lint_command(protocol: str, record: str) -> click.Command:
    """`lint` of a protocol, a package with `lint` and `lint_record`; `record` is an example."""

    @click.command(
        "lint",
        short_help="what is broken or unwise in a record?",
        help=_HELP.format(name=protocol.upper(), protocol=protocol, record=record),
    )
    @click.argument("domain", required=False)
    @click.option("--record", "text", metavar="TEXT", help="Look at this record, without the DNS.")
    @options.dns
    @click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding.")
    def lint(
        domain: str | None,
        text: str | None,
        zones: tuple[str, ...],
        nameservers: tuple[str, ...],
        as_json: bool,
    ) -> None:
        if (domain is None) == (text is None):
            raise BadArgument("give a domain or --record TEXT, one of them")
        package = import_module(f"mailauth.{protocol}")
        found: list[Finding]
        if text is not None:
            found = package.lint_record(text.encode("utf-8", "surrogateescape"))
        else:
            ask = options.resolver(zones, nameservers)
            found = ask.run(package.lint(options.record_name(domain or "")))
        show(found, as_json=as_json)
        if not found and not as_json:
            click.echo("nothing to mend")
        leave_if_broken(found)

    return lint
