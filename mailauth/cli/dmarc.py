"""`mailauth dmarc`: the policy records of domains."""

import click

from mailauth.cli import findings, options
from mailauth.cli.output import complain, printable


@click.group("dmarc", short_help="look at the DMARC records of domains")
def command() -> None:
    """Look at the DMARC records of domains (RFC 9989)."""


@command.command("policy")
@click.argument("domain")
@options.dns
@options.public_suffixes
def policy(
    domain: str, zones: tuple[str, ...], nameservers: tuple[str, ...], psl: str | None
) -> None:
    """Tell which policy applies to mail of a domain, and how it was found.

    \b
    mailauth dmarc policy news.example.com

    The exit status is 0 if there is one, 3 if not, 75 if the DNS did not answer.
    """
    from mailauth import dmarc
    from mailauth.dmarc import suffixes
    from mailauth.dns import LookupFailed

    by_list = psl and suffixes.read(psl)
    ask = options.resolver(zones, nameservers)
    try:
        walked = ask.run(dmarc.walk(options.a_label(domain.removesuffix("."))))
        found = ask.run(dmarc.find_policy(walked))
    except LookupFailed as failure:
        complain(f"the DNS did not answer: {failure}")
        raise click.exceptions.Exit(options.TEMPORARY) from None
    for step in walked.steps:
        click.echo(printable(f"{'  ' * step.depth}{step.text}"))
    organization = "" if walked.silent else dmarc.organizational_domain(walked)
    click.echo(f"organizational domain: {organization or 'not known: the DNS did not answer'}")
    if by_list and by_list(walked.start) != organization:
        click.echo(f"by the public suffix list: {by_list(walked.start)}")
    if found is None:
        click.echo("no policy applies")
        raise click.exceptions.Exit(3)
    tested = " (t=y: one level lower)" if found.found.record.testing else ""
    click.echo(f"policy: {found.policy} by {found.tag}= of {found.found.domain}{tested}")


command.add_command(findings.lint_command("dmarc", "v=DMARC1; p=none"))
