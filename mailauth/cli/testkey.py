"""`mailauth testkey`: whether the published key is the one that signs."""

from typing import TYPE_CHECKING

import click

from mailauth.cli import options
from mailauth.cli.output import printable

if TYPE_CHECKING:
    from mailauth.dns import Resolver, Zone
    from mailauth.keys import PublicKey


@click.command("testkey", short_help="is the published key the one that signs?")
@options.domain
@options.selector
@options.key_file
@options.dns
def command(
    domain: str, selector: str, key_file: str, zone: str | None, nameservers: tuple[str, ...]
) -> None:
    """Compare the key file with the record in the DNS.

    \b
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem --nameserver 192.0.2.53

    The exit status is 0 if they match, 1 if they differ or there is no key, 75 if
    the DNS failed, 2 if the key file cannot be used.
    """
    from mailauth.cli.keyfile import read_public

    key = read_public(key_file)
    domain, selector = options.a_label(domain), options.a_label(selector)
    ask = options.resolver(zone, nameservers)
    status, sentence = _compare(key, key_file, domain, selector, ask)
    click.echo(printable(sentence))
    if status:
        raise click.exceptions.Exit(status)


def _compare(
    key: "PublicKey", key_file: str, domain: str, selector: str, ask: "Resolver | Zone"
) -> tuple[int, str]:
    """The exit status, and the finding in a sentence."""
    from mailauth import dkim
    from mailauth.dkim.key import name
    from mailauth.dns import LookupFailed
    from mailauth.errors import UnusableKey

    where = name(domain, selector)
    try:
        record, secure = ask.run(dkim.find_key(domain, selector))
        if record.revoked:
            return 1, f"revoked: the key at {where} is withdrawn: p= is empty"
        published = record.public_key()
    except LookupFailed as failure:
        return options.TEMPORARY, f"unknown: {failure}"
    except dkim.Refusal as refusal:
        return 1, f"missing: {refusal.reason}"
    except UnusableKey as fault:
        return 1, f"unusable: the key at {where}: {fault}"
    if published != key:
        return 1, f"different: the key at {where} is not that of {key_file}"
    notes = " (only tested: t=y)" if record.testing else ""
    vouched = ", and DNSSEC vouches for it" if secure else ""
    return 0, f"ok: the key at {where} is the one that signs{notes}{vouched}"
