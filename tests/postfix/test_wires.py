"""Both wire protocols: what is a request, what is none, and how replies are written."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth.postfix import Outcome, Reply, Request, Socketmap, TcpTable, Wire, WireFault
from mailauth.postfix import socketmap as socketmaps
from mailauth.postfix import tcptable as tcptables


def tcp_table() -> Wire:
    return TcpTable("forward")


def frame(octets: bytes) -> bytes:
    return b"%d:%b," % (len(octets), octets)


def quoted(key: str) -> bytes:
    octets = key.encode("utf-8", "surrogateescape")
    return b"".join(b"%c" % c if 0x21 <= c <= 0x7E and c != 0x25 else b"%%%02x" % c for c in octets)


def get(_: str, key: str) -> bytes:
    return b"get %b\n" % quoted(key)


def name_and_key(name: str, key: str) -> bytes:
    return frame(f"{name} {key}".encode("utf-8", "surrogateescape"))


WIRES = {"tcp_table": (tcp_table, get), "socketmap": (Socketmap, name_and_key)}
wires = pytest.mark.parametrize(("make", "write"), WIRES.values(), ids=WIRES)
Make = Callable[[], Wire]
Write = Callable[[str, str], bytes]
keys = st.binary(max_size=80).map(lambda octets: octets.decode("utf-8", "surrogateescape"))


def taken(wire: Wire, chunks: Iterable[bytes]) -> list[Request]:
    """All requests that come out of the chunks."""
    requests = []
    for chunk in chunks:
        wire.receive(chunk)
        while (request := wire.next_request()) is not None:
            requests.append(request)
    return requests


def cut(octets: bytes, places: Iterable[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[start:end] for start, end in pairwise(ends)]


@wires
@given(asked=st.lists(keys, max_size=8), places=st.lists(st.integers(0, 1000), max_size=12))
def test_requests_come_out_however_they_are_cut(
    make: Make, write: Write, asked: list[str], places: list[int]
) -> None:
    octets = b"".join(write("forward", key) for key in asked)
    wire = make()
    assert taken(wire, cut(octets, places)) == [Request("forward", key) for key in asked]
    assert not wire.partial


@wires
def test_one_octet_at_a_time(make: Make, write: Write) -> None:
    octets = write("forward", "ada lovelace@example.com") * 3
    requests = taken(make(), [octets[at : at + 1] for at in range(len(octets))])
    assert requests == [Request("forward", "ada lovelace@example.com")] * 3


@wires
def test_what_is_not_whole_is_partial(make: Make, write: Write) -> None:
    octets = write("forward", "ada@example.com")
    for end in range(1, len(octets)):
        wire = make()
        assert taken(wire, [octets[:end]]) == []
        assert wire.partial


@wires
def test_what_follows_a_request_may_be_a_fault(make: Make, write: Write) -> None:
    wire = make()
    wire.receive(write("forward", "ada@example.com") + b"\0")
    assert wire.next_request() == Request("forward", "ada@example.com")
    wire.receive(b"\n")
    with pytest.raises(WireFault):
        wire.next_request()


NO_GETS = {
    "no-get": b"ada@example.com\n",
    "put": b"put ada@example.com x\n",
    "capitals": b"GET ada@example.com\n",
    "empty-line": b"\n",
    "get-alone": b"get\n",
    "bad-hex": b"get a%zz\n",
    "half-hex": b"get a%4\n",
    "unicode-hex": "get a%4\uff14\n".encode(),
    "raw-cr": b"get ada@example.com\r\n",
    "raw-nul": b"get a\0b\n",
    "raw-blank": b"get a b\n",
    "raw-tab": b"get a\tb\n",
    "too-long": b"get " + b"a" * tcptables.MAX_REQUEST + b"\n",
    "endless": b"get " + b"a" * tcptables.MAX_REQUEST,
    "no-lines": b"\0" * 10_000,
}


@pytest.mark.parametrize("octets", NO_GETS.values(), ids=[f"PFX-01-{name}" for name in NO_GETS])
def test_no_request_of_tcp_table(octets: bytes) -> None:
    wire = tcp_table()
    wire.receive(octets)
    with pytest.raises(WireFault) as fault:
        wire.next_request()
    assert fault.value.reply.startswith(b"400 ")
    assert str(fault.value).isascii()
    assert str(fault.value).isprintable()
    assert len(str(fault.value)) < 300


def test_PFX_01_what_is_injected_stays_in_the_key() -> None:
    octets = b"get a%0A200%20x\nget %00\nget a%25zz\n"
    asked = [request.key for request in taken(tcp_table(), [octets])]
    assert asked == ["a\n200 x", "\0", "a%zz"]


def test_the_longest_command_of_postfix_fits() -> None:
    key = "\xe9" * 1024  # 2,048 octets
    assert taken(tcp_table(), [get("", key)]) == [Request("forward", key)]


NO_NETSTRINGS = {
    "huge": b"99999999999:",
    "over": b"10001:",
    "six-digits": b"100000",
    "negative": b"-1:",
    "plus": b"+1:a b,",
    "leading-zero": b"01:",
    "blank": b" 3:a b,",
    "no-colon": b"3;a b,",
    "no-comma": b"3:a b;",
    "no-blank": b"3:a_b,",
    "empty": b"0:,",
    "unicode-digit": "\uff13:a b,".encode(),
    "text": b"get ada@example.com\n",
}


@pytest.mark.parametrize(
    "octets", NO_NETSTRINGS.values(), ids=[f"PFX-04-{name}" for name in NO_NETSTRINGS]
)
def test_no_request_of_socketmap(octets: bytes) -> None:
    wire = Socketmap()
    wire.receive(octets)
    with pytest.raises(WireFault) as fault:
        wire.next_request()
    assert fault.value.reply == frame(b"PERM not a request")
    assert str(fault.value).isascii()
    assert str(fault.value).isprintable()


def test_PFX_04_the_longest_request() -> None:
    key = "a" * (socketmaps.MAX_REQUEST - len("forward "))
    assert taken(Socketmap(), [name_and_key("forward", key)]) == [Request("forward", key)]


REPLIES = {
    "found": (
        Reply(Outcome.FOUND, "SRS0=x=y=example.com=ada@srs.example"),
        b"200 SRS0=x=y=example.com=ada@srs.example\n",
        frame(b"OK SRS0=x=y=example.com=ada@srs.example"),
    ),
    "PFX-02-blanks": (
        Reply(Outcome.FOUND, '"a b"@x'),
        b'200 "a%20b"@x\n',
        frame(b'OK "a b"@x'),
    ),
    "PFX-02-controls": (
        Reply(Outcome.FOUND, "a\r\n200 b%\0\x7f"),
        b"200 a%0D%0A200%20b%25%00%7F\n",
        frame(b"OK a\r\n200 b%\0\x7f"),
    ),
    "PFX-02-a-control-alone": (
        Reply(Outcome.FOUND, "a\nb"),
        b"200 a%0Ab\n",
        frame(b"OK a\nb"),
    ),
    "PFX-02-a-percent-sign-alone": (
        Reply(Outcome.FOUND, "a%b"),
        b"200 a%25b\n",
        frame(b"OK a%b"),
    ),
    "PFX-02-8bit": (
        Reply(Outcome.FOUND, "\xe9\udcff"),
        b"200 %C3%A9%FF\n",
        frame(b"OK \xc3\xa9\xff"),
    ),
    "PFX-02-longest": (
        Reply(Outcome.FOUND, "a" * 4091),
        b"200 " + b"a" * 4091 + b"\n",
        frame(b"OK " + b"a" * 4091),
    ),
    "not-found": (
        Reply(Outcome.NOT_FOUND, "why\n"),
        b"500 not found\n",
        frame(b"NOTFOUND "),
    ),
    "PFX-03-temporary": (
        Reply(Outcome.TEMP, "a secret\n"),
        b"400 internal trouble, try again later\n",
        frame(b"TEMP internal trouble, try again later"),
    ),
    "PFX-05-permanent": (
        Reply(Outcome.PERM, "no map\n%0A\xe9"),
        b"400 no map??0A?\n",
        frame(b"PERM no map??0A?"),
    ),
    "PFX-03-an-empty-value": (
        Reply(Outcome.FOUND, ""),
        b"400 internal trouble, try again later\n",
        frame(b"TEMP internal trouble, try again later"),
    ),
}


@pytest.mark.parametrize(("reply", "line", "netstring"), REPLIES.values(), ids=REPLIES)
def test_replies(reply: Reply, line: bytes, netstring: bytes) -> None:
    assert tcp_table().send(reply) == line
    assert Socketmap().send(reply) == netstring


@pytest.mark.parametrize("value", ["a" * 4092, "\xe9" * 700], ids=["PFX-02-long", "PFX-02-%XX"])
def test_a_value_too_long_for_a_line_is_never_cut(value: str) -> None:
    assert tcp_table().send(Reply(Outcome.FOUND, value)).startswith(b"400 ")


def test_a_value_too_long_for_a_netstring_is_never_cut() -> None:
    assert Socketmap().send(Reply(Outcome.FOUND, "a" * 100_000)).startswith(b"38:TEMP ")


@wires
@given(text=keys, outcome=st.sampled_from(list(Outcome)))
def test_a_reply_is_one_line_or_one_netstring(
    make: Make, write: Write, text: str, outcome: Outcome
) -> None:
    del write
    octets = make().send(Reply(outcome, text))
    if make is Socketmap:
        length, _, rest = octets.partition(b":")
        assert len(rest) == int(length) + 1
    else:
        assert octets.count(b"\n") == 1
        assert len(octets) <= tcptables.MAX_REPLY
        assert octets[:4] in {b"200 ", b"400 ", b"500 "}
