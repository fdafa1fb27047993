"""`mailauth spf lint`: what is broken or unwise in a record."""

import click

from mailauth.cli import findings, options
from mailauth.errors import BadArgument


@click.command("lint", short_help="what is broken or unwise in a record?")
@click.argument("domain", required=False)
@click.option("--record", "text", metavar="TEXT", help="Look at this record, and ask nothing.")
@options.dns
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding.")
def lint(
    domain: str | None,
    text: str | None,
    zone: str | None,
    nameservers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Tell what is broken or unwise in the record of a domain, and in those it includes.

    \b
    mailauth spf lint example.com
    mailauth spf lint --record 'v=spf1 mx -all'

    The exit status is 0 if nothing is broken, 1 if something is, 75 if the DNS
    did not answer, 2 on misuse.
    """
    from mailauth import spf

    if (domain is None) == (text is None):
        raise BadArgument("give a domain or --record TEXT, one of them")
    if text is not None:
        found = spf.lint_record(text.encode("utf-8", "surrogateescape"))
    else:
        ask = options.resolver(zone, nameservers)
        found = ask.run(spf.lint(options.record_name(domain or "")))
    findings.report(found, as_json=as_json)
