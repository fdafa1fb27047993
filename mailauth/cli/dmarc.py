"""`mailauth dmarc`: the policy records of domains."""

from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.lint import lint_command
from mailauth.cli.names import Commands
from mailauth.cli.shown.output import complain, printable
from mailauth.cli.shown.statuses import TEMPORARY

if TYPE_CHECKING:
    from mailauth.dmarc import Discovered, Walk


@click.group("dmarc", cls=Commands)
def command() -> None:
    """Look up and lint DMARC records (RFC 9989)."""


@command.command("policy", short_help="Say which policy applies to mail of a domain.")
@click.argument("domain")
@options.dns
@options.public_suffixes
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def policy(
    domain: str,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    psl: str | None,
    as_json: bool,
) -> None:
    """Say which policy applies to mail of a domain, and how it was found.

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
        raise click.exceptions.Exit(TEMPORARY) from None
    organization = "" if walked.silent else dmarc.organizational_domain(walked)
    listed = by_list(walked.start) if by_list else ""
    (_report_json if as_json else _report_text)(walked, found, organization, listed)
    if found is None:
        raise click.exceptions.Exit(3)


def _report_json(
    walked: "Walk", found: "Discovered | None", organization: str, listed: str
) -> None:
    """Print one object, with the names that a DMARC verdict has for the same values."""
    import json

    told = {
        "domain": walked.start,
        "policy": found.policy if found else None,
        "tag": found.tag if found else "",
        "policy_domain": found.found.domain if found else "",
        "testing": bool(found and found.found.record.testing),
        "organizational_domain": organization,
        "listed_domain": listed,
        "steps": [step._asdict() for step in walked.steps],
    }
    click.echo(json.dumps(told))


def _report_text(
    walked: "Walk", found: "Discovered | None", organization: str, listed: str
) -> None:
    for step in walked.steps:
        click.echo(printable(f"{'  ' * step.depth}{step.text}"))
    click.echo(f"organizational domain: {organization or 'not known: the DNS did not answer'}")
    if listed not in ("", organization):
        click.echo(f"by the public suffix list: {listed}")
    if found is None:
        click.echo("no policy applies")
        return
    tested = " (t=y: one level lower)" if found.found.record.testing else ""
    click.echo(f"policy: {found.policy} by {found.tag}= of {found.found.domain}{tested}")


command.add_command(lint_command("dmarc", "v=DMARC1; p=none"))
