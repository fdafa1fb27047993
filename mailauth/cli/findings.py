"""Findings in a record, as lines for people or for programs."""

from typing import TYPE_CHECKING

import click

from mailauth.cli import options
from mailauth.cli.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailauth.findings import Finding

_COLORS = {"error": "red", "warning": "yellow"}


def show(found: "Iterable[Finding]", *, as_json: bool = False, err: bool = False) -> None:
    """Print each finding on a line of its own."""
    for finding in found:
        if as_json:
            import json
            from dataclasses import asdict

            click.echo(json.dumps(asdict(finding)), err=err)
            continue
        word = click.style(finding.severity.value, fg=_COLORS[finding.severity.value])
        where = f" ({finding.place})" if finding.place else ""
        of = f"{finding.domain}: " if finding.domain else ""
        click.echo(f"{word} {finding.code}: {printable(of + finding.sentence + where)}", err=err)


def report(found: "list[Finding]", *, as_json: bool) -> None:
    """Show the findings of a lint, and leave with the status that they come to."""
    show(found, as_json=as_json)
    if not found and not as_json:
        click.echo("nothing to mend")
    if any(finding.severity.value == "error" for finding in found):
        raise click.exceptions.Exit(1)
    if any(finding.code == "dns" for finding in found):
        raise click.exceptions.Exit(options.TEMPORARY)
