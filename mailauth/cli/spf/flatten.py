"""`mailauth spf flatten`: a record with today's networks in place of names."""

import time
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.shown import findings
from mailauth.cli.shown.output import complain, printable
from mailauth.cli.shown.statuses import TEMPORARY
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.dns.present import Form
    from mailauth.findings import Finding
    from mailauth.spf import Flattened


@click.command("flatten", short_help="Replace the names in a record with today's networks.")
@click.argument("domain")
@options.dns
@options.now("Write this date instead of today's.")
@options.form_option("By default zone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, instead of --format.")
def flatten(
    domain: str,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    now: int,
    form: "Form | None",
    as_json: bool,
) -> None:
    """Print the record of a domain with networks in place of names, and what that loses.

    \b
    mailauth spf flatten example.com
    mailauth spf flatten example.com --format text

    Receivers then look up fewer names; but when a provider moves a host, the
    record goes stale.  The record goes to standard output, remarks to standard
    error, or into comments of the zone.  The exit status is 0, 75 if the DNS did
    not answer, 2 if there is no record that can be flattened.
    """
    from mailauth import spf
    from mailauth.dns import LookupFailed
    from mailauth.spf import record

    if as_json and form is not None:
        raise BadArgument("--json and --format exclude each other: give one")
    domain = options.record_name(domain)
    try:
        flat = options.resolver(zones, nameservers).run(spf.flatten(domain))
    except LookupFailed as failure:
        complain(f"the DNS did not answer: {failure}")
        raise click.exceptions.Exit(TEMPORARY) from None
    text = record.format(flat.record)
    found = spf.lint_record(text.encode(), domain)
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    if as_json:
        _report_json(domain, flat, text, found, day)
    else:
        _report_text(domain, flat, text, found, form or "zone", day)


def _report_json(
    domain: str, flat: "Flattened", text: str, found: "list[Finding]", day: str
) -> None:
    import json
    from dataclasses import asdict

    told = {
        "domain": domain,
        "date": day,
        "record": text,
        "original": flat.original.text,
        "followed": flat.followed,
        "kept": flat.kept,
        "ttl": flat.ttl,
        "findings": [asdict(each) for each in found],
    }
    click.echo(json.dumps(told))


def _report_text(
    domain: str, flat: "Flattened", text: str, found: "list[Finding]", form: "Form", day: str
) -> None:
    from mailauth.dns import present

    for note in _notes(flat, day):
        click.echo(printable(f"; {note}"), err=form != "zone")
    click.echo(present.in_form(form, domain, text.encode()))
    findings.show(found, err=True)
    if any(finding.code == "size" for finding in found):
        complain("split it: move some networks to a name of their own, and include that")


def _notes(flat: "Flattened", day: str) -> list[str]:
    """What a reader of the zone must know about the record."""
    notes = [f"Flattened on {day} from: {flat.original.text}"]
    if flat.followed:
        names = ", ".join(flat.followed)
        notes.append(f"It will not follow later changes at: {names}")
        notes.append(f"Their answers hold for {flat.ttl} seconds; flatten again at least daily.")
    notes += [f"Kept as it was: {term}" for term in flat.kept]
    return notes
