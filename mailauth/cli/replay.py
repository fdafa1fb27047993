"""`mailauth replay`: judge a message again, by the answers that were saved with it."""

import click

from mailauth import reading
from mailauth.cli.given import mailfiles, options
from mailauth.cli.shown.output import complain, put
from mailauth.cli.shown.told import Told, autopsies_of
from mailauth.errors import BadArgument


@click.command("replay")
@click.argument("file", metavar="CASE|-")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--explain", is_flag=True,
              help="Show each DNS query, and what broke a signature.")  # fmt: skip
@options.html
def command(file: str, as_json: bool, explain: bool, html: str | None) -> None:
    """Judge a message again, with the clock and DNS answers that `verify --save` wrote.

    It does not use the DNS: a query that the case cannot answer fails.

    \b
    mailauth replay case.json
    mailauth replay --explain case.json
    mailauth replay --html why.html case.json

    The exit status is 0 if the verdicts are the same as then, 1 if this version
    judges differently, 2 if it cannot read the file as a case.
    """
    from mailauth.case import loads, verdicts_of
    from mailauth.case.located import BadCase

    try:
        case = loads(_read(file))
    except BadCase as fault:
        raise BadArgument(f"{file}: {fault}") from None
    report = case.replay()
    autopsies = []
    if (explain or html) and case.bodies is None:
        autopsies = autopsies_of(case.octets, report, case)
    told = Told(file, report, autopsies)
    if html:
        from mailauth.pages import of_messages

        put(html, of_messages([told.for_page(case.octets)], now=case.now).encode())
    if as_json:
        click.echo(told.as_json())
    else:
        told.show(explain=explain)
    differences = _differences(case.verdicts, verdicts_of(report))
    for line in differences:
        complain(f"differs from the verdicts of version {case.version}: {line}")
    if differences:
        raise click.exceptions.Exit(1)


def _read(file: str) -> str:
    from mailauth.case.reading import MAX_CHARACTERS

    if file == mailfiles.STANDARD_INPUT:
        return reading.decoded(mailfiles.standard_input(MAX_CHARACTERS), file)
    return reading.text(file, MAX_CHARACTERS)


def _differences(then: tuple[str, ...], now: tuple[str, ...]) -> list[str]:
    if then == now:
        return []
    gone = [f"no longer {each}" for each in then if each not in now]
    come = [f"now {each}" for each in now if each not in then]
    return gone + come or ["the same verdicts in another order"]
