"""The milter over real sockets: MTAs that are many, slow, hostile, gone; a DNS that is silent."""

import asyncio
import resource
import socket
import struct
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import descriptors
import mta
import pytest
from filtered import applied, signing, verifying
from limited import run
from mail import DOMAIN, MESSAGE, record, signed, verdicts
from milters import serving

from mailauth.dns import Question, Zone
from mailauth.dns.lookups import Lookups
from mailauth.milter.conversation import Conversation
from mailauth.milter.outcome import Outcome
from mailauth.milter.protocol.replies import InsertHeader
from mailauth.milter.session import Session
from mailauth.milter.settings import Settings, SrsSettings
from mailauth.milter.terms import Limits
from mailauth.milter.wire import Connection as Wire
from mailauth.postfix import Rewriting
from mailauth.srs import Secrets

pytestmark = pytest.mark.loopback

ZONE = Zone(
    {
        DOMAIN: {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
        f"rsa._domainkey.{DOMAIN}": {"TXT": [record("rsa")]},
        f"ed25519._domainkey.{DOMAIN}": {"TXT": [record("ed25519")]},
    }
)
LOCAL = {"address": "127.0.0.1"}
CONTINUE = (b"c", b"")


def both(folder: Path) -> Settings:
    return replace(verifying(), signing=signing(folder).signing)


def resident() -> int:
    """Octets of memory that this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@pytest.mark.parametrize("unix", [True, False])
def test_mail_is_signed_and_judged_on_one_server(tmp_path: Path, unix: bool) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE, path=tmp_path / "s" if unix else None) as served:
            ours = await (await served.connect()).open(**LOCAL)
            theirs = await (await served.connect()).open()
            said = await ours.deliver(MESSAGE)
            outgoing = applied(said, MESSAGE)
            now = int(time.time())
            assert {each.result for each in verdicts(outgoing, now=now)} == {"pass"}
            said = await theirs.deliver(outgoing)
            assert said[-1] == CONTINUE
            incoming = applied(said, outgoing)
            assert incoming.count(b"dkim=pass") == 2
            assert b"smtp.mailfrom=example.com" in incoming
            first, second = served.watch.records
            assert first.signatures
            assert second.dns_seconds > 0
            assert 0 < second.work_seconds <= second.seconds

    run(test())


def test_many_messages_on_one_connection(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE) as served:
            peer = await (await served.connect()).open()
            wanted = None
            for _ in range(20):
                said = await peer.deliver(signed())
                wanted = wanted or said
                assert said == wanted
                peer.say(mta.ABORT)
            peer.say(mta.QUIT_NEW_CONNECTION, mta.connect("192.0.2.8"), mta.helo())
            assert b"spf=fail" in (await peer.deliver(signed()))[0][1]
            peer.say(mta.QUIT)
            assert await peer.ended()
            assert [one.queue_id for one in served.watch.records] == ["4XqZ"] * 21

    run(test())


def test_MIL_12_a_connection_that_is_cut_at_every_octet(tmp_path: Path) -> None:
    octets = b"".join(
        [
            mta.offer(),
            mta.connect(),
            mta.helo(),
            mta.mail(),
            *mta.message(b"From: a@example.com\r\n\r\nx\r\n"),
            mta.QUIT,
        ]
    )

    async def test() -> None:
        async with serving(both(tmp_path), ZONE) as served:
            bystander = await (await served.connect()).open(**LOCAL)
            for at in range(len(octets)):
                peer = await served.connect()
                peer.say(octets[:at])
                if at % 2:
                    await peer.writer.drain()
                peer.close()
            said = await bystander.deliver(MESSAGE)
            assert said[-1] == CONTINUE
            assert served.watch.faults == []
            assert served.watch.lines == []

    run(test())


@pytest.mark.parametrize(
    "octets",
    [
        b"\0\0\0\0",
        b"\xff\xff\xff\xffB",
        struct.pack(">I", 2**31) + b"L",
        mta.offer() * 2,
        mta.frame(b"z"),
        mta.offer() + mta.body(b"x"),
        mta.offer() + mta.mail() + mta.frame(b"L", b"no NUL"),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
    ids=lambda octets: repr(octets[:20]),
)
def test_MIL_01_MIL_03_whoever_breaks_the_protocol_is_closed_alone(
    tmp_path: Path, octets: bytes
) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE) as served:
            bystander = await (await served.connect()).open(**LOCAL)
            peer = await served.connect()
            peer.say(octets)
            assert await peer.ended()
            (line,) = served.watch.lines
            assert line.startswith("violated: 127.0.0.1 port ")
            assert line.isascii()
            assert line.isprintable()
            assert (await bystander.deliver(MESSAGE))[-1] == CONTINUE

    run(test())


def test_MIL_07_a_hundred_thousand_recipients_and_a_million_fields_cost_no_memory(
    tmp_path: Path,
) -> None:
    async def pour(peer: Any, frame: bytes, count: int) -> None:
        for _ in range(count // 1000):
            peer.say(frame * 1000)
            await peer.writer.drain()

    async def test() -> None:
        async with serving(both(tmp_path), ZONE) as served:
            bystander = await (await served.connect()).open(**LOCAL)
            peer = await (await served.connect()).open()
            before = resident()
            peer.say(mta.mail())
            await pour(peer, mta.rcpt(), 100_000)
            peer.say(mta.data())
            await pour(peer, mta.header(b"X", b" y"), 1_000_000)
            assert (await bystander.deliver(MESSAGE))[-1] == CONTINUE
            peer.say(mta.header(b"From", b" a@example.com"), mta.end_of_headers())
            for _ in range(50):
                peer.say(mta.body(b"0123456789abcde\r" * 4095))
                await peer.writer.drain()
            assert resident() - before < 20_000_000
            peer.say(mta.end_of_message())
            said = await peer.read_verdict()
            assert said[-1] == CONTINUE
            (told,) = [one for one in served.watch.records if not one.ours]
            assert told.results[-2].result == "none", "it has no signature that could be malformed"
            assert told.results[-1].result == "permerror", "who is its author is not known"
            assert told.size > 9_000_000

    run(test())


def test_MIL_07_a_message_of_50_megabytes_is_not_held(tmp_path: Path) -> None:
    chunk = (b"0123456789abcdef" * 4 + b"\r\n") * 990

    async def test() -> None:
        async with serving(both(tmp_path), ZONE) as served:
            peers = [await (await served.connect()).open(**LOCAL)]
            peers.append(await (await served.connect()).open())
            frames = mta.message(signed())[:-2]
            for peer in peers:
                peer.say(mta.mail(), *frames)
            before = resident()
            for _ in range(50_000_000 // len(chunk)):
                for peer in peers:
                    peer.say(mta.body(chunk))
                    await peer.writer.drain()
            assert resident() - before < 15_000_000
            for peer in peers:
                peer.say(mta.end_of_message())
                assert (await peer.read_verdict())[-1] == CONTINUE
            ours, theirs = served.watch.records
            assert ours.signatures
            assert [one.result for one in theirs.results if one.method == "dkim"] == ["fail"]

    run(test())


def test_MIL_08_half_a_frame_is_not_waited_for_long(tmp_path: Path) -> None:
    limits = Limits(frame=0.2)

    async def test() -> None:
        async with serving(both(tmp_path), ZONE, limits=limits) as served:
            idle = await (await served.connect()).open()
            mute = await served.connect()
            peer = await served.connect()
            for octet in mta.offer()[:-1]:
                peer.say(bytes([octet]))
                await asyncio.sleep(0.02)
            assert await peer.ended()
            assert "half a frame" in served.watch.lines[0]
            for each in (idle, await mute.open()):
                assert (await each.deliver(MESSAGE))[-1] == CONTINUE, "to be idle is allowed"

    run(test())


def test_MIL_08_an_idle_connection_ends(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE, limits=Limits(idle=0.1)) as served:
            peer = await (await served.connect()).open()
            assert await peer.ended()
            assert "idle" in served.watch.lines[0]

    run(test())


def test_content_that_comes_too_slowly_is_deferred(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE, limits=Limits(content=0.1)) as served:
            peer = await (await served.connect()).open()
            frames = mta.message(MESSAGE)
            peer.say(mta.mail(), *frames[:-2])
            await asyncio.sleep(0.3)
            peer.say(*frames[-2:])
            ((code, octets),) = await peer.read_verdict()
            assert (code, octets[:4]) == (b"y", b"451 ")
            assert (await peer.deliver(MESSAGE))[-1] == CONTINUE

    run(test())


def test_MIL_09_a_slow_dns_is_waited_for_and_the_mta_is_told() -> None:
    async def wait(_: Question) -> None:
        await asyncio.sleep(0.3)

    async def test() -> None:
        limits = Limits(progress=0.1)
        async with serving(
            verifying(dkim=False, dmarc=False), ZONE, limits=limits, wait=wait
        ) as served:
            peer = await (await served.connect()).open()
            peer.say(mta.mail(), *mta.message(MESSAGE))
            said = [await peer.read()]
            for each in served.server._roster:
                each.deadline = 0.0  # that of who is idle: this one waits for us
            said += await peer.read_verdict()
            codes = [code for code, _ in said]
            assert codes.count(b"p") >= 2
            assert codes[-2:] == [b"i", b"c"]
            assert served.watch.records[0].dns_seconds > 0.5

    run(test())


def test_MIL_09_a_silent_dns_defers_and_the_next_message_is_judged() -> None:
    silent = True

    async def wait(_: Question) -> None:
        if silent:
            await asyncio.sleep(1000)

    async def test() -> None:
        nonlocal silent
        limits = Limits(judging=0.2)
        async with serving(verifying(), ZONE, limits=limits, wait=wait) as served:
            peer = await (await served.connect()).open()
            peer.say(mta.mail(), *mta.message(MESSAGE))
            ((code, octets),) = await peer.read_verdict()
            assert (code, octets[:4]) == (b"y", b"451 ")
            silent = False
            assert (await peer.deliver(signed()))[-1] == CONTINUE
            assert [one.action for one in served.watch.records] == ["tempfail", "header"]
            assert "judging the message took too long" in served.watch.records[0].notes[0]

    run(test())


def test_what_is_remembered_is_not_waited_for() -> None:
    async def wait(question: Question) -> None:
        raise AssertionError(question)

    async def test() -> None:
        zone = Zone({"a.remembered.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}})
        async with serving(verifying(dmarc=False), zone, wait=wait) as served:
            peer = await served.connect()
            helo = mta.helo("a.remembered.example")
            peer.say(mta.offer(), mta.connect(), helo)
            await peer.read()
            said = await peer.deliver(MESSAGE, sender="<x@a.remembered.example>")
            assert said[-1] == CONTINUE
            assert [one.result for one in served.watch.records[0].results[:2]] == ["pass"] * 2
            assert served.watch.records[0].dns_seconds == 0

    run(test())


def test_what_is_said_while_a_message_is_judged_waits_for_its_turn() -> None:
    async def wait(_: Question) -> None:
        await asyncio.sleep(0.05)

    async def test() -> None:
        async with serving(verifying(), ZONE, wait=wait) as served:
            peer = await (await served.connect()).open()
            for _ in range(3):
                peer.say(mta.mail(), *mta.message(signed()))
            for _ in range(3):
                assert (await peer.read_verdict())[-1] == CONTINUE
            assert len(served.watch.records) == 3

    run(test())


FAULTY = [
    "_hear_fields",
    "_hear_sender",
    "_hear_end_of_headers",
    "_hear_body",
    "_hear_client",
    "finish",
]


@pytest.mark.parametrize("method", FAULTY)
@pytest.mark.parametrize("steps", [mta.ALL_STEPS, 0], ids=["silent", "answered"])
def test_MIL_10_a_fault_of_ours_defers_the_message(tmp_path: Path, method: str, steps: int) -> None:
    def fault(*_: Any) -> None:
        raise ZeroDivisionError

    async def test() -> None:
        with patch.object(Session, method, fault):
            async with serving(both(tmp_path), ZONE) as served:
                peer = await served.connect()
                peer.say(mta.offer(steps=steps))
                await peer.read()
                answered = steps == 0
                code, octets = b"", b""
                for frame in (mta.connect(), mta.helo(), mta.mail(), *mta.message(MESSAGE)):
                    peer.say(frame)
                    if frame[4:5] == b"D" or not (answered or frame[4:5] == b"E"):
                        continue
                    code, octets = await peer.read()
                    if code != b"c":
                        break
                assert (code, octets[:4]) == (b"y", b"451 ")
                assert {type(one.exception) for one in served.watch.faults} <= {
                    ZeroDivisionError,
                    AssertionError,
                }
                assert isinstance(served.watch.faults[0].exception, ZeroDivisionError)
        assert all(one.action == "tempfail" for one in served.watch.records)

    run(test())


def test_MIL_10_a_fault_of_the_resolver_defers(tmp_path: Path) -> None:
    async def wait(_: Question) -> None:
        raise RuntimeError

    async def test() -> None:
        async with serving(both(tmp_path), ZONE, wait=wait) as served:
            peer = await (await served.connect()).open()
            ((code, octets),) = await peer.deliver(MESSAGE)
            assert (code, octets[:4]) == (b"y", b"451 ")
            (fault,) = served.watch.faults
            assert fault.queue_id == "4XqZ"
            assert len(fault.fingerprint) == 16
            assert served.watch.records[0].notes == ("deferred: internal error: RuntimeError",)

    run(test())


def test_MIL_10_a_reply_that_cannot_be_sent_defers() -> None:
    finish = Session.finish

    def unsendable(session: Session, octets: bytes) -> Lookups[Outcome]:
        outcome = yield from finish(session, octets)
        return replace(outcome, changes=(InsertHeader(0, b"X", b"a\0b"),))

    async def test() -> None:
        with patch.object(Session, "finish", unsendable):
            async with serving(verifying(spf=False, dmarc=False), ZONE) as served:
                peer = await (await served.connect()).open()
                ((code, octets),) = await peer.deliver(MESSAGE)
                assert (code, octets[:4]) == (b"y", b"451 ")
                (record,) = served.watch.records
                assert record.action == "tempfail"
                assert record.notes[-1] == "deferred: internal error: UnsendableReply"
                assert len(served.watch.faults) == 1

    run(test())


def test_MIL_10_a_fault_in_the_handling_of_a_fault_defers() -> None:
    def fault(*_: Any) -> None:
        raise ZeroDivisionError

    async def test() -> None:
        with patch.multiple(Session, finish=fault, give_up=fault):
            async with serving(verifying(), ZONE) as served:
                peer = await (await served.connect()).open()
                ((code, octets),) = await peer.deliver(MESSAGE)
                assert (code, octets[:4]) == (b"y", b"451 ")
                assert (served.watch.records, served.watch.dropped_count) == ([], 1)
                assert len(served.watch.faults) == 2

    run(test())


def test_MIL_10_a_fault_in_the_reading_of_frames_closes(tmp_path: Path) -> None:
    def fault(*_: Any) -> None:
        raise ZeroDivisionError

    async def test() -> None:
        with patch.object(Wire, "next_event", fault):
            async with serving(both(tmp_path), ZONE) as served:
                peer = await served.connect()
                peer.say(mta.offer())
                async with asyncio.timeout(10):
                    assert await peer.ended()
                (one,) = served.watch.faults
                assert isinstance(one.exception, ZeroDivisionError)

    run(test())


@pytest.mark.parametrize(
    ("client", "told"),
    [({}, "192.0.2.7"), ({"family": "L", "address": "/run/x", "host": "localhost"}, "localhost")],
)
def test_SRS_01_a_guess_is_told_though_no_message_follows(
    client: dict[str, str], told: str
) -> None:
    rewriting = Rewriting(domain="srs.example", secrets=Secrets.parse(b"a secret of tests"))
    settings = Settings(srs=SrsSettings(rewriting, reject_forged=True))

    async def test() -> None:
        async with serving(settings) as served:
            peer = await (await served.connect()).open(**client)
            peer.say(mta.mail("<>"), mta.rcpt("<SRS0=AAAA=AA=b.cd=eve@srs.example>"))
            assert (await peer.read())[1].startswith(b"550 5.1.1 ")
            assert served.watch.lines == [f"forged: SRS0=AAAA=AA=b.cd=eve@srs.example {told}"]

    run(test())


def test_MIL_14_a_message_under_way_is_finished_before_the_stop(tmp_path: Path) -> None:
    async def wait(_: Question) -> None:
        await asyncio.sleep(0.1)

    async def test() -> None:
        async with serving(both(tmp_path), ZONE, wait=wait) as served:
            idle = await (await served.connect()).open()
            half = await (await served.connect()).open()
            frames = mta.message(signed())
            half.say(mta.mail(), *frames[:-1])
            judged = await (await served.connect()).open()
            judged.say(mta.mail(), *frames)
            await asyncio.sleep(0.05)
            drain = asyncio.create_task(served.server.drain(10))
            assert await idle.ended()
            half.say(frames[-1])
            assert (await half.read_verdict())[-1] == CONTINUE
            assert (await judged.read_verdict())[-1] == CONTINUE
            assert await half.ended()
            await drain
            await served.serving

    run(test())


def test_MIL_14_what_is_not_finished_in_time_is_deferred(tmp_path: Path) -> None:
    async def wait(_: Question) -> None:
        await asyncio.sleep(100)

    async def test() -> None:
        async with serving(both(tmp_path), ZONE, wait=wait) as served:
            half = await (await served.connect()).open()
            half.say(mta.mail())
            judged = await (await served.connect()).open()
            judged.say(mta.mail(), *mta.message(MESSAGE))
            await asyncio.sleep(0.05)
            await served.server.drain(0.1)
            ((code, octets),) = await judged.read_verdict()
            assert (code, octets[:4]) == (b"y", b"451 ")
            assert await half.ended()
            assert await judged.ended()

    run(test())


def test_an_mta_that_goes_while_its_message_is_judged(tmp_path: Path) -> None:
    async def wait(_: Question) -> None:
        await asyncio.sleep(100)

    async def test() -> None:
        limits = Limits(progress=0.02, judging=1)
        async with serving(both(tmp_path), ZONE, wait=wait, limits=limits) as served:
            peer = await (await served.connect()).open()
            peer.say(mta.mail(), *mta.message(MESSAGE))
            await asyncio.sleep(0.05)
            peer.writer.transport.abort()
            await served.until(lambda: not served.watch.open)
            (told,) = served.watch.records
            assert told.action == "tempfail"

    run(test())


def test_connections_have_a_limit(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE, limits=Limits(connections=2)) as served:
            first = await (await served.connect()).open()
            await (await served.connect()).open()
            third = await served.connect()
            assert await third.ended()
            assert served.watch.lines == ["refused: there are 2 connections, all busy"]
            first.say(mta.QUIT)
            assert await first.ended()
            fourth = await (await served.connect()).open()
            assert (await fourth.deliver(MESSAGE))[-1] == CONTINUE

    run(test())


def test_OPS_09_without_descriptors_the_peer_is_told_and_others_go_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(both(tmp_path), ZONE) as served:
            bystander = await (await served.connect()).open(**LOCAL)
            assert (await bystander.deliver(MESSAGE))[-1] == CONTINUE  # the key is read now
            with socket.socket() as late:
                late.setblocking(False)  # noqa: FBT003
                with descriptors.none():
                    await asyncio.get_running_loop().sock_connect(late, served.where)
                    await served.until(lambda: bool(served.watch.lines))
                    assert (await bystander.deliver(MESSAGE))[-1] == CONTINUE
            assert served.watch.lines[0].startswith("refused: cannot accept")
            fresh = await (await served.connect()).open()
            assert (await fresh.deliver(MESSAGE))[-1] == CONTINUE

    run(test())


def test_an_mta_that_reads_nothing_is_closed_and_costs_little(tmp_path: Path) -> None:
    async def test() -> None:
        limits = Limits(frame=0.2)
        async with serving(both(tmp_path), ZONE, limits=limits, path=tmp_path / "s") as served:
            peer = await served.connect()
            peer.say(mta.offer(steps=0))
            await peer.read()
            peer.say(mta.connect(), mta.helo())
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            try:
                while not served.watch.lines:
                    peer.say(mta.helo() * 5000)
                    await peer.writer.drain()
                    await asyncio.sleep(0)
            except ConnectionError:
                pass
            assert "closed: replies are unread" in "".join(served.watch.lines)

    run(test())


def test_an_mta_that_reads_late_loses_no_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[Conversation] = []
    pause = Conversation.pause_writing

    def watched(conversation: Conversation) -> None:
        paused.append(conversation)
        pause(conversation)

    async def test() -> None:
        async with serving(both(tmp_path), ZONE, path=tmp_path / "s") as served:
            peer = await served.connect()
            peer.say(mta.offer(steps=0))
            await peer.read()
            peer.say(mta.connect(), mta.helo() * 100_000)
            await served.until(lambda: bool(paused))
            assert {await peer.read() for _ in range(100_001)} == {CONTINUE}
            assert (await peer.deliver(MESSAGE))[-1] == CONTINUE

    monkeypatch.setattr(Conversation, "pause_writing", watched)
    monkeypatch.setattr("mailauth.milter.conversation.MAX_UNREAD", 10_000)
    run(test())
