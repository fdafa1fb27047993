"""Findings in records, as lines for people or for programs."""

from typing import TYPE_CHECKING

import click

from mailauth.cli.shown.output import printable
from mailauth.cli.shown.statuses import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailauth.findings import Finding

_COLORS = {"error": "red", "warning": "yellow", "note": "blue"}


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
    """The lines of the text that a finding shows."""
    return [printable(row) for row in finding.shown.split("\n")] if finding.shown else []


def line(finding: "Finding") -> str:
    """A finding on one line, without its remedy."""
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
        raise click.exceptions.Exit(TEMPORARY)
