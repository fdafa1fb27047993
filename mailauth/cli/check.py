"""`mailauth check`: what a domain publishes for its mail, what is broken, what to do."""

import time
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.shown import findings
from mailauth.cli.shown.output import printable, put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailauth.domaincheck import DomainReport
    from mailauth.findings import Finding

_COLORS = {True: "green", False: "red", None: "yellow"}
_MET = {True: "met", False: "not met", None: "unknown"}


@click.command("check")
@click.argument("domain")
@click.option("-s", "--selector", "selectors", multiple=True, metavar="SELECTOR",
              help="A DKIM selector of the domain; repeatable.")  # fmt: skip
@click.option("--common-selectors", is_flag=True, help="Also try selectors in common use.")
@click.option("--ip", "addresses", multiple=True, metavar="IP",
              help="An address that sends its mail; repeatable.")  # fmt: skip
@click.option("--weak-keys", is_flag=True,
              help="Ask badkeys whether a key can be broken.")  # fmt: skip
@options.dns
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as one JSON object.")
@options.html
def command(
    domain: str,
    selectors: tuple[str, ...],
    common_selectors: bool,
    addresses: tuple[str, ...],
    weak_keys: bool,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    as_json: bool,
    html: str | None,
) -> None:
    """Check everything that a domain publishes for its mail, and what large providers demand.

    SPF, DKIM, DMARC, MX, MTA-STS, TLS-RPT and reverse names.

    \b
    mailauth check example.com
    mailauth check example.com -s 2026 --ip 192.0.2.1 --ip 2001:db8::1
    mailauth check example.com --html report.html

    The exit status is 0 if nothing is broken, 1 if something is, 75 if the DNS
    did not answer, 2 on misuse.
    """
    from mailauth import domaincheck
    from mailauth.cli.opinions import weakness

    if weak_keys:
        weakness.demand()
    name = options.record_name(domain)
    asked = domaincheck.check(
        name,
        selectors=[options.a_label(each) for each in selectors],
        guessed=domaincheck.COMMON_SELECTORS if common_selectors else (),
        addresses=addresses,
        weakness=weakness.weakness if weak_keys else None,
        now=int(time.time()),
    )
    report = options.resolver(zones, nameservers, budget=options.MANY_SECONDS).run(asked)
    if html is not None:
        from mailauth import pages

        put(html, pages.of_domain(report).encode())
    if as_json:
        import json

        click.echo(json.dumps(report.as_dict()))
    else:
        _show(report)
    findings.leave_if_broken(report.findings())


def _show(report: "DomainReport") -> None:
    click.echo(printable(report.sentence()))
    for area in report.areas:
        click.echo(f"{area.title}: {click.style(area.state, fg=_COLORS[area.works])}")
        for each in area.published:
            click.echo(f"  {printable(f'{each.name} {each.rrtype} {each.text}')}")
        _show_findings(report.findings_beside(area))
    for rule in report.rules:
        word = click.style(f"{_MET[rule.met]:7}", fg=_COLORS[rule.met])
        click.echo(f"  {word} {rule.demand} ({', '.join(rule.providers)})")


def _show_findings(found: "Iterable[Finding]") -> None:
    for finding in found:
        click.echo(f"  {findings.line(finding)}")
        for row in findings.rows(finding):
            click.echo(f"    {row}")
        if finding.remedy:
            click.echo(f"    do: {printable(finding.remedy)}")
