"""Output for people: nothing in it that came from outside can control the terminal."""

import sys

import click

from mailauth.syntax.display import printable as printable  # noqa: PLC0414 - the commands' word too


def complain(sentence: str) -> None:
    """Print one line on standard error that says what is wrong and how to mend it."""
    click.echo(f"mailauth: {printable(sentence)}", err=True)


def put(path: str | None, octets: bytes) -> None:
    """Write octets where the user wants them: into a file, whole, or to standard output for None.

    **Raises** BadArgument: the file cannot be written.
    """
    if path is None:
        sys.stdout.buffer.write(octets)
    else:
        from mailauth.cli.shown.replace import replace

        replace(path, octets)
