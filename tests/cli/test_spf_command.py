"""`mailauth spf check` as a user types it."""

import json
from pathlib import Path

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
    return lambda *arguments: run("spf", "check", "--zone", str(path), *arguments)


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


def test_helo_alone(spf: Run) -> None:
    (got,) = spf("--ip", "192.0.2.1", "--helo", "mx.example", "--json").objects
    assert (got["identity"], got["result"]) == ("helo", "pass")


@pytest.mark.parametrize(("words", "shown"), [("%{i} is out", True), ("\x1b[2J", False)])
def test_spf_23_an_explanation_is_marked_as_theirs(
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
        "  ? TXT of example.com: 60 octets (look-up 0 of 10, void 0)",
        "example.com: v=spf1 a:ok.example ?a:some.example -all exp=why.example.com",
        "    ? addresses of ok.example: 192.0.2.1 (look-up 1 of 10, void 0)",
        "  a:ok.example: no match",
        "    ? addresses of some.example: 192.0.2.2 (look-up 2 of 10, void 0)",
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
    ],
)
def test_misuse_is_one_line(spf: Run, arguments: list[str]) -> None:
    assert spf(*arguments).refused
