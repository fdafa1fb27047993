"""Every command against every bad file, and every bad output: an exit status and one sentence.

The table has a row for each command that there is, so that a new one is looked at too.
"""

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import mail
import pytest
from program import Done, Run, process

from mailauth.cli import command as program
from mailauth.cli import main

DEEP = 100_000
DIGITS = 10_000  # more than the 4,300 that Python reads as a number
CONFIG = """[srs]
domain = "example.net"
secrets = "{desk}/secrets"
own_domains = ["example.com"]
[[listen]]
kind = "socketmap"
address = "inet:127.0.0.1:10003"
"""
SIGN = ["sign", "-d", mail.DOMAIN, "-s", "rsa"]
FORWARD = ["forward", "--to", "b@example.org", "--ip", "192.0.2.1"]
TESTKEY = ["testkey", "-d", mail.DOMAIN, "-s", "rsa"]
SPF = ["spf", "check", "--ip", "192.0.2.1", "--helo", "mx.example.com"]
SEAL = ["arc", "seal", "-d", mail.DOMAIN, "-s", "rsa", "--authserv-id", "mx.example.com"]
SRS = ["-d", "example.net", "--now", "2026-11-23"]
SRS_FORWARD = ["srs", "forward", "ada@example.com", *SRS]
SRS0 = "SRS0=AAAA=AA=example.com=ada@example.net"


class Row(NamedTuple):
    """A command: how it prints something, and how it reads a file, for which FILE stands."""

    prints: list[str] | None
    reads: tuple[list[str], ...] = ()


ROWS: dict[str, Row] = {
    "arc seal": Row(
        [*SEAL, "-k", "rsa.pem", "--zone", "zone.json", "mail.eml"],
        (
            [*SEAL, "-k", "FILE", "--zone", "zone.json", "mail.eml"],
            [*SEAL, "-k", "rsa.pem", "--zone", "FILE", "mail.eml"],
            [*SEAL, "-k", "rsa.pem", "--zone", "zone.json", "FILE"],
        ),
    ),
    "check": Row(
        ["check", "example.com", "--zone", "zone.json"],
        (["check", "example.com", "--zone", "FILE"],),
    ),
    "check-config": Row(
        ["check-config", "-c", "mailauth.toml"], (["check-config", "-c", "FILE"],)
    ),
    "demo": Row(["demo"]),
    "dmarc lint": Row(
        ["dmarc", "lint", "--record", "v=DMARC1; p=none"],
        (["dmarc", "lint", "example.com", "--zone", "FILE"],),
    ),
    "dmarc policy": Row(
        ["dmarc", "policy", "example.com", "--zone", "zone.json"],
        (
            ["dmarc", "policy", "example.com", "--zone", "FILE"],
            ["dmarc", "policy", "example.com", "--zone", "zone.json", "--psl", "FILE"],
        ),
    ),
    "forward": Row(
        [*FORWARD, "--zone", "zone.json", "mail.eml"],
        (
            [*FORWARD, "--zone", "FILE", "mail.eml"],
            [*FORWARD, "--zone", "zone.json", "FILE"],
        ),
    ),
    "import opendkim": Row(
        ["import", "opendkim", "opendkim.conf"], (["import", "opendkim", "FILE"],)
    ),
    "import pfix-srsd": Row(["import", "pfix-srsd", "example.net", "secrets"]),
    "import policyd-spf": Row(
        ["import", "policyd-spf", "policyd-spf.conf"], (["import", "policyd-spf", "FILE"],)
    ),
    "import postsrsd": Row(
        ["import", "postsrsd", "postsrsd.conf"], (["import", "postsrsd", "FILE"],)
    ),
    "keygen": Row(["keygen", "-d", mail.DOMAIN, "-s", "new", "--type", "ed25519"]),
    "milter-test": Row(
        None,
        (
            ["milter-test", "mail.eml", "-c", "FILE"],
            ["milter-test", "FILE", "--socket", "unix:nobody"],
        ),
    ),
    "ps": Row(None, (["ps", "-c", "FILE"],)),
    "record dkim": Row(["record", "dkim", "-k", "rsa.pem"], (["record", "dkim", "-k", "FILE"],)),
    "record dmarc": Row(["record", "dmarc", "-d", "example.com", "--policy", "none"]),
    "record spf": Row(["record", "spf", "-d", "example.com", "--mx", "--all", "fail"]),
    "replay": Row(["replay", "case.json"], (["replay", "FILE"],)),
    "serve": Row(None, (["serve", "-c", "FILE"],)),
    "sign": Row(
        [*SIGN, "-k", "rsa.pem", "mail.eml"],
        ([*SIGN, "-k", "rsa.pem", "FILE"], [*SIGN, "-k", "FILE", "mail.eml"]),
    ),
    "spf check": Row(
        [*SPF, "--zone", "zone.json"],
        ([*SPF, "--zone", "FILE"], ["spf", "check", "--zone", "zone.json", "--batch", "FILE"]),
    ),
    "spf flatten": Row(
        ["spf", "flatten", "spf.example", "--zone", "zone.json"],
        (["spf", "flatten", "spf.example", "--zone", "FILE"],),
    ),
    "spf lint": Row(
        ["spf", "lint", "--record", "v=spf1 -all"],
        (["spf", "lint", "example.com", "--zone", "FILE"],),
    ),
    "srs forward": Row(
        [*SRS_FORWARD, "--secrets", "secrets"],
        (
            [*SRS_FORWARD, "--secrets", "FILE"],
            [*SRS_FORWARD, "--secrets", "secrets", "--aliases", "FILE"],
        ),
    ),
    "srs new-secret": Row(None, (["srs", "new-secret", "--secrets", "FILE"],)),
    "srs reverse": Row(
        None,
        (
            ["srs", "reverse", SRS0, "--secrets", "FILE"],
            ["srs", "reverse", SRS0, "--now", "2026-11-23", "--secrets", "FILE"],
            ["srs", "reverse", SRS0, "--secrets", "secrets", "--aliases", "FILE"],
        ),
    ),
    "testkey": Row(
        [*TESTKEY, "-k", "rsa.pem", "--zone", "zone.json"],
        (
            [*TESTKEY, "-k", "FILE", "--zone", "zone.json"],
            [*TESTKEY, "-k", "rsa.pem", "--zone", "FILE"],
        ),
    ),
    "verify": Row(
        ["verify", "--zone", "zone.json", "--now", "2026-11-23", "--html", "o.html", "mail.eml"],
        (
            ["verify", "--zone", "FILE", "mail.eml"],
            ["verify", "--zone", "zone.json", "FILE"],
            ["verify", "--zone", "zone.json", "mail.eml", "--psl", "FILE"],
        ),
    ),
}  # fmt: skip
READERS = [
    pytest.param(arguments, id=f"{name} {arguments[arguments.index('FILE') - 1]}")
    for name, row in ROWS.items()
    for arguments in row.reads
]
PRINTERS = [pytest.param(row.prints, id=name) for name, row in ROWS.items() if row.prints]
BAD_JSON = {
    "deep": b'{"a":' + b"[" * DEEP,
    "digits": b'{"mailauth_case": ' + b"9" * DIGITS + b', "a.example": {"MX": [[1, "b"]]}}',
    "a lone surrogate": b'{"\\ud800.example": {"TXT": ["\\ud800"]}}',
    "not utf-8": b'{"\xff": {}}',
    "an infinity": b'{"mailauth_case": Infinity, "a.example": {"MX": [[NaN, "b"]]}}',
    "a bom": "\ufeff{}".encode(),
    "a list": b"[1]",
}
BAD_TEXT = {
    "empty": b"",
    "binary": bytes(range(256)) * 40,
    "one long line": b"a" * 70_000,
    "many lines": b"a 1 IN TXT x\n" * 2_000,
    "deep toml": b"a = " + b"[" * DEEP,
    "digits of toml": b"[service]\nworkers = " + b"9" * DIGITS,
    "tags": b"v=1; t=" + b"9" * DIGITS,
}
STATUSES = {0, 1, 2, 3, 65, 75}


def leaves(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(names)
        return
    with click.Context(command) as context:
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from leaves(inner, (*names, name))


@pytest.fixture(autouse=True)
def full_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The desk with a file of each kind that a command reads, and without the DNS."""
    monkeypatch.setattr("mailauth.service.dnsdoubts.unpublished", lambda *_: ())
    zone = json.loads((desk / "zone.json").read_text())
    zone["spf.example"] = {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}
    (desk / "zone.json").write_text(json.dumps(zone))
    (desk / "mailauth.toml").write_text(CONFIG.format(desk=desk))
    (desk / "opendkim.conf").write_text(
        "Domain example.com\nSelector rsa\nKeyFile /rsa.pem\nSocket inet:8891\n"
    )
    (desk / "postsrsd.conf").write_text('srs-domain = "example.net"\ndomains = { "a.example" }\n')
    (desk / "policyd-spf.conf").write_text("HELO_reject = Null\n")
    secrets = desk / "secrets"
    secrets.touch(0o600)
    secrets.write_text("a secret of this test\n")
    return desk


@pytest.fixture
def saved(run: Run, full_desk: Path) -> Path:
    """The case of the message."""
    saving = ["verify", "--zone", "zone.json", "--save", "case.json", "mail.eml"]
    assert run(*saving).status == 1
    return full_desk / "case.json"


def with_file(arguments: list[str], file: str) -> list[str]:
    return [file if each == "FILE" else each for each in arguments]


def is_told(done: Done) -> bool:
    """A status of ours; what is refused is told, and no sentence moves the cursor."""
    told = done.status != 2 or done.complaint.startswith("mailauth: ")
    return done.status in STATUSES and told and "\x1b" not in done.complaint


def test_every_command_has_a_row() -> None:
    assert sorted(leaves(program)) == sorted(ROWS)


readers = pytest.mark.parametrize("arguments", READERS)


@readers
def test_an_endless_file_is_not_read_to_its_end(run: Run, arguments: list[str]) -> None:
    assert run(*with_file(arguments, "/dev/zero")).refused


@readers
def test_a_folder(run: Run, arguments: list[str]) -> None:
    Path("folder").mkdir()
    assert run(*with_file(arguments, "folder")).refused


@pytest.mark.parametrize("name", ["none", os.fsdecode(b"\xff\xfe\x1b[2J"), "x" * 5000, "a/b"])
@readers
def test_no_file(run: Run, arguments: list[str], name: str) -> None:
    done = run(*with_file(arguments, name))
    if "new-secret" not in arguments and "--aliases" not in arguments:  # they make it
        assert done.refused
    assert is_told(done)


@readers
def test_a_file_that_fails_when_it_is_read(run: Run, arguments: list[str]) -> None:
    assert run(*with_file(arguments, "/proc/self/mem")).refused


@pytest.mark.parametrize("name", [*BAD_JSON, *BAD_TEXT])
@readers
def test_any_content(run: Run, arguments: list[str], name: str) -> None:
    Path("bad").touch(0o600)
    Path("bad").write_bytes((BAD_JSON | BAD_TEXT)[name])
    assert is_told(run(*with_file(arguments, "bad")))


@readers
def test_a_name_outside_utf8(run: Run, arguments: list[str]) -> None:
    name = os.fsdecode(b"\xff")
    Path(name).touch(0o600)
    assert is_told(run(*with_file(arguments, name)))


STREAMS = [
    pytest.param(arguments, id=arguments[0])
    for arguments in (
        ["verify", "--zone", "zone.json", "-"],
        ["verify", "--zone", "zone.json"],
        [*SIGN, "-k", "rsa.pem"],
        [*FORWARD, "--zone", "zone.json"],
        ["replay", "-"],
        ["spf", "check", "--zone", "zone.json", "--batch", "-"],
        ["milter-test", "-", "--socket", "unix:nobody"],
    )
]


@pytest.mark.parametrize("arguments", STREAMS)
@pytest.mark.parametrize("file", ["/dev/zero", "/proc/self/mem"])
def test_standard_input_that_is_none(run: Run, arguments: list[str], file: str) -> None:
    with Path(file).open("rb") as given:
        assert run(*arguments, given=given).refused


WORDS = [
    os.fsdecode(b"\xff\x1b[2J"),
    "",
    "-",
    "\u00b2",
    "9" * 5_000,
    "999999999999",
    "x." * 10_000,
    "a@" * 10_000,
    "[" * 10_000,
    "192.0.2.1%eth0",
    "0001-01-01T00:00:00+14:00",
    ".",
]


@pytest.mark.parametrize("arguments", READERS + PRINTERS)
def test_any_word_in_the_place_of_any(run: Run, saved: Path, arguments: list[str]) -> None:
    arguments = with_file(arguments, str(saved))
    for place, given in enumerate(arguments):
        for word in WORDS if not given.startswith("-") and place else ():
            done = run(*arguments[:place], word, *arguments[place + 1 :])
            assert is_told(done) or done.complaint.startswith("Usage: "), (place, word)


def test_a_fifo_is_read_as_a_file(run: Run, desk: Path) -> None:
    os.mkfifo("fifo")

    def write() -> None:
        (desk / "fifo").write_bytes(mail.MESSAGE)

    writer = threading.Thread(target=write)
    writer.start()
    done = run("sign", "-d", mail.DOMAIN, "-s", "rsa", "-k", "rsa.pem", "fifo")
    writer.join()
    assert done.status == 0
    assert done.octets.endswith(mail.MESSAGE)


def test_an_mbox_is_bounded_by_its_messages(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = b"From ada@example.com Mon Nov 23 21:00:00 2026\n"
    monkeypatch.setattr("mailauth.reading.MAX_MESSAGE", len(envelope + mail.MESSAGE))
    one = envelope + mail.MESSAGE.replace(b"\r\n", b"\n") + b"\n"
    (desk / "inbox").write_bytes(one * 3)
    assert run("verify", "--zone", "zone.json", "inbox").octets.count(b"inbox#") == 3
    joined = one.rstrip(b"\n") + b"\n"
    (desk / "inbox").write_bytes(one + joined * 2)
    done = run("verify", "--zone", "zone.json", "inbox")
    assert (done.status, done.octets.count(b"inbox#")) == (2, 1)
    assert "inbox#2 has more than" in done.complaint


def test_a_case_is_no_larger_than_what_is_read(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailauth.case.reading.MAX_CHARACTERS", 2_000)
    (desk / "mail.eml").write_bytes(mail.MESSAGE + b"More.\r\n" * 1_000)
    save = ["verify", "--zone", "zone.json", "--save", "case.json", "mail.eml"]
    assert "--private" in run(*save).complaint
    assert not (desk / "case.json").exists()
    assert run(*save, "--private").status == 1
    alone = [word for word in save if word not in save[save.index("--save") :][:2]]
    assert run(*alone, "--private").refused
    assert run("replay", "case.json").status == 0
    (desk / "case.json").write_bytes(b" " * 2_001)
    assert run("replay", "case.json").refused


Printed = Callable[[int], tuple[int, str]]


@pytest.fixture(params=PRINTERS)
def printed(
    saved: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Printed:
    """Runs a command with a descriptor as its standard output: its status and its complaint."""
    assert saved.exists()

    def printed(descriptor: int) -> tuple[int, str]:
        output = io.TextIOWrapper(io.BufferedWriter(io.FileIO(descriptor, "w")))
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", output)
            with pytest.raises(SystemExit) as leave:
                main(request.param)
            output.close()
        return int(str(leave.value.code)), capsysbinary.readouterr().err.decode()

    return printed


def test_a_reader_who_has_enough(printed: Printed) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    status, complaint = printed(writer)
    assert status == 141
    assert "mailauth: " not in complaint


def test_a_full_disk(printed: Printed) -> None:
    status, complaint = printed(os.open("/dev/full", os.O_WRONLY))
    assert status == 2
    told = "mailauth: the output cannot be used: No space left on device\n"
    assert complaint.endswith(told)


def test_an_interrupt(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with monkeypatch.context() as patched:
        patched.setattr("click.echo", _interrupted)
        patched.setattr("click.utils.echo", _interrupted)
        patched.setattr("mailauth.cli.sign.put", _interrupted)
        patched.setattr("mailauth.cli.arc.put", _interrupted)
        patched.setattr("mailauth.cli.importing.put", _interrupted)
        status, complaint = printed(writer)
    os.close(reader)
    assert (status, complaint) == (130, "")


def _interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        pytest.param(["--version"], 2, b"mailauth: the output cannot be used", id="output"),
        pytest.param(["verify"], 2, b"mailauth: - cannot be read: Bad file descriptor", id="input"),
        pytest.param(["verify", "none"], 2, b"mailauth: none cannot be read", id="a file"),
    ],
)
def test_streams_that_were_closed_before(
    arguments: list[str], status: int, complaint: bytes
) -> None:
    def close() -> None:
        os.close(0)
        os.close(1)

    done = process(*arguments, stdin=None, stdout=None, preexec_fn=close)
    assert done.returncode == status
    assert done.stderr.startswith(complaint)
    assert done.stderr.count(b"\n") == 1
