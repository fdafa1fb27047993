"""`mailauth record`: TXT records as people publish them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.names import Commands
from mailauth.errors import BadArgument, SyntaxFault

if TYPE_CHECKING:
    from mailauth.dns.present import Form
    from mailauth.keys import PublicKey


@click.group("record", cls=Commands)
def command() -> None:
    """Print a DKIM, DMARC or SPF record to publish."""


@command.command("dkim", short_help="Print the DKIM record of a key.")
@options.key_file
@options.domain_option("The domain; zone and json need it.", required=False)
@click.option("-s", "--selector", metavar="SELECTOR", help="The selector; zone and json need it.")
@options.form_option("By default zone, or text without -d and -s.")
@click.option("--testing", is_flag=True, help="The domain only tests DKIM: t=y.")
@click.option("--strict", is_flag=True, help="Allow no subdomain in i=: t=s.")
def dkim(
    key_file: str,
    domain: str | None,
    selector: str | None,
    form: "Form | None",
    testing: bool,
    strict: bool,
) -> None:
    """Print the DKIM record of a key; warnings about it go to standard error.

    \b
    mailauth record dkim -k 2026.example.com.pem -d example.com -s 2026
    mailauth record dkim -k 2026.example.com.pem --format text
    mailauth record dkim -k 2026.example.com.pem --format plain  # for a form that takes no quotes
    """
    from mailauth.cli.given.keyfile import read_public

    key = read_public(key_file)
    form = _form(form, "-d and -s" if domain is None or selector is None else "")
    print_key(key, domain or "", selector or "", form, testing=testing, strict=strict)


def _form(given: "Form | None", lacking: str) -> "Form":
    """The form in which to print a record; `lacking` are missing options that give its name.

    **Raises** BadArgument: some are missing, and the form has the name in it.
    """
    from mailauth.dns.present import NAMELESS

    form = given or ("text" if lacking else "zone")
    if form not in NAMELESS and lacking:
        raise BadArgument(f"--format {form} needs the name of the record: give {lacking}")
    return form


def print_key(
    key: "PublicKey",
    domain: str,
    selector: str,
    form: "Form",
    *,
    testing: bool = False,
    strict: bool = False,
) -> None:
    """Print the key record of `key` in one of the forms (RFC 6376 §3.6.1), and warn about it."""
    from mailauth import dkim as protocol
    from mailauth.cli.shown import findings
    from mailauth.dns import present
    from mailauth.findings import Severity

    octets = protocol.KeyRecord.for_key(key, testing=testing, strict=strict).format().encode()
    name = "" if form in present.NAMELESS else options.key_name(domain, selector)
    click.echo(present.in_form(form, name, octets))
    found = protocol.lint_record(octets)
    findings.show((each for each in found if each.severity is not Severity.NOTE), err=True)


@command.command("spf", short_help="Print the SPF record of a domain.")
@options.domain_option("The domain; zone and json need it.", required=False)
@click.option("--a", is_flag=True, help="The domain's own addresses may send.")
@click.option("--mx", is_flag=True, help="The domain's mail exchanges may send.")
@click.option("--ip4", multiple=True, metavar="NET",
              help="Hosts that may send: 192.0.2.0/24; repeatable.")  # fmt: skip
@click.option("--ip6", multiple=True, metavar="NET",
              help="Hosts that may send: 2001:db8::/32; repeatable.")  # fmt: skip
@click.option("--include", multiple=True, metavar="DOMAIN",
              help="Hosts that this domain allows may send; repeatable.")  # fmt: skip
@click.option("--redirect", metavar="DOMAIN",
              help="This domain's record decides for all others.")  # fmt: skip
@click.option(
    "--all", "others", type=click.Choice(["fail", "softfail", "neutral"]),
    help="The result for all others: -all, ~all or ?all.",
)  # fmt: skip
@options.form_option("By default zone, or text without -d.")
def spf(
    domain: str | None,
    a: bool,
    mx: bool,
    ip4: tuple[str, ...],
    ip6: tuple[str, ...],
    include: tuple[str, ...],
    redirect: str | None,
    others: str | None,
    form: "Form | None",
) -> None:
    """Print the SPF record of a domain; warnings about it go to standard error.

    \b
    mailauth record spf -d example.com --mx --include _spf.esp.example --all softfail
    mailauth record spf -d nomail.example --all fail
    """
    from mailauth import spf as protocol
    from mailauth.cli.shown import findings
    from mailauth.dns import present
    from mailauth.spf import record as records

    form = _form(form, "-d" if domain is None else "")
    qualifier = None if others is None else protocol.Qualifier[others.upper()]
    record = protocol.build(
        ip4=ip4, ip6=ip6, a=a, mx=mx, include=include, redirect=redirect, all=qualifier
    )
    octets = records.format(record).encode()
    name = "" if domain is None else options.record_name(domain)
    click.echo(present.in_form(form, name, octets))
    findings.show(protocol.lint_record(octets), err=True)


@command.command("dmarc", short_help="Print the DMARC record of a domain.")
@options.domain_option("The domain; zone and json need it.", required=False)
@click.option("-p", "--policy", type=click.Choice(["none", "quarantine", "reject"]), required=True,
              help="What receivers should do with mail that fails.")  # fmt: skip
@click.option("--sp", type=click.Choice(["none", "quarantine", "reject"]),
              help="The same for subdomains.")  # fmt: skip
@click.option("--np", type=click.Choice(["none", "quarantine", "reject"]),
              help="The same for subdomains that do not exist.")  # fmt: skip
@click.option("--rua", multiple=True, metavar="ADDR", help="Who gets daily reports; repeatable.")
@click.option("--strict", is_flag=True, help="Subdomains are not aligned: adkim=s; aspf=s.")
@click.option("--testing", is_flag=True, help="Only test: ask for one policy level lower, t=y.")
@options.form_option("By default zone, or text without -d.")
def dmarc(
    domain: str | None,
    policy: str,
    sp: str | None,
    np: str | None,
    rua: tuple[str, ...],
    strict: bool,
    testing: bool,
    form: "Form | None",
) -> None:
    """Print the DMARC record of a domain; warnings about it go to standard error.

    \b
    mailauth record dmarc -d example.com -p reject --rua dmarc@example.com
    """
    from mailauth import dmarc as protocol
    from mailauth.cli.shown import findings
    from mailauth.dmarc import record as records
    from mailauth.dns import present

    form = _form(form, "-d" if domain is None else "")
    alignment = protocol.Alignment.STRICT if strict else protocol.Alignment.RELAXED
    record = protocol.Record(
        protocol.Disposition(policy),
        None if sp is None else protocol.Disposition(sp),
        None if np is None else protocol.Disposition(np),
        alignment,
        alignment,
        testing=testing,
        aggregate_reports=tuple(map(_report_uri, rua)),
    )
    octets = records.format(record).encode()
    read = records.parse(octets)
    if replace(read, text="") != record:
        raise BadArgument(f"the record would not be read as intended: {', '.join(read.faults)}")
    name = "" if domain is None else f"_dmarc.{options.a_label(domain)}"
    click.echo(present.in_form(form, name, octets))
    findings.show(protocol.lint_record(octets), err=True)


def _report_uri(given: str) -> str:
    """The URI for reports to an address, or a given URI.  **Raises** BadArgument: it is neither."""
    from mailauth.dmarc import record as records

    try:
        if not records.is_uri(given):
            return records.mailto(given)
        if given.lower().startswith("mailto:"):
            records.receiver(given)
    except SyntaxFault as fault:
        raise BadArgument(f"{given!r} is not an address for reports: {fault}") from None
    return given
