"""`mailauth keygen`: a key file, and the record to publish."""

from pathlib import Path

import click

from mailauth.cli.given import options
from mailauth.cli.shown.output import printable
from mailauth.errors import BadArgument


@click.command("keygen")
@options.domain
@options.selector
@click.option(
    "--type", "key_type", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True,
    help="Not every verifier knows ed25519: sign with rsa too.",
)  # fmt: skip
@click.option("--bits", type=int, help="The size of an RSA key; by default 2048.")
@click.option("-o", "--output", default=".", metavar="DIR", help="The folder for the key file.")
def command(domain: str, selector: str, key_type: str, bits: int | None, output: str) -> None:
    """Make a key file that only you can read, and print the TXT record to publish.

    \b
    mailauth keygen -d example.com -s 2026
    mailauth keygen -d example.com -s e2026 --type ed25519 -o /etc/mail/keys

    The file is DIR/SELECTOR.DOMAIN.pem; a key is never overwritten.
    """
    from mailauth.cli.record import print_key
    from mailauth.keys import PrivateKey

    if bits is not None and key_type != "rsa":
        raise BadArgument("--bits is for RSA keys; an Ed25519 key has one size")
    domain, selector = options.place(domain, selector)
    folder = Path(output)
    if not folder.is_dir():
        raise BadArgument(f"{output} is not a folder; make it first")
    size = {} if bits is None else {"bits": bits}
    key = PrivateKey.generate(key_type, **size)
    path = folder / f"{selector}.{domain}.pem"
    key.write(path)
    told = f"The private key is in {path}; publish this record:"
    click.echo(printable(told), err=True)
    print_key(key.public_key, domain, selector, "zone")
