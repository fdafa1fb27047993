"""`mailauth demo`: the whole story on sample messages, in acts.

An act is a function that prints what it does and comes to whether all went as
it should; each protocol adds one to `ACTS`.
"""

import time
from collections.abc import Callable, Sequence
from importlib import resources
from typing import TYPE_CHECKING

import click

from mailauth.cli import mailfiles
from mailauth.cli.output import printable

if TYPE_CHECKING:
    from mailauth.dkim import Verdict
    from mailauth.dns import Zone


@click.command("demo", short_help="sign, verify, alter one octet: see it at work")
@click.argument("file", required=False)
def command(file: str | None) -> None:
    """Make keys, sign sample messages or FILE, verify them, and alter one octet of each."""
    if file is not None:
        sources = [mailfiles.read(file)]
    else:
        folder = resources.files("mailauth.cli") / "samples"
        sources = [
            mailfiles.Source.of(sample.name, sample.read_bytes())
            for sample in sorted(folder.iterdir(), key=lambda sample: sample.name)
            if sample.name.endswith(".eml")
        ]
    if not all(tuple(act(sources) for act in ACTS)):
        click.echo("Something did not go as it should.")
        raise click.exceptions.Exit(1)
    click.echo("All went as it should.")


def _sign_and_verify(sources: Sequence[mailfiles.Source]) -> bool:
    """DKIM: signatures of an RSA and an Ed25519 key, and what one octet does to them."""
    from mailauth import dkim
    from mailauth.dkim.key import name
    from mailauth.dns import Zone, present
    from mailauth.keys import PrivateKey

    click.secho("DKIM: two keys of example.com, and the records it would publish\n", bold=True)
    keys = {"rsa": PrivateKey.generate("rsa"), "ed25519": PrivateKey.generate("ed25519")}
    records: dict[str, dict[str, list[bytes]]] = {}
    for selector, key in keys.items():
        octets = dkim.KeyRecord.for_key(key.public_key).format().encode()
        records[name("example.com", selector)] = {"TXT": [octets]}
        click.echo(present.master_file(name("example.com", selector), octets))
    zone = Zone(records)
    signings = [dkim.Signing("example.com", selector, key) for selector, key in keys.items()]
    now = int(time.time())
    well = True
    for source in sources:
        click.secho(f"\n{printable(source.name)}, {len(source.octets)} octets", bold=True)
        fields = dkim.sign_all(source.octets, signings, now=now, expire=14 * 86_400)
        signed = fields + source.octets
        for what, octets, results in (
            ("as it was signed", signed, {"pass"}),
            ("with one octet of the body altered", _altered_body(signed), {"fail"}),
            ("with one octet of the subject altered", _altered_header(signed), {"fail"}),
        ):
            verdicts = zone.run(dkim.verify(octets, now=now))
            click.echo(f"  {what}:")
            well &= _show(octets, verdicts, zone) and {v.result.value for v in verdicts} == results
    return well


def _show(octets: bytes, verdicts: list["Verdict"], zone: "Zone") -> bool:
    """Print the verdicts and dkimpy's; whether both agree."""
    from mailauth.cli import crosscheck

    for verdict in verdicts:
        click.echo(f"    {verdict.result.value:5} {verdict.algorithm}: {printable(verdict.reason)}")
    if not crosscheck.is_installed():
        click.echo("    (no second opinion: dkimpy is not installed)")
        return True
    comparison = crosscheck.compare(octets, verdicts, zone)
    for line in comparison.lines():
        click.echo(f"    {printable(line)}")
    return not any(opinion.differs for opinion in comparison.opinions)


def _altered_body(octets: bytes) -> bytes:
    """The message with the last visible octet of its body altered, or one added."""
    end = len(octets.rstrip())
    if octets.find(b"\r\n\r\n") + 4 >= end:
        return octets + b"x"
    return octets[: end - 1] + bytes([octets[end - 1] ^ 1]) + octets[end:]


def _altered_header(octets: bytes) -> bytes:
    """The message with a letter added to its subject, or with a subject if it has none."""
    at = octets.lower().find(b"\r\nsubject:")
    if at < 0:
        at = octets.lower().find(b"\r\nfrom:") + len(b"\r\nfrom:")
    else:
        at += len(b"\r\nsubject:")
    return octets[:at] + b" X" + octets[at:]


ACTS: list[Callable[[Sequence[mailfiles.Source]], bool]] = [_sign_and_verify]
