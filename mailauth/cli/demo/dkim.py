"""The act of DKIM: signatures of two keys, and what one octet does to them."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import mailfiles
from mailauth.cli.shown.output import printable
from mailauth.errors import UnsignableMessage
from mailauth.syntax.message import Message

if TYPE_CHECKING:
    from mailauth.dkim import Verdict
    from mailauth.dns import Zone
    from mailauth.keys import PrivateKey

_DOMAIN = "example.com"
_FORTNIGHT = 14 * 86_400


def act(sources: Sequence[mailfiles.Source]) -> bool:
    """Sign with an RSA and an Ed25519 key, verify, alter one octet and verify again.

    **Raises** UnsignableMessage, before anything is printed.
    """
    from mailauth import dkim
    from mailauth.cli.opinions.dkimpy import is_installed
    from mailauth.keys import PrivateKey

    now = int(time.time())
    keys = {key_type: PrivateKey.generate(key_type) for key_type in ("rsa", "ed25519")}
    all_signed = [_signed(source, keys, now) for source in sources]
    click.secho(f"DKIM: two keys of {_DOMAIN}, and the records it would publish\n", bold=True)
    zone = _published(keys)
    if not is_installed():
        click.echo("\nNo second opinion: dkimpy is not installed.")
    as_expected: list[bool] = []
    agreed: list[bool] = []
    for source, signed in zip(sources, all_signed, strict=True):
        click.secho(f"\n{printable(source.name)}, {len(source.octets)} octets", bold=True)
        for what, octets, wanted in (
            ("as it was signed", signed, "pass"),
            ("with one octet of the body altered", _altered_body(signed), "fail"),
            ("with one octet of the header altered", _altered_header(signed), "fail"),
        ):
            click.echo(f"  {what}:")
            # Ours are the uppermost; the message may have been signed before.
            verdicts = zone.run(dkim.verify(octets, now=now))[: len(keys)]
            agreed.append(_show(octets, verdicts, zone, now))
            as_expected += [verdict.result.value == wanted for verdict in verdicts]
    if not all(agreed):
        click.echo("\nWhere dkimpy differs, it reads the message differently; our verdicts stand.")
    return all(as_expected)


def _signed(source: mailfiles.Source, keys: Mapping[str, "PrivateKey"], now: int) -> bytes:
    """The message with a signature by each key; the type of the key is the selector."""
    from mailauth import dkim

    signings = [dkim.Signing(_DOMAIN, key_type, key) for key_type, key in keys.items()]
    try:
        fields = dkim.sign_all(source.octets, signings, now=now, expire=_FORTNIGHT)
    except UnsignableMessage as fault:
        raise UnsignableMessage(f"{source.name}: {fault}") from None
    return fields + source.octets


def _published(keys: Mapping[str, "PrivateKey"]) -> "Zone":
    """Print the records of the keys; returns the zone that has them."""
    from mailauth import dkim
    from mailauth.dkim.key import name
    from mailauth.dns import Zone, present

    records: dict[str, dict[str, list[bytes]]] = {}
    for key_type, key in keys.items():
        octets = dkim.KeyRecord.for_key(key.public_key).format().encode()
        click.echo(present.master_file(name(_DOMAIN, key_type), octets))
        records[name(_DOMAIN, key_type)] = {"TXT": [octets]}
    return Zone(records)


def _show(octets: bytes, verdicts: list["Verdict"], zone: "Zone", now: int) -> bool:
    """Print the verdicts, and dkimpy's if it is installed; returns whether they agree."""
    from mailauth.cli.opinions import dkimpy

    for verdict in verdicts:
        click.echo(
            f"    {verdict.result.value:5} {verdict.algorithm or '?'}: {printable(verdict.reason)}"
        )
    if not dkimpy.is_installed():
        return True
    comparison = dkimpy.compare(octets, verdicts, zone, now=now)
    for line in comparison.lines():
        click.echo(f"    {printable(line)}")
    return not any(opinion.differs for opinion in comparison.opinions)


def _altered_body(octets: bytes) -> bytes:
    """The message with the last visible octet of its body altered, or one added if it is empty."""
    end = len(octets.rstrip())
    if end > Message.parse(octets).body_start:
        return _altered(octets, end - 1)
    return octets + (b"x" if b"\r\n\r\n" in octets else b"\r\n\r\nx")


def _altered_header(octets: bytes) -> bytes:
    """The message with an octet of its Subject altered, or of its From, or one added to From."""
    values = list(_values(octets))
    for wanted in (b"subject", b"from"):
        for key, start, end in values:
            visible = _VISIBLE.search(octets, start, end)
            if key == wanted and visible is not None:
                return _altered(octets, visible.start())
    end = next(end for key, _, end in values if key == b"from")
    return octets[:end] + b"x" + octets[end:]


def _values(octets: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The key of each field of a sound header, and where its value begins and ends."""
    at = 0
    for field in Message.parse(octets).fields:
        end = at + len(field.octets)
        yield field.key, end - len(field.value), end
        at = end + len(b"\r\n")


_VISIBLE = re.compile(rb"[!-~\x80-\xff]")


def _altered(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
