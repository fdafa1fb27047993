"""`mailauth sign`: put a DKIM-Signature before each message."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import mailfiles, options
from mailauth.cli.shown.output import complain, put
from mailauth.cli.shown.statuses import MISUSE
from mailauth.errors import BadArgument, UnsignableMessage

if TYPE_CHECKING:
    from mailauth.dkim import Signing


@click.command("sign")
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@options.domain
@click.option(
    "-s", "--selector", "selectors", multiple=True, required=True, metavar="SELECTOR",
    help="The selector; repeat -s and -k for several signatures.",
)  # fmt: skip
@click.option(
    "-k", "--key", "key_files", multiple=True, required=True, metavar="KEYFILE",
    help="The private key's file, one for each selector.",
)  # fmt: skip
@click.option(
    "-c", "--canonicalization", default="relaxed/relaxed", show_default=True,
    metavar="HEADER/BODY", help="simple or relaxed, for header and body.",
)  # fmt: skip
@click.option("--expire", metavar="TIME", help="How long the signature is valid, such as 14d.")
@click.option("--identity", metavar="I", help="The user or agent, i=, such as news@example.com.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file; for a single message.")
@click.option("--in-place", is_flag=True, help="Replace each file with its signed message.")
@click.option("-q", "--quiet", is_flag=True, help="Do not warn about fragile messages.")
def command(
    files: tuple[str, ...],
    domain: str,
    selectors: tuple[str, ...],
    key_files: tuple[str, ...],
    canonicalization: str,
    expire: str | None,
    identity: str | None,
    output: str | None,
    in_place: bool,
    quiet: bool,
) -> None:
    """Sign each FILE, or standard input, and write the signed message.

    \b
    mailauth sign -d example.com -s 2026 -k 2026.pem mail.eml > signed.eml
    mailauth sign -d example.com -s r1 -k r1.pem -s e1 -k e1.pem --in-place *.eml

    A file whose lines end with LF is signed as if they ended with CRLF, and keeps
    its LF; a message that mixes them is refused.  The exit status is 2 if a
    message could not be signed; the others still are.
    """
    from mailauth.dkim import sign_all

    files = files or (mailfiles.STANDARD_INPUT,)
    _check(files, output, in_place=in_place)
    lifetime = None if expire is None else options.duration(expire)
    if lifetime == 0:
        raise BadArgument(f"--expire {expire}: a signature must be valid for at least one second")
    sign = partial(
        sign_all,
        signings=_signings(domain, selectors, key_files, identity),
        canonicalization=canonicalization,
        now=int(time.time()),
        expire=lifetime,
    )
    signed = [_sign(path, sign, path if in_place else output, quiet=quiet) for path in files]
    if not all(signed):
        raise click.exceptions.Exit(MISUSE)


def _sign(path: str, sign: Callable[[bytes], bytes], target: str | None, *, quiet: bool) -> bool:
    """Sign one file and write it; returns whether that succeeded.  A complaint says why not."""
    try:
        source = mailfiles.read(path)
    except BadArgument as fault:
        complain(str(fault))
        return False
    try:
        fields = sign(source.octets)
    except UnsignableMessage as fault:
        complain(f"{path}: {fault}")
        return False
    if not quiet:
        _warn(source)
    try:
        put(target, source.restored(fields + source.octets))
    except BadArgument as fault:
        complain(str(fault))
        return False
    return True


def _check(files: Sequence[str], output: str | None, *, in_place: bool) -> None:
    if in_place and (output is not None or mailfiles.STANDARD_INPUT in files):
        raise BadArgument("--in-place needs files, and excludes --output")
    if len(files) > 1 and not in_place:
        raise BadArgument("to sign several files, give --in-place")
    named: set[str] = set()
    for path in files if in_place else ():
        target = os.path.realpath(path)
        if target in named:
            raise BadArgument(f"{path} is named twice; give each file once")
        named.add(target)


def _signings(
    domain: str, selectors: Sequence[str], key_files: Sequence[str], identity: str | None
) -> list["Signing"]:
    from mailauth.dkim import Signing
    from mailauth.keys import PrivateKey

    if len(selectors) != len(key_files):
        raise BadArgument("each -s needs its -k: give them in pairs")
    return [
        Signing(domain, selector, PrivateKey.read(path), identity)
        for selector, path in zip(selectors, key_files, strict=True)
    ]


def _warn(source: mailfiles.Source) -> None:
    """Warn of what relays may change, which breaks the signature (RFC 6376 §5.3)."""
    from mailauth.dkim.fragile import Fragility

    fragility = Fragility()
    fragility.update(source.octets)
    for note in fragility.notes():
        complain(f"{source.name}: warning: {note}")
