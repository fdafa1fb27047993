"""`mailauth forward`: what becomes of the authentication of a forwarded message."""

import click

from mailauth.cli.given import mailfiles, options
from mailauth.cli.given.arrival import Arrival, envelope
from mailauth.cli.shown.output import printable
from mailauth.cli.shown.statuses import TEMPORARY

_STATUS = {"yes": 0, "no": 1, "unknown": TEMPORARY}


@click.command("forward")
@click.argument("file", metavar="[FILE|-]", default=mailfiles.STANDARD_INPUT)
@click.option("--to", required=True, metavar="ADDR", help="The address to which it is forwarded.")
@click.option("--via", default="", metavar="IP", help="Your address that the next hop will see.")
@click.option("--srs-domain", default="", metavar="DOMAIN",
              help="The domain of the rewritten sender.")  # fmt: skip
@click.option(
    "--own", "own_domains", multiple=True, metavar="DOMAIN",
    help="Do not rewrite senders of this domain; repeatable.",
)  # fmt: skip
@envelope
@options.now()
@options.dns
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: str,
    to: str,
    via: str,
    srs_domain: str,
    own_domains: tuple[str, ...],
    arrival: Arrival,
    now: int,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what forwarding a message needs, and whether it will pass DMARC at the next hop.

    \b
    mailauth forward --to ada@example.org --ip 192.0.2.1 --mail-from b@example.com mail.eml
    mailauth forward --to ada@example.org --via 198.51.100.7 --srs-domain srs.example.net \\
        --ip 192.0.2.1 --mail-from b@example.com mail.eml

    The exit status is 0 if the message passes DMARC at the next hop, 1 if not,
    75 if that is not known, 2 on misuse.
    """
    from mailauth.authenticate import authenticate
    from mailauth.forwarding import decide

    ask = options.resolver(zones, nameservers)
    source = mailfiles.read(file)
    came = arrival.of(source.name, source.octets)
    judging = authenticate(source.octets, **came._asdict(), now=now)
    deciding = decide(
        ask.run(judging),
        to=to,
        via=via,
        srs_domain=srs_domain,
        own_domains=own_domains,
        now=now,
    )
    decision = ask.run(deciding)
    if as_json:
        import json

        click.echo(json.dumps(decision.as_dict()))
    else:
        for line in decision.lines():
            click.echo(printable(line))
    if status := _STATUS[decision.survives]:
        raise click.exceptions.Exit(status)
