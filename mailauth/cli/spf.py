"""`mailauth spf`: whether a host may send for a domain."""

from typing import TYPE_CHECKING

import click

from mailauth.cli import options
from mailauth.cli.output import printable
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.spf import Finding, Verdict

_COLORS = {"pass": "green", "fail": "red", "softfail": "yellow", "permerror": "red"}
_SEVERITIES = {"error": "red", "warning": "yellow"}
_STATUS = {
    "pass": 0,
    "fail": 1,
    "softfail": 1,
    "none": 3,
    "neutral": 3,
    "permerror": 65,  # EX_DATAERR of sysexits.h
    "temperror": options.TEMPORARY,
}


@click.group("spf", short_help="check hosts against the SPF records of domains")
def command() -> None:
    """Check hosts against the SPF records of domains (RFC 7208)."""


@command.command("check", context_settings={"help_option_names": ["--help"]})
@click.option("-i", "--ip", required=True, metavar="IP", help="The address of the client.")
@click.option("-h", "--helo", default="", metavar="NAME", help="The name it said in HELO or EHLO.")
@click.option("-s", "--sender", metavar="ADDR", help="The address of MAIL FROM; '' is <>.")
@options.dns
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--explain", is_flag=True, help="Show each record, term and question.")
@click.option("--cross-check", is_flag=True, help="Ask pyspf too, and name any difference.")
def check(
    ip: str,
    helo: str,
    sender: str | None,
    zone: str | None,
    nameservers: tuple[str, ...],
    as_json: bool,
    explain: bool,
    cross_check: bool,
) -> None:
    """Check one client; without --sender the HELO identity is checked.

    \b
    mailauth spf check --ip 192.0.2.1 --helo mx.example.com --sender ada@example.com
    mailauth spf check -i 192.0.2.1 -h mx.example.com -s '' --explain

    The exit status is 0 for pass, 1 for fail and softfail, 3 for none and
    neutral, 65 for permerror, 75 for temperror, 2 on misuse.
    """
    from mailauth import spf

    if sender is None and not helo:
        raise BadArgument("there is nothing to check: give --sender, --helo or both")
    opinion = None
    ask = options.resolver(zone, nameservers)
    if sender is None:
        verdict = ask.run(spf.check_helo(ip=ip, helo=helo))
    else:
        verdict = ask.run(spf.check(ip=ip, helo=helo, sender=sender))
    if cross_check:
        from mailauth.cli import pyspf_opinion

        pyspf_opinion.demand()
        opinion = pyspf_opinion.ask(ip, sender or f"postmaster@{helo}", helo, ask)
    (_report_json if as_json else _report_text)(verdict, opinion, explain)
    if status := _STATUS[verdict.result.value]:
        raise click.exceptions.Exit(status)


@command.command("lint")
@click.argument("domain", required=False)
@click.option("--record", "text", metavar="TEXT", help="Look at this record, and ask nothing.")
@options.dns
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding.")
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

    The exit status is 0 if nothing is broken, 1 if something is, 2 on misuse.
    """
    from mailauth import spf

    if (domain is None) == (text is None):
        raise BadArgument("give a domain or --record TEXT, one of them")
    if text is not None:
        found = spf.lint_record(text.encode())
    else:
        ask = options.resolver(zone, nameservers)
        found = ask.run(spf.lint(options.a_label((domain or "").removesuffix("."))))
    print_findings(found, as_json=as_json)
    if any(finding.severity.value == "error" for finding in found):
        raise click.exceptions.Exit(1)


def print_findings(found: "list[Finding]", *, as_json: bool = False) -> None:
    """Each finding on a line, or as JSON."""
    if as_json:
        import json
        from dataclasses import asdict

        for finding in found:
            click.echo(json.dumps(asdict(finding)))
        return
    for finding in found:
        word = click.style(finding.severity.value, fg=_SEVERITIES[finding.severity.value])
        where = f" ({finding.place})" if finding.place else ""
        of = f"{finding.domain}: " if finding.domain else ""
        click.echo(f"{word} {finding.code}: {printable(of + finding.sentence + where)}")
    if not found:
        click.echo("nothing to mend")


def _report_json(verdict: "Verdict", opinion: str | None, explain: bool) -> None:
    import json

    report = verdict.as_dict()
    if explain:
        report["steps"] = [step._asdict() for step in verdict.steps]
    if opinion is not None:
        report["cross_check"] = {"program": "pyspf", "result": opinion}
        report["cross_check"]["agrees"] = opinion == verdict.result.value
    click.echo(json.dumps(report))


def _report_text(verdict: "Verdict", opinion: str | None, explain: bool) -> None:
    for step in verdict.steps if explain else ():
        click.echo(printable("  " * step.depth + step.text))
    word = click.style(verdict.result.value, fg=_COLORS.get(verdict.result.value))
    click.echo(f"{word}: {printable(verdict.reason)}")
    if verdict.explanation:
        click.echo(f"  the domain's owner says: {printable(verdict.explanation)}")
    if opinion is not None:
        relation = "the same" if opinion == verdict.result.value else "DIFFERENT"
        click.echo(f"  pyspf: {printable(opinion)}, {relation}")
