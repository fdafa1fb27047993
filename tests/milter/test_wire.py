"""The milter protocol: every command and reply, every order, any pieces."""

import itertools
import struct

import mta
import pytest
from filtered import pieces
from hypothesis import example, given
from hypothesis import strategies as st

from mailauth.milter.protocol import replies
from mailauth.milter.protocol.events import (
    Abort,
    Body,
    Connect,
    Data,
    EndOfHeaders,
    EndOfMessage,
    Event,
    Fields,
    Helo,
    MailFrom,
    ProtocolViolation,
    Quit,
    QuitNewConnection,
    RcptTo,
    Unknown,
)
from mailauth.milter.protocol.options import Actions, Offer, Options, Steps, Wanted, negotiate
from mailauth.milter.protocol.states import NEXT, State
from mailauth.milter.wire import MAX_FIELDS, Connection, Limits

ALL = Options(actions=Actions(0x1FF), steps=Steps.LEADING_SPACE | Steps.SKIP)
SILENT = Options(
    actions=Actions(0x1FF),
    steps=Steps.LEADING_SPACE
    | Steps.NO_REPLY_CONNECT
    | Steps.NO_REPLY_HELO
    | Steps.NO_REPLY_MAIL
    | Steps.NO_REPLY_RECIPIENT
    | Steps.NO_REPLY_DATA
    | Steps.NO_REPLY_HEADER
    | Steps.NO_REPLY_END_OF_HEADERS
    | Steps.NO_REPLY_BODY
    | Steps.NO_REPLY_UNKNOWN,
)

SESSION: list[tuple[bytes, Event]] = [
    (mta.connect(), Connect(b"client.example.com", b"4", 4711, b"192.0.2.7")),
    (mta.helo(), Helo(b"client.example.com")),
    (mta.mail("<ada@example.com>", "SIZE=7"), MailFrom(b"<ada@example.com>", (b"SIZE=7",))),
    (mta.rcpt("<ben@example.net>", "A", "B"), RcptTo(b"<ben@example.net>", (b"A", b"B"))),
    (mta.unknown(b"FOO bar"), Unknown(b"FOO bar")),
    (mta.data(), Data()),
    (mta.header(b"From", b" a\n\tb"), Fields([(b"From", b" a\n\tb")])),
    (mta.header(b"X", b""), Fields([(b"X", b"")])),
    (mta.end_of_headers(), EndOfHeaders()),
    (mta.body(b"one\r\n\0"), Body(b"one\r\n\0")),
    (mta.body(b""), Body(b"")),
    (mta.end_of_message(b"rest"), EndOfMessage(b"rest")),
    (mta.ABORT, Abort()),
    (mta.QUIT_NEW_CONNECTION, QuitNewConnection()),
    (mta.connect("2001:db8::7", "[x]", "6"), Connect(b"[x]", b"6", 4711, b"2001:db8::7")),
    (mta.QUIT, Quit()),
]


def opened(options: Options = ALL, limits: Limits | None = None) -> Connection:
    connection = Connection(limits or Limits())
    connection.receive(mta.offer())
    assert connection.next_event() == Offer(6, mta.ALL_ACTIONS, mta.ALL_STEPS)
    connection.send(options)
    return connection


def drain(connection: Connection) -> list[Event]:
    """All events there are, each answered with continue."""
    found = []
    while (event := connection.next_event()) is not None:
        found.append(event)
        if connection.owed:
            connection.send(replies.CONTINUE)
    return found


def same(got: list[Event], want: list[Event]) -> bool:
    """Tuples are equal to other tuples; events are not to other events."""
    return got == want and list(map(type, got)) == list(map(type, want))


def one_by_one(got: list[Event]) -> list[Event]:
    """The same with an event for each header field, whichever came together."""
    found: list[Event] = []
    for event in got:
        if type(event) is Fields:
            found += [Fields([field]) for field in event.fields]
        else:
            found.append(event)
    return found


@pytest.mark.parametrize("options", [ALL, SILENT], ids=["answered", "silent"])
@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 64, 100_000])
def test_a_session_in_any_pieces(options: Options, step: int) -> None:
    connection = opened(options)
    octets = b"".join(frame for frame, _ in SESSION)
    got: list[Event] = []
    for at in range(0, len(octets), step):
        connection.receive(octets[at : at + step])
        got += drain(connection)
    assert same(one_by_one(got), [event for _, event in SESSION])
    assert connection.state is State.CLOSED


@pytest.mark.parametrize("options", [ALL, SILENT], ids=["answered", "silent"])
@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_any_cuts(options: Options, cuts: list[int]) -> None:
    connection = opened(options)
    octets = b"".join(frame for frame, _ in SESSION)
    got: list[Event] = []
    for start, end in itertools.pairwise([0, *sorted(cuts), len(octets)]):
        connection.receive(octets[start:end])
        got += drain(connection)
    assert same(one_by_one(got), [event for _, event in SESSION])


NO_REPLY: dict[type[Event], int] = {
    Connect: 0x1000,
    Helo: 0x2000,
    MailFrom: 0x4000,
    RcptTo: 0x8000,
    Data: 0x10000,
    Unknown: 0x20000,
    Fields: 0x80,
    EndOfHeaders: 0x40000,
    Body: 0x80000,
}
"""The bits of libmilter, SMFIP_NR_CONN and so on."""


@pytest.mark.parametrize("silent", NO_REPLY, ids=lambda event: event.__name__)
def test_each_step_takes_one_reply_away(silent: type[Event]) -> None:
    connection = opened(Options(steps=Steps(NO_REPLY[silent])))
    connection.receive(b"".join(frame for frame, _ in SESSION))
    while (event := connection.next_event()) is not None:
        if type(event) in NO_REPLY:
            assert (connection.owed is None) is (type(event) is silent)
        if connection.owed:
            connection.send(replies.CONTINUE)
    assert connection.state is State.CLOSED


FIELDS = [(b"X-%d" % number, b" a") for number in range(2 * MAX_FIELDS + 3)]


@pytest.mark.parametrize("between", [b"", mta.macros(b"L", {"i": "1"})], ids=["bare", "macros"])
def test_fields_that_have_come_together_are_told_together(between: bytes) -> None:
    connection = opened(SILENT)
    sent = b"".join(between + mta.header(*field) for field in FIELDS)
    connection.receive(mta.mail() + sent + between + mta.end_of_headers())
    first, *runs, last = drain(connection)
    assert (type(first), last) == (MailFrom, EndOfHeaders())
    assert [len(run.fields) for run in runs if type(run) is Fields] == [MAX_FIELDS, MAX_FIELDS, 3]
    assert one_by_one(runs) == [Fields([field]) for field in FIELDS]


def test_fields_that_are_answered_are_told_one_by_one() -> None:
    connection = opened(ALL)
    connection.receive(mta.mail() + b"".join(mta.header(*field) for field in FIELDS))
    assert drain(connection)[1:] == [Fields([field]) for field in FIELDS]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (mta.frame(b"L", b"X\0 a"), "not a name and a value"),
        (mta.frame(b"L", b""), "not a name and a value"),
        (struct.pack(">I", 0) + b"L", "a frame of 0 octets"),
        (struct.pack(">I", 2**31) + b"L", "a frame of"),
        (struct.pack(">I", 5) + b"?", "unknown command"),
        (mta.body(b"x"), "in the state HEADER"),
    ],
)
@pytest.mark.parametrize("fields", [FIELDS[:1], FIELDS[:3]], ids=["after one", "after three"])
def test_a_fault_behind_fields(fields: list[tuple[bytes, bytes]], broken: bytes, why: str) -> None:
    connection = opened(SILENT)
    connection.receive(mta.mail() + b"".join(mta.header(*field) for field in fields) + broken)
    with pytest.raises(ProtocolViolation, match=why):
        drain(connection)
    assert connection.state is State.CLOSED


@pytest.mark.parametrize(
    ("octets", "want"),
    [
        (mta.connect(family="U"), Connect(b"client.example.com", b"U")),
        (mta.connect("/run/x", family="L"), Connect(b"client.example.com", b"L", 4711, b"/run/x")),
        (
            mta.connect("IPv6:2001:db8::1", family="6"),
            Connect(b"client.example.com", b"6", 4711, b"2001:db8::1"),
        ),
        (mta.connect(host=""), Connect(b"", b"4", 4711, b"192.0.2.7")),
    ],
)
def test_clients(octets: bytes, want: Connect) -> None:
    connection = opened()
    connection.receive(octets)
    assert connection.next_event() == want


COMMANDS = {
    "O": mta.offer(),
    "C": mta.connect(),
    "H": mta.helo(),
    "M": mta.mail(),
    "R": mta.rcpt(),
    "T": mta.data(),
    "L": mta.header(b"A", b" b"),
    "N": mta.end_of_headers(),
    "B": mta.body(b"x"),
    "E": mta.end_of_message(),
    "A": mta.ABORT,
    "Q": mta.QUIT,
    "K": mta.QUIT_NEW_CONNECTION,
    "U": mta.unknown(),
    "D": mta.macros(b"M", {"i": "1"}),
}
WAYS = {"": "OQ", "O": "CHMUAQKD", "OC": "HMUAQKD", "OCH": "HMUAQKD", "OCHM": "HMRTLNUAQKD"} | {
    "OCM": "HMRTLNUAQKD",
    "OCHMH": "HMUAQKD",
    "OCHMM": "HMRTLNUAQKD",
    "OCHMR": "HMRTLNUAQKD",
    "OCHMRT": "LNAQKD",
    "OCHMRTL": "LNAQKD",
    "OCHMRTLN": "BEAQKD",
    "OCHMRTLNB": "BEAQKD",
    "OCHMRTLNBE": "HMUAQKD",
    "OCHMRTA": "HMUAQKD",
    "OCHMK": "CHMUAQKD",
    "OCHQ": "",
}
"""After these commands, those that may come."""


def led(way: str, options: Options = ALL) -> Connection:
    connection = Connection()
    for code in way:
        connection.receive(COMMANDS[code])
        while connection.next_event() is not None:
            if connection.owed:
                connection.send(options if connection.owed == b"O" else replies.CONTINUE)
    return connection


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", COMMANDS)
def test_MIL_03_every_command_in_every_order(way: str, code: str) -> None:
    connection = led(way)
    connection.receive(COMMANDS[code])
    if code in WAYS[way]:
        connection.next_event()
        return
    if connection.state is State.CLOSED:
        assert connection.next_event() is None, "after the end nothing is read"
        return
    with pytest.raises(ProtocolViolation, match="in the state"):
        connection.next_event()
    assert connection.next_event() is None
    assert connection.pending == 0


@pytest.mark.parametrize("way", [way for way in WAYS if not way.endswith("Q")])
def test_MIL_03_unknown_commands(way: str) -> None:
    connection = led(way)
    connection.receive(mta.frame(b"z", b"what"))
    with pytest.raises(ProtocolViolation, match="unknown command"):
        connection.next_event()


def test_the_table_knows_every_state() -> None:
    assert set(NEXT) == set(State)


@pytest.mark.parametrize("length", [0, 1_048_577, 2**31, 2**32 - 1])
@pytest.mark.parametrize("whole", [True, False])
def test_MIL_01_lengths_that_are_none(length: int, whole: bool) -> None:
    connection = opened()
    connection.receive(struct.pack(">I", length)[: 4 if whole else 3])
    if not whole:
        assert connection.next_event() is None
        return
    with pytest.raises(ProtocolViolation, match="a frame of"):
        connection.next_event()


def test_MIL_01_a_frame_that_is_announced_costs_nothing() -> None:
    connection = opened(limits=Limits(frame=2**32 - 1))
    connection.receive(mta.mail() + mta.end_of_headers())
    assert drain(connection)
    connection.receive(struct.pack(">I", 2**32 - 1) + b"B" + b"x" * 100)
    assert connection.next_event() is None
    assert connection.pending == 105
    assert connection._buffer.__sizeof__() < 4096


def test_an_idle_connection_keeps_nothing_of_what_was_read() -> None:
    connection = opened(SILENT)
    connection.receive(mta.mail() + mta.end_of_headers() + mta.body(b"y" * 65_000))
    assert len(drain(connection)) == 3
    assert connection._buffer == connection._behind == b""


def test_MIL_02_long_header_fields_and_bodies() -> None:
    connection = opened(SILENT)
    field = b" " + b"x" * 102_400
    octets = (
        mta.mail() + mta.header(b"X-Long", field) + mta.end_of_headers() + mta.body(b"y" * 65_535)
    )
    connection.receive(octets)
    got = drain(connection)
    assert got[1:] == [Fields([(b"X-Long", field)]), EndOfHeaders(), Body(b"y" * 65_535)]
    small = opened(SILENT, Limits(frame=1000))
    small.receive(mta.mail() + mta.header(b"X-Long", field))
    with pytest.raises(ProtocolViolation, match="a frame of"):
        drain(small)


@pytest.mark.parametrize(
    ("way", "octets"),
    [
        ("O", mta.frame(b"C")),
        ("O", mta.frame(b"C", b"host")),
        ("O", mta.frame(b"C", b"host\0")),
        ("O", mta.frame(b"C", b"host\0x")),
        ("O", mta.frame(b"C", b"host\x004")),
        ("O", mta.frame(b"C", b"host\x004\0")),
        ("O", mta.frame(b"C", b"host\x004\0\x19")),
        ("O", mta.frame(b"C", b"host\x004\0\x19192.0.2.1")),
        ("O", mta.frame(b"C", b"host\x004\0\x19192.0.2.1\0\0")),
        ("O", mta.frame(b"H")),
        ("O", mta.frame(b"H", b"x")),
        ("O", mta.frame(b"H", b"x\0y\0")),
        ("OC", mta.frame(b"M")),
        ("OC", mta.frame(b"M", b"<a@b>")),
        ("OC", mta.frame(b"M", b"<a@b>\0SIZE=1")),
        ("OCM", mta.frame(b"R")),
        ("OCM", mta.frame(b"R", b"<a@b>")),
        ("OCM", mta.frame(b"U", b"x")),
        ("OCM", mta.frame(b"U")),
        ("OCM", mta.frame(b"L")),
        ("OCM", mta.frame(b"L", b"\0")),
        ("OCM", mta.frame(b"L", b"From\0")),
        ("OCM", mta.frame(b"L", b"From\0 x")),
        ("OCM", mta.frame(b"L", b"From\0 x\0y\0")),
        ("OCM", mta.frame(b"L", b"From\0 x\0\0")),
        ("OC", mta.frame(b"D")),
        ("OC", mta.frame(b"D", b"z")),
        ("OC", mta.frame(b"D", b"Mi")),
        ("OC", mta.frame(b"D", b"Mi\0")),
        ("OC", mta.frame(b"D", b"Mi\x001")),
        ("OC", mta.frame(b"D", b"Mi\x001\0j\0")),
        ("", mta.frame(b"O")),
        ("", mta.frame(b"O", bytes(11))),
        ("", mta.offer(version=0)),
        ("", mta.offer(version=1)),
    ],
    ids=repr,
)
def test_MIL_04_malformed_frames(way: str, octets: bytes) -> None:
    connection = led(way)
    connection.receive(octets)
    with pytest.raises(ProtocolViolation):
        connection.next_event()
    assert connection.next_event() is None


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6, 7, 2**32 - 1])
def test_MIL_05_versions(version: int) -> None:
    connection = Connection()
    connection.receive(mta.frame(b"O", struct.pack(">III", version, 0x3F, 0x7F) + b"more"))
    offer = connection.next_event()
    assert isinstance(offer, Offer)
    wanted = Wanted(Actions.ADD_HEADERS | Actions.CHANGE_FROM, Steps.NO_BODY | Steps.SKIP)
    options = negotiate(offer, wanted)
    assert options == Options(min(version, 6), Actions.ADD_HEADERS, Steps.NO_BODY)
    assert options.lacks(wanted) == Actions.CHANGE_FROM
    want = mta.frame(b"O", struct.pack(">III", min(version, 6), 0x01, 0x10))
    assert connection.send(options) == want


def test_macros_are_asked_for_where_that_is_offered() -> None:
    wanted = Wanted(Actions.ADD_HEADERS, macros={b"R": "i {rcpt_addr}", b"N": "i"})
    options = negotiate(Offer(6, 0x1FF, 0), wanted)
    connection = Connection()
    connection.receive(mta.offer())
    connection.next_event()
    head = struct.pack(">III", 6, 0x101, 0)
    body = struct.pack(">I", 3) + b"i {rcpt_addr}\0" + struct.pack(">I", 6) + b"i\0"
    assert connection.send(options) == mta.frame(b"O", head + body)
    assert negotiate(Offer(6, 0xFF, 0), wanted).macros == {}


def test_macros_by_stage() -> None:
    connection = opened(SILENT)

    def hear(*frames: bytes) -> None:
        connection.receive(b"".join(frames))
        drain(connection)

    hear(mta.macros(b"C", {"j": "mx", "{daemon_name}": "one", "_": "x [y]"}), mta.connect())
    hear(mta.macros(b"H", {}), mta.helo())
    hear(mta.macros(b"M", {"{auth_authen}": "ada", "{daemon_name}": "two"}), mta.mail())
    assert connection.macro(b"auth_authen") == b"ada"
    assert connection.macro(b"daemon_name") == b"two", "the latest stage says it"
    assert connection.macro(b"_") == b"x [y]"
    assert connection.macro(b"i") is None
    assert connection.macro(b"auth") is None, "a part of a name is no name"
    assert connection.macro(b"two") is None, "nor is a value"
    assert connection.macro(b"") is None
    hear(mta.macros(b"R", {"i": "1", "{rcpt_addr}": "b"}), mta.rcpt())
    hear(mta.macros(b"R", {"i": "1"}), mta.rcpt())
    assert connection.macro(b"rcpt_addr") is None, "a later frame for a stage replaces it"
    hear(mta.ABORT)
    assert connection.macro(b"auth_authen") is None
    assert connection.macro(b"i") is None
    assert connection.macro(b"j") == b"mx"
    hear(mta.QUIT_NEW_CONNECTION)
    assert connection.macro(b"j") is None


def test_MIL_06_macros_end_with_their_message() -> None:
    connection = opened(SILENT)
    for user in ("ada", ""):
        stage = mta.macros(b"M", {"{auth_authen}": user} if user else {})
        connection.receive(stage + mta.mail() + b"".join(mta.message(b"From: x\r\n\r\ny\r\n")))
        while connection.next_event():
            pass
        assert connection.macro(b"auth_authen") == (user.encode() or None)
        assert connection.macro(b"i") == b"4XqZ"
        connection.send(replies.CONTINUE)
        assert connection.macro(b"i") is None


@pytest.mark.parametrize("next_command", [mta.mail(), mta.helo()], ids=["MAIL", "HELO"])
def test_MIL_06_macros_end_with_an_envelope_that_is_dropped(next_command: bytes) -> None:
    connection = opened(SILENT)
    connection.receive(mta.mail() + mta.macros(b"R", {"{rcpt_mailer}": "local"}) + mta.rcpt())
    drain(connection)
    assert connection.macro(b"rcpt_mailer") == b"local"
    connection.receive(next_command)
    drain(connection)
    assert connection.macro(b"rcpt_mailer") is None


def test_macros_have_a_limit() -> None:
    connection = opened(SILENT)
    connection.receive(mta.macros(b"M", {"x": "y" * 70_000}))
    with pytest.raises(ProtocolViolation, match="macros of"):
        connection.next_event()


REPLIES = [
    (replies.CONTINUE, b"c", b""),
    (replies.ACCEPT, b"a", b""),
    (replies.REJECT, b"r", b""),
    (replies.TEMPFAIL, b"t", b""),
    (replies.DISCARD, b"d", b""),
    (replies.SHUTDOWN, b"4", b""),
    (replies.CONNECTION_FAILED, b"f", b""),
    (replies.Refusal(550, "5.7.23", "100% no"), b"y", b"550 5.7.23 100%% no\0"),
    (replies.Refusal(451, "4.7.24", ""), b"y", b"451 4.7.24 \0"),
    (replies.Progress(), b"p", b""),
    (replies.AddHeader(b"A", b" b"), b"h", b"A\0 b\0"),
    (replies.InsertHeader(0, b"A", b" b\n\tc"), b"i", b"\0\0\0\0A\0 b\n\tc\0"),
    (replies.ChangeHeader(258, b"A"), b"m", b"\0\0\1\2A\0\0"),
    (replies.ReplaceBody(b"x"), b"b", b"x"),
    (replies.ChangeFrom(b"<a@b>"), b"e", b"<a@b>\0"),
    (replies.ChangeFrom(b"<>", b"BODY=7BIT"), b"e", b"<>\0BODY=7BIT\0"),
    (replies.AddRecipient(b"<a@b>"), b"+", b"<a@b>\0"),
    (replies.AddRecipientWithArguments(b"<a@b>", b"X=1"), b"2", b"<a@b>\0X=1\0"),
    (replies.DeleteRecipient(b"<a@b>"), b"-", b"<a@b>\0"),
    (replies.Quarantine("why"), b"q", b"why\0"),
]


@pytest.mark.parametrize(("reply", "code", "octets"), REPLIES, ids=lambda value: repr(value)[:40])
def test_replies(reply: replies.Reply, code: bytes, octets: bytes) -> None:
    connection = led("OCHMRTLN")
    connection.receive(mta.end_of_message())
    connection.next_event()
    assert list(pieces(connection.send(reply))) == [(code, octets)]
    over = isinstance(reply, replies.PlainReply | replies.Refusal)
    assert (connection.owed is None) == over
    assert connection.in_message != over


def test_a_new_body_in_pieces() -> None:
    octets = replies.ReplaceBody(b"x" * 70_000).encode()
    assert [len(piece) for _, piece in pieces(octets)] == [65_535, 4_465]
    assert list(pieces(replies.ReplaceBody(b"").encode())) == [(b"b", b"")]


@pytest.mark.parametrize(
    "way", ["O", "OC", "OCH", "OCHM", "OCHMR", "OCHMRT", "OCHMRTL", "OCHMRTLN"]
)
@pytest.mark.parametrize(("reply", "code", "octets"), REPLIES, ids=lambda value: repr(value)[:40])
def test_changes_come_at_the_end_alone(
    way: str, reply: replies.Reply, code: bytes, octets: bytes
) -> None:
    connection = led(way)
    connection.receive(COMMANDS["CHMRTLNB"[len(way) - 1]])
    assert connection.next_event() is not None
    if isinstance(reply, replies.PlainReply | replies.Refusal):
        assert list(pieces(connection.send(reply))) == [(code, octets)]
        return
    with pytest.raises(replies.UnsendableReply):
        connection.send(reply)


@pytest.mark.parametrize("reply", [reply for reply, _, _ in REPLIES], ids=lambda r: repr(r)[:40])
def test_nothing_is_said_unasked(reply: replies.Reply) -> None:
    connection = led("OCHMR", SILENT)
    with pytest.raises(replies.UnsendableReply, match="no reply"):
        connection.send(reply)
    with pytest.raises(replies.UnsendableReply):
        Connection().send(reply)


def test_options_are_agreed_on_once() -> None:
    connection = Connection()
    connection.receive(mta.offer())
    connection.next_event()
    with pytest.raises(replies.UnsendableReply, match="awaits options"):
        connection.send(replies.CONTINUE)
    connection.send(ALL)
    connection.receive(mta.connect())
    connection.next_event()
    with pytest.raises(replies.UnsendableReply, match="once"):
        connection.send(ALL)


@pytest.mark.parametrize(
    ("options", "reply"),
    [
        (Options(), replies.AddHeader(b"A", b"b")),
        (Options(actions=Actions.ADD_HEADERS), replies.ChangeHeader(1, b"A")),
        (Options(actions=Actions(0x1DF)), replies.Quarantine("x")),
        (Options(actions=Actions(0x1BF)), replies.ChangeFrom(b"<>")),
    ],
)
def test_only_what_was_agreed_on(options: Options, reply: replies.Reply) -> None:
    connection = led("OCHMRTLN", options)
    connection.receive(mta.end_of_message())
    connection.next_event()
    with pytest.raises(replies.UnsendableReply, match="agreed"):
        connection.send(reply)


def test_skip_is_for_those_who_know_it() -> None:
    for options in (ALL, Options()):
        connection = led("OCHMRTLN", options)
        connection.receive(mta.body(b"x"))
        connection.next_event()
        if options is ALL:
            assert connection.send(replies.SKIP) == mta.frame(b"s")
        else:
            with pytest.raises(replies.UnsendableReply):
                connection.send(replies.SKIP)


REFUSAL = replies.Refusal(451, "4.7.1", "later")


@pytest.mark.parametrize(
    ("way", "command", "reply", "state"),
    [
        ("OCH", "M", replies.REJECT, State.GREETED),
        ("OCH", "M", REFUSAL, State.GREETED),
        ("OCH", "M", replies.SHUTDOWN, State.GREETED),
        ("OCH", "M", replies.CONNECTION_FAILED, State.GREETED),
        ("OCH", "M", replies.ACCEPT, State.GREETED),
        ("OCH", "M", replies.CONTINUE, State.ENVELOPE),
        ("OCHM", "R", replies.TEMPFAIL, State.ENVELOPE),
        ("OCHM", "R", REFUSAL, State.ENVELOPE),
        ("OCHM", "R", replies.DISCARD, State.GREETED),
        ("OCHM", "U", replies.REJECT, State.ENVELOPE),
        ("OCHMR", "T", replies.TEMPFAIL, State.GREETED),
        ("OCHMRT", "L", replies.REJECT, State.GREETED),
        ("OCHMRTL", "N", REFUSAL, State.GREETED),
        ("OCHMRTLN", "B", replies.ACCEPT, State.GREETED),
        ("OC", "H", replies.REJECT, State.GREETED),
    ],
    ids=str,
)
def test_replies_that_end_a_message(
    way: str, command: str, reply: replies.Reply, state: State
) -> None:
    connection = led(way)
    connection.receive(COMMANDS[command])
    connection.next_event()
    connection.send(reply)
    assert connection.state is state


def test_while_a_reply_is_owed_nothing_more_is_told() -> None:
    connection = opened()
    connection.receive(mta.connect() + mta.helo())
    assert isinstance(connection.next_event(), Connect)
    assert connection.next_event() is None
    connection.send(replies.CONTINUE)
    assert isinstance(connection.next_event(), Helo)


BAD = [
    replies.Refusal(250, "2.0.0", "fine"),
    replies.Refusal(550, "4.7.1", "x"),
    replies.Refusal(599, "5.7.1", "x"),
    replies.Refusal(550, "5.7.1\r\n", "x"),
    replies.Refusal(550, "5.7.1", "two\nlines"),
    replies.Refusal(550, "5.7.1", "ü"),
    replies.Refusal(550, "5.7.1", "nul\0"),
    replies.AddHeader(b"A", b"b\r\nc: d"),
    replies.AddHeader(b"A", b"b\nc: d"),
    replies.AddHeader(b"A", b"b\n"),
    replies.AddHeader(b"A", b"b\0"),
    replies.AddHeader(b"A:", b"b"),
    replies.AddHeader(b"A B", b"b"),
    replies.AddHeader(b"", b"b"),
    replies.InsertHeader(-1, b"A", b"b"),
    replies.ChangeHeader(2**31, b"A", b"b"),
    replies.ChangeFrom(b"<a@b>\r\n"),
    replies.AddRecipient(b"<a\0@b>"),
    replies.Quarantine("two\nlines"),
]


@pytest.mark.parametrize("reply", BAD, ids=repr)
def test_MIL_15_what_would_break_the_frame_is_not_sent(reply: replies.Reply) -> None:
    connection = led("OCHMRTLN")
    connection.receive(mta.end_of_message())
    connection.next_event()
    with pytest.raises(replies.UnsendableReply):
        connection.send(reply)
    assert connection.owed == b"E", "another one can be sent"


@example("x" * 700)
@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=700))
def test_MIL_15_a_refusal_is_one_line(text: str) -> None:
    ((code, octets),) = pieces(replies.Refusal(550, "5.7.1", text).encode())
    assert code == b"y"
    assert octets.endswith(b"\0")
    line = octets[:-1].replace(b"%%", b"%")
    assert b"%" not in octets[:-1].replace(b"%%", b"")
    assert len(line) <= 510
    assert not set(line) & {0, 10, 13}


def test_MIL_15_a_text_from_outside_is_of_printable_ascii() -> None:
    assert replies.printable_ascii("a\0b\r\nc\x7f\x1b[m ü\udcff") == "a?b??c??[m ??"
