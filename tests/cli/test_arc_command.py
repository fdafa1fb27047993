"""`mailauth arc seal`, and what `mailauth verify` tells of a chain."""

import json
from pathlib import Path

import mail
import pytest
from chains import sealed
from program import Done, Run

NODES = {
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
}
CAME = ("--ip", "192.0.2.1", "--helo", "mx.example.com", "--mail-from", "ada@example.com")
PASSED_ON = ("--ip", "203.0.113.9", "--helo", "list.example.net", "--mail-from", "l@example.net")


@pytest.fixture
def seal(run: Run, desk: Path) -> Run:
    """`mailauth arc seal` with the RSA key and a zone that has all."""
    records = json.loads((desk / "zone.json").read_text()) | NODES
    (desk / "zone.json").write_text(json.dumps(records))

    def seal(*rest: str, given: bytes = b"") -> Done:
        return run(
            "arc", "seal", "-d", mail.DOMAIN, "-s", "rsa", "-k", "rsa.pem", "--zone", "zone.json",
            "--authserv-id", "mx.example.com", "--now", str(mail.NOW), *rest, given=given,
        )  # fmt: skip

    return seal


def test_what_came_is_told_and_sealed(seal: Run, verify: Run, desk: Path) -> None:
    done = seal(*CAME, "mail.eml")
    assert done.status == 0, done.complaint
    results = done.octets.partition(b"ARC-Authentication-Results:")[2].partition(b"\r\nReceived")[0]
    for told in (b"spf=pass", b"dkim=none", b"dmarc=pass", b"arc=none"):
        assert told in results
    (desk / "sealed.eml").write_bytes(done.octets)
    judged = verify("--now", str(mail.NOW), *PASSED_ON, "sealed.eml")
    assert "pass      arc: 1 seal verifies" in judged.text
    assert "passed over" not in judged.text
    trusting = verify(
        "--now", str(mail.NOW), *PASSED_ON, "--trusted-sealer", "EXAMPLE.com", "sealed.eml"
    )
    assert "it may be passed over: DMARC passed at mx.example.com" in trusting.text


def test_a_chain_is_judged_without_an_envelope(verify: Run, desk: Path) -> None:
    (desk / "sealed.eml").write_bytes(sealed())
    done = verify("--now", str(mail.NOW), "--explain", "sealed.eml")
    assert "pass      arc: " in done.text
    assert "i=1: the seal of example.com verifies" in done.text
    assert "dmarc" not in done.text
    (told,) = verify("--now", str(mail.NOW), "--json", "sealed.eml").objects
    assert told["arc"]["result"] == "pass"
    (told,) = verify("--json", "mail.eml").objects
    assert "arc" not in told


def test_it_is_written_to_a_file(seal: Run, desk: Path) -> None:
    done = seal("-o", "sealed.eml", "mail.eml")
    assert (done.status, done.octets) == (0, b"")
    assert (desk / "sealed.eml").read_bytes().startswith(b"ARC-Seal: i=1;")


def test_line_ends_of_unix_stay(seal: Run) -> None:
    done = seal("-", given=mail.MESSAGE.replace(b"\r\n", b"\n"))
    assert done.octets.startswith(b"ARC-Seal:")
    assert b"\r" not in done.octets


def test_what_has_ended_is_written_as_it_is(seal: Run) -> None:
    ended = sealed(sealed() + b"x\r\n")
    done = seal("-", given=ended)
    assert (done.status, done.octets) == (0, ended)
    assert "has ended" in done.complaint


def test_a_silent_dns_is_temporary(seal: Run, desk: Path) -> None:
    (desk / "zone.json").write_text(json.dumps({"rsa._domainkey.example.com": {"FAIL": ["TXT"]}}))
    done = seal("-", given=sealed())
    assert (done.status, done.octets) == (75, b"")
    assert "not sealed" in done.complaint


@pytest.mark.parametrize(
    ("wrong", "given", "said"),
    [
        ((), b"no header\r\n\r\n", "-: the header is malformed"),
        ((), b"To: x\r\n\r\n", "exactly one From"),
        (("--ip", "300.1.1.1"), mail.MESSAGE, "300.1.1.1"),
        (("-k", "nowhere.pem"), mail.MESSAGE, "nowhere.pem"),
        (("-d", "a..b"), mail.MESSAGE, "a..b"),
        (("--now", "tomorrow"), mail.MESSAGE, "tomorrow"),
    ],
)
def test_misuse(seal: Run, wrong: tuple[str, ...], given: bytes, said: str) -> None:
    done = seal(*wrong, "-", given=given)
    assert (done.status, done.octets) == (2, b"")
    assert said in done.complaint
    assert done.complaint.count("\n") == 1


def test_a_case_keeps_whom_it_trusted(verify: Run, run: Run, desk: Path) -> None:
    records = json.loads((desk / "zone.json").read_text()) | NODES
    (desk / "zone.json").write_text(json.dumps(records))
    (desk / "sealed.eml").write_bytes(sealed())
    trusting = (*PASSED_ON, "--trusted-sealer", "example.com")
    verify("--now", str(mail.NOW), *trusting, "--save", "case.json", "sealed.eml")
    done = run("replay", "case.json")
    assert done.status == 0
    assert "passed over" in done.text
