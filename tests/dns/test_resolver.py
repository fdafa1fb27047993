"""Both resolvers against a nameserver that misbehaves: every outcome has its own status.

The ids are rows of the catalogue of abuse (`DNS_04`).  Each test is for the
blocking resolver and for the one of asyncio.
"""

import asyncio
import errno
import itertools
import os
import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any, TypeAlias

import dns.asyncquery
import dns.flags
import dns.query
import dns.rcode
import dns.rrset
import pytest
from nameserver import (
    Ask,
    Reply,
    Script,
    after,
    answer,
    both,
    drops,
    fails,
    in_turn,
    octets,
    serve,
    truncates,
)

from mailauth.dns import MX, Answer, AsyncResolver, Question, Resolver, RRType, Status
from mailauth.dns.exchange import resolution
from mailauth.dns.nameserver import Nameserver
from mailauth.errors import BadArgument

pytestmark = [pytest.mark.loopback]

NAME = "key.example"
TXT = Question(NAME, RRType.TXT)
KEY = answer(f'{NAME} 300 IN TXT "v=DKIM1; " "p=abc"')
NS = "example 60 IN NS ns.example."
SOA = "example 60 IN SOA ns.example. mail.example. 1 2 3 4 30"
ALIAS = f"{NAME} 9 IN CNAME gone.example."
FOUND = Answer(Status.EXISTS, (b"v=DKIM1; p=abc",), 300)
NOWHERE = "127.0.0.1:9"
"""A port where nobody answers."""

ResolveType: TypeAlias = Callable[..., Answer[Any]]
DriveType: TypeAlias = Callable[..., list[Answer[Any]]]


def blocking(*nameservers: str, question: Question = TXT, timeout: float = 0.4) -> Answer[Any]:
    return Resolver(nameservers, timeout=timeout).resolve(question)


def awaiting(*nameservers: str, question: Question = TXT, timeout: float = 0.4) -> Answer[Any]:
    return asyncio.run(AsyncResolver(nameservers, timeout=timeout).resolve(question))


def resolve_all(nameservers: list[str], names: list[str], *, timeout: float) -> list[Answer[Any]]:
    resolver = Resolver(nameservers, timeout=timeout)
    return [resolver.resolve(Question(name, RRType.TXT)) for name in names]


def await_all(nameservers: list[str], names: list[str], *, timeout: float) -> list[Answer[Any]]:
    async def main() -> list[Answer[Any]]:
        resolver = AsyncResolver(nameservers, timeout=timeout)
        return [await resolver.resolve(Question(name, RRType.TXT)) for name in names]

    return asyncio.run(main())


@pytest.fixture(params=[blocking, awaiting])
def resolve(request: pytest.FixtureRequest) -> ResolveType:
    """The answer of a fresh resolver to one question."""
    resolve: ResolveType = request.param
    return resolve


@pytest.mark.parametrize("kind", [Resolver, AsyncResolver])
@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_a_time_in_which_nothing_can_be_asked(
    kind: type[Resolver | AsyncResolver], seconds: float
) -> None:
    with pytest.raises(BadArgument, match="timeout must be more than 0 seconds"):
        kind([NOWHERE], timeout=seconds)
    with pytest.raises(BadArgument, match="budget must be more than 0 seconds"):
        kind([NOWHERE], budget=seconds)


def test_an_answer_has_its_strings_joined_and_its_ttl(resolve: ResolveType) -> None:
    with serve(KEY) as server:
        assert resolve(server.where) == FOUND
    (ask,) = server.asked
    assert ask.query.payload == 1232
    assert ask.query.flags == dns.flags.RD | dns.flags.AD


@pytest.mark.parametrize(
    ("rrtype", "data", "records"),
    [
        (RRType.TXT, r'"a\000\255" ""', (b"a\x00\xff",)),
        (RRType.A, "192.0.2.1", (IPv4Address("192.0.2.1"),)),
        (RRType.MX, "10 MX.Example.", (MX(10, "mx.example"),)),
        (RRType.MX, "0 .", (MX(0, ""),)),
        (RRType.PTR, "Host.Example.", ("host.example",)),
        (RRType.CNAME, "Host.Example.", ("host.example",)),
        (RRType.PTR, r"a\.b.ex\229mple.", (r"a\046b.ex\229mple",)),
    ],
)
def test_the_records_of_each_type(
    resolve: ResolveType, rrtype: RRType, data: str, records: tuple[Any, ...]
) -> None:
    with serve(answer(f"{NAME} 300 IN {rrtype} {data}")) as server:
        assert resolve(server.where, question=Question(NAME, rrtype)).records == records


def test_DNS_01_silence_is_a_time_out(resolve: ResolveType) -> None:
    with serve(drops) as server:
        for where in (server.where, NOWHERE):
            assert resolve(where, timeout=0.2).status is Status.TIMEOUT


def test_DNS_01_a_late_answer_is_a_time_out(resolve: ResolveType) -> None:
    with serve(after(0.4, KEY)) as server:
        assert resolve(server.where, timeout=0.2).status is Status.TIMEOUT


def test_DNS_01_a_silent_server_leaves_time_for_the_next(resolve: ResolveType) -> None:
    with serve(KEY) as server:
        assert resolve(NOWHERE, server.where, timeout=0.6) == FOUND


@pytest.mark.parametrize("drive", [resolve_all, await_all])
def test_DNS_01_a_server_that_kept_silent_is_asked_last(drive: DriveType) -> None:
    """Or one that is down takes its time from every question, until none is left."""
    with serve(drops) as silent, serve(answer()) as server:
        names = [f"{number}.example" for number in range(4)]
        answers = drive([silent.where, server.where], names, timeout=0.6)
    assert [each.status for each in answers] == [Status.NO_DATA] * 4
    assert silent.names() == names[:1]


@pytest.mark.parametrize("drive", [resolve_all, await_all])
def test_DNS_01_a_server_that_was_silent_once_is_asked_again(drive: DriveType) -> None:
    """The other one fails: the first one has to do, and is the first again when it answers."""
    twice = in_turn(answer(), answer(), drops)
    with serve(in_turn(drops, answer())) as first, serve(twice) as second:
        names = [f"{number}.example" for number in range(4)]
        answers = drive([first.where, second.where], names, timeout=0.6)
    assert [each.status for each in answers] == [Status.NO_DATA] * 4
    assert (first.names(), second.names()) == ([names[0], *names[2:]], names[:3])


def test_DNS_01_a_silent_server_is_asked_until_time_is_up(
    resolve: ResolveType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be resolving a distant domain, and have the answer in the end."""
    monkeypatch.setattr("mailauth.dns.resolver.MAX_TURN", 0.05)
    with serve(in_turn(*[drops] * 3, KEY)) as slow:
        assert resolve(slow.where, timeout=5.0) == FOUND
    assert len(slow.asked) == 4


def test_DNS_01_who_did_not_answer_is_said(resolve: ResolveType) -> None:
    with serve(drops) as silent, serve(fails(dns.rcode.REFUSED)) as other:
        for asked in ([silent.where], [other.where, silent.where]):
            found = resolve(*asked, timeout=0.2)
            servers = ", ".join(asked).replace(":", " port ")
            said = f"no answer in time from {servers}"
            assert found == Answer(Status.TIMEOUT, reason=said)


FAILURES = [
    (dns.rcode.SERVFAIL, Status.SERVER_FAILURE, 1),
    (dns.rcode.REFUSED, Status.REFUSED, 1),
    (dns.rcode.FORMERR, Status.SERVER_FAILURE, 2),  # asked again without EDNS
    (dns.rcode.NOTIMP, Status.SERVER_FAILURE, 2),
    (dns.rcode.YXDOMAIN, Status.SERVER_FAILURE, 1),
]


@pytest.mark.parametrize(("rcode", "status", "asked"), FAILURES)
def test_DNS_02_a_server_that_fails(
    resolve: ResolveType, rcode: int, status: Status, asked: int
) -> None:
    with serve(fails(rcode)) as server:
        failure = resolve(server.where)
        assert failure.status is status
        assert failure.failed
        assert "127.0.0.1" in failure.reason
    assert len(server.asked) == asked


@pytest.mark.parametrize(("rcode", "asked"), [(rcode, asked) for rcode, _, asked in FAILURES])
def test_DNS_02_the_next_server_is_asked(resolve: ResolveType, rcode: int, asked: int) -> None:
    with serve(fails(rcode)) as failing, serve(KEY) as server:
        assert resolve(failing.where, server.where) == FOUND
        assert resolve(server.where, failing.where) == FOUND
    assert len(failing.asked) == asked


def test_DNS_02_a_server_without_EDNS(resolve: ResolveType) -> None:
    def old(ask: Ask) -> Any:
        return (KEY if ask.query.edns < 0 else fails(dns.rcode.FORMERR))(ask)

    with serve(truncates(old)) as server:
        assert resolve(server.where).status is Status.SERVER_FAILURE
    with serve(old) as server:
        assert resolve(server.where) == FOUND


@pytest.mark.parametrize(
    ("script", "status", "ttl"),
    [
        (fails(dns.rcode.NXDOMAIN), Status.NO_SUCH_NAME, 60),
        (answer(authority=[SOA], rcode=dns.rcode.NXDOMAIN), Status.NO_SUCH_NAME, 30),
        (answer(), Status.NO_DATA, 60),
        (answer(authority=[SOA]), Status.NO_DATA, 30),
        (answer(authority=[NS, SOA]), Status.NO_DATA, 30),
        (answer(authority=[SOA.replace(" 60 ", " 20 ")]), Status.NO_DATA, 20),
        (answer(authority=[SOA.replace("example", "other", 1)]), Status.NO_DATA, 60),
        (answer(ALIAS, authority=[SOA], rcode=dns.rcode.NXDOMAIN), Status.NO_SUCH_NAME, 9),
        (answer(f"{NAME} 300 IN A 192.0.2.1"), Status.NO_DATA, 60),
        (answer(authority=[NS]), Status.SERVER_FAILURE, 0),
    ],
    ids=[
        *("nxdomain", "nxdomain-soa", "nodata", "nodata-soa", "nodata-ns"),
        *("soa-for-less", "soa-of-another", "alias-for-less", "other-type", "referral"),
    ],
)
def test_DNS_03_no_name_and_no_data_are_distinct(
    resolve: ResolveType, script: Script, status: Status, ttl: int
) -> None:
    with serve(script) as server:
        nothing = resolve(server.where)
    assert (nothing.status, nothing.ttl) == (status, ttl)
    assert nothing.void is not nothing.failed


def test_DNS_04_a_truncated_answer_is_fetched_by_TCP(resolve: ResolveType) -> None:
    with serve(truncates(KEY)) as server:
        assert resolve(server.where) == FOUND
    assert [ask.transport for ask in server.asked] == ["udp", "tcp"]


def cut(wire: bytes) -> bytes:
    """Truncated within a record, with TC."""
    (flags,) = struct.unpack("!H", wire[2:4])
    return wire[:2] + struct.pack("!H", flags | dns.flags.TC) + wire[4:-3]


def test_DNS_04_an_answer_cut_within_a_record_is_fetched_by_TCP(resolve: ResolveType) -> None:
    def script(ask: Ask) -> Any:
        return (KEY if ask.transport == "tcp" else octets(cut, KEY))(ask)

    with serve(script) as server:
        assert resolve(server.where) == FOUND


@pytest.mark.parametrize(
    "by_tcp",
    [
        drops,
        octets(cut, KEY),
        fails(dns.rcode.SERVFAIL),
        octets(lambda wire: wire[:-3], KEY),
        octets(lambda wire: bytes([wire[0] ^ 1]) + wire[1:], KEY),
        answer(f'{NAME} 300 IN TXT "part"', flags=dns.flags.TC),
    ],
    ids=["closes", "cut", "servfail", "garbage", "wrong-id", "truncates-again"],
)
def test_DNS_04_if_TCP_fails_nothing_partial_is_read(resolve: ResolveType, by_tcp: Script) -> None:
    with serve(truncates(by_tcp)) as server:
        failure = resolve(server.where)
    assert failure.status is Status.SERVER_FAILURE
    assert not failure.records


def wrong_id(ask: Ask) -> list[Reply]:
    forged = answer(f'{NAME} 300 IN TXT "forged"')(ask)
    return [bytes([wire[0] ^ 1]) + wire[1:] for wire in (reply.to_wire() for reply in forged)]  # type: ignore[union-attr]


def wrong_question(ask: Ask) -> list[Reply]:
    wire = ask.reply().to_wire()
    return [wire.replace(b"\x03key", b"\x03kez")]


def wrong_type(ask: Ask) -> list[Reply]:
    (reply,) = answer(f'{NAME} 300 IN TXT "forged"')(ask)
    assert not isinstance(reply, float | bytes)
    return [reply.to_wire().replace(b"\x00\x10\x00\x01", b"\x00\x01\x00\x01", 1)]


def garbage(_: Ask) -> list[Reply]:
    return [b"", b"\x00", b"garbage" * 50]


def a_query(ask: Ask) -> list[Reply]:
    return [ask.query.to_wire()]


def forged_truncation(ask: Ask) -> list[Reply]:
    return [cut(each) for each in wrong_id(ask) if isinstance(each, bytes)]


FORGERIES = [wrong_id, wrong_question, wrong_type, garbage, a_query, forged_truncation]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_DNS_05_forgeries_before_the_reply_are_passed_over(
    resolve: ResolveType, forgery: Script
) -> None:
    with serve(both(*[forgery] * 20, KEY)) as server:
        assert resolve(server.where) == FOUND
    assert len(server.asked) == 1


@pytest.mark.parametrize("forgery", FORGERIES)
def test_DNS_05_forgeries_alone_are_a_time_out(resolve: ResolveType, forgery: Script) -> None:
    with serve(forgery) as server:
        assert resolve(server.where, timeout=0.15).status is Status.TIMEOUT


def test_DNS_05_a_clock_that_is_set_back_keeps_no_question_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """dnspython goes by the time of day: who asks after it must not wait for that question."""
    clock = itertools.count(1_000_000, -10_000)
    of_dnspython = SimpleNamespace(time=lambda: float(next(clock)))
    monkeypatch.setattr(dns.asyncquery, "time", of_dnspython)

    async def main(where: str) -> list[Status]:
        resolver = AsyncResolver([where], timeout=0.3)
        first = await resolver.resolve(TXT)
        await asyncio.sleep(0.1)
        return [first.status, (await resolver.resolve(TXT)).status]

    with serve(in_turn(garbage, KEY)) as server:
        assert asyncio.run(main(server.where)) == [Status.TIMEOUT, Status.EXISTS]


def test_DNS_05_identifiers_and_ports_differ(resolve: ResolveType) -> None:
    with serve(KEY) as server:
        for _ in range(4):
            resolve(server.where)
    assert len({ask.query.id for ask in server.asked}) > 1


def test_DNS_05_the_case_of_the_question_may_differ(resolve: ResolveType) -> None:
    upper = octets(lambda wire: wire.replace(b"\x03key\x07example", b"\x03KEY\x07eXample"), KEY)
    with serve(upper) as server:
        assert resolve(server.where) == FOUND


def with_rdata(rdata: bytes, *, owner: bytes = b"\xc0\x0c") -> Script:
    """A reply whose only record has this owner and these octets as its data."""

    def script(ask: Ask) -> list[Reply]:
        wire = ask.reply().to_wire()[:12] + b"\x03key\x07example\x00\x00\x10\x00\x01"
        counts = struct.pack("!4H", 1, 1, 0, 0)
        record = owner + struct.pack("!HHIH", 16, 1, 300, len(rdata)) + rdata
        return [wire[:4] + counts + wire[12:] + record]

    return script


MALFORMED = {
    "pointer-to-itself": with_rdata(b"\x01a", owner=b"\xc0\x1d"),
    "pointer-forward": with_rdata(b"\x01a", owner=b"\xc0\xff"),
    "name-of-300-octets": with_rdata(b"\x01a", owner=(b"\x3f" + b"a" * 63) * 5 + b"\x00"),
    "label-of-type-1": with_rdata(b"\x01a", owner=b"\x41a\x00"),
    "DNS_09-string-longer-than-data": with_rdata(b"\x0aabc"),
    "DNS_09-no-string": with_rdata(b""),
    "data-cut": octets(lambda wire: wire[:-3], KEY),
}


@pytest.mark.parametrize("script", MALFORMED.values(), ids=MALFORMED)
def test_DNS_06_malformed_replies_are_failures(resolve: ResolveType, script: Script) -> None:
    with serve(script) as server:
        assert resolve(server.where, timeout=0.15).status is Status.TIMEOUT
    with serve(truncates(script)) as server:
        assert resolve(server.where).status is Status.SERVER_FAILURE


def test_DNS_09_strings_of_no_octets(resolve: ResolveType) -> None:
    with serve(with_rdata(b"\x00\x01a\x00")) as server:
        assert resolve(server.where).records == (b"a",)
    with serve(with_rdata(b"\x00")) as server:
        assert resolve(server.where) == Answer(Status.EXISTS, (b"",), 300)


def aliases(count: int, *, start: int = 0) -> list[str]:
    names = [NAME, *(f"alias{n}.example" for n in range(1, 40))]
    return [f"{names[n]} 300 IN CNAME {names[n + 1]}." for n in range(start, start + count)]


def test_DNS_07_ten_aliases_are_followed_and_no_more(resolve: ResolveType) -> None:
    ten = answer(*aliases(10), 'alias10.example 20 IN TXT "v=DKIM1"')
    with serve(ten) as server:
        assert resolve(server.where) == Answer(Status.EXISTS, (b"v=DKIM1",), 20)
    eleven = answer(*aliases(11), 'alias11.example 300 IN TXT "v=DKIM1"')
    with serve(eleven) as server:
        assert resolve(server.where).status is Status.SERVER_FAILURE


def test_DNS_07_the_end_of_a_chain_is_asked_for(resolve: ResolveType) -> None:
    end = answer('alias2.example 300 IN TXT "v=DKIM1"')
    with serve(in_turn(answer(*aliases(2)), end)) as server:
        assert resolve(server.where).records == (b"v=DKIM1",)
    assert server.names() == [NAME, "alias2.example"]


def test_DNS_07_aliases_count_over_all_replies(resolve: ResolveType) -> None:
    parts = [answer(*aliases(4, start=start)) for start in range(0, 36, 4)]
    with serve(in_turn(*parts)) as server:
        assert resolve(server.where).status is Status.SERVER_FAILURE
    assert len(server.asked) == 3


@pytest.mark.parametrize("target", [NAME, "other.example"])
def test_DNS_07_a_loop_of_aliases(resolve: ResolveType, target: str) -> None:
    loop = [f"{NAME} 9 IN CNAME {target}.", f"other.example 9 IN CNAME {NAME}."]
    with serve(answer(*loop)) as server:
        assert resolve(server.where).status is Status.SERVER_FAILURE


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (answer(*aliases(1), rcode=dns.rcode.NXDOMAIN), Status.NO_SUCH_NAME),
        (answer(*aliases(1), authority=[SOA]), Status.NO_DATA),
    ],
)
def test_DNS_07_an_alias_of_nothing(resolve: ResolveType, script: Script, status: Status) -> None:
    with serve(script) as server:
        assert resolve(server.where).status is status
    assert len(server.asked) == 1


def test_DNS_07_records_of_other_names_and_types_are_not_read(resolve: ResolveType) -> None:
    poison = ['other.example 300 IN TXT "poison"', "key.example.bank.example 300 IN A 192.0.2.66"]
    with serve(answer(*poison)) as server:
        assert resolve(server.where).status is Status.NO_DATA
    with serve(answer(*poison, f'{NAME} 300 IN TXT "v=DKIM1; p=abc"')) as server:
        assert resolve(server.where) == FOUND


def test_DNS_07_an_alias_beside_data_is_not_followed(resolve: ResolveType) -> None:
    beside = f"{NAME} 300 IN CNAME other.example."
    own = f'{NAME} 300 IN TXT "v=DKIM1; p=abc"'
    with serve(answer(beside, own, 'other.example 300 IN TXT "other"')) as server:
        assert resolve(server.where) == FOUND


@pytest.mark.parametrize(
    ("last", "status"), [(1, Status.EXISTS), (2, Status.SERVER_FAILURE)], ids=["64 KiB", "more"]
)
def test_DNS_08_an_answer_of_64_KiB_is_accepted(last: int, status: Status) -> None:
    """More than a datagram or a stream holds, but not more than a reply by HTTPS."""
    exchange = resolution(TXT, [Nameserver.parse("https://192.0.2.1/dns-query")])
    attempt = next(exchange)
    texts = [" ".join([f'"{letter * 255}"'] * 128) for letter in "ab"]
    texts.append(f'"{"c" * 255}" "{"c" * last}"')
    reply = Ask(attempt.query, "https").reply()
    reply.answer.append(dns.rrset.from_text(f"{NAME}.", 300, "IN", "TXT", *texts))
    reply.index = None  # type: ignore[assignment] # what was appended is not in it
    with pytest.raises(StopIteration) as stop:
        exchange.send(reply)
    assert stop.value.value.status is status


def test_without_a_nameserver_nothing_can_be_asked() -> None:
    with pytest.raises(StopIteration) as stop:
        next(resolution(TXT, []))
    assert stop.value.value.status is Status.SERVER_FAILURE


def test_DNS_08_a_record_that_fills_a_message(resolve: ResolveType) -> None:
    data = " ".join([f'"{"x" * 255}"'] * 250)
    with serve(truncates(answer(f"{NAME} 300 IN TXT {data}"))) as server:
        assert resolve(server.where, timeout=2.0).records == (b"x" * 255 * 250,)


@pytest.mark.parametrize(
    ("count", "status"), [(1000, Status.EXISTS), (1001, Status.SERVER_FAILURE)]
)
def test_DNS_08_a_thousand_records_are_accepted(
    resolve: ResolveType, count: int, status: Status
) -> None:
    records = [f'{NAME} 300 IN TXT "{number}"' for number in range(count)]
    with serve(truncates(answer(*records))) as server:
        result = resolve(server.where, timeout=2.0)
    assert result.status is status
    assert len(result.records) == (count if status is Status.EXISTS else 0)


def test_DNS_10_the_AD_bit_of_a_server_on_loopback_is_kept(resolve: ResolveType) -> None:
    record = f'{NAME} 300 IN TXT "a"'
    with serve(answer(record, flags=dns.flags.AD)) as server:
        assert resolve(server.where).secure is True
    with serve(answer(record)) as server:
        assert resolve(server.where).secure is False


@pytest.mark.parametrize(
    ("server", "secure"),
    [
        ("127.0.0.53", True),
        ("::1", True),
        ("tls://192.0.2.1", True),
        ("https://dns.example/dns-query", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
    ],
)
def test_DNS_10_the_AD_bit_is_believed_where_nobody_can_set_it_on_the_way(
    server: str, secure: bool
) -> None:
    exchange = resolution(TXT, [Nameserver.parse(server)])
    reply = Ask(next(exchange).query, "udp").reply()
    reply.flags |= dns.flags.AD
    with pytest.raises(StopIteration) as stop:
        exchange.send(reply)
    assert stop.value.value.secure is secure


@pytest.mark.parametrize("flags", [(dns.flags.AD, 0), (0, dns.flags.AD)], ids=["end", "begin"])
def test_DNS_10_one_insecure_part_makes_a_chain_insecure(
    resolve: ResolveType, flags: tuple[int, int]
) -> None:
    first = answer(*aliases(1), flags=flags[0])
    last = answer('alias1.example 300 IN TXT "a"', flags=flags[1])
    with serve(in_turn(first, last)) as server:
        found = resolve(server.where)
    assert found.records
    assert not found.secure


@pytest.mark.parametrize(("ttl", "kept"), [(0, 0), (2**31 - 1, 86_400), (2**31, 0), (2**32 - 1, 0)])
def test_DNS_11_a_ttl_is_at_most_a_day(resolve: ResolveType, ttl: int, kept: int) -> None:
    small = struct.pack("!I", 4242)
    lie = octets(
        lambda wire: wire.replace(small, struct.pack("!I", ttl)),
        answer(f'{NAME} 4242 IN TXT "a"'),
    )
    with serve(lie) as server:
        assert resolve(server.where).ttl == kept


@pytest.mark.parametrize(
    "name",
    [
        "a..b",
        ".a",
        "a.",
        ".",
        "x" * 64 + ".example",
        "é.example",
        "\uff0eexample",
        "a" * 254,
        "a." * 127,
    ],
)
def test_DNS_12_a_malformed_name_is_not_asked_for(resolve: ResolveType, name: str) -> None:
    with serve(KEY) as server:
        result = resolve(server.where, question=Question(name, RRType.TXT))
    assert result.status is Status.MALFORMED_NAME
    assert not result.failed
    assert not server.asked


@pytest.mark.parametrize("name", ["a\\.b", "\\065.example", "a b.example", "*.example", "a/\0.b"])
def test_DNS_12_a_name_has_no_escapes(resolve: ResolveType, name: str) -> None:
    with serve(fails(dns.rcode.NXDOMAIN)) as server:
        assert resolve(server.where, question=Question(name, RRType.TXT)).void
    labels = server.asked[0].query.question[0].name.labels
    assert labels == (*(label.encode() for label in name.split(".")), b"")


@pytest.mark.parametrize("fault", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_OPS_09_no_descriptor_to_ask_with_is_no_weather(
    resolve: ResolveType, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    """No name is to pass for one whose server failed."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(dns.query, "udp", refuse)
    monkeypatch.setattr(dns.asyncquery, "udp", refuse)
    with pytest.raises(OSError, match=os.strerror(fault)):
        resolve(NOWHERE)


def test_DNS_13_a_service_starts_while_its_resolver_is_down(resolve: ResolveType) -> None:
    assert resolve(NOWHERE, timeout=0.1).status is Status.TIMEOUT
    assert resolve(f"tls://{NOWHERE}", timeout=10.0).status is Status.SERVER_FAILURE


def test_a_server_that_does_not_speak_TLS(resolve: ResolveType) -> None:
    with serve(KEY) as server:
        assert resolve(f"tls://{server.where}").failed
