"""Odd messages that every implementation should read alike: for the oracles."""

from hypothesis import strategies as st

PAIRS = [(header, body) for header in ("simple", "relaxed") for body in ("simple", "relaxed")]
NAMES = ["Subject", "To", "X-A", "received", "List-Id"]
LINES = st.lists(st.text("ab \t.-=;:é", max_size=30), max_size=12)
VALUES = st.lists(st.from_regex(r"[a-z;=.<>@\"( )]{0,10}[ \t]{0,3}", fullmatch=True), max_size=3)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message with odd folds and blanks, repeated fields, and any body.

    It leaves out what dkimpy is known to read differently: a value of blanks only.
    """
    fields = ["From: ada@example.com"]
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=6)):
        value = "\r\n ".join(f"x{part}" for part in draw(VALUES))
        fields.append(f"{name}:{draw(st.sampled_from(['', ' ', '  ']))}{value or 'x'}")
    body = "\r\n".join(draw(LINES))
    end = draw(st.sampled_from(["\r\n", "\r\n\r\n\r\n"]))
    return ("\r\n".join(draw(st.permutations(fields))) + "\r\n\r\n" + body + end).encode()
