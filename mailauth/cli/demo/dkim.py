"""The act of DKIM: signatures of two keys, and what one octet does to them."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mailauth.cli import mailfiles
from mailauth.cli.output import printable
from mailauth.syntax.message import Message

if TYPE_CHECKING:
    from mailauth.dkim import Signing, Verdict
    from mailauth.dns import Zone

_DOMAIN = "example.com"
_FORTNIGHT = 14 * 86_400


def act(sources: Sequence[mailfiles.Source]) -> bool:
    """Sign with an RSA and an Ed25519 key, verify, alter one octet and verify again."""
    from mailauth import dkim
    from mailauth.cli.crosscheck import is_installed

    click.secho(f"DKIM: two keys of {_DOMAIN}, and the records it would publish\n", bold=True)
    signings, zone = _keys_and_records()
    if not is_installed():
        click.echo("\nNo second opinion: dkimpy is not installed.")
    now = int(time.time())
    as_expected: list[bool] = []
    for source in sources:
        click.secho(f"\n{printable(source.name)}, {len(source.octets)} octets", bold=True)
        signed = dkim.sign_all(source.octets, signings, now=now, expire=_FORTNIGHT) + source.octets
        for what, octets, wanted in (
            ("as it was signed", signed, "pass"),
            ("with one octet of the body altered", _altered_body(signed), "fail"),
            ("with one octet of the header altered", _altered_header(signed), "fail"),
        ):
            click.echo(f"  {what}:")
            # Ours are the uppermost; the message may have been signed before.
            verdicts = zone.run(dkim.verify(octets, now=now))[: len(signings)]
            agreed = _show(octets, verdicts, zone)
            as_expected.append(agreed and all(v.result.value == wanted for v in verdicts))
    return all(as_expected)


def _keys_and_records() -> tuple[list["Signing"], "Zone"]:
    """A key of each type, each to sign with its type as selector, and the zone that has them."""
    from mailauth import dkim
    from mailauth.dkim.key import name
    from mailauth.dns import Zone, present
    from mailauth.keys import PrivateKey

    signings: list[dkim.Signing] = []
    records: dict[str, dict[str, list[bytes]]] = {}
    for key_type in ("rsa", "ed25519"):
        key = PrivateKey.generate(key_type)
        octets = dkim.KeyRecord.for_key(key.public_key).format().encode()
        click.echo(present.master_file(name(_DOMAIN, key_type), octets))
        records[name(_DOMAIN, key_type)] = {"TXT": [octets]}
        signings.append(dkim.Signing(_DOMAIN, key_type, key))
    return signings, Zone(records)


def _show(octets: bytes, verdicts: list["Verdict"], zone: "Zone") -> bool:
    """Print the verdicts, with dkimpy's opinions if it is there; whether they agree."""
    from mailauth.cli import crosscheck

    for verdict in verdicts:
        click.echo(
            f"    {verdict.result.value:5} {verdict.algorithm or '?'}: {printable(verdict.reason)}"
        )
    if not crosscheck.is_installed():
        return True
    comparison = crosscheck.compare(octets, verdicts, zone)
    for line in comparison.lines():
        click.echo(f"    {printable(line)}")
    return not any(opinion.differs for opinion in comparison.opinions)


def _altered_body(octets: bytes) -> bytes:
    """The message with the last visible octet of its body altered, or one in an empty body."""
    end = len(octets.rstrip())
    if end > Message.parse(octets).body_start:
        return _altered(octets, end - 1)
    return octets + (b"x" if b"\r\n\r\n" in octets else b"\r\n\r\nx")


def _altered_header(octets: bytes) -> bytes:
    """The message with the first visible octet of its subject altered, or of its From."""
    header = octets[: Message.parse(octets).body_start].lower()
    at = header.find(b"\r\nsubject:")
    if at < 0 or header[at:].startswith(b"\r\nsubject:\r\n"):
        at = header.find(b"\r\nfrom:")
    at = header.index(b":", at) + 1
    return _altered(octets, at + len(octets[at:]) - len(octets[at:].lstrip()))


def _altered(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
