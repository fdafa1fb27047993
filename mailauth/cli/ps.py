"""`mailauth ps`: the process tree of a running service."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mailauth.cli.given.options import configuration_file
from mailauth.cli.shown.output import complain, printable
from mailauth.errors import BadArgument

_COLORS = {"working": "green", "starting": "yellow", "leaving": "yellow"}


@click.command("ps")
@configuration_file
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(config: Path, as_json: bool) -> None:
    """Show the processes of the running service, and what they have done.

    \b
    mailauth ps --config /etc/mailauth/mailauth.toml

    It asks the socket `service.status`, even if the file has been broken since the
    service started; a note says so.  The exit status is 0 if all is well, 1 if a
    process is not working or the service is stopping, 2 if nobody answers.
    """
    import json

    from mailauth.cli.check_config import refuse
    from mailauth.service.settings.configuration import BadConfiguration, find_status
    from mailauth.service.telling import status

    try:
        address, faults = find_status(config)
    except BadConfiguration as unsound:
        refuse(unsound)
    for fault in faults:
        complain(f"note: a reload would be refused: {fault}")
    if address is None:
        raise BadArgument(f'{config} has no status socket: add status = "unix:/..." to [service]')
    told = status.ask(address)
    if as_json:
        click.echo(json.dumps(_with_names(told)))
    else:
        for line in _tree(told):
            click.echo(line)
    well = all(one["phase"] == "working" for one in told["processes"])
    if not well or told["state"] == "stopping":
        raise click.exceptions.Exit(1)


def _with_names(told: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a name for each figure: in the next version, their order may differ."""
    from mailauth.service.telling.beat import Figure

    def named(figures: Sequence[int]) -> dict[str, int]:
        return {figure.name.lower(): count for figure, count in zip(Figure, figures, strict=False)}

    processes = [{**one, "figures": named(one["figures"])} for one in told["processes"]]
    listeners = {listener: named(figures) for listener, figures in told["figures"].items()}
    return {**told, "processes": processes, "figures": listeners}


def _tree(told: Mapping[str, Any]) -> list[str]:
    restarts = told["restarts"]
    head = f"supervisor {told['pid']}  {told['state']}  up {duration(told['uptime'])}"
    lines = [f"{head}  generation {told['generation']}  restarts {restarts['total']}"]
    processes = told["processes"]
    for number, one in enumerate(processes, 1):
        branch = "└─" if number == len(processes) else "├─"
        lines.append(f"{branch} {_process(one)}")
    lines += _sums(told["figures"])
    if restarts["total"]:
        last = printable(restarts["last"])
        lines.append(f"last restart {duration(restarts['ago'])} ago: {last}")
    return lines


def _process(one: Mapping[str, Any]) -> str:
    phase = click.style(one["phase"], fg=_COLORS.get(one["phase"], "red"))
    line = (
        f"{one['role']} {one['pid']}  {phase}  up {duration(one['uptime'])}  "
        f"beat {one['beat_age']:.1f} s ago"
    )
    if one["role"] == "worker":
        from mailauth.service.telling.beat import Figure

        figures = one["figures"]
        answered = sum(figures[Figure.FOUND : Figure.TEMPORARY + 1])
        messages = sum(figures[Figure.SIGNED : Figure.STOPPED + 1])
        line += (
            f"  oldest request {one['oldest_request']:.1f} s  "
            f"connections {figures[Figure.OPEN]}  answered {answered}  messages {messages}"
        )
    return line


def _sums(listeners: Mapping[str, list[int]]) -> list[str]:
    """What became of messages since the start, if there were any."""
    from mailauth.service.telling.beat import VERDICTS, Figure

    sums = dict(zip(Figure, map(sum, zip(*listeners.values(), strict=True)), strict=False))
    if not any(sums.get(Figure(each)) for each in range(Figure.SIGNED, Figure.STOPPED + 1)):
        return []
    ends = {
        "signed": Figure.SIGNED,
        "judged": Figure.JUDGED,
        "passed": Figure.PASSED,
        "stopped": Figure.STOPPED,
        "deferred": Figure.DEFERRED,
        "refused": Figure.REFUSED_MESSAGES,
        "quarantined": Figure.QUARANTINED,
    }
    lines = ["  ".join(["messages", *(f"{name} {sums[figure]}" for name, figure in ends.items())])]
    verdicts: dict[str, list[str]] = {}
    for figure, (method, result) in VERDICTS.items():
        if sums[figure]:
            verdicts.setdefault(method, []).append(f"{result} {sums[figure]}")
    lines += [f"{method}  {'  '.join(results)}" for method, results in verdicts.items()]
    lines.append(
        f"dns  asked {sums[Figure.DNS_QUESTIONS]}  remembered {sums[Figure.DNS_REMEMBERED]}  "
        f"failed {sums[Figure.DNS_FAILURES]}"
    )
    return lines


def duration(seconds: float) -> str:
    """A time span as people say it: `3 d 4 h`, `12 min`, `8 s`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{int(seconds)} s"
    hours, minutes = divmod(int(seconds // 60), 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    while not parts[0][0]:
        del parts[0]
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number)
