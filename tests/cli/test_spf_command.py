"""`mailauth spf check` as a user types it."""

import json
import time
from codecs import BOM_UTF8
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from program import Run

ZONE = {
    "example.com": {"TXT": ["v=spf1 a:ok.example ?a:some.example -all exp=why.example.com"]},
    "soft.example": {"TXT": ["v=spf1 ~all"]},
    "bad.example": {"TXT": ["v=spf1 foo"]},
    "ok.example": {"A": ["192.0.2.1"]},
    "some.example": {"A": ["192.0.2.2"]},
    "down.example": {"FAIL": ["TXT"]},
    "mx.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
}


@pytest.fixture
def spf(run: Run, tmp_path: Path) -> Run:
    """`mailauth spf check` with the zone."""
    path = tmp_path / "zone.json"
    path.write_text(json.dumps(ZONE))
    return partial(run, "spf", "check", "--zone", str(path))


@pytest.mark.parametrize(
    ("ip", "sender", "result", "status"),
    [
        ("192.0.2.1", "a@example.com", "pass", 0),
        ("::ffff:192.0.2.1", "<a@example.com>", "pass", 0),
        ("192.0.2.3", "a@example.com", "fail", 1),
        ("192.0.2.3", "a@soft.example", "softfail", 1),
        ("192.0.2.2", "a@example.com", "neutral", 3),
        ("192.0.2.2", "a@none.example", "none", 3),
        ("192.0.2.2", "a@bad.example", "permerror", 65),
        ("192.0.2.2", "a@down.example", "temperror", 75),
        ("192.0.2.1", "", "pass", 0),
    ],
)
def test_the_status_is_the_result(spf: Run, ip: str, sender: str, result: str, status: int) -> None:
    done = spf("-i", ip, "-h", "mx.example", "-s", sender)
    assert done.status == status
    assert done.text.startswith(f"{result}: ")
    (as_json,) = spf("-i", ip, "-h", "mx.example", "-s", sender, "--json", "--cross-check").objects
    assert as_json["result"] == result
    assert as_json["cross_check"] == {"program": "pyspf", "result": result, "agrees": True}


@pytest.mark.parametrize(
    ("sender", "asked"),
    [("<a@example.com>", "a@example.com"), ("<a@example.com", "<a@example.com"), ("a@b>", "a@b>")],
)
def test_pyspf_is_asked_of_the_sender_that_we_judge(
    spf: Run, monkeypatch: pytest.MonkeyPatch, sender: str, asked: str
) -> None:
    pyspf = pytest.importorskip("spf")
    senders: list[str] = []
    query = pyspf.query

    def spy(ip: str, sender: str, helo: str, **options: Any) -> Any:
        senders.append(sender)
        return query(ip, sender, helo, **options)

    monkeypatch.setattr(pyspf, "query", spy)
    spf("-i", "192.0.2.1", "-s", sender, "--cross-check")
    assert senders == [asked]


def test_helo_alone(spf: Run) -> None:
    (got,) = spf("--ip", "192.0.2.1", "--helo", "mx.example", "--json").objects
    assert (got["identity"], got["result"]) == ("helo", "pass")


@pytest.mark.parametrize(("words", "shown"), [("%{i} is out", True), ("\x1b[2J", False)])
def test_SPF_23_an_explanation_is_marked_as_theirs(
    run: Run, tmp_path: Path, words: str, shown: bool
) -> None:
    path = tmp_path / "zone.json"
    path.write_text(json.dumps(ZONE | {"why.example.com": {"TXT": [words]}}))
    done = run("spf", "check", "--zone", str(path), "-i", "192.0.2.3", "-s", "a@example.com")
    assert ("the domain's owner says: 192.0.2.3 is out" in done.text) == shown
    assert "\x1b" not in done.text


def test_the_tree(spf: Run) -> None:
    lines = spf("-i", "192.0.2.2", "-s", "a@example.com", "--explain").text.splitlines()
    assert lines == [
        "? TXT of example.com: 60 octets (look-up 0 of 10, void 0)",
        "example.com: v=spf1 a:ok.example ?a:some.example -all exp=why.example.com",
        "  ? addresses of ok.example: 192.0.2.1 (look-up 1 of 10, void 0)",
        "  a:ok.example: no match",
        "  ? addresses of some.example: 192.0.2.2 (look-up 2 of 10, void 0)",
        "  ?a:some.example: it matches",
        "neutral: ?a:some.example of example.com matches",
    ]
    (got,) = spf("-i", "192.0.2.2", "-s", "a@example.com", "--explain", "--json").objects
    assert got["steps"][1] == {"depth": 0, "text": lines[1]}


@pytest.mark.parametrize(
    "arguments",
    [
        ["-i", "x", "-s", "a@b.example"],
        ["-i", "192.0.2.1"],
        ["-i", "fe80::1%lo", "-h", "a.b"],
        ["-i", "192.0.2.1", "-h", "a.b", "--relay", "192.0.2.1/24"],
        ["-i", "192.0.2.1", "-h", "a.b", "--local-policy", "foo"],
        ["-i", "192.0.2.1", "-s", "a@b.example", "--now", "x"],
    ],
)
def test_misuse_is_one_line(spf: Run, arguments: list[str]) -> None:
    assert spf(*arguments).refused


@pytest.mark.parametrize(
    "behind",
    [
        ["--hop", "x"],
        ["--hop", "192.0.2.2"],
        ["--hop", "x", "--relay", "198.51.100.1"],
        ["--hop", "192.0.2.2", "--hop", "fe80::1%lo", "--relay", "192.0.2.1"],
        ["--hop", "192.0.2.1/32", "--relay", "192.0.2.1"],
    ],
)
@pytest.mark.parametrize("identity", ["-s", "-h"])
def test_a_hop_is_an_address_behind_a_relay(spf: Run, identity: str, behind: list[str]) -> None:
    done = spf("-i", "192.0.2.1", identity, "mx.example", *behind)
    assert done.refused
    assert "--hop" in done.complaint


BEHIND = ("-i", "10.0.0.5", "--hop", "192.0.2.1", "--relay", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("identity", "name"),
    [(("-s", "a@mx.example"), "mailfrom"), (("-h", "mx.example"), "helo")],
)
def test_pyspf_is_asked_of_the_client_that_we_judge(
    spf: Run, identity: tuple[str, ...], name: str
) -> None:
    (got,) = spf(*BEHIND, *identity, "--cross-check", "--json").objects
    assert (got["result"], got["identity"]) == ("pass", name)
    assert got["cross_check"] == {"program": "pyspf", "result": "pass", "agrees": True}


@pytest.mark.parametrize("more", [[], ["--now", "2001-09-09T01:46:40Z"]])
def test_an_explanation_tells_the_time(run: Run, tmp_path: Path, more: list[str]) -> None:
    path = tmp_path / "zone.json"
    path.write_text(json.dumps(ZONE | {"why.example.com": {"TXT": ["at %{t}"]}}))
    before = int(time.time())
    check = ("spf", "check", "--zone", str(path), "--json", *more)
    (tmp_path / "list.csv").write_text("192.0.2.3,,a@example.com\n")
    for client in (("-i", "192.0.2.3", "-s", "a@example.com"), ("--batch", "list.csv")):
        (got,) = run(*check, *client).objects
        told = int(got["explanation"].removeprefix("at "))
        assert told == 1_000_000_000 if more else before <= told <= time.time()


def test_a_helo_that_is_not_UTF_8(run: Run, tmp_path: Path) -> None:
    records = {"TXT": ["v=spf1 exists:%{H}.example.com exists:%{h}.example.com -all"]}
    (tmp_path / "zone.json").write_text(json.dumps({"example.com": records}))
    client = ("-h", "mx\udcff", "-s", "a@example.com", "--zone", "zone.json")
    for more in ([], ["--json"], ["--explain", "--cross-check"]):
        done = run("spf", "check", "-i", "192.0.2.1", *client, *more)
        assert (done.status, done.complaint) == (1, "")
    (tmp_path / "list.csv").write_bytes(
        b"192.0.2.1,mx\xff,a@example.com\n192.0.2.1,mx.example,a@example.com\n"
    )
    done = run("spf", "check", "--batch", "list.csv", "--zone", "zone.json")
    assert [got["result"] for got in done.objects] == ["fail", "fail"]
    came = ("--ip", "192.0.2.1", "--helo", "mx\udcff", "--mail-from", "a@example.com")
    for form in ("--json", "--explain"):
        done = run("verify", *came, form, "--zone", "zone.json", "mail.eml")
        assert (done.status, done.complaint) == (1, "")


LIST = b"""ip,helo,sender
192.0.2.1,mx.example,ada@example.com
# a comment

192.0.2.3, mx.example , "a@example.com"
192.0.2.1,mx.example
192.0.2.1,mx.example,
10.1,mx.example,a@example.com
192.0.2.1,"mx.example,a@example.com
fe80::1%eth0,mx.example,
192.0.2.1
\xff\x00,\x1b[2J
192.0.2.9,mx.example,a@down.example
"""


def test_a_batch_is_checked_line_by_line(spf: Run, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(LIST + b"x" * 100_000 + b"\n192.0.2.2,h.x,a@example.com")
    done = spf("--batch", "list.csv")
    assert [(got["line"], got["identity"], got["result"]) for got in done.objects] == [
        (2, "mailfrom", "pass"),
        (5, "mailfrom", "fail"),
        (6, "helo", "pass"),
        (7, "mailfrom", "pass"),
        (13, "mailfrom", "temperror"),
        (15, "mailfrom", "neutral"),
    ]
    complaints = done.complaint.splitlines()
    assert [line.split(":")[1] for line in complaints] == [
        f" list.csv, line {number}" for number in (8, 9, 10, 11, 12, 14)
    ]
    assert "\x1b" not in done.complaint
    assert done.status == 1


def test_a_batch_from_a_pipe(spf: Run) -> None:
    lines = b"192.0.2.1,mx.example,ada@example.com\n" * 1200
    done = spf("--batch", "-", given=lines)
    assert (done.status, len(done.objects)) == (0, 1200)
    assert spf("--batch", "-", given=b"192.0.2.9,mx.example,a@down.example\n").status == 75


@pytest.mark.parametrize("heading", [b"", b"ip,helo,sender\r\n"], ids=["no heading", "heading"])
def test_a_batch_of_a_spreadsheet_may_begin_with_a_byte_order_mark(
    spf: Run, heading: bytes
) -> None:
    lines = BOM_UTF8 + heading + b"192.0.2.1,mx.example,ada@example.com\r\n"
    done = spf("--batch", "-", given=lines)
    assert (done.status, done.complaint, len(done.objects)) == (0, "", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--batch", "no-such-file"],
        ["--batch", "mail.eml", "-i", "192.0.2.1"],
        ["--batch", "mail.eml", "--relay", "192.0.2.1"],
    ],
)
def test_misuse_of_a_batch(spf: Run, arguments: list[str]) -> None:
    assert spf(*arguments).refused


@pytest.mark.parametrize(
    ("arguments", "status", "codes"),
    [
        (["mx.example"], 0, []),
        (["MX.example."], 0, []),
        (["_none.example"], 1, ["none"]),
        (["bad.example"], 1, ["syntax"]),
        (["down.example"], 75, ["dns"]),
        (["--record", "v=spf1 +all"], 1, ["pass-all"]),
        (["--record", "v=spf1 ptr -all"], 0, ["ptr"]),
        (["--record", "v=spf1 \udcff -all"], 1, ["syntax"]),
    ],
)
def test_lint(
    run: Run, tmp_path: Path, arguments: list[str], status: int, codes: list[str]
) -> None:
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    as_json = run("spf", "lint", "--zone", "zone.json", "--json", *arguments)
    assert as_json.status == status
    assert [finding["code"] for finding in as_json.objects] == codes
    as_text = run("spf", "lint", "--zone", "zone.json", *arguments).text
    assert all(code in as_text for code in codes or ["nothing to fix"])


def test_lint_shows_the_place_of_a_fault(run: Run) -> None:
    lines = run("spf", "lint", "--record", "v=spf1 a \x1b[2J ip4:x").text.splitlines()
    assert lines[1:] == ["  v=spf1 a .[2J ip4:x", "           ^"]
    (as_json,) = run("spf", "lint", "--record", "v=spf1 foo", "--json").objects
    assert as_json["shown"] == "v=spf1 foo\n       ^"


def test_lint_shows_several_records(run: Run, tmp_path: Path) -> None:
    several = {"mx.example": {"TXT": ["v=spf1 \x1b[2J", "v=spf1 -all"]}}
    (tmp_path / "zone.json").write_text(json.dumps(several))
    lines = run("spf", "lint", "mx.example", "--zone", "zone.json").text.splitlines()
    assert lines[1:] == ["  v=spf1 \\x1b[2J", "  v=spf1 -all"]


@pytest.mark.parametrize(
    "arguments", [[], ["example.com", "--record", "v=spf1"], ["a..b"], ["--zone", "none", "a.b"]]
)
def test_misuse_of_lint(run: Run, arguments: list[str]) -> None:
    assert run("spf", "lint", *arguments).refused


def test_flatten(run: Run, tmp_path: Path) -> None:
    zone = {
        "example.com": {"TXT": ["v=spf1 include:_spf.esp.example ptr -all"]},
        "_spf.esp.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    }
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    flatten = ("spf", "flatten", "--zone", "zone.json", "--now", "2026-11-23", "example.com")
    assert run(*flatten).text.splitlines() == [
        "; Flattened on 2026-11-23 from: v=spf1 include:_spf.esp.example ptr -all",
        "; It will not follow later changes at: _spf.esp.example",
        "; Their answers hold for 3600 seconds; flatten again at least daily.",
        "; Kept as it was: ptr: what it matches depends on the client",
        'example.com. 3600 IN TXT "v=spf1 ip4:198.51.100.0/24 ptr -all"',
    ]
    assert run(*flatten, "--format", "text").text == '"v=spf1 ip4:198.51.100.0/24 ptr -all"\n'
    (told,) = run(*flatten, "--json").objects
    assert told == {
        "date": "2026-11-23",
        "domain": "example.com",
        "record": "v=spf1 ip4:198.51.100.0/24 ptr -all",
        "original": "v=spf1 include:_spf.esp.example ptr -all",
        "followed": ["_spf.esp.example"],
        "kept": ["ptr: what it matches depends on the client"],
        "ttl": 3600,
        "findings": told["findings"],
    }
    assert [each["code"] for each in told["findings"]] == ["ptr"]
    assert run(*flatten, "--json", "--format", "json").refused
    assert run("spf", "flatten", "--zone", "zone.json", "none.example").refused
    down = {
        "example.com": {"TXT": ["v=spf1 include:down.example"]},
        "down.example": {"FAIL": ["*"]},
    }
    (tmp_path / "zone.json").write_text(json.dumps(down))
    assert run(*flatten).status == 75


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--all", "fail"], '"v=spf1 -all"\n'),
        (
            ["--mx", "--ip4", "192.0.2.0/24", "--include", "_spf.esp.example", "--all", "softfail"],
            '"v=spf1 ip4:192.0.2.0/24 mx include:_spf.esp.example ~all"\n',
        ),
        (["--redirect", "_spf.example.com"], '"v=spf1 redirect=_spf.example.com"\n'),
        (
            ["-d", "Example.com.", "--a", "--all", "fail"],
            'example.com. 3600 IN TXT "v=spf1 a -all"\n',
        ),
        (
            ["-d", "example.com", "--all", "fail", "--format", "json"],
            json.dumps({"example.com": {"TXT": [["v=spf1 -all"]]}}, indent=2) + "\n",
        ),
    ],
)
def test_a_record_to_publish(run: Run, arguments: list[str], text: str) -> None:
    done = run("record", "spf", *arguments)
    assert (done.status, done.text, done.complaint) == (0, text, "")


def test_a_record_comes_with_its_lint(run: Run) -> None:
    done = run("record", "spf", "--ip4", "10.0.0.0/8", "--all", "neutral")
    assert done.text == '"v=spf1 ip4:10.0.0.0/8 ?all"\n'
    assert [line.split()[1] for line in done.complaint.splitlines()] == ["wide:", "neutral-all:"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--mx"],
        ["--all", "fail", "--redirect", "example.com"],
        ["--all", "fail", "--ip4", "192.0.2.1 +all"],
        ["--all", "fail", "--format", "zone"],
        ["--all", "fail", "-d", "exa mple.com"],
    ],
)
def test_misuse_of_record(run: Run, arguments: list[str]) -> None:
    assert run("record", "spf", *arguments).refused


def test_what_is_of_ones_own_is_off_until_it_is_asked_for(spf: Run) -> None:
    fails = ("-i", "192.0.2.3", "-s", "a@example.com")
    assert spf(*fails).status == 1
    done = spf(*fails, "--local-policy", "ip4:192.0.2.3")
    assert (done.status, done.text) == (0, "pass: ip4:192.0.2.3 matches, by local policy\n")
    assert spf(*fails, "--local-policy", "-ip4:192.0.2.3").status == 1
    behind = ("--relay", "192.0.2.0/29", "--hop", "192.0.2.2", "--hop", "198.51.100.1")
    assert "-all of example.com" in spf("-i", "192.0.2.1", "-s", "a@example.com", *behind).text
    unknown = ("-i", "192.0.2.1", "-s", "a@ok.example")
    assert spf(*unknown).status == 3
    assert "by best guess" in spf(*unknown, "--best-guess").text
