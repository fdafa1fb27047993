"""`--cross-check` and `mailauth demo`: what dkimpy says beside our own verdicts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mail import MESSAGE, signed
from program import Run

from mailauth.cli import demo
from mailauth.cli.opinions import dkimpy as second
from mailauth.cli.opinions.dkimpy import Opinion
from mailauth.dns import Zone
from mailauth.syntax.message import Message

dkimpy = pytest.mark.oracle


@pytest.fixture
def _without_dkimpy(lack: Callable[[str], None]) -> None:
    lack("dkim")


@pytest.fixture
def _demo_of_dkim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other acts, of which one starts a service, have nothing to do with the message."""
    monkeypatch.setattr(demo, "ACTS", [demo.dkim.act])


def opinions(verify: Run, message: bytes) -> dict[str, Any]:
    (report,) = verify("--json", "--cross-check", given=message).objects
    compared: dict[str, Any] = report["cross_check"]
    assert compared["program"] == "dkimpy"
    return compared


@dkimpy
def test_an_opinion_on_each_signature(verify: Run) -> None:
    twice = signed(signed(), key_type="ed25519")
    done = verify("--cross-check", given=twice)
    assert done.status == 0
    assert done.text.splitlines()[-2:] == ["  dkimpy: pass, the same"] * 2
    assert opinions(verify, twice) == {
        "program": "dkimpy",
        "agrees": True,
        "signatures": [
            {"index": index, "result": "pass", "remark": "", "differs": False} for index in (0, 1)
        ],
    }


@dkimpy
def test_a_difference_is_named_with_its_signature(verify: Run) -> None:
    # dkimpy lets a second Subject stand before the one that is signed; we do not.
    double = b"Subject: another\r\n" + signed(oversign=["from"])
    done = verify("--cross-check", given=double)
    assert done.status == 1
    assert "dkimpy: pass, DIFFERENT from our policy on signature 1" in done.text
    assert opinions(verify, double)["agrees"] is False


@dkimpy
@pytest.mark.parametrize("now", [1_000_000_000, 4_000_000_000])
def test_its_clock_is_ours(verify: Run, now: int) -> None:
    (at_the_time,) = verify(
        "--now", str(now), "--cross-check", "--json", given=signed(now=now, expire=60)
    ).objects
    assert at_the_time["cross_check"]["agrees"] is True
    late = verify("--now", str(now + 100_000), "--cross-check", given=signed(now=now, expire=60))
    assert "dkimpy: fail, and our permerror is not a pass either" in late.text


@dkimpy
def test_it_is_asked_of_no_more_signatures_than_we_examine(verify: Run) -> None:
    many = MESSAGE
    for _ in range(11):
        many = signed(many)
    assert len(opinions(verify, many)["signatures"]) == 10
    assert opinions(verify, many)["agrees"] is True


@dkimpy
@pytest.mark.parametrize(
    "message",
    [
        b"DKIM-Signature: v=1\r\n" + MESSAGE,
        b"DKIM-Signature: \xff=;;\r\n" + MESSAGE,
        b"DKIM-Signature: v=1; a=rsa-sha256; d=a; s=b; h=from; bh=*; b=*\r\n" + MESSAGE,
        signed().replace(b"s=rsa", b"s=\xff\xfe"),
    ],
)
def test_what_it_raises_is_its_opinion(verify: Run, message: bytes) -> None:
    (opinion,) = opinions(verify, message)["signatures"]
    assert (opinion["result"], opinion["differs"]) == ("fail", False)


@dkimpy
def test_it_asks_through_our_resolver(verify: Run, desk: Path) -> None:
    zone = {"rsa._domainkey.example.com": {"FAIL": ["TXT"]}}
    (desk / "zone.json").write_text(json.dumps(zone))
    (opinion,) = opinions(verify, signed())["signatures"]
    assert opinion["remark"] == "the DNS failed: server failure"
    text = verify("--cross-check", given=signed()).text
    assert "dkimpy: fail, and our temperror is not a pass either" in text


@dkimpy
def test_it_is_not_waited_for_without_end(verify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "MOST_SECONDS", 0.2)
    # What dkimpy takes for a run of blanks grows with its square.
    message = signed(b"From: ada@example.com\r\n\r\n" + b" " * 1_000_000 + b".\r\n")
    done = verify("--cross-check", given=message)
    assert (done.status, done.complaint) == (0, "")
    told = "dkimpy: none, no opinion: it was stopped after 0.2 seconds of work"
    assert done.text.splitlines()[-1] == f"  {told}"
    (opinion,) = opinions(verify, message)["signatures"]
    assert (opinion["result"], opinion["differs"]) == ("none", False)


@dkimpy
def test_what_it_said_before_it_was_stopped_stands(
    verify: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = second.opinion

    def stuck(octets: bytes, index: int, ask: Zone) -> tuple[bool | None, str]:
        while index:
            pass
        return real(octets, index, ask)

    monkeypatch.setattr(second, "MOST_SECONDS", 0.5)
    monkeypatch.setattr(second, "opinion", stuck)
    told = [each["result"] for each in opinions(verify, signed(signed()))["signatures"]]
    assert told == ["pass", "none"]


@dkimpy
def test_an_unsigned_message_has_no_opinions(verify: Run) -> None:
    assert opinions(verify, MESSAGE)["signatures"] == []


@pytest.mark.usefixtures("_without_dkimpy")
def test_without_dkimpy_it_says_how_to_get_it(verify: Run) -> None:
    done = verify("--cross-check", given=signed())
    assert done.refused
    assert done.complaint.endswith("pip install '.[crosscheck]' in a clone of mailauth\n")


def test_no_opinion_is_no_difference() -> None:
    opinion = Opinion(0, "pass", None, "it cannot tell")
    assert (opinion.differs, opinion.word, opinion.relation) == (False, "none", "it cannot tell")


@dkimpy
def test_the_demo_goes_as_it_should(run: Run) -> None:
    done = run("demo")
    assert (done.status, done.complaint) == (0, "")
    for sample in ("multipart.eml", "plain.eml", "utf8.eml"):
        assert f"\n{sample}, " in done.text
    assert done.text.count("the signature verifies") == 6
    assert done.text.count("bh= differs") == 6
    assert done.text.count("b= does not verify") == 6
    assert done.text.count("dkimpy: ") == done.text.count(", the same") == 18
    assert done.text.endswith("\nEverything went as expected.\n")
    service = done.text.partition("\nThe service: ")[2]
    first, second = re.findall(r"forward ada@example\.com: (OK SRS0=\S+)", service)
    assert first == second
    stopped, other = re.findall(r"the worker (\d+)(?: is|;)", service)
    assert stopped != other
    assert f"the worker {stopped} was silent for 2." in service


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        signed(),
        b"From: a@b\r\n\r\n",
        b"From: a@b",
        b"Subject:\r\nFrom:\r\n a@b\r\n\r\n\r\n",
        b"From: a@b\nTo: subject\n\nSubject: x\n",
        b"To: x@example.net\r\nFrom : a@example.com\r\n\r\nhi\r\n",
        b"From:\r\n\r\n",
        b"From: a@example.com\r\nSubject: \r\nX-Foo: 1\r\n\r\nhi\r\n",
        b"From: a@b.c\nSubject:\x0b\n\nx",
        b"From: a@b\r\nSubject:\r\nSubject: !\r\n\r\n\x0b\r\n",
    ],
    ids=[
        "mail",
        "signed",
        "no body",
        "no end",
        "no subject",
        "unix",
        "blank before the colon",
        "no author",
        "blank subject",
        "control character",
        "second subject",
    ],
)
@pytest.mark.usefixtures("_without_dkimpy", "_demo_of_dkim")
def test_the_demo_of_a_file(run: Run, desk: Path, message: bytes) -> None:
    (desk / "mine.eml").write_bytes(message)
    done = run("demo", "mine.eml")
    assert done.status == 0, done.text
    assert "dkimpy is not installed" in done.text
    assert (desk / "mine.eml").read_bytes() == message


@dkimpy
@pytest.mark.usefixtures("_demo_of_dkim")
def test_the_demo_of_what_dkimpy_reads_otherwise(run: Run, desk: Path) -> None:
    # dkimpy takes this field for the line of an mbox.
    (desk / "mine.eml").write_bytes(b"To: x@example.net\r\nFrom : a@example.com\r\n\r\nhi\r\n")
    done = run("demo", "mine.eml")
    assert done.status == 0
    assert "dkimpy: fail, DIFFERENT from our pass" in done.text
    assert "\nWhere dkimpy differs, it reads the message differently" in done.text


@pytest.mark.usefixtures("_demo_of_dkim")
def test_the_demo_says_when_something_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailauth.cli.demo.dkim._altered_body", lambda octets: octets)
    done = run("demo", "mail.eml")
    assert done.status == 1
    assert done.text.endswith("Something did not go as expected.\n")


def test_the_demo_tells_why_a_service_does_not_come_up(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailauth.cli.demo.service._TOML", "[service]\nx = '{folder}'\n")
    done = run("demo", "mail.eml")
    assert done.status == 1
    assert "  the service did not start; its log:\n    mailauth: " in done.text
    assert "service.x: is unknown here" in done.text


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"To: a@b\r\n\r\n", "the message has 0 From fields"),
        (b"", "the message has 0 From fields"),
        (b"From: a@b\r\nno field\r\n\r\n", "the header is malformed"),
    ],
)
def test_the_demo_refuses_what_cannot_be_signed(
    run: Run, desk: Path, message: bytes, reason: str
) -> None:
    (desk / "mine.eml").write_bytes(message)
    done = run("demo", "mine.eml")
    assert done.refused
    assert done.complaint.startswith(f"mailauth: mine.eml: {reason}")


def test_the_samples_are_mail_as_it_travels() -> None:
    samples = Path(__file__).parents[2] / "mailauth" / "cli" / "samples"
    for sample in samples.glob("*.eml"):
        octets = sample.read_bytes()
        assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
        assert Message.parse(octets).faults == ()
