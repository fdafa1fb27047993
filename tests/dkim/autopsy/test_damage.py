"""What a body may have been: found in one pass, and the same as in the plainest way."""

from hypothesis import given
from hypothesis import strategies as st

from mailauth.dkim.autopsy.damage import MAX_FIELD, of_body, of_field, of_missing
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


PIECES = st.sampled_from(
    [
        b"=?utf-8?b?a?=", b"=?utf-8?q?=?=", b"=?none?b?YQ==?=", b"=?utf-8?b?\xff?=",
        b"=?\x00?q?a?=", b"=?utf-16?b?YQ?=", b"=?", b"?=", b"\r\n ", b"\r\n\t", b"\r\n", b"\n",
        b" ", b"[", b"]", b'"', b"<", b">", b"a@b.example", b"a", b"\xff", b"\xc3\xb6", b"\x00",
        b";", b"charset=", b"***SPAM***", b"--x", b"=", b"=3", b"\r\n\r\n",
        b"Content-Transfer-Encoding: quoted-printable", b"boundary=x", b"\r\n--x\r\n", b"--x--\r\n",
        b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    ]
)  # fmt: skip
HOSTILE = st.lists(PIECES | st.binary(max_size=3), max_size=12).map(b"".join)
NAMES = st.sampled_from([b"Subject", b"From", b"Content-Type", b"Content-Transfer-Encoding", b"X"])


def test_an_encoded_word_that_cannot_be_decoded_stays() -> None:
    octets = b"Subject: =?utf-8?b?a?="
    changes = list(of_field(octets, Message.parse(octets + b"\r\n\r\n")))
    assert all(b"=?utf-8?b?a?=" in change.before for change in changes)


def test_a_long_field_is_left_alone() -> None:
    others = Message.parse(b"\r\n")
    field = b"Subject: [list] ".ljust(MAX_FIELD, b"x")
    assert list(of_field(field, others))
    assert not list(of_field(field + b"x", others))


@given(name=NAMES, value=HOSTILE, encoding=HOSTILE, body=HOSTILE)
def test_any_octets_have_changes_or_none(
    name: bytes, value: bytes, encoding: bytes, body: bytes
) -> None:
    octets = name + b": " + value
    others = Message.parse(octets + b"\r\nReply-To: " + value + b"\r\n\r\n")
    for change in (*of_field(octets, others), *of_missing(name.lower())):
        assert change.what
    for kind in (encoding, b"base64", b"quoted-printable", b"8bit"):
        message = Message.parse(b"Content-Transfer-Encoding: " + kind + b"\r\n\r\n" + body)
        for change in of_body(message):
            assert change.what
