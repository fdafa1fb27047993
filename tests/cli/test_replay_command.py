"""`mailauth verify --save` and `mailauth replay`."""

import json
from collections.abc import Callable
from pathlib import Path

import mail
import pytest
from program import Run

ZONE = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "rsa._domainkey.example.com": {"TXT": [mail.record("rsa")]},
}
SENT = ["--ip", "192.0.2.1", "--mail-from", "ada@example.com"]


@pytest.fixture
def saved(run: Run, tmp_path: Path) -> Callable[..., Path]:
    """Saves the case of a message."""
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "mail.eml").write_bytes(mail.signed())

    def save(*arguments: str, status: int = 0) -> Path:
        case = tmp_path / "case.json"
        done = run(
            "verify", "--zone", str(tmp_path / "zone.json"), "--now", str(mail.NOW),
            "--save", str(case), *arguments, str(tmp_path / "mail.eml"),
        )  # fmt: skip
        assert done.status == status, done.complaint
        return case

    return save


@pytest.mark.parametrize("private", [[], ["--private"]])
@pytest.mark.parametrize("sent", [[], SENT])
def test_there_and_back(
    run: Run, saved: Callable[..., Path], private: list[str], sent: list[str]
) -> None:
    case = saved(*private, *sent)
    done = run("replay", str(case))
    assert done.status == 0
    assert "the signature verifies" in done.text
    assert ("dmarc: " in done.text) == bool(sent)
    told = json.loads(run("replay", "--json", str(case)).text)
    assert told["dkim"][0]["result"] == "pass"


def test_the_story_is_told_again(run: Run, saved: Callable[..., Path]) -> None:
    done = run("replay", "--explain", str(saved(*SENT)))
    assert "ip4:192.0.2.1: it matches" in done.text


def test_a_judgement_that_is_another_now_is_told(run: Run, saved: Callable[..., Path]) -> None:
    case = saved(*SENT)
    text = case.read_text()
    assert "spf=pass" in text
    case.write_text(text.replace("spf=pass", "spf=softfail"))
    done = run("replay", str(case))
    assert done.status == 1
    assert "no longer spf=softfail smtp.mailfrom=example.com" in done.complaint
    assert "now spf=pass smtp.mailfrom=example.com" in done.complaint


def test_what_is_no_case_is_a_misuse(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    for octets, want in [
        (b'{"mailauth_case": 7, "version": "9.0"}', "it has schema 7, made by mailauth 9.0"),
        (b'{"mailauth_case":\n 1,', "line 2"),
        (b"\xff", "is not UTF-8"),
    ]:
        bad.write_bytes(octets)
        done = run("replay", str(bad))
        assert (done.status, done.text) == (2, "")
        assert want in done.complaint
    assert run("replay", str(tmp_path / "none.json")).status == 2
    assert run("replay", str(tmp_path)).status == 2


def test_a_case_is_of_one_message(run: Run, saved: Callable[..., Path]) -> None:
    mail_file = saved().with_name("mail.eml")
    saved(str(mail_file), status=2)
    done = run(
        "verify",
        "--save",
        str(mail_file.parent / "none" / "case.json"),
        "-",
        given=b"From: a@b.example\r\n\r\n",
    )
    assert done.status == 2


@pytest.mark.parametrize("sent", [[], SENT])
def test_a_page_of_then(
    run: Run, saved: Callable[..., Path], tmp_path: Path, sent: list[str]
) -> None:
    page = tmp_path / "why.html"
    assert run("replay", "--html", str(page), str(saved(*sent))).status == 0
    assert "Judged at 2026-11-18" in page.read_text()
