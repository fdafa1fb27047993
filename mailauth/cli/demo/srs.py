"""The act of SRS: a sender rewritten, its bounce returned, a forged bounce refused."""

import time
from collections.abc import Sequence

import click

from mailauth.cli.given import mailfiles

_SENDER = "ada@example.com"
_DOMAIN = "forwarder.example"


def act(_: Sequence[mailfiles.Source]) -> bool:
    """Rewrite a sender, reverse the address, and refuse a forged copy of it."""
    import secrets as dice

    from mailauth import srs

    click.secho("\nSRS: the sender of mail that is forwarded\n", bold=True)
    now = int(time.time())
    secrets = srs.Secrets(srs.Secret(dice.token_bytes(24)))
    address = srs.forward(_SENDER, domain=_DOMAIN, secrets=secrets, now=now)
    click.echo(f"  mail of {_SENDER} is forwarded by {_DOMAIN} as:\n    {address}")
    original = srs.reverse(address, secrets=secrets, now=now)
    click.echo(f"  a bounce to that goes to:\n    {original}")
    forged = address.replace("=ada@", "=eve@")
    try:
        srs.reverse(forged, secrets=secrets, now=now)
    except srs.BadHash as fault:
        click.echo(f"  and one to {forged} is refused:\n    {fault}")
        return original == _SENDER
    return False
