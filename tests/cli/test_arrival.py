"""Messages whose own fields say how they came: `--trust-received`, `--relay`."""

import json
from pathlib import Path

import pytest
from program import Done, Run

ZONE = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
}
MESSAGE = b"From: ada@example.com\r\nSubject: hello\r\n\r\nHello.\r\n"
DELIVERED = b"Return-Path: <ada@example.com>\r\n"
BY_LMTP = b"Received: from mx.example.net by imap.example.net with LMTP id 1\r\n"
FROM_FILTER = b"Received: from filter (filter [10.0.0.3]) by mx.example.net\r\n"
FROM_GATEWAY = b"Received: from gw (gw.example.net [198.51.100.5])\r\n\tby mx.example.net\r\n"
FROM_CLIENT = b"Received: from out.example.com (x [192.0.2.1]) by gw.example.net\r\n"
FORGED = b"Received: from out.example.com (x [192.0.2.1]) by mx.example.net\r\n"
UNREADABLE = b"Received: from x (HELO \\) (203.0.113.6) by mx.example.net\r\n"
FROM_STRANGER = b"Received: from out.example.com (x [203.0.113.6]) by mx.example.net\r\n"


@pytest.fixture
def zone(desk: Path) -> str:
    (desk / "spf.json").write_text(json.dumps(ZONE))
    return "spf.json"


@pytest.fixture
def judge(run: Run, zone: str) -> Run:
    def judge(*options: str, given: bytes) -> Done:
        return run("verify", "--zone", zone, "--json", *options, "-", given=given)

    return judge


def test_client_and_sender_are_those_of_the_fields(judge: Run) -> None:
    message = DELIVERED + BY_LMTP + FROM_FILTER + FROM_CLIENT + MESSAGE
    done = judge("--trust-received", given=message)
    (told,) = done.objects
    assert told["envelope"] == {
        "ip": "192.0.2.1",
        "helo": "out.example.com",
        "mail_from": "ada@example.com",
    }
    assert (told["spf"]["result"], told["dmarc"]["result"], done.status) == ("pass", "pass", 0)


def test_what_stands_below_the_field_of_ones_own_host_counts_for_nothing(judge: Run) -> None:
    (told,) = judge("--trust-received", given=DELIVERED + FROM_STRANGER + FORGED + MESSAGE).objects
    assert (told["envelope"]["ip"], told["dmarc"]["result"]) == ("203.0.113.6", "fail")


def test_the_host_before_a_relay_is_the_client(judge: Run) -> None:
    message = DELIVERED + FROM_GATEWAY + FROM_CLIENT + MESSAGE
    (told,) = judge("--trust-received", given=message).objects
    assert (told["envelope"]["ip"], told["spf"]["result"]) == ("198.51.100.5", "fail")
    (told,) = judge("--trust-received", "--relay", "198.51.100.0/24", given=message).objects
    assert (told["envelope"]["ip"], told["spf"]["result"]) == ("192.0.2.1", "pass")


def test_what_is_given_stands_before_what_is_found(judge: Run) -> None:
    given = ("--helo", "mx.example.com", "--mail-from", "")
    (told,) = judge("--trust-received", *given, given=DELIVERED + FROM_CLIENT + MESSAGE).objects
    assert told["envelope"] == {"ip": "192.0.2.1", "helo": "mx.example.com", "mail_from": ""}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (DELIVERED, "no Received field names a host from outside"),
        (DELIVERED + FROM_FILTER, "no Received field names a host from outside"),
        (DELIVERED + UNREADABLE + FROM_CLIENT, "a Received field cannot be read"),
        (FROM_CLIENT, "there is no Return-Path; give --mail-from"),
    ],
)
def test_a_message_that_does_not_tell_is_judged_by_its_signatures(
    judge: Run, fields: bytes, why: str
) -> None:
    done = judge("--trust-received", given=fields + MESSAGE)
    (told,) = done.objects
    assert "envelope" not in told
    assert done.complaint == f"mailauth: -: its client or sender is not known: {why}\n"


def test_a_folder_is_judged_message_by_message(run: Run, zone: str, desk: Path) -> None:
    (desk / "mails").mkdir()
    (desk / "mails" / "1.eml").write_bytes(DELIVERED + FROM_CLIENT + MESSAGE)
    (desk / "mails" / "2.eml").write_bytes(DELIVERED + FROM_STRANGER + MESSAGE)
    done = run("verify", "--zone", zone, "--json", "--trust-received", "mails")
    assert [told["dmarc"]["result"] for told in done.objects] == ["pass", "fail"]


def test_options_that_contradict_each_other_are_refused(judge: Run) -> None:
    assert judge("--trust-received", "--ip", "192.0.2.1", given=MESSAGE).refused
    assert judge("--relay", "192.0.2.0/24", given=MESSAGE).refused
    assert judge("--trust-received", "--relay", "gw.example.net", given=MESSAGE).refused


def test_forwarding_and_sealing_find_the_same(run: Run, zone: str) -> None:
    message = DELIVERED + FROM_CLIENT + MESSAGE
    zones = ("--zone", zone, "--zone", "zone.json")
    told = run("forward", "--to", "b@example.org", *zones, "--trust-received", "--json", "-",
               given=message)  # fmt: skip
    by_hand = run("forward", "--to", "b@example.org", *zones, "--json", "-", "--ip", "192.0.2.1",
                  "--helo", "out.example.com", "--mail-from", "ada@example.com",
                  given=message)  # fmt: skip
    assert told.objects == by_hand.objects
    sealed = run("arc", "seal", "-d", "example.com", "-s", "rsa", "-k", "rsa.pem", *zones,
                 "--authserv-id", "mx.example.net", "--trust-received", "-",
                 given=message)  # fmt: skip
    assert b"spf=pass smtp.mailfrom=example.com" in sealed.octets
