"""`mailauth record`: TXT records as people publish them."""

from typing import TYPE_CHECKING

import click

from mailauth.cli import options
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.keys import PublicKey

_FORMS = click.Choice(["zone", "text", "json"])


@click.group("record", short_help="print a record to publish")
def command() -> None:
    """Print a TXT record to publish."""


@command.command("dkim")
@options.key_file
@options.domain_option("The domain; zone and json need it.", required=False)
@click.option("-s", "--selector", metavar="SELECTOR", help="The selector; likewise.")
@click.option("--format", "form", type=_FORMS, help="zone, or text if -d and -s are missing.")
@click.option("--testing", is_flag=True, help="Say that the domain only tests DKIM: t=y.")
@click.option("--strict", is_flag=True, help="Admit no subdomain in i=: t=s.")
def dkim(
    key_file: str,
    domain: str | None,
    selector: str | None,
    form: str | None,
    testing: bool,
    strict: bool,
) -> None:
    """Print the record of a key: for a zone file, as text for a provider's form, or JSON.

    \b
    mailauth record dkim -k 2026.example.com.pem -d example.com -s 2026
    mailauth record dkim -k 2026.example.com.pem --format text
    """
    from mailauth.cli.keyfile import read_public

    key = read_public(key_file)
    named = domain is not None and selector is not None
    form = form or ("zone" if named else "text")
    if form != "text" and not named:
        raise BadArgument(f"--format {form} needs the name of the record: give -d and -s")
    print_key(key, domain or "", selector or "", form, testing=testing, strict=strict)


def print_key(
    key: "PublicKey",
    domain: str,
    selector: str,
    form: str,
    *,
    testing: bool = False,
    strict: bool = False,
) -> None:
    """Print the key record of `key` in one of the forms (RFC 6376 §3.6.1)."""
    from mailauth.dkim import key as keys
    from mailauth.dns import present

    octets = keys.KeyRecord.for_key(key, testing=testing, strict=strict).format().encode()
    if form == "text":
        click.echo(present.one_line(octets))
        return
    name = keys.name(options.a_label(domain), options.a_label(selector))
    as_form = present.master_file if form == "zone" else present.as_json
    click.echo(as_form(name, octets))
