"""`mailauth testkey`: whether the published key is the one that signs."""

from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.shown.output import printable
from mailauth.cli.shown.statuses import TEMPORARY

if TYPE_CHECKING:
    from mailauth.dkim import Preflight

_STATUS = {
    "ok": 0,
    "missing": 1,
    "revoked": 1,
    "different": 1,
    "unusable": 1,
    "unknown": TEMPORARY,
}


@click.command("testkey")
@options.domain
@options.selector
@options.key_file
@options.dns
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    domain: str,
    selector: str,
    key_file: str,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check that the published key is the one in the key file, and that verifiers accept it.

    \b
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem
    mailauth testkey -d example.com -s 2026 -k 2026.example.com.pem --nameserver 192.0.2.53

    The exit status is 0 if they match, 1 if they differ, if there is no key, or if
    verifiers refuse it, 75 if the DNS failed, 2 if the key file cannot be used.
    """
    from mailauth import dkim
    from mailauth.cli.given.keyfile import read_public

    key = read_public(key_file)
    domain, selector = options.place(domain, selector)
    ask = options.resolver(zones, nameservers)
    found = ask.run(dkim.preflight(key, domain=domain, selector=selector))
    if as_json:
        import json

        click.echo(json.dumps({"domain": domain, "selector": selector, **found._asdict()}))
    else:
        click.echo(printable(_sentence(found)))
    if status := _STATUS[found.result]:
        raise click.exceptions.Exit(status)


def _sentence(found: "Preflight") -> str:
    """What was found, on one line."""
    is_ok = found.result == "ok"
    notes = " (in testing: t=y)" if found.testing and is_ok else ""
    vouched = ", and DNSSEC vouches for it" if found.secure and is_ok else ""
    return f"{found.result}: {found.reason}{notes}{vouched}"
