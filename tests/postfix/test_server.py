"""The server over real sockets: peers that are fast, slow, silent, many, or no peers at all."""

import asyncio
import errno
import socket
import struct
from contextlib import suppress
from pathlib import Path

import descriptors
import pytest
from limited import run
from lookups import Recorder, echo, serving

from mailauth.errors import BadArgument
from mailauth.postfix import Limits, LookupProtocol, LookupServer, Outcome, Reply, Request
from mailauth.postfix.connection import TURN
from mailauth.serving import Acceptor

pytestmark = pytest.mark.loopback

SOCKETMAP = LookupProtocol.SOCKETMAP
LINE = b"get ada@example.com\n"
VALUE = b"200 ada@example.com\n"
QUICK = Limits(request=0.2, idle=30)


def test_many_requests_in_one_write_are_answered_in_order() -> None:
    async def test() -> None:
        async with serving() as served:
            many = range(3 * TURN + 1)
            octets = b"".join(b"get %d@x\n" % number for number in many)
            assert await served.ask(octets) == b"".join(b"200 %d@x\n" % number for number in many)
            assert served.watch.told[:3] == ["started 0@x", "ended 0@x", "started 1@x"]

    run(test())


def test_socketmap_on_a_unix_socket(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "socket"
        async with serving(protocol=SOCKETMAP, path=path) as served:
            assert await served.ask(b"11:reverse a@x,10:forward bx,") == b"6:OK a@x,5:OK bx,"
            assert await served.ask(b"1000000:") == b"18:PERM not a request,"
            assert served.watch.lines == ["a Unix socket: not a netstring: b'1000000:'"]

    run(test())


def test_one_octet_at_a_time() -> None:
    async def test() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            for octet in LINE * 2:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(0)
            assert await reader.readexactly(2 * len(VALUE)) == VALUE * 2

    run(test())


def test_PFX_03_whatever_is_raised_inside_is_a_temporary_failure() -> None:
    def answer(request: Request) -> Reply:
        if request.key == "bad":
            raise KeyError(request.key)
        return echo(request)

    async def test() -> None:
        async with serving(answer) as served:
            octets = await served.ask(b"get bad\n" + LINE)
            assert octets == b"400 internal trouble, try again later\n" + VALUE
            (fault,) = served.watch.faults
            assert isinstance(fault, KeyError)
            assert fault.__traceback__ is not None
            assert served.watch.told[:3] == ["started bad", "failed bad", "ended bad"]
            assert served.watch.replies[0].outcome is Outcome.TEMP

    run(test())


def test_PFX_03_a_reply_that_cannot_be_written_is_a_temporary_failure() -> None:
    async def test() -> None:
        async with serving(lambda _: Reply(Outcome.FOUND, "\ud800")) as served:
            assert await served.ask(LINE) == b"400 internal trouble, try again later\n"
            assert isinstance(served.watch.faults[0], UnicodeEncodeError)

    run(test())


def test_PFX_12_a_reload_takes_effect_between_requests() -> None:
    found = {"value": "old"}

    async def test() -> None:
        async with serving(lambda _: Reply(Outcome.FOUND, found["value"])) as served:
            reader, writer = await served.connect()
            writer.write(LINE + LINE[:5])
            assert await reader.readline() == b"200 old\n"
            found["value"] = "new"
            writer.write(LINE[5:])
            assert await reader.readline() == b"200 new\n"

    run(test())


GARBAGE = {
    "PFX-01-http": (LookupProtocol.TCP_TABLE, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "PFX-01-nul": (LookupProtocol.TCP_TABLE, bytes(70_000)),
    "PFX-01-endless-line": (LookupProtocol.TCP_TABLE, b"get " + b"a" * 300_000),
    "PFX-04-http": (SOCKETMAP, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "PFX-04-length": (SOCKETMAP, b"99999999999:" + b"a" * 300_000),
}


@pytest.mark.parametrize(("protocol", "garbage"), GARBAGE.values(), ids=GARBAGE)
def test_garbage_closes_its_connection_alone(protocol: LookupProtocol, garbage: bytes) -> None:
    async def test() -> None:
        async with serving(protocol=protocol) as served:
            good = LINE if protocol is LookupProtocol.TCP_TABLE else b"9:forward a,"
            reader, writer = await served.connect()
            octets = await served.ask(garbage + good)
            assert octets in {b"400 not a request\n", b"18:PERM not a request,"}
            writer.write(good)
            assert await reader.read(100) in {VALUE, b"4:OK a,"}
            (line,) = served.watch.lines
            assert len(line) < 400

    run(test())


def test_PFX_10_a_line_of_the_log_is_one_line() -> None:
    async def test() -> None:
        async with serving() as served:
            await served.ask(b"\r\x1b[2J postfix/smtpd[1]: \xe9 fake\n")
            (line,) = served.watch.lines
            assert line.isascii()
            assert line.isprintable()

    run(test())


def test_the_reason_reaches_a_peer_that_still_sends() -> None:
    async def test() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(b"nonsense\n")
            await asyncio.sleep(0.05)
            for _ in range(10):
                writer.write(bytes(1000))
                await asyncio.sleep(0.01)
            assert await reader.read() == b"400 not a request\n"
            await served.watch.until_open(0)

    run(test())


def test_who_was_refused_and_stays_is_closed() -> None:
    async def test() -> None:
        async with serving(limits=QUICK) as served:
            reader, writer = await served.connect()
            writer.write(b"nonsense\n")
            await served.watch.until_open(0)
            assert served.watch.told == ["violated"]
            assert await reader.read() == b"400 not a request\n"

    run(test())


def test_who_is_refused_and_sends_no_more_is_closed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailauth.postfix.connection.LINGER", 3600.0)

    async def test() -> None:
        async with serving() as served:
            octets = await served.ask(LINE * (TURN + 1) + b"nonsense\n")
            assert octets == VALUE * (TURN + 1) + b"400 not a request\n"
            await served.watch.until_open(0)

    run(test())


def test_a_half_closed_peer_gets_all_its_replies() -> None:
    async def test() -> None:
        async with serving(lambda _: Reply(Outcome.FOUND, "v" * 3000)) as served:
            octets = await served.ask(LINE * 2000)  # more than the system buffers
            assert octets == (b"200 " + b"v" * 3000 + b"\n") * 2000
            assert await served.ask(LINE + b"get half") == b"200 " + b"v" * 3000 + b"\n"
            assert served.watch.told[-1] == "violated"
            await served.watch.until_open(0)

    run(test())


def test_a_slow_reader_waits_alone_and_costs_no_memory() -> None:
    async def test() -> None:
        async with serving(lambda _: Reply(Outcome.FOUND, "v" * 3000)) as served:
            reader, writer = await served.connect(limit=4096)
            number = 5000
            writer.write(LINE * number)
            await asyncio.sleep(0.2)
            answered = len(served.watch.replies)
            assert answered < number
            await asyncio.sleep(0.2)
            assert len(served.watch.replies) == answered  # it has stopped
            assert await served.ask(LINE) == b"200 " + b"v" * 3000 + b"\n"
            octets = await reader.readexactly(number * 3005)
            assert octets == (b"200 " + b"v" * 3000 + b"\n") * number
            assert len(served.watch.replies) == number + 1

    run(test())


def test_who_does_not_read_at_all_is_closed() -> None:
    async def test() -> None:
        async with serving(lambda _: Reply(Outcome.FOUND, "v" * 3000), limits=QUICK) as served:
            reader, writer = await served.connect()
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(LINE * 10_000)
            await served.watch.until_open(0)
            assert served.watch.told[-1] == "overdue"

    run(test())


def test_who_does_not_read_is_closed_even_if_all_is_answered() -> None:
    async def test() -> None:
        reply = Reply(Outcome.FOUND, "v" * 90_000)
        async with serving(lambda _: reply, protocol=SOCKETMAP, limits=QUICK) as served:
            reader, writer = await served.connect()
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"12:forward a@b.," * (TURN - 1))
            await served.watch.until_open(0)
            assert len(served.watch.replies) == TURN - 1
            assert served.watch.told[-1] == "overdue"

    run(test())


@pytest.mark.parametrize("before", [0, 1])
def test_PFX_06_half_a_request_is_given_its_time_and_no_more(before: int) -> None:
    async def test() -> None:
        async with serving(limits=QUICK) as served:
            reader, writer = await served.connect()
            writer.write(LINE * before)
            assert await reader.readexactly(len(VALUE) * before) == VALUE * before
            for octet in b"get " + b"a" * 200:
                writer.write(bytes([octet]))  # an octet now and then buys no time
                await asyncio.sleep(0.05)
                if served.watch.lines:
                    break
            assert served.watch.told[-1] == "overdue"

    run(test())


def look_at_deadlines(server: LookupServer) -> None:
    for connection in tuple(server._roster):
        connection.tick(asyncio.get_running_loop().time())


def test_PFX_06_nobody_is_closed_before_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailauth.postfix.connection.LINGER", 3600.0)

    async def test() -> None:
        async with serving(lambda _: Reply(Outcome.FOUND, "v" * 3000)) as served:
            idle, half, slow, wrong = [await served.connect(limit=4096) for _ in range(4)]
            await served.watch.until_open(4)
            look_at_deadlines(served.server)
            idle[1].write(LINE)
            assert await idle[0].readline() == b"200 " + b"v" * 3000 + b"\n"
            half[1].write(LINE + LINE[:5])
            slow[1].write(LINE * 5000)
            wrong[1].write(b"nonsense\n")
            assert await wrong[0].readline() == b"400 not a request\n"
            assert await half[0].readline() == b"200 " + b"v" * 3000 + b"\n"
            while not any(each._unread for each in served.server._roster):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            look_at_deadlines(served.server)
            idle[1].write(LINE)
            half[1].write(LINE[5:])
            for reader, number in ((idle[0], 1), (half[0], 1), (slow[0], 5000)):
                octets = await reader.readexactly(number * 3005)
                assert octets == (b"200 " + b"v" * 3000 + b"\n") * number
            assert served.watch.open == 4
            assert "overdue" not in served.watch.told

    run(test())


def test_PFX_06_an_idle_connection_is_closed_without_a_word() -> None:
    async def test() -> None:
        async with serving(limits=Limits(idle=0.2, request=10)) as served:
            reader, writer = await served.connect()
            writer.write(LINE)
            assert await reader.read() == VALUE
            assert served.watch.lines == []

    run(test())


def test_PFX_07_a_thousand_that_say_nothing_disturb_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=1000)) as served:
            for _ in range(1000):
                await served.connect()
            await served.watch.until_open(1000)
            assert await served.ask(LINE * 100) == VALUE * 100
            assert "refused" not in served.watch.told

    monkeypatch.setattr("mailauth.postfix.server.GRACE", 0.0)
    with descriptors.many():  # both ends are of this process
        run(test())


@pytest.mark.parametrize("shared", [False, True])
def test_PFX_07_one_more_than_the_limit_is_closed_at_once(shared: bool) -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=2), shared=shared) as served:
            peers = [await served.connect() for _ in range(2)]
            for reader, writer in peers:
                writer.write(LINE)
                assert await reader.readline() == VALUE
            reader, writer = await served.connect()
            assert await reader.read() == b""
            assert served.watch.told[-1] == "refused"
            for reader, writer in peers:
                writer.write(LINE)
                assert await reader.readline() == VALUE

    run(test())


def test_PFX_07_who_is_full_leaves_a_connection_to_those_who_share_the_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailauth.serving.LEAVE", 3600.0)

    async def test() -> None:
        async with serving(limits=Limits(connections=1), shared=True) as served:
            reader, writer = await served.connect()
            writer.write(LINE)
            assert await reader.readline() == VALUE
            _, writer = await served.connect()
            writer.write(LINE)
            await asyncio.sleep(0.05)
            other, _ = acceptor_of(served.server)._listening.accept()
            with other:
                assert other.recv(100) == LINE

    run(test())


def test_PFX_07_who_is_still_arriving_counts() -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=1)) as served:
            peers = [socket.create_connection(served.where) for _ in range(3)]  # all wait by now
            try:
                last, _ = await served.connect()
                assert await last.read() == b""
                assert served.watch.told == ["refused"] * 3
            finally:
                for peer in peers:
                    peer.close()

    run(test())


def test_PFX_07_who_is_idle_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=2)) as served:
            first, second = [await served.connect() for _ in range(2)]
            for reader, writer in (second, first):
                writer.write(LINE)
                assert await reader.readline() == VALUE
            assert await served.ask(LINE) == VALUE
            assert await second[0].read() == b""
            first[1].write(LINE)
            assert await first[0].readline() == VALUE

    monkeypatch.setattr("mailauth.postfix.server.GRACE", 0.0)
    run(test())


def test_PFX_07_half_a_request_makes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=1)) as served:
            reader, writer = await served.connect()
            writer.write(LINE + LINE[:5])
            assert await reader.readline() == VALUE
            assert await served.ask(b"") == b""
            assert served.watch.told[-1] == "refused"
            writer.write(LINE[5:])
            assert await reader.readline() == VALUE

    monkeypatch.setattr("mailauth.postfix.server.GRACE", 0.0)
    run(test())


def acceptor_of(server: LookupServer) -> Acceptor:
    assert server._acceptor is not None
    return server._acceptor


def test_OPS_09_without_descriptors_the_waiting_peer_is_told_and_service_goes_on() -> None:
    async def test() -> None:
        async with serving() as served:
            loop = asyncio.get_running_loop()
            old = await served.connect()
            await served.watch.until_open(1)
            with socket.socket() as first, socket.socket() as second:
                first.setblocking(False)  # noqa: FBT003
                second.setblocking(False)  # noqa: FBT003
                with descriptors.none():
                    for number, waiting in enumerate((first, second), 1):
                        await loop.sock_connect(waiting, served.where)
                        assert await loop.sock_recv(waiting, 1) == b""
                        told = ["cannot accept: Too many open files"] * number
                        assert served.watch.lines == told
                    old[1].write(LINE)
                    assert await old[0].readline() == VALUE
            assert await served.ask(LINE) == VALUE

    run(test())


def test_a_peer_that_resets_is_no_news() -> None:
    async def test() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(LINE)
            await reader.readline()
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            await served.watch.until_open(0)
            assert served.watch.lines == []

    run(test())


def test_drain_answers_what_has_come_and_what_is_half_there() -> None:
    async def test() -> None:
        async with serving() as served:
            idle, half, full = [await served.connect() for _ in range(3)]
            half[1].write(LINE[:5])
            await served.watch.until_open(3)
            await asyncio.sleep(0.05)
            full[1].write(LINE)
            draining = asyncio.create_task(served.server.drain(60))
            assert await full[0].read() == VALUE
            assert await idle[0].read() == b""
            half[1].write(LINE[5:])
            assert await half[0].read() == VALUE
            await draining
            await served.task

    run(test())


def test_drain_ends_within_its_limit() -> None:
    async def test() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(LINE[:5])
            await asyncio.sleep(0.05)
            await served.server.drain(0.1)
            await served.task
            with suppress(ConnectionResetError):
                assert await reader.read() == b""

    run(test())


def test_a_cancelled_server_leaves_nothing_behind() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            watch = Recorder()
            server = LookupServer(
                LookupProtocol.TCP_TABLE, echo, map_name="forward", limits=QUICK, watch=watch
            )
            task = asyncio.create_task(server.serve(listening))
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(LINE)
            assert await reader.readline() == VALUE
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await watch.until_open(0)
            writer.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(test())


def test_two_servers_share_a_socket() -> None:
    """Each wakes for every connection, and one of them comes too late."""

    async def test() -> None:
        async with serving() as served:
            watch = Recorder()
            other = LookupServer(
                LookupProtocol.TCP_TABLE, echo, map_name="forward", limits=QUICK, watch=watch
            )
            with acceptor_of(served.server)._listening.dup() as listening:
                task = asyncio.create_task(other.serve(listening))
                answers = await asyncio.gather(*(served.ask(LINE) for _ in range(50)))
                assert answers == [VALUE] * 50
                assert served.watch.replies
                assert watch.replies
                assert await served.ask(LINE) == VALUE
                await other.drain(1)
                await task

    run(test())


@pytest.mark.parametrize("shared", [False, True])
def test_who_shares_a_socket_leaves_the_next_connection_to_the_others(
    shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailauth.serving.YIELD", 3600.0)

    async def test() -> None:
        async with serving(shared=shared) as served:
            first = await served.connect()
            second = await served.connect()
            for _, writer in (first, second):
                writer.write(LINE)
            assert await first[0].readline() == VALUE
            if shared:
                other, _ = acceptor_of(served.server)._listening.accept()
                with other:
                    assert other.recv(100) == LINE
            else:
                assert await second[0].readline() == VALUE

    run(test())


def test_who_shares_a_socket_with_nobody_who_accepts_serves_all() -> None:
    async def test() -> None:
        async with serving(shared=True) as served:
            answers = await asyncio.gather(*(served.ask(LINE) for _ in range(20)))
            assert answers == [VALUE] * 20

    run(test())


def test_a_socket_that_is_none_ends_the_server() -> None:
    async def test() -> None:
        async with serving() as served:
            acceptor_of(served.server).broken.set_exception(OSError(errno.EINVAL, "Invalid"))
            with pytest.raises(OSError, match="Invalid"):
                await served.task
            served.task = asyncio.create_task(asyncio.sleep(0))

    run(test())


@pytest.mark.parametrize(
    ("protocol", "map_name"), [(LookupProtocol.TCP_TABLE, ""), (SOCKETMAP, "forward")]
)
def test_a_map_for_those_who_need_one(protocol: LookupProtocol, map_name: str) -> None:
    with pytest.raises(BadArgument):
        LookupServer(protocol, echo, map_name=map_name, limits=QUICK, watch=Recorder())
