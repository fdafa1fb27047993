"""`mailauth verify`: where messages are found, what is printed, and what the status says."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mail import MESSAGE, NOW, signed, verdicts
from nameserver import Ask, Reply, from_zone, serve
from program import Run

from mailauth import case, dkim
from mailauth.cli import verify as command
from mailauth.cli.shown import progress
from mailauth.dns import Zone

SIGNED = signed(now=NOW)
FORGED = SIGNED.replace(b"line end", b"lime end")
ENVELOPE = b"From MAILER-DAEMON Mon Nov 23 08:00:00 2026\n"
LATER = ["--now", str(NOW)]


def test_a_verdict_is_told_with_its_reason(verify: Run, desk: Path) -> None:
    (desk / "mail.eml").write_bytes(SIGNED + b"more\r\n")
    done = verify(*LATER, "mail.eml")
    assert done.status == 1
    assert done.text.splitlines() == [
        "mail.eml:",
        "  fail      d=example.com s=rsa a=rsa-sha256 bits=2048",
        "            the body is not what was signed: bh= differs",
    ]


def test_each_zone_that_is_given_answers(run: Run, desk: Path) -> None:
    records, name = json.loads((desk / "zone.json").read_text()), "rsa._domainkey.example.com"
    (desk / "one.json").write_text(json.dumps({name: records.pop(name)}))
    (desk / "two.json").write_text(json.dumps(records))
    (desk / "signed.eml").write_bytes(SIGNED)
    one, two = ["--zone", "one.json"], ["--zone", "two.json"]
    assert run("verify", *one, *two, *LATER, "signed.eml").status == 0
    assert run("verify", *two, *one, *LATER, "signed.eml").status == 0
    assert run("verify", *one, *two, *one, *LATER, "signed.eml").refused


def test_json_is_an_object_a_message(verify: Run, desk: Path) -> None:
    (desk / "a.eml").write_bytes(SIGNED)
    done = verify("--json", *LATER, "a.eml", "mail.eml")
    passed, unsigned = done.objects
    assert done.status == 1
    assert passed.keys() == {"file", "schema", "dkim"}
    assert passed["file"] == "a.eml"
    assert passed["dkim"][0].items() >= {
        "result": "pass", "domain": "example.com", "selector": "rsa", "key_size": 2048,
        "algorithm": "rsa-sha256", "reason": "the signature verifies", "signed_at": NOW,
    }.items()  # fmt: skip
    assert [verdict["result"] for verdict in unsigned["dkim"]] == ["none"]


# 0: all pass; 1: not; 75: the DNS failed; 2: misuse; the last that is true of a message.


@pytest.fixture(autouse=True)
def _messages(desk: Path) -> None:
    records = json.loads((desk / "zone.json").read_text())
    records["down._domainkey.example.com"] = {"FAIL": ["TXT"]}
    (desk / "zone.json").write_text(json.dumps(records))
    (desk / "pass").write_bytes(SIGNED)
    (desk / "fail").write_bytes(FORGED)
    (desk / "temp").write_bytes(signed(selector="down"))
    (desk / "both").write_bytes(signed(SIGNED, selector="down"))


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ("pass", 0),
        ("pass pass", 0),
        ("fail", 1),
        ("pass fail", 1),
        ("mail.eml", 1),
        ("temp", 75),
        ("both", 0),
        ("temp fail pass", 75),
        ("fail none pass", 2),
        ("temp none", 2),
    ],
)
def test_status(verify: Run, files: str, status: int) -> None:
    assert verify(*LATER, *files.split()).status == status


def test_what_can_be_read_is_still_judged(verify: Run) -> None:
    done = verify(*LATER, "none", "pass")
    assert done.text.startswith("pass:\n  pass ")
    assert done.complaint == "mailauth: none cannot be read: No such file or directory\n"


# Files, mboxes, Maildirs, folders and standard input, in one call.


def names(verify: Run, *paths: str, given: bytes = b"") -> list[str]:
    done = verify("--json", *LATER, *paths, given=given)
    assert (done.status, done.complaint) == (0, "")
    return [report["file"] for report in done.objects]


def test_standard_input(verify: Run) -> None:
    assert names(verify, given=SIGNED) == ["-"]
    assert names(verify, "-", given=SIGNED.replace(b"\r\n", b"\n")) == ["-"]
    assert names(verify, given=(ENVELOPE + SIGNED + b"\r\n") * 2) == ["-#1", "-#2"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_mbox(verify: Run, desk: Path, end: bytes) -> None:
    entry = ENVELOPE + SIGNED.replace(b"\r\n", end) + end
    (desk / "box").write_bytes(entry * 3)
    assert names(verify, "box") == ["box#1", "box#2", "box#3"]


def test_MSG_18_one_message_with_the_line_of_an_mbox(verify: Run, desk: Path) -> None:
    (desk / "box").write_bytes(ENVELOPE + SIGNED.replace(b"\r\n", b"\n"))
    assert names(verify, "box") == ["box"]


SECOND_FROM = [
    pytest.param(b"From : ceo@bank.example\n", id="a blank before the colon"),
    pytest.param(b"From \t: ceo@bank.example at 10:00\n", id="and a time of day"),
    pytest.param(b"From ceo@bank.example\n", id="no time of day"),
    pytest.param(b"From " + b"x" * 600 + b" 10:00\n", id="no line of an mbox is so long"),
]


@pytest.mark.parametrize("first", SECOND_FROM)
@pytest.mark.parametrize("way", ["file", "standard input", "mbox"])
def test_MSG_18_a_field_before_the_signature_is_no_line_of_an_mbox(
    verify: Run, desk: Path, first: bytes, way: str
) -> None:
    message = first.replace(b"\n", b"\r\n") + SIGNED
    (desk / "two.eml").write_bytes(message)
    (desk / "box").write_bytes(ENVELOPE + message.replace(b"\r\n", b"\n"))
    given = {"file": ["two.eml"], "standard input": [], "mbox": ["box"]}[way]
    done = verify("--json", *LATER, *given, given=message)
    (report,) = done.objects
    (told,) = report["dkim"]
    (expected,) = verdicts(message)
    assert (done.status, told["result"]) == (1, expected.result.value)


def test_a_paragraph_that_begins_with_from_is_no_new_message(verify: Run, desk: Path) -> None:
    message = signed(MESSAGE + b"From here on\r\n\r\nFrom " + b"1:0 " * 300 + b"10:00\r\n")
    (desk / "box").write_bytes(ENVELOPE + message)
    assert names(verify, "box") == ["box"]


def test_a_maildir(verify: Run, desk: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (desk / "Maildir" / name).mkdir(parents=True)
        (desk / "Maildir" / name / f"1.{name}:2,S").write_bytes(SIGNED)
        (desk / "Maildir" / name / ".2.unfinished").write_bytes(SIGNED)  # no message in a Maildir
    assert names(verify, "Maildir") == ["Maildir/cur/1.cur:2,S", "Maildir/new/1.new:2,S"]


@pytest.mark.parametrize("box", [".Sent", ".Lists.Python", "Archive/2026"])
def test_a_maildir_has_folders(verify: Run, desk: Path, box: str) -> None:
    for folder in ("Maildir", f"Maildir/{box}"):
        for name in ("cur", "new", "tmp"):
            (desk / folder / name).mkdir(parents=True)
            (desk / folder / name / "1").write_bytes(SIGNED)
    (desk / "Maildir" / "subscriptions").write_bytes(b"Sent\n")
    (desk / "mail.eml").unlink()
    expected = [f"Maildir/{box}/cur/1", f"Maildir/{box}/new/1", "Maildir/cur/1", "Maildir/new/1"]
    assert names(verify, "Maildir") == names(verify, ".") == sorted(expected)


def test_a_folder_of_files(verify: Run, desk: Path) -> None:
    (desk / "in" / "side").mkdir(parents=True)
    for name in ("in/b.eml", "in/A.EML", "in/side/a.eml", "in/notes.txt"):
        (desk / name).write_bytes(SIGNED)
    assert names(verify, "in") == ["in/A.EML", "in/b.eml", "in/side/a.eml"]


def test_a_folder_without_messages_is_a_fault(verify: Run, desk: Path) -> None:
    (desk / "empty").mkdir()
    assert verify("empty").refused


def test_a_folder_that_cannot_be_listed(
    verify: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk / "closed").mkdir()

    def deny(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", deny)
    done = verify("closed")
    assert done.refused
    assert "closed cannot be read: Permission denied" in done.complaint


@pytest.mark.parametrize("closed", ["in/side", "in/box/cur"])
def test_a_folder_inside_that_cannot_be_listed(
    verify: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    for folder in ("side", "box/cur", "box/new"):
        (desk / "in" / folder).mkdir(parents=True)
    (desk / "in" / "a.eml").write_bytes(SIGNED)
    scandir = os.scandir

    def deny(folder: str | Path) -> Any:
        if str(folder) == closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", deny)
    done = verify(*LATER, "in")
    assert done.status == 2
    assert done.complaint == f"mailauth: {closed} cannot be read: Permission denied\n"
    assert done.text.startswith("in/a.eml:\n  pass ")


def test_a_long_run_has_a_bar(verify: Run, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "is_wanted", lambda: True)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    (desk / "a.eml").write_bytes(SIGNED)
    done = verify(*LATER, "a.eml", "none", "a.eml", "a.eml")
    assert done.status == 2
    assert done.text.count("the signature verifies") == 3
    assert "verifying" in done.complaint
    assert "100%" in done.complaint


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (str(NOW + 50), 0),
        ("2026-11-18T10:26:50Z", 0),
        ("2026-11-18 11:26:50+01:00", 0),
        ("Wed, 18 Nov 2026 10:26:50 +0000", 0),
        ("2026-11-18 10:26:50", 0),
        ("2026-11-18", 1),
        ("2026-12-18", 1),
        ("Fri, 18 Dec 2026 10:26:50 GMT", 1),
        ("yesterday", 2),
        ("", 2),
        ("-1", 2),
        ("253402300799", 1),
        ("253402300800", 2),
        ("9" * 13, 2),
        ("2026-13-01", 2),
        ("Mon, 99 Nov 99999 10:00:00 +0000", 2),
        ("0001-01-01T00:00:00+23:59", 2),
    ],
)
def test_now_is_a_number_or_a_date(
    verify: Run, monkeypatch: pytest.MonkeyPatch, now: str, status: int
) -> None:
    moment = 1_795_000_000  # 2026-11-18T11:06:40Z
    given = signed(now=moment - 3_000, expire=3_600)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "EST+5")
        time.tzset()
        done = verify("--now", now, given=given)
    time.tzset()
    assert done.status == status, done


@pytest.mark.parametrize(
    ("options", "admitted"),
    [([], dkim.RFC8301), (["--policy", "rfc6376"], dkim.RFC6376)],
    ids=["default", "rfc6376"],
)
def test_policy(
    verify: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], admitted: dkim.Policy
) -> None:
    asked: list[dkim.Policy] = []
    real = case.record

    def spy(octets: bytes, **given: Any) -> Any:
        asked.append(given["dkim_policy"])
        return real(octets, **given)

    monkeypatch.setattr(case, "record", spy)
    assert verify(*LATER, *options, given=SIGNED).status == 0
    assert asked == [admitted]


@pytest.mark.parametrize(
    "arguments",
    [["--zone", "none"], ["--zone", "mail.eml"], ["--nameserver", "192.0.2.1"]],
    ids=["missing", "no zone", "zone and nameserver"],
)
def test_zones_that_are_refused(verify: Run, arguments: list[str]) -> None:
    assert verify(*arguments, "mail.eml").refused


@pytest.mark.parametrize("arguments", [["--policy", "none"], ["--unknown"]])
def test_misuse(verify: Run, arguments: list[str]) -> None:
    done = verify(*arguments)
    assert done.status == 2
    assert done.complaint.startswith("Usage: mailauth verify ")


def test_OPS_05_hostile_text_is_escaped(verify: Run, desk: Path) -> None:
    field = "DKIM-Signature: v=1; a=\x1b]0;d=\x1b[2J\u202e.example; s=\r\n x\r\n"
    (desk / "\x1b[31m.eml").write_bytes(field.encode() + MESSAGE)
    done = verify("\x1b[31m.eml")
    assert done.status == 1
    assert all(line.isprintable() for line in done.text.splitlines())


def test_any_file_name_is_printed(verify: Run, desk: Path) -> None:
    (desk / "a\udcff.eml").write_bytes(MESSAGE)
    assert verify("a\udcff.eml").text.startswith("a\\udcff.eml:\n")
    assert verify("--json", "a\udcff.eml").objects[0]["file"] == "a\udcff.eml"


@pytest.mark.loopback
def test_messages_wait_for_the_dns_together(run: Run, desk: Path) -> None:
    """Nobody gets an answer before all three have asked; what is told keeps its order."""
    everyone = threading.Barrier(3)

    def script(ask: Ask) -> Iterator[Reply | float]:
        everyone.wait(timeout=3)
        yield from from_zone(Zone({}))(ask)

    (desk / "mails").mkdir()
    for number in range(3):
        octets = SIGNED.replace(b"s=rsa", b"s=key%d" % number)
        (desk / "mails" / f"{number}.eml").write_bytes(octets)
    with serve(script) as server:
        done = run("verify", *LATER, "--nameserver", server.where, "--json", "none.eml", "mails")
    names = [told["file"] for told in done.objects]
    assert names == ["mails/0.eml", "mails/1.eml", "mails/2.eml"]
    reasons = [told["dkim"][0]["reason"] for told in done.objects]
    assert [f"key{number}._domainkey" in why for number, why in enumerate(reasons)] == [True] * 3
    assert "none.eml" in done.complaint
    assert done.status == 2


def test_large_messages_are_not_held_side_by_side(
    verify: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MAX_OCTETS", 1)
    (desk / "a.eml").write_bytes(SIGNED)
    done = verify("--json", *LATER, "a.eml", "mail.eml", "a.eml")
    assert [told["dkim"][0]["result"] for told in done.objects] == ["pass", "none", "pass"]
