"""What relays may change, seen in a message that arrives in any pieces as in the whole."""

from hypothesis import example, given
from hypothesis import strategies as st

from mailauth.dkim.fragile import MAX_LINE, Fragility

LENGTHS = st.sampled_from([0, 1, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 2 * MAX_LINE])
LINES = st.lists(LENGTHS.map(lambda length: b"x" * length), max_size=6)


def notes(*pieces: bytes) -> list[str]:
    seen = Fragility()
    for piece in pieces:
        seen.update(piece)
    return [note.partition(",")[0] for note in seen.notes()]


@example(lines=[b"x", b"x" * MAX_LINE], accent=False, cuts=[500])
@example(lines=[b"x", b"x" * (MAX_LINE + 1), b""], accent=True, cuts=[500])
@given(lines=LINES, accent=st.booleans(), cuts=st.lists(st.integers(0, 7_000), max_size=4))
def test_a_long_line_is_seen_wherever_it_is_cut(
    lines: list[bytes], accent: bool, cuts: list[int]
) -> None:
    octets = b"\r\n".join(lines) + b"\xc3\xa4" * accent
    ends = [*sorted(cuts), len(octets)]
    pieces = [octets[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    want = ["octets over 127"] * accent
    want += ["a line of over 998 octets"] * any(
        len(line) > MAX_LINE for line in octets.split(b"\r\n")
    )
    assert notes(*pieces) == notes(octets) == want
