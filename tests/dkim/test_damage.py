"""What a body may have been: found in one pass, and the same as in the plainest way."""

from hypothesis import given
from hypothesis import strategies as st

from mailauth.dkim.damage import of_body
from mailauth.syntax.message import Message

WIDTHS = {990, 991, 998, 999, 1000, 2048}
LENGTHS = st.sampled_from([0, 1, 989, *WIDTHS, 1001])
ENDS = st.tuples(st.sampled_from(["", " ", "  ", "!"]), st.sampled_from(["", " ", "!", "!!"]))


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A line of some width, with what relays put at its start and its end."""
    start, end = draw(ENDS)
    return (start + "x" * (draw(LENGTHS) - len(start) - len(end))) + end


def plainly_unwrapped(body: bytes, blank: bytes) -> bytes:
    first, *rest = body.split(b"\r\n")
    unwrapped, last = first, len(first)
    for line in rest:
        if last in WIDTHS:
            unwrapped = unwrapped.removesuffix(b"!") + line.removeprefix(blank)
        else:
            unwrapped += b"\r\n" + line
        last = len(line)
    return unwrapped


@given(st.lists(lines(), max_size=8).map("\r\n".join).map(str.encode))
def test_wrapped_lines_are_joined(body: bytes) -> None:
    told = {change.what: change.before for change in of_body(Message.parse(b"\r\n" + body))}
    for what, blank in (
        ("long lines were wrapped", b""),
        ("long lines were wrapped, with a blank", b" "),
    ):
        assert told.get(what, body) == plainly_unwrapped(body, blank)
