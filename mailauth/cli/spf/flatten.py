"""`mailauth spf flatten`: a record in networks, as of today."""

import time
from typing import TYPE_CHECKING

import click

from mailauth.cli import findings, options
from mailauth.cli.output import complain, printable

if TYPE_CHECKING:
    from mailauth.dns.present import Form
    from mailauth.spf import Flattened


@click.command("flatten", short_help="replace the names in a record by today's networks")
@click.argument("domain")
@options.dns
@options.now("The date to write, if it is not today.")
@options.form_option("zone if not given.", default="zone")
def flatten(
    domain: str, zones: tuple[str, ...], nameservers: tuple[str, ...], now: int, form: "Form"
) -> None:
    """Print the record of a domain with networks in place of names, and what that gives up.

    \b
    mailauth spf flatten example.com
    mailauth spf flatten example.com --format text

    Receivers then look up fewer names; but when a provider moves a host, the
    record goes stale.  The record is on standard output, the remarks on it on
    standard error, or in comments of the zone.  The exit status is 0, 75 if
    the DNS did not answer, 2 if there is no record that can be flattened.
    """
    from mailauth import spf
    from mailauth.dns import LookupFailed, present
    from mailauth.spf import record

    domain = options.record_name(domain)
    try:
        flat = options.resolver(zones, nameservers).run(spf.flatten(domain))
    except LookupFailed as failure:
        complain(f"the DNS did not answer: {failure}")
        raise click.exceptions.Exit(options.TEMPORARY) from None
    octets = record.format(flat.record).encode()
    notes = _notes(flat, time.strftime("%Y-%m-%d", time.gmtime(now)))
    for note in notes:
        click.echo(printable(f"; {note}"), err=form != "zone")
    click.echo(present.in_form(form, domain, octets))
    found = spf.lint_record(octets, domain)
    findings.show(found, err=True)
    if any(finding.code == "size" for finding in found):
        complain("divide it: move some networks to a name of their own, and include that")


def _notes(flat: "Flattened", day: str) -> list[str]:
    """What the reader of the zone must know of the record."""
    notes = [f"Flattened on {day} from: {flat.original.text}"]
    if flat.followed:
        names = ", ".join(flat.followed)
        notes.append(f"It will not know of later changes at: {names}")
        notes.append(f"Their answers hold for {flat.ttl} seconds; flatten anew at least daily.")
    notes += [f"Kept as it was: {term}" for term in flat.kept]
    return notes
