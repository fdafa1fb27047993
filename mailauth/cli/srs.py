"""`mailauth srs`: rewrite a sender, find the original one, make a secret."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from mailauth.cli.given import options
from mailauth.cli.names import Commands
from mailauth.cli.shown.output import complain, printable
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.srs import Scheme
    from mailauth.srs.aliases import AliasFile
    from mailauth.srs.secrets import Entry

secrets_file = click.option(
    "--secrets", "path", required=True, metavar="FILE",
    help="One secret per line, newest first; mode 0600.",
)  # fmt: skip
alias_file = click.option(
    "--aliases", "store", metavar="FILE",
    help="Store for long senders; created if missing.",
)  # fmt: skip
at_time = options.now("Act as of this time: epoch seconds or a date.")


@click.group("srs", cls=Commands)
def command() -> None:
    """Rewrite the senders of forwarded mail, and back: the Sender Rewriting Scheme."""


@command.command("forward")
@click.argument("address")
@options.domain_option("The domain that forwards.")
@secrets_file
@alias_file
@at_time
@click.option("--separator", type=click.Choice(["=", "+", "-"]), default="=", show_default=True,
              help="The character after SRS0.")  # fmt: skip
@click.option("--hash-length", type=int, default=4, show_default=True,
              help="The number of characters in the hash.")  # fmt: skip
@click.option("--mac", type=click.Choice(["classic", "separated"]), default="classic",
              show_default=True,
              help="separated is safer, but only mailauth understands it.")  # fmt: skip
def forward(
    address: str,
    domain: str,
    path: str,
    store: str | None,
    now: int,
    separator: str,
    hash_length: int,
    mac: str,
) -> None:
    """Print the SRS address to use as sender in place of ADDRESS.

    \b
    mailauth srs forward ada@example.com -d forwarder.example --secrets srs.secrets

    The null sender, and senders of the domain itself, stay as they are.  The
    exit status is 0, 1 if the address cannot be rewritten, 2 on misuse.
    """
    from mailauth import srs

    scheme = srs.Scheme(
        separator,
        hash_length,
        hash_minimum=min(hash_length, srs.CLASSIC.hash_minimum),
        mac=srs.Mac(mac),
        long_senders=srs.LongSenders.STORE if store else srs.LongSenders.REFUSE,
    )
    with _refusals("not rewritten"), _aliases(store, scheme) as aliases:
        rewritten = srs.forward(
            _of_envelope(address),
            domain=options.a_label(domain),
            secrets=srs.Secrets.read(path),
            now=now,
            scheme=scheme,
            aliases=aliases,
        )
    _show(rewritten)


@command.command("reverse", short_help="Print the original sender of an SRS address.")
@click.argument("address")
@secrets_file
@alias_file
@at_time
@click.option("--max-age", type=int, default=21, show_default=True, metavar="DAYS",
              help="How long an address is valid.")  # fmt: skip
@click.option("--hash-minimum", type=int, default=4, show_default=True,
              help="The shortest hash that is accepted.")  # fmt: skip
def reverse(
    address: str, path: str, store: str | None, now: int, max_age: int, hash_minimum: int
) -> None:
    """Print the original sender, to whom a bounce to ADDRESS belongs.

    \b
    mailauth srs reverse SRS0=vmyz=2W=example.com=ada@forwarder.example --secrets srs.secrets

    The exit status is 0, 1 if the address is not one of ours, forged or too old, 2 on
    misuse.
    """
    from mailauth import srs

    scheme = srs.Scheme(hash_minimum=hash_minimum, hash_length=srs.MAX_HASH, max_age=max_age)
    with _refusals("not reversed"), _aliases(store, scheme) as aliases:
        original = srs.reverse(
            _of_envelope(address),
            secrets=srs.Secrets.read(path),
            now=now,
            scheme=scheme,
            aliases=aliases,
        )
    _show(original)


@command.command("new-secret", short_help="Add a new secret; the old ones still verify.")
@secrets_file
@click.option("--keep", type=int, metavar="N",
              help="Keep only the newest N of the old secrets, not all.")  # fmt: skip
def new_secret(path: str, keep: int | None) -> None:
    """Add a new secret that signs from now on; the old ones still verify.

    \b
    mailauth srs new-secret --secrets /etc/mailauth/srs.secrets
    systemctl reload mailauth

    The file is created if it does not exist; otherwise it keeps its owner and mode,
    so root can do this for the user of the service.  Bounces to addresses that were
    signed with a secret that is gone are refused.
    """
    import secrets

    from mailauth import srs
    from mailauth.cli.shown.replace import replace
    from mailauth.keys import files

    if keep is not None and not 1 <= keep < srs.MAX_SECRETS:
        raise BadArgument(
            f"--keep must be 1 to {srs.MAX_SECRETS - 1}: mail that is under way has an old hash"
        )
    fresh = secrets.token_urlsafe(24).encode()
    if not os.path.exists(path):  # noqa: PTH110 - a name that is too long is none
        files.write(path, fresh + b"\n", noun="secrets file")
        click.echo(printable(f"{path} has 1 secret"), err=True)
        return
    octets = files.read(path, noun="secrets file")
    old = _entries(path, octets)
    kept = [entry.lines for entry in old[:keep]]
    if len(kept) >= srs.MAX_SECRETS:
        raise BadArgument(
            f"{path} has {len(kept)} secrets, and at most {srs.MAX_SECRETS} are allowed;"
            " say with --keep how many of them to keep"
        )
    after = octets[sum(len(entry.lines) for entry in old) :]
    replace(path, b"".join([fresh, b"\n", *kept, after]))
    click.echo(printable(_came_to(path, len(kept) + 1, gone=len(old) - len(kept))), err=True)


def _entries(path: str, octets: bytes) -> "list[Entry]":
    """**Raises** UnusableSecrets, with the file and the line."""
    from mailauth import srs

    try:
        return list(srs.entries(octets))
    except srs.UnusableSecrets as fault:
        raise srs.UnusableSecrets(f"{path}: {fault}") from None


def _came_to(path: str, count: int, *, gone: int) -> str:
    """What the file has now, in a sentence."""
    secrets = f"{count} secret{'s' * (count > 1)}"
    dropped = f", and the oldest {gone} {'are' if gone > 1 else 'is'} gone" if gone else ""
    return f"{path} has {secrets}{dropped}; reload the service"


def _of_envelope(argument: str) -> str:
    """An argument as the library has addresses: decoded as UTF-8, whatever the locale is."""
    return os.fsencode(argument).decode("utf-8", "surrogateescape")


def _show(address: str) -> None:
    """Print the address alone, octet for octet."""
    click.echo(address.encode("utf-8", "surrogateescape"))


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """Answer an address that is refused with one line of complaint, and status 1."""
    from mailauth.srs import SRSError

    try:
        yield
    except SRSError as fault:
        complain(f"{what}: {fault}")
        raise click.exceptions.Exit(1) from None


def _aliases(path: str | None, scheme: "Scheme") -> "AbstractContextManager[AliasFile | None]":
    if path is None:
        return nullcontext()
    from mailauth.srs.aliases import AliasFile

    return AliasFile(path, max_age=scheme.max_age)
