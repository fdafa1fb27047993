"""`mailauth spf check`: whether a host may send for a domain."""

from typing import TYPE_CHECKING, Any

import click

from mailauth.cli.given import options
from mailauth.cli.shown.output import complain, printable
from mailauth.cli.shown.statuses import TEMPORARY
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.dns import Resolver, Zone
    from mailauth.spf import Policy, Verdict

_COLORS = {"pass": "green", "fail": "red", "softfail": "yellow", "permerror": "red"}
_STATUS = {
    "pass": 0,
    "fail": 1,
    "softfail": 1,
    "none": 3,
    "neutral": 3,
    "permerror": 65,  # EX_DATAERR of sysexits.h
    "temperror": TEMPORARY,
}


@click.command(
    "check",
    short_help="Check whether a client may send mail for a domain.",
    context_settings={"help_option_names": ["--help"]},
)
@click.option("-i", "--ip", metavar="IP", help="The client's address.")
@click.option("-h", "--helo", default="", metavar="NAME", help="The client's name in HELO.")
@click.option("-s", "--sender", metavar="ADDR", help="The envelope sender; '' is <>.")
@click.option("--batch", metavar="FILE", help="Check each line of FILE or -: ip,helo,sender.")
@click.option("--hop", "hops", multiple=True, metavar="IP",
              help="A client before --ip, the latest first; repeatable.")  # fmt: skip
@click.option("--relay", "relays", multiple=True, metavar="NET",
              help="Skip your relays in --ip and --hop; repeatable.")  # fmt: skip
@click.option("--local-policy", default="", metavar="TERMS",
              help="Terms that may turn a result into a pass.")  # fmt: skip
@click.option("--best-guess", is_flag=True, help="Judge a domain without a record by its hosts.")
@options.dns
@options.now("The time for %{t}: epoch seconds or a date.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--explain", is_flag=True, help="Show each record, term and DNS query.")
@click.option("--cross-check", is_flag=True, help="Ask pyspf too, and name any difference.")
def check(
    ip: str | None,
    helo: str,
    sender: str | None,
    batch: str | None,
    hops: tuple[str, ...],
    relays: tuple[str, ...],
    local_policy: str,
    best_guess: bool,
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    now: int,
    as_json: bool,
    explain: bool,
    cross_check: bool,
) -> None:
    """Check whether a client may send mail for a domain: by --sender, or else by --helo.

    \b
    mailauth spf check --ip 192.0.2.1 --helo mx.example.com --sender ada@example.com
    mailauth spf check -i 192.0.2.1 -h mx.example.com -s '' --explain
    mailauth spf check --batch clients.csv > verdicts.jsonl

    The exit status is 0 for pass, 1 for fail and softfail, 3 for none and
    neutral, 65 for permerror, 75 for temperror, 2 on misuse.  With
    --batch it prints a JSON object for each line, and the exit status is 0, 75 if the
    DNS failed for a line, or 1 if a line could not be read; standard error says which.
    """
    from mailauth import spf

    ask = options.resolver(zones, nameservers)
    guess = spf.BEST_GUESS if best_guess else ""
    policy = spf.Policy(local_policy=local_policy, best_guess=guess, relays=spf.networks(relays))
    if batch is not None:
        one = ip is not None or helo or sender is not None or hops or relays
        if one or explain or cross_check:
            raise BadArgument("--batch takes its clients from the file, and prints only JSON")
        status = _check_batch(batch, ask, policy, now)
    else:
        if ip is None:
            raise BadArgument("there is nothing to check: give --ip, or --batch")
        if sender is None and not helo:
            raise BadArgument("there is nothing to check: give --sender, --helo or both")
        _demand_hops(hops, relays)
        came: dict[str, Any] = {"ip": ip, "helo": helo, "hops": hops, "policy": policy, "now": now}
        if sender is None:
            verdict = ask.run(spf.check_helo(**came))
        else:
            verdict = ask.run(spf.check(**came, sender=sender))
        opinion = None
        if cross_check:
            from mailauth.cli.opinions import pyspf
            from mailauth.spf.check import outermost

            pyspf.demand()
            client = str(outermost(ip, hops, policy))
            opinion = pyspf.ask(client, sender or f"postmaster@{helo}", helo, ask)
        (_report_json if as_json else _report_text)(verdict, opinion, explain)
        status = _STATUS[verdict.result.value]
    if status:
        raise click.exceptions.Exit(status)


def _demand_hops(hops: tuple[str, ...], relays: tuple[str, ...]) -> None:
    """**Raises** BadArgument: a hop is not an address, or has no effect."""
    from mailauth.spf.identity import client

    for hop in hops:
        try:
            client(hop)
        except BadArgument as fault:
            raise BadArgument(f"--hop {fault}") from None
    if hops and not relays:
        raise BadArgument("--hop is a client that your relay had the mail from: give --relay too")


def _check_batch(path: str, ask: "Resolver | Zone", policy: "Policy", now: int) -> int:
    """Print a report for each line of a list; returns the exit status."""
    import json

    from mailauth.cli.spf import batch

    statuses = {0}
    for report in batch.reports(path, ask, policy, now):
        if isinstance(report, BadArgument):
            complain(str(report))
            statuses.add(1)
            continue
        click.echo(json.dumps(report))
        if report["result"] == "temperror":
            statuses.add(TEMPORARY)
    return 1 if 1 in statuses else max(statuses)


def _report_json(verdict: "Verdict", opinion: str | None, explain: bool) -> None:
    import json

    report = verdict.as_dict()
    if explain:
        report["steps"] = [step._asdict() for step in verdict.steps]
    if opinion is not None:
        report["cross_check"] = {"program": "pyspf", "result": opinion}
        report["cross_check"]["agrees"] = opinion == verdict.result.value
    click.echo(json.dumps(report))


def _report_text(verdict: "Verdict", opinion: str | None, explain: bool) -> None:
    for step in verdict.steps if explain else ():
        click.echo(printable("  " * step.depth + step.text))
    word = click.style(verdict.result.value, fg=_COLORS.get(verdict.result.value))
    click.echo(f"{word}: {printable(verdict.reason)}")
    if verdict.explanation:
        click.echo(f"  the domain's owner says: {printable(verdict.explanation)}")
    if opinion is not None:
        relation = "the same" if opinion == verdict.result.value else "DIFFERENT"
        click.echo(f"  pyspf: {printable(opinion)}, {relation}")
