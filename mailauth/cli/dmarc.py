"""`mailauth dmarc`: the policy records of domains."""

import click

from mailauth.cli import findings, options
from mailauth.cli.output import complain, printable
from mailauth.errors import BadArgument


@click.group("dmarc", short_help="look at the DMARC records of domains")
def command() -> None:
    """Look at the DMARC records of domains (RFC 9989)."""


@command.command("policy")
@click.argument("domain")
@options.dns
def policy(domain: str, zone: str | None, nameservers: tuple[str, ...]) -> None:
    """Tell which policy applies to mail of a domain, and how it was found.

    \b
    mailauth dmarc policy news.example.com

    The exit status is 0, 3 if there is none, 75 if the DNS did not answer.
    """
    from mailauth import dmarc
    from mailauth.dns import LookupFailed

    ask = options.resolver(zone, nameservers)
    try:
        walked = ask.run(dmarc.walk(options.a_label(domain.removesuffix("."))))
        found = ask.run(dmarc.find_policy(walked))
    except LookupFailed as failure:
        complain(f"the DNS did not answer: {failure}")
        raise click.exceptions.Exit(options.TEMPORARY) from None
    for step in walked.steps:
        click.echo(printable(f"{'  ' * step.depth}{step.text}"))
    click.echo(f"organizational domain: {dmarc.organizational_domain(walked)}")
    if found is None:
        click.echo("no policy applies")
        raise click.exceptions.Exit(3)
    tested = " (t=y: one level lower)" if found.found.record.testing else ""
    click.echo(f"policy: {found.policy} by {found.tag}= of {found.found.domain}{tested}")


@command.command("lint")
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
    """Tell what is broken or unwise in the DMARC record of a domain.

    \b
    mailauth dmarc lint example.com
    mailauth dmarc lint --record 'v=DMARC1; p=none'

    The exit status is 0 if nothing is broken, 1 if something is, 75 if the DNS
    did not answer, 2 on misuse.
    """
    from mailauth import dmarc

    if (domain is None) == (text is None):
        raise BadArgument("give a domain or --record TEXT, one of them")
    if text is not None:
        found = dmarc.lint_record(text.encode("utf-8", "surrogateescape"))
    else:
        ask = options.resolver(zone, nameservers)
        found = ask.run(dmarc.lint(options.a_label((domain or "").removesuffix("."))))
    findings.report(found, as_json=as_json)
