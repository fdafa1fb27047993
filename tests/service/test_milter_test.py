"""`mailauth milter-test` at a running service, and at what is none."""

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import mail as mails
import pytest
from milter_service import AUTHSERV_ID, MilterService
from nameserver import from_zone, serve
from program import Done, process

from mailauth.cli import main
from mailauth.dns import Zone
from mailauth.errors import BadArgument
from mailauth.milter.client import Answer, BrokenFilter, Client, Envelope
from mailauth.milter.protocol import commands, replies
from mailauth.milter.protocol.options import Steps

pytestmark = pytest.mark.loopback

RECORDS = {"example.com": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}}


@pytest.fixture
def service() -> Iterator[MilterService]:
    with serve(from_zone(Zone(RECORDS))) as nameserver:
        one = MilterService(nameserver.where)
        one.set_up(verifying='[verifying.spf_actions]\nfail = "reject"\nsoftfail = "quarantine"\n')
        (one.folder / "mail.eml").write_bytes(mails.MESSAGE.replace(b"\r\n", b"\n"))
        try:
            one.start()
            yield one
        finally:
            one.close()


def tried(service: MilterService, *given: str, file: str = "mail.eml") -> Done:
    done = process("milter-test", str(service.folder / file), *given)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def test_it_tells_what_would_be_done(service: MilterService) -> None:
    at = ("-c", str(service.file))
    out = tried(service, *at, "--mail-from", "ada@example.com", "--rcpt", "b@example.org")
    assert out.status == 0, out.complaint
    assert out.text.startswith("insert  index 0  DKIM-Signature  v=1; a=rsa-sha256;")
    assert out.text.endswith("reply  continue\n")
    user = tried(service, *at, "--ip", "2001:db8::1", "--user", "ada", "--json")
    (told,) = user.objects
    assert told["reply"] == "continue"
    assert told["changes"][0]["name"] == "DKIM-Signature"
    macro = tried(service, *at, "--ip", "192.0.2.1", "--macro", "auth_authen=ada")
    assert "DKIM-Signature" in macro.text
    options = ("--mail-from", "--user", "--helo", "--host", "--rcpt")
    odd = os.fsdecode(b"a\xff@example.com")
    done = tried(service, *at, *(word for option in options for word in (option, odd)))
    assert done.status == 0, done.complaint


def test_what_would_be_removed_is_shown(service: MilterService) -> None:
    forged = f"Authentication-Results: {AUTHSERV_ID};\n dkim=pass\n".encode()
    (service.folder / "forged.eml").write_bytes(forged + mails.MESSAGE.replace(b"\r\n", b"\n"))
    given = ("--socket", service.verify, "--ip", "192.0.2.7", "--mail-from", "ada@example.com")
    done = tried(service, *given, file="forged.eml")
    assert done.status == 0
    first, second, *_ = done.text.splitlines()
    assert first == f"remove  index 1  Authentication-Results  {AUTHSERV_ID}; dkim=pass"
    assert second.startswith(f"insert  index 0  Authentication-Results  {AUTHSERV_ID};")
    (told,) = tried(service, *given, "--json", file="forged.eml").objects
    assert told["changes"][0] == {
        "change": "remove",
        "index": 1,
        "name": "Authentication-Results",
        "value": f"{AUTHSERV_ID}; dkim=pass",
    }


def test_a_new_sender_is_told(service: MilterService) -> None:
    secrets = service.folder / "secrets"
    secrets.write_text("a secret of some length\n")
    secrets.chmod(0o600)
    srs = f"unix:{service.folder}/srs"
    with service.file.open("a") as file:
        file.write(f'[srs]\ndomain = "srs.example"\nsecrets = "{secrets}"\n')
        file.write(f'[[listen]]\nkind = "milter"\nrole = "srs"\naddress = "{srs}"\n')
    service.reload()
    for sender in ("<ben@example.org>", "ben@example.org"):
        (line, reply) = tried(service, "--socket", srs, "--mail-from", sender).text.splitlines()
        assert line.startswith("sender  address <SRS0=")
        assert line.endswith("=ben@srs.example>")
        assert reply == "reply  continue"
    for bounce in ("<>", ""):
        assert tried(service, "--socket", srs, "--mail-from", bounce).text == "reply  continue\n"


def test_a_refusal_is_status_1(service: MilterService) -> None:
    given = ("--socket", service.verify, "--ip", "192.0.2.8", "--mail-from", "ada@example.com")
    done = tried(service, *given)
    assert done.status == 1
    assert done.text.startswith("reply  550 5.7.23 the SPF result for example.com is fail")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "give either --config or --socket"),
        (["--socket", "x"], "--socket: 'x' is not an address"),
        (["--socket", "unix:/nowhere/x"], "nobody answers at unix:/nowhere/x"),
        (["--socket", "unix:/x", "--macro", "x"], "'x' is not of the form NAME=VALUE"),
        (["--socket", "unix:/x", "--ip", "nonsense"], "--ip: 'nonsense' is not an IP address"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, given: list[str], complaint: str) -> None:
    file = tmp_path / "x.eml"
    file.write_bytes(mails.MESSAGE)
    done = process("milter-test", str(file), *given)
    assert done.returncode == 2
    assert complaint in done.stderr.decode()


def test_an_address_of_a_kind_that_the_system_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kernel without IPv6, for one."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    file = tmp_path / "x.eml"
    file.write_bytes(mails.MESSAGE)
    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(SystemExit) as leave:
        main(["milter-test", str(file), "--socket", "inet:[::1]:1"])
    assert leave.value.code == 2
    assert "nobody answers at inet:[::1]:1: Address family not supp" in capsys.readouterr().err


# The client, beside filters that are odd


def answered(talk: Callable[[socket.socket], None]) -> socket.socket:
    """Our end of a connection whose other end does this."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)

    def run() -> None:
        with theirs, suppress(OSError):  # the client goes when it has heard enough
            talk(theirs)

    threading.Thread(target=run, daemon=True).start()
    return ours


def says(*frames: bytes, steps: int = 0) -> socket.socket:
    """A filter that agrees on these steps, then says all of this, whatever it hears."""
    options = replies.frame(b"O", (6).to_bytes(4) + (0).to_bytes(4) + steps.to_bytes(4))

    def talk(theirs: socket.socket) -> None:
        theirs.sendall(options + b"".join(frames))
        theirs.shutdown(socket.SHUT_WR)
        while theirs.recv(65_536):
            pass

    return answered(talk)


SILENT = commands.ALL_STEPS & ~0x7F & ~0x200 & ~0x100
"""All steps that leave out replies, and none that leaves out a command."""


def delivered(*frames: bytes) -> Answer:
    client = Client(says(*frames, steps=SILENT))
    try:
        return client.deliver(Envelope(recipients=("b@example.org",)), mails.MESSAGE)
    finally:
        client.close()


ODD = {
    "silence": [],
    "no such reply": [replies.frame(b"?")],
    "half a frame": [b"\0\0\0\x05c"],
    "four GiB": [b"\xff\xff\xff\xffc"],
    "an empty frame": [b"\0\0\0\0"],
    "no reply code": [replies.frame(b"y", b"x y z\0")],
    "digits of others": [replies.frame(b"y", "٤٥٠ 4.7.1 x\0".encode())],
}


@pytest.mark.parametrize("frames", ODD.values(), ids=ODD)
def test_a_filter_that_breaks_the_protocol_is_said_so(frames: list[bytes]) -> None:
    with pytest.raises(BrokenFilter):
        delivered(*frames)


def test_changes_of_other_filters_are_read() -> None:
    changes: list[replies.Change] = [
        replies.Progress(),
        replies.AddHeader(b"X", b"y"),
        replies.ChangeFrom(b"<a@b>"),
        replies.Quarantine("why"),
        replies.AddRecipient(b"<c@d>"),
        replies.AddRecipientWithArguments(b"<c@d>", b"NOTIFY=NEVER"),
        replies.DeleteRecipient(b"<c@d>"),
        replies.ReplaceBody(b"z"),
    ]
    frames = [change.encode() for change in changes]
    answer = delivered(*frames, replies.Refusal(451, "4.7.1", "100% later").encode())
    assert answer.reply == replies.Refusal(451, "4.7.1", "100% later")
    assert answer.changes == (*changes[1:-1], frames[-1])


@pytest.mark.parametrize("count", [1, 5], ids=["at HELO", "at a field"])
def test_a_refusal_ends_it_early(count: int) -> None:
    client = Client(says(*[replies.CONTINUE.encode()] * count, replies.TEMPFAIL.encode()))
    answer = client.deliver(Envelope(), mails.MESSAGE)
    assert answer.reply is replies.TEMPFAIL
    client.close()


def test_what_a_filter_skips_is_not_said_again() -> None:
    steps = SILENT & ~Steps.NO_REPLY_BODY
    client = Client(says(replies.SKIP.encode(), replies.CONTINUE.encode(), steps=steps))
    answer = client.deliver(Envelope(), mails.MESSAGE + b"x\r\n" * commands.CHUNK)
    assert answer.reply is replies.CONTINUE
    client.close()


SAID = {
    0: "the offer of options",
    1: "CONNECT",
    2: "HELO",
    4: "RCPT",
    6: "the field From",
    7: "the end of the header",
    8: "the body",
    9: "the end of the message",
}
"""After so many replies, what is not answered."""


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("count", SAID)
def test_silence_is_told_with_what_was_said(count: int, *, closed: bool) -> None:
    ours, theirs = socket.socketpair()
    frames = [replies.frame(b"O", (6).to_bytes(4) + bytes(8)), *[replies.CONTINUE.encode()] * 8]
    envelope = Envelope(recipients=("b@example.org",))
    with ours, theirs:
        theirs.sendall(b"".join(frames[:count]))
        if closed:
            theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(0.01)
        with pytest.raises(BrokenFilter, match=SAID[count]) as told:
            Client(ours).deliver(envelope, b"From: a@example.com\n\nx\n")
    silence = f"did not answer {SAID[count]} within 0.01 s"
    assert ("closed the connection" if closed else silence) in str(told.value)


def test_a_filter_that_is_gone_is_told_with_what_was_to_be_said() -> None:
    ours, theirs = socket.socketpair()
    options = replies.frame(b"O", (6).to_bytes(4) + bytes(4) + SILENT.to_bytes(4))
    with ours:
        theirs.sendall(options)
        client = Client(ours)
        theirs.close()
        with pytest.raises(BrokenFilter, match="closed the connection at CONNECT"):
            client.deliver(Envelope(), mails.MESSAGE)


UNSENDABLE = {
    "NUL": (b"Subject: a\0b\n\n", "the field Subject has a NUL"),
    "large": (b"Subject: " + b"x" * 102_400 + b"\n\n", "the field Subject has 102409 octets"),
}


@pytest.mark.parametrize(("message", "reason"), UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_no_mta_would_send_is_not_sent(message: bytes, reason: str) -> None:
    client = Client(says(replies.CONTINUE.encode(), steps=SILENT))
    with pytest.raises(BadArgument, match=reason):
        client.deliver(Envelope(), message)
    client.close()


@pytest.mark.parametrize(
    ("sender", "recipient", "arguments"),
    [
        ("ada@example.com", "b@example.org", b""),
        ("jos\u00e9@example.com", "b@example.org", b"SMTPUTF8\0"),
        ("", "jos\u00e9@example.com", b"SMTPUTF8\0"),
    ],
)
def test_addresses_of_more_than_ascii_are_said_to_be(
    sender: str, recipient: str, arguments: bytes
) -> None:
    ours, theirs = socket.socketpair()
    options = replies.frame(b"O", (6).to_bytes(4) + bytes(4) + SILENT.to_bytes(4))
    with ours, theirs:
        theirs.sendall(options + replies.CONTINUE.encode())
        Client(ours).deliver(Envelope(sender=sender, recipients=(recipient,)), mails.MESSAGE)
        heard = theirs.recv(65_536)
    assert replies.frame(b"M", f"<{sender}>\0".encode() + arguments) in heard


@pytest.mark.parametrize(
    ("message", "fields", "body"),
    [
        (b"A: 1\r\n\r\nx", [b"A: 1"], b"x"),
        (b"A: 1\r\n b\r\nC: d\r\n", [b"A: 1\n b", b"C: d"], b""),
        (b"A: 1", [b"A: 1"], b""),
        (b" a\r\nB: c\r\n\r\n", [b" a", b"B: c"], b""),
        (b"\r\nx", [], b"x"),
        (b"", [], b""),
    ],
)
def test_a_message_is_split_as_an_mta_has_it(
    message: bytes, fields: list[bytes], body: bytes
) -> None:
    assert commands.split(message) == (fields, body)


def test_what_is_no_milter() -> None:
    connected = answered(lambda theirs: theirs.sendall(b"220 mx.example ESMTP\r\n"))
    with connected, pytest.raises(BrokenFilter):
        Client(connected)
