"""`mailauth testkey`: whether the published key is the one that signs."""

import click

from mailauth.cli import options
from mailauth.cli.output import printable


@click.command("testkey", short_help="is the published key the one that signs?")
@options.domain
@options.selector
@options.key_file
@options.dns
def command(
    domain: str, selector: str, key_file: str, zone: str | None, nameservers: tuple[str, ...]
) -> None:
    """Compare the key file with the record in the DNS.

    The exit status is 0 if they match, 1 if they differ or there is no key, 75 if
    the DNS failed, 2 if the key file cannot be used.
    """
    from mailauth import dkim
    from mailauth.dkim import key as keys
    from mailauth.dns import LookupFailed
    from mailauth.errors import BadArgument, SyntaxFault, UnusableKey
    from mailauth.keys import PrivateKey
    from mailauth.syntax import domain as domains

    key = PrivateKey.read(key_file)
    key.prove()
    try:
        domain, selector = domains.parse(domain), domains.parse(selector)
    except SyntaxFault as fault:
        raise BadArgument(f"{fault}: {fault.text!r}") from None
    where = keys.name(domain, selector)
    try:
        found = options.resolver(zone, nameservers).run(keys.find_key(domain, selector))
        published = None if found.record.revoked else found.record.public_key()
    except LookupFailed as failure:
        click.echo(printable(f"unknown: {failure}"))
        raise click.exceptions.Exit(options.TEMPORARY) from None
    except dkim.Refusal as refusal:
        click.echo(printable(f"missing: {refusal.reason}"))
        raise click.exceptions.Exit(1) from None
    except UnusableKey as fault:
        click.echo(printable(f"unusable: {fault}"))
        raise click.exceptions.Exit(1) from None
    if published is None:
        click.echo(f"revoked: the key at {where} is withdrawn: p= is empty")
        raise click.exceptions.Exit(1)
    if published != key.public_key:
        click.echo(f"different: the key at {where} is not that of {printable(key_file)}")
        raise click.exceptions.Exit(1)
    notes = " (only tested: t=y)" if found.record.testing else ""
    vouched = ", and DNSSEC vouches for it" if found.secure else ""
    click.echo(f"ok: the key at {where} is the one that signs{notes}{vouched}")
