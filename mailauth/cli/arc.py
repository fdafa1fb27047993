"""`mailauth arc`: seal a message before it is forwarded (RFC 8617)."""

import click

from mailauth.cli.given import mailfiles, options
from mailauth.cli.given.arrival import Arrival, envelope
from mailauth.cli.names import Commands
from mailauth.cli.shown.output import complain, put
from mailauth.cli.shown.statuses import TEMPORARY
from mailauth.errors import UnsignableMessage


@click.group("arc", cls=Commands)
def command() -> None:
    """Seal messages that are forwarded (RFC 8617); `mailauth verify` judges chains."""


@command.command("seal")
@click.argument("file", metavar="[FILE|-]", default=mailfiles.STANDARD_INPUT)
@options.domain
@options.selector
@click.option(
    "-k", "--key", "key_file", required=True, metavar="KEYFILE", help="The private key's file."
)
@click.option("--authserv-id", required=True, metavar="NAME",
              help="This host's authserv-id in the results.")  # fmt: skip
@envelope
@options.now("Judge and seal as of this time: epoch seconds or a date.")
@options.dns
@click.option("-o", "--output", metavar="FILE", help="Write to this file.")
def seal(
    file: str,
    domain: str,
    selector: str,
    key_file: str,
    authserv_id: str,
    arrival: Arrival,
    now: int,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    output: str | None,
) -> None:
    """Judge a message as it came, and write it with one more ARC Set.

    The set records what was found: DKIM and the chain, and with --ip SPF and DMARC.
    A broken chain gets a last set that says so; a chain that has ended is
    written as it is.

    \b
    mailauth arc seal -d example.com -s 2026 -k 2026.example.com.pem \\
        --authserv-id mx.example.com --ip 192.0.2.1 --mail-from b@example.org mail.eml

    The exit status is 75 if the DNS did not answer for the chain, 2 if the
    message cannot be sealed.
    """
    from mailauth import arc
    from mailauth.authenticate import METHODS, WITHOUT_ENVELOPE, authenticate
    from mailauth.keys import PrivateKey

    key = PrivateKey.read(key_file)
    source = mailfiles.read(file)
    came = arrival.of(source.name, source.octets)
    judging = authenticate(
        source.octets,
        **came._asdict(),
        now=now,
        receiver=authserv_id,
        methods=METHODS if came.ip else WITHOUT_ENVELOPE,
    )
    report = options.resolver(zones, nameservers).run(judging)
    chain = report.arc
    assert chain is not None  # noqa: S101 - it is one of the methods
    if chain.temporary:
        complain(f"{file}: not sealed: {chain.reason}")
        raise click.exceptions.Exit(TEMPORARY)
    try:
        fields = arc.seal(
            source.octets,
            chain,
            domain=domain,
            selector=selector,
            key=key,
            authserv_id=authserv_id,
            results=report.results(),
            now=now,
        )
    except UnsignableMessage as fault:
        raise UnsignableMessage(f"{file}: {fault}") from None
    if not fields:
        complain(f"{file}: not sealed: its chain was already found broken, and has ended (cv=fail)")
    put(output, source.restored(fields + source.octets))
