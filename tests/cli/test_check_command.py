"""`mailauth check`: a domain's whole setup, and the exit status of a monitor."""

import json
from pathlib import Path

import mail
import pytest
from nameserver import from_zone, serve
from program import Run

from mailauth.dns import Zone

SOUND = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "MX": [[10, "mx.example.com"]]},
    "mx.example.com": {"A": ["192.0.2.1"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; rua=mailto:a@example.com"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.com"]},
    "google._domainkey.example.com": {"TXT": [mail.record("rsa")]},
    "alias.example": {"TXT": ["v=spf1 mx -all"], "MX": [[10, "mx.alias.example"]]},
    "mx.alias.example": {"CNAME": ["mx.example.com"]},
    "down.example": {"FAIL": ["*"]},
    "_dmarc.down.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:a@down.example"]},
    "evil.example": {"TXT": ["v=spf1 x=\u001b[2J -all"]},
}


@pytest.fixture
def zone(desk: Path) -> str:
    """The zone of the keys, with a domain that is sound."""
    records = json.loads((desk / "zone.json").read_text()) | SOUND
    (desk / "all.json").write_text(json.dumps(records))
    return "all.json"


def test_the_exit_status_is_for_a_monitor(run: Run, zone: str) -> None:
    of = ("--zone", zone)
    assert run("check", "example.com.", "--selector", "rsa", "--ip", "192.0.2.1", *of).status == 0
    assert run("check", "example.com", "--selector", "gone", *of).status == 1
    assert run("check", "none.example", *of).status == 1
    assert run("check", "down.example", *of).status == 75
    mapped = run("check", "example.com", "-s", "rsa", "--ip", "::ffff:192.0.2.1", *of)
    assert mapped.status == 0
    for given in (
        ("a..b",),
        ("example.com", "--ip", "fe80::1%eth0"),
        ("example.com", "--ip", "x"),
        ("example.com", "-s", "a b"),
    ):
        assert run("check", *given, *of).refused


def test_what_is_shown(run: Run, zone: str) -> None:
    done = run("check", "example.com", "--common-selectors", "--zone", zone)
    assert done.text.startswith("example.com: nothing to fix\nSPF: works\n")
    assert "google._domainkey.example.com TXT v=DKIM1" in done.text
    (told,) = run("check", "example.com", "--json", "--zone", zone).objects
    assert [area["name"] for area in told["areas"]] == [
        "spf", "dkim", "dmarc", "mx", "mta-sts", "tls-rpt", "bulk",
    ]  # fmt: skip
    assert told["rules"][0]["met"] is None


def test_nothing_that_is_published_moves_the_cursor(run: Run, zone: str) -> None:
    assert "\x1b" not in run("check", "evil.example", "--zone", zone).text


def test_the_place_of_a_fault_is_shown(run: Run, zone: str) -> None:
    more = {
        "broken.example": {"TXT": ["v=spf1 mx ip4:x -all"]},
        "meant.example": {"TXT": ["v=spf1mx \u001b[2J"]},
    }
    Path(zone).write_text(json.dumps(more))
    lines = run("check", "broken.example", "--zone", zone).text.splitlines()
    at = lines.index("    v=spf1 mx ip4:x -all")
    assert lines[at + 1] == "              ^"
    assert lines[at + 2].startswith("    do: ")
    assert "    v=spf1mx \\x1b[2J\n" in run("check", "meant.example", "--zone", zone).text


def test_a_page(run: Run, desk: Path, zone: str) -> None:
    assert run("check", "example.com", "--html", "page.html", "--zone", zone).status == 0
    assert "The mail setup of example.com" in (desk / "page.html").read_text()
    assert run("check", "example.com", "--html", "no/page.html", "--zone", zone).refused


@pytest.mark.loopback
@pytest.mark.parametrize("domain", ["example.com", "alias.example", "none.example"])
def test_a_name_server_says_the_same(run: Run, zone: str, domain: str) -> None:
    given = ("check", domain, "-s", "rsa", "--ip", "192.0.2.1")
    with serve(from_zone(Zone.read(zone))) as server:
        done = run(*given, "--nameserver", server.where)
    assert done.text == run(*given, "--zone", zone).text
    assert ("error" in done.text) == (domain != "example.com")
    assert ("an alias of mx.example.com" in done.text) == (domain == "alias.example")
