"""Text from outside as people may see it: nothing in it can move the cursor or turn the line."""


def printable(text: str) -> str:
    """The text with control and other unprintable characters as escapes.

    These include line ends, what turns the direction of writing, and blanks of
    no width, so that a text looks like what it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
