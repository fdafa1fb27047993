"""`mailauth sign`: what is written where, and what is refused."""

import os
import stat
from pathlib import Path

import mail
import pytest
from mail import MESSAGE
from program import Run

from mailauth import dkim

UNIX = MESSAGE.replace(b"\r\n", b"\n")
ENVELOPE = b"From ada@example.com Mon Nov 23 08:00:00 2026\n"


def results(octets: bytes) -> list[str]:
    return [verdict.result.value for verdict in mail.verdicts(octets, now=2**31)]


def test_the_signed_message_is_the_output(sign: Run) -> None:
    done = sign("mail.eml")
    assert (done.status, done.complaint) == (0, "")
    assert done.octets.startswith(b"DKIM-Signature: ")
    assert done.octets.endswith(b"\r\n" + MESSAGE)
    assert results(done.octets) == ["pass"]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input(sign: Run, arguments: list[str]) -> None:
    assert results(sign(*arguments, given=MESSAGE).octets) == ["pass"]


def test_several_keys_sign_in_one_pass(sign: Run) -> None:
    done = sign("-s", "ed25519", "-k", "ed25519.pem", "mail.eml")
    verdicts = mail.verdicts(done.octets, now=2**31)
    assert [v.algorithm for v in verdicts] == ["rsa-sha256", "ed25519-sha256"]
    assert results(done.octets) == ["pass", "pass"]


def test_the_options_are_the_tags(sign: Run) -> None:
    done = sign(
        "-c", "simple/simple", "--expire", "14d", "--identity", "a@b.example.com", "mail.eml"
    )
    (verdict,) = mail.verdicts(done.octets, now=2**30)
    assert b" c=simple/simple;" in done.octets
    assert verdict.identity == "a@b.example.com"
    assert verdict.expires_at == (verdict.signed_at or 0) + 14 * 86_400


def test_DKIM_40_unix_line_ends_are_signed_as_crlf_and_kept(sign: Run, desk: Path) -> None:
    (desk / "unix.eml").write_bytes(UNIX)
    octets = sign("unix.eml").octets
    assert b"\r" not in octets
    assert octets.endswith(UNIX)
    assert results(octets.replace(b"\n", b"\r\n")) == ["pass"]


def test_MSG_02_mixed_line_ends_are_refused(sign: Run, desk: Path) -> None:
    (desk / "mixed.eml").write_bytes(MESSAGE + b"a bare LF\n.\n")
    done = sign("mixed.eml")
    assert done.refused
    assert "make every line end a CRLF" in done.complaint


def test_MSG_18_the_line_of_an_mbox_stays_in_front(sign: Run, desk: Path) -> None:
    for line, message in ((ENVELOPE, UNIX), (ENVELOPE[:-1] + b"\r\n", MESSAGE)):
        (desk / "one.mbox").write_bytes(line + message)
        for done in (sign("one.mbox"), sign(given=line + message)):
            assert done.octets.startswith(line + b"DKIM-Signature:")
            assert done.octets.endswith(message)


def test_an_mbox_of_several_messages_is_refused(sign: Run, desk: Path) -> None:
    (desk / "two.mbox").write_bytes((ENVELOPE + UNIX + b"\n") * 2)
    assert "several messages" in sign("two.mbox").complaint


# `--in-place`: the signed message or the old one, never less.


def test_the_file_is_replaced_with_its_mode(sign: Run, desk: Path) -> None:
    (desk / "mail.eml").chmod(0o640)
    assert sign("--in-place", "mail.eml").octets == b""
    assert results((desk / "mail.eml").read_bytes()) == ["pass"]
    assert stat.S_IMODE((desk / "mail.eml").stat().st_mode) == 0o640


@pytest.mark.parametrize("again", ["mail.eml", "./mail.eml", "link"])
def test_a_file_is_signed_once(sign: Run, desk: Path, again: str) -> None:
    (desk / "link").symlink_to("mail.eml")
    done = sign("--in-place", "mail.eml", again)
    assert done.refused
    assert done.complaint == f"mailauth: {again} is named twice; give each file once\n"
    assert (desk / "mail.eml").read_bytes() == MESSAGE


def test_a_link_stays_a_link(sign: Run, desk: Path) -> None:
    (desk / "link").symlink_to("mail.eml")
    sign("--in-place", "link")
    assert (desk / "link").is_symlink()
    assert results((desk / "mail.eml").read_bytes()) == ["pass"]


def test_the_others_are_signed_when_one_cannot_be(sign: Run, desk: Path) -> None:
    (desk / "bad.eml").write_bytes(b"To: ben@example.net\r\n\r\n")
    done = sign("--in-place", "bad.eml", "none.eml", "mail.eml")
    assert done.status == 2
    assert done.complaint.splitlines() == [
        "mailauth: bad.eml: the message has 0 From fields; it must have exactly one to be signed",
        "mailauth: none.eml cannot be read: No such file or directory",
    ]
    assert (desk / "bad.eml").read_bytes() == b"To: ben@example.net\r\n\r\n"
    assert results((desk / "mail.eml").read_bytes()) == ["pass"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_the_original_survives_a_failure(
    sign: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = sorted(desk.iterdir())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    done = sign("--in-place", "mail.eml")
    assert done.refused
    assert done.complaint.endswith("mail.eml cannot be written: No space left on device\n")
    assert (desk / "mail.eml").read_bytes() == MESSAGE
    assert sorted(desk.iterdir()) == before


def test_an_interrupt_leaves_nothing_beside_the_file(
    sign: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(desk.iterdir())

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    assert sign("--in-place", "mail.eml").status == 130
    assert (desk / "mail.eml").read_bytes() == MESSAGE
    assert sorted(desk.iterdir()) == before


@pytest.mark.parametrize(
    "arguments", [["-"], [], ["-o", "out.eml", "mail.eml"]], ids=["stdin", "none", "output"]
)
def test_it_needs_files(sign: Run, arguments: list[str]) -> None:
    assert sign("--in-place", *arguments).refused


# `-o`: one message, in a file.


def test_the_message_is_in_the_file(sign: Run, desk: Path) -> None:
    umask = os.umask(0o027)
    try:
        assert sign("-o", "out.eml", "mail.eml").octets == b""
    finally:
        os.umask(umask)
    assert results((desk / "out.eml").read_bytes()) == ["pass"]
    assert stat.S_IMODE((desk / "out.eml").stat().st_mode) == 0o640


def test_a_device_stays_a_device(sign: Run) -> None:
    assert sign("-o", os.devnull, "mail.eml").status == 0
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_nothing_is_written_for_a_refused_message(sign: Run, desk: Path) -> None:
    assert sign("-o", "out.eml", given=b"Subject: x\r\n\r\n").refused
    assert not (desk / "out.eml").exists()


def test_a_folder_that_is_not_there(sign: Run) -> None:
    assert sign("-o", "no/out.eml", "mail.eml").refused


def test_it_is_for_one_message(sign: Run) -> None:
    assert sign("-o", "out.eml", "mail.eml", "mail.eml").refused
    assert sign("mail.eml", "mail.eml").refused


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        pytest.param(b"Subject: x\r\n\r\n", "0 From fields", id="DKIM-39-none"),
        pytest.param(b"From: a@b\r\nFrom: c@d\r\n\r\n", "2 From fields", id="DKIM-39-two"),
        pytest.param(b"From : a@b\r\nFrom: c@d\r\n\r\n", "2 From fields", id="DKIM-39-blank"),
        pytest.param(b"From: a@b\r\nno field\r\n\r\n", "line 2 of the header", id="malformed"),
        pytest.param(b"", "0 From fields", id="empty"),
        pytest.param(b"From \xff 8:00", "0 From fields", id="only-an-mbox-line"),
    ],
)
def test_messages_that_are_not_signed(sign: Run, octets: bytes, reason: str) -> None:
    done = sign(given=octets)
    assert done.refused
    assert reason in done.complaint


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-k", "none.pem", "-s", "x"], "none.pem does not exist; check its name"),
        (["-s", "x"], "each -s needs its -k"),
        (["-k", "mail.eml", "-s", "x"], "chmod 600 mail.eml"),
        (["--expire", "soon"], "'soon' is not a duration such as 14d"),
        (["--expire", "0d"], "--expire 0d: a signature must be valid for at least one second"),
        (["--identity", "example.com"], "the identity 'example.com' has no @"),
        (["-c", "relaxed/"], "the canonicalization 'relaxed/' is not one of simple, relaxed"),
        (["-s", "sel.", "-k", "rsa.pem"], "a dot at the end of a name: 'sel.'"),
        (["--identity", "a@example.net"], "'a@example.net' is not at example.com"),
        (["--identity", "\udcff@example.com"], "'\\udcff@example.com' is not UTF-8"),
        (["--expire", "999999999999w"], "expire must be a number of seconds after now"),
        (["-d", "com"], "com is a top-level domain"),
        (["-c", "loose"], "the canonicalization 'loose' is not one of simple, relaxed"),
        (["-d", "exa mple"], "exa mple"),
    ],
)
def test_arguments_that_are_refused(sign: Run, arguments: list[str], reason: str) -> None:
    done = sign(*arguments, "mail.eml")
    assert done.refused
    assert reason in done.complaint


def test_OPS_01_an_open_key_is_refused(sign: Run, desk: Path) -> None:
    (desk / "rsa.pem").chmod(0o640)
    done = sign("mail.eml")
    assert done.refused
    assert done.complaint.rstrip().endswith("run: chmod 600 rsa.pem")


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        (b"x" * 998, False),
        (b"x" * 999, True),
        (b"x" * 1200, True),
        (b"x" * 997 + b"\r\n" * 2, False),
    ],
)
@pytest.mark.parametrize("after", [b"", b"\r\n", b"\r\nmore\r\n" * 300])
def test_DKIM_40_long_lines_are_warned_of(
    sign: Run, line: bytes, warned: bool, after: bytes
) -> None:
    done = sign(given=b"From: a@b\r\n\r\nshort\r\n" + line + after)
    assert done.status == 0
    assert ("a line of over 998 octets" in done.complaint) == warned


def test_DKIM_40_eight_bit_content_is_warned_of_unless_hushed(sign: Run) -> None:
    message = "From: a@b\r\n\r\nZoë\r\n".encode()
    assert "octets over 127" in sign(given=message).complaint
    assert sign("--quiet", given=message).complaint == ""
    assert dkim.Result.PASS.value in results(sign("-q", given=message).octets)
