"""`mailauth testkey`: whether the published key is the one that signs."""

from typing import TYPE_CHECKING, NamedTuple

import click

from mailauth.cli import options
from mailauth.cli.output import printable
from mailauth.errors import UnusableKey

if TYPE_CHECKING:
    from mailauth.dkim import KeyRecord
    from mailauth.dns import Resolver, Zone
    from mailauth.keys import Algorithm, PublicKey


@click.command("testkey", short_help="is the published key the one that signs?")
@options.domain
@options.selector
@options.key_file
@options.dns
def command(
    domain: str, selector: str, key_file: str, zones: tuple[str, ...], nameservers: tuple[str, ...]
) -> None:
    """Compare the key file with the record in the DNS.

    \b
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem --nameserver 192.0.2.53

    The exit status is 0 if they match, 1 if they differ, if there is no key, or if
    verifiers refuse it, 75 if the DNS failed, 2 if the key file cannot be used.
    """
    from mailauth.cli.keyfile import read_public

    key = read_public(key_file)
    domain, selector = options.place(domain, selector)
    ask = options.resolver(zones, nameservers)
    status, sentence = _compare(key, key_file, domain, selector, ask)
    click.echo(printable(sentence))
    if status:
        raise click.exceptions.Exit(status)


def _compare(
    key: "PublicKey", key_file: str, domain: str, selector: str, ask: "Resolver | Zone"
) -> tuple[int, str]:
    """The exit status, and the finding in a sentence."""
    from mailauth import dkim
    from mailauth.dns import LookupFailed

    try:
        record, secure = ask.run(dkim.find_key(domain, selector))
    except LookupFailed as failure:
        return options.TEMPORARY, f"unknown: {failure}"
    except dkim.Refusal as refusal:
        return 1, f"missing: {refusal.reason}"
    the_key = f"the key at {options.key_name(domain, selector)}"
    if record.revoked:
        return 1, f"revoked: {the_key} is withdrawn: p= is empty"
    try:
        if record.public_key() != key:
            return 1, f"different: {the_key} is not that of {key_file}"
        _check_usable(record, _Signed(key.algorithm, domain, domain))
    except UnusableKey as fault:
        return 1, f"unusable: {the_key}: {fault}"
    notes = " (only tested: t=y)" if record.testing else ""
    vouched = ", and DNSSEC vouches for it" if secure else ""
    return 0, f"ok: {the_key} is the one that signs{notes}{vouched}"


class _Signed(NamedTuple):
    """What a verifier compares with the record, of a signature by the key."""

    algorithm: "Algorithm"
    domain: str
    identity_domain: str


def _check_usable(record: "KeyRecord", signature: _Signed) -> None:
    """**Raises** UnusableKey: a verifier would refuse the record."""
    from mailauth import dkim
    from mailauth.dkim.verify import usable_key

    try:
        usable_key(record, signature)
    except dkim.Refusal as refusal:
        raise UnusableKey(refusal.reason) from None
