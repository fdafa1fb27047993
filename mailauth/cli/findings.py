"""Findings in a record, as lines for people or for programs."""

from typing import TYPE_CHECKING

import click

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
