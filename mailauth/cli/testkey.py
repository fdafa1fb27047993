"""`mailauth testkey`: whether the published key is the one that signs."""

from typing import TYPE_CHECKING, NamedTuple

import click

from mailauth.cli.given import options
from mailauth.cli.shown.output import printable
from mailauth.cli.shown.statuses import TEMPORARY
from mailauth.errors import UnusableKey

if TYPE_CHECKING:
    from mailauth.dkim import KeyRecord
    from mailauth.dns import Resolver, Zone
    from mailauth.keys import Algorithm, PublicKey

_STATUS = {
    "ok": 0,
    "missing": 1,
    "revoked": 1,
    "different": 1,
    "unusable": 1,
    "unknown": TEMPORARY,
}


@click.command("testkey", short_help="is the published key the one that signs?")
@options.domain
@options.selector
@options.key_file
@options.dns
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    domain: str,
    selector: str,
    key_file: str,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare the key file with the record in the DNS.

    \b
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem --nameserver 192.0.2.53

    The exit status is 0 if they match, 1 if they differ, if there is no key, or if
    verifiers refuse it, 75 if the DNS failed, 2 if the key file cannot be used.
    """
    from mailauth.cli.given.keyfile import read_public

    key = read_public(key_file)
    domain, selector = options.place(domain, selector)
    ask = options.resolver(zones, nameservers)
    compared = _compare(key, key_file, domain, selector, ask)
    if as_json:
        import json

        click.echo(json.dumps({"domain": domain, "selector": selector, **compared._asdict()}))
    else:
        click.echo(printable(compared.sentence()))
    if status := _STATUS[compared.result]:
        raise click.exceptions.Exit(status)


class _Compared(NamedTuple):
    """What comes of the comparison; `testing` and `secure` are as in a verdict of DKIM."""

    result: str
    reason: str
    testing: bool = False
    secure: bool = False

    def sentence(self) -> str:
        """It on one line."""
        notes = " (only tested: t=y)" if self.testing else ""
        vouched = ", and DNSSEC vouches for it" if self.secure else ""
        return f"{self.result}: {self.reason}{notes}{vouched}"


def _compare(
    key: "PublicKey", key_file: str, domain: str, selector: str, ask: "Resolver | Zone"
) -> _Compared:
    from mailauth import dkim
    from mailauth.dkim.key import find_misplaced
    from mailauth.dns import LookupFailed

    try:
        record, secure = ask.run(dkim.find_key(domain, selector))
    except LookupFailed as failure:
        return _Compared("unknown", str(failure))
    except dkim.Refusal as refusal:
        twice = ask.run(find_misplaced(domain, selector))
        where = f"; there is one at {twice}: give the name without the domain" if twice else ""
        return _Compared("missing", f"{refusal.reason}{where}")
    the_key = f"the key at {options.key_name(domain, selector)}"
    if record.revoked:
        return _Compared("revoked", f"{the_key} is withdrawn: p= is empty")
    try:
        if record.public_key() != key:
            return _Compared("different", f"{the_key} is not that of {key_file}")
        _check_usable(record, _Signed(key.algorithm, domain, domain))
    except UnusableKey as fault:
        return _Compared("unusable", f"{the_key}: {fault}")
    return _Compared("ok", f"{the_key} is the one that signs", record.testing, secure)


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
