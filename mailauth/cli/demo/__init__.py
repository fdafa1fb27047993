"""`mailauth demo`: the whole story on samples, in acts.

An act is a function that prints what it does and returns whether all went as it
should; each part of the story has one in `ACTS`.
"""

from collections.abc import Callable, Sequence
from importlib import resources

import click

from mailauth.cli.demo import dkim, service, spf, srs
from mailauth.cli.given import mailfiles

ACTS: list[Callable[[Sequence[mailfiles.Source]], bool]] = [
    dkim.act,
    spf.act,
    srs.act,
    service.act,
]


@click.command("demo")
@click.argument("file", required=False)
def command(file: str | None) -> None:
    """Sign sample messages or FILE and verify them; check SPF; rewrite a sender; run the service.

    \b
    mailauth demo
    mailauth demo mail.eml

    It leaves nothing behind and does not use the DNS.  The exit status is 1 if a
    verdict is not the expected one.
    """
    sources = _samples() if file is None else [mailfiles.read(file)]
    went_well = [act(sources) for act in ACTS]
    if not all(went_well):
        click.echo("\nSomething did not go as expected.")
        raise click.exceptions.Exit(1)
    click.echo("\nEverything went as expected.")


def _samples() -> list[mailfiles.Source]:
    folder = resources.files("mailauth.cli") / "samples"
    samples = [sample for sample in folder.iterdir() if sample.name.endswith(".eml")]
    samples.sort(key=lambda sample: sample.name)
    return [mailfiles.Source.of(sample.name, sample.read_bytes()) for sample in samples]
