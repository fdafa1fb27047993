"""What is printed for people: nothing that came from outside can move the cursor."""

import click


def printable(text: str) -> str:
    """The text with control and other unprintable characters as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def complain(sentence: str) -> None:
    """One line on standard error that says what is wrong and how to mend it."""
    click.echo(f"mailauth: {printable(sentence)}", err=True)
