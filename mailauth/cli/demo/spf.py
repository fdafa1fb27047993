"""The act of SPF: a pass, a fail with its tree, and a record over the limit with its lint."""

from collections.abc import Sequence
from typing import Any, Final

import click

from mailauth.cli.given import mailfiles
from mailauth.cli.shown import findings
from mailauth.cli.shown.output import printable

_ZONE: Final[dict[str, dict[str, Any]]] = {
    "example.com": {
        "TXT": ["v=spf1 mx include:_spf.esp.example -all exp=why.example.com"],
        "MX": [[10, "mx.example.com"]],
    },
    "mx.example.com": {"A": ["192.0.2.1"]},
    "_spf.esp.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 ~all"]},
    "why.example.com": {"TXT": ["%{i} is not a host of %{d}"]},
    "crowded.example": {
        "TXT": [
            "v=spf1 " + " ".join(f"include:_{n}.crowded.example" for n in range(1, 12)) + " -all"
        ]
    },
    **{f"_{n}.crowded.example": {"TXT": [f"v=spf1 ip4:192.0.2.{n} -all"]} for n in range(1, 12)},
}
_CLIENTS: Final = [
    ("192.0.2.1", "ada@example.com", "pass"),
    ("203.0.113.7", "ada@example.com", "fail"),
    ("203.0.113.7", "ada@crowded.example", "permerror"),
]


def act(_: Sequence[mailfiles.Source]) -> bool:
    """Check three clients, and look for what is wrong with the last one's record."""
    from mailauth import spf
    from mailauth.dns import Zone

    click.secho("\nSPF: may this host send for this domain?", bold=True)
    zone = Zone(_ZONE)
    as_expected = []
    for ip, sender, wanted in _CLIENTS:
        verdict = zone.run(spf.check(ip=ip, helo="mx.example.com", sender=sender))
        click.echo(f"\n  {ip} for {sender}: {verdict.result.value}, {printable(verdict.reason)}")
        if verdict.result is spf.Result.FAIL:
            for step in verdict.steps:
                click.echo(f"    {'  ' * step.depth}{printable(step.text)}")
            click.echo(f"    the domain's owner says: {printable(verdict.explanation)}")
        as_expected.append(verdict.result.value == wanted)
    found = zone.run(spf.lint("crowded.example"))
    click.echo("  what `mailauth spf lint crowded.example` says about that:")
    findings.show(found)
    return all(as_expected) and "lookups" in {finding.code for finding in found}
