"""`mailauth dmarc`, `record dmarc`, and `verify` with an envelope."""

import json
from pathlib import Path

import pytest
from program import Run

NODES = {
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; sp=none; rua=mailto:a@example.com"]},
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "news.example.com": {"A": ["192.0.2.1"]},
    "_dmarc.down.example": {"FAIL": ["TXT"]},
    "_dmarc.up.down.example": {"TXT": ["v=DMARC1; p=reject"]},
}


@pytest.fixture
def zone(desk: Path) -> str:
    """The zone of the keys, with policies."""
    records = json.loads((desk / "zone.json").read_text()) | NODES
    (desk / "all.json").write_text(json.dumps(records))
    return "all.json"


def test_the_policy_of_a_domain(run: Run, zone: str) -> None:
    done = run("dmarc", "policy", "news.example.com", "--zone", zone)
    assert done.text.splitlines() == [
        "  ? TXT of _dmarc.news.example.com: no record",
        "  ? TXT of _dmarc.example.com: v=DMARC1; p=reject; sp=none; rua=mailto:a@example.com",
        "  ? TXT of _dmarc.com: no record",
        "organizational domain: example.com",
        "policy: none by sp= of example.com",
    ]
    assert run("dmarc", "policy", "none.example", "--zone", zone).status == 3
    assert run("dmarc", "policy", "down.example", "--zone", zone).status == 75
    assert run("dmarc", "policy", "a..b", "--zone", zone).refused
    done = run("dmarc", "policy", "up.down.example", "--zone", zone)
    assert done.status == 0
    assert "organizational domain: not known: the DNS did not answer\n" in done.text
    assert "policy: reject by p= of up.down.example\n" in done.text


def test_the_policy_of_a_domain_for_programs(run: Run, desk: Path, zone: str) -> None:
    (desk / "list").write_text("com\nexample.com\n")
    policy = ("dmarc", "policy", "--json", "--zone", zone, "news.example.com")
    (told,) = run(*policy, "--psl", "list").objects
    steps = told.pop("steps")
    assert steps[0] == {"depth": 1, "text": "? TXT of _dmarc.news.example.com: no record"}
    assert len(steps) == 3
    assert told == {
        "domain": "news.example.com",
        "policy": "none",
        "tag": "sp",
        "policy_domain": "example.com",
        "testing": False,
        "organizational_domain": "example.com",
        "listed_domain": "news.example.com",
    }
    (told,) = run(*policy).objects
    assert told["listed_domain"] == ""
    done = run("dmarc", "policy", "none.example", "--json", "--zone", zone)
    (told,) = done.objects
    assert (told["policy"], told["tag"], told["policy_domain"], done.status) == (None, "", "", 3)
    (told,) = run("dmarc", "policy", "up.down.example", "--json", "--zone", zone).objects
    assert (told["policy"], told["organizational_domain"]) == ("reject", "")


def test_lint(run: Run, zone: str) -> None:
    done = run("dmarc", "lint", "example.com", "--zone", zone, "--json")
    assert [each["code"] for each in done.objects] == ["weaker"]
    assert run("dmarc", "lint", "none.example", "--zone", zone).status == 1
    assert run("dmarc", "lint", "down.example", "--zone", zone).status == 75
    assert run("dmarc", "lint", "--record", "v=DMARC1; p=x").status == 1
    assert run("dmarc", "lint", "--record", "v=DMARC1; p=reject; rua=mailto:foo@").status == 1
    assert run("dmarc", "lint").refused


def test_a_record_to_publish(run: Run) -> None:
    given = (
        "-p",
        "reject",
        "--np",
        "reject",
        "--rua",
        "dmarc@example.com",
        "--strict",
        "--testing",
    )
    done = run("record", "dmarc", "-d", "example.com", *given)
    assert done.text == (
        '_dmarc.example.com. 3600 IN TXT "v=DMARC1; p=reject; np=reject; adkim=s; aspf=s; t=y;'
        ' rua=mailto:dmarc@example.com"\n'
    )
    assert done.complaint.startswith("warning testing")
    assert run("record", "dmarc", "-p", "none").text == '"v=DMARC1; p=none"\n'
    assert run("record", "dmarc", "-p", "none", "--rua", "a b").refused
    for address in (
        "x@y.z;sp=none", "mailto:x@y.z;sp=none", "a;b@c.d", "a,b@c.d", "foo@", "xy.z", "",
        "mailto:foo@", "mailto:xy.z", "a@b.c!10m", "https://x.example/;t=y",
    ):  # fmt: skip
        assert run("record", "dmarc", "-p", "reject", "--rua", address).refused, address
    many = [part for n in range(21) for part in ("--rua", f"a{n}@example.com")]
    assert run("record", "dmarc", "-p", "reject", *many).refused
    done = run("record", "dmarc", "-p", "reject", "--rua", '"a;b,!"@example.com')
    assert done.text == '"v=DMARC1; p=reject; rua=mailto:%22a%3Bb%2C%21%22@example.com"\n'
    assert done.complaint == ""
    assert run("record", "dmarc", "-p", "none", "--format", "zone").refused


CLIENT = ("--ip", "192.0.2.1", "--helo", "mx.example.com", "--mail-from", "ada@example.com")


def test_a_message_with_its_envelope(run: Run, sign: Run, zone: str) -> None:
    signed = sign("mail.eml").octets
    done = run("verify", "--zone", zone, *CLIENT, "-", given=signed)
    assert done.status == 0
    assert "  pass      dmarc: a signature of example.com and SPF for example.com" in done.text
    done = run("verify", "--zone", zone, *CLIENT, "--explain", "mail.eml")
    assert done.status == 0
    assert "? TXT of _dmarc.example.com" in done.text
    forged = ("--ip", "203.0.113.1", "--mail-from", "ada@example.com")
    (told,) = run("verify", "--zone", zone, *forged, "--json", "mail.eml").objects
    assert (told["dmarc"]["result"], told["dmarc"]["disposition"]) == ("fail", "reject")
    assert run("verify", "--zone", zone, *forged, "mail.eml").status == 1
    assert run("verify", "--helo", "x.example", "mail.eml").refused
    assert run("verify", "--zone", zone, "--ip", "x", "mail.eml").refused


def test_a_page(run: Run, desk: Path, sign: Run, zone: str) -> None:
    """It judges by DMARC, also without an envelope; what is printed and the status stay."""
    signed = sign("mail.eml").octets.replace(b"blanks", b"Blanks")
    plain = run("verify", "--zone", zone, "-", given=signed)
    done = run("verify", "--zone", zone, "--html", "page.html", "-", "mail.eml", given=signed)
    page = (desk / "page.html").read_text()
    assert done.text.startswith(plain.text)
    assert "The body: in line 1" in page
    assert page.count("<article>") == 2
    done = run("verify", "--zone", zone, *CLIENT, "--html", "page.html", "mail.eml")
    assert done.status == 0
    assert "The message is authentic" in (desk / "page.html").read_text()


def test_where_a_public_suffix_list_says_otherwise(run: Run, desk: Path, zone: str) -> None:
    (desk / "list").write_text("com\nexample.com\n")
    done = run("dmarc", "policy", "news.example.com", "--zone", zone, "--psl", "list")
    assert "by the public suffix list: news.example.com\n" in done.text
    done = run("verify", "--zone", zone, *CLIENT, "--psl", "list", "--explain", "mail.eml")
    assert "by the public suffix list" not in done.text
    (desk / "list").write_text("uk\n")
    (told,) = run("verify", "--zone", zone, *CLIENT, "--psl", "list", "--json", "mail.eml").objects
    assert told["dmarc"]["listed_domain"] == "example.com"
    assert run("verify", "--psl", "none", "mail.eml").refused
