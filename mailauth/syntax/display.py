"""Text from outside, made safe to show: it cannot move the cursor or reverse the line."""


def printable(text: str) -> str:
    """The text with control and other unprintable characters escaped.

    These include line ends, characters that change the direction of writing, and
    zero-width ones, so that the text looks like what it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
