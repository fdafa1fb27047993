"""The JSON of `verify` has the keys and types of docs/report.md, and no others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mail
import pytest
from chains import sealed
from program import Run

from mailauth.authenticate import SCHEMA

GUIDE = Path(__file__).parents[2] / "docs" / "report.md"
ROW = re.compile(r"^\| `([a-z_.\[\]]+)` \| ([a-z ]+) \|", re.MULTILINE)
TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,), "number": (int,), "boolean": (bool,), "object": (dict,),
}  # fmt: skip

CLIENT = ("--ip", "192.0.2.1", "--helo", "mx.example.com", "--mail-from", "ada@example.com")
NODES = {
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
}


def documented() -> dict[str, str]:
    rows = dict(ROW.findall(GUIDE.read_text()))
    of_spf = {name: kind for name, kind in rows.items() if name.startswith("spf.")}
    return rows | {f"helo{name.removeprefix('spf')}": kind for name, kind in of_spf.items()}


def values(told: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a report with its key as the guide has it."""
    if isinstance(told, list):
        for each in told:
            yield from values(each, f"{path}[]")
        return
    if path:
        yield path, told
    if isinstance(told, dict):
        for key, each in told.items():
            yield from values(each, f"{path}.{key}" if path else key)


def fits(value: Any, kind: str) -> bool:
    plain, _, null = kind.partition(" or ")
    if value is None:
        return null == "null"
    return type(value) in TYPES[plain]


@pytest.fixture
def reports(run: Run, sign: Run, desk: Path) -> list[dict[str, Any]]:
    """Reports on messages of all kinds, with all that can be told."""
    records = json.loads((desk / "zone.json").read_text()) | NODES
    (desk / "all.json").write_text(json.dumps(records))
    signed = sign("mail.eml").octets
    (desk / "signed.eml").write_bytes(signed)
    (desk / "broken.eml").write_bytes(signed.replace(b"blanks", b"Blanks"))
    (desk / "odd.eml").write_bytes(b"DKIM-Signature: v=1; d=x\r\nFrom: a\r\n\r\n")
    (desk / "list").write_text("com\nexample.com\n")
    (desk / "sealed.eml").write_bytes(sealed(mail.MESSAGE))
    files = ("signed.eml", "broken.eml", "odd.eml", "mail.eml", "sealed.eml")
    more = ("--json", "--explain", "--cross-check", "--zone", "all.json", *files)
    found: list[dict[str, Any]] = []
    for given in ((), CLIENT, (*CLIENT, "--psl", "list"), ("--ip", "203.0.113.1")):
        found += run("verify", *given, *more).objects
    return found


def test_a_report_is_as_documented(reports: list[dict[str, Any]]) -> None:
    known = documented()
    seen = set()
    for report in reports:
        assert report["schema"] == SCHEMA
        for path, value in values(report):
            assert path in known, f"{path} is not in {GUIDE.name}"
            assert fits(value, known[path]), f"{path} is {value!r}, and not {known[path]}"
            seen.add(path)
    assert known.keys() - seen == set()


def test_the_guide_names_the_schema() -> None:
    assert f"`schema` is {SCHEMA}." in GUIDE.read_text()


def test_the_test_can_fail() -> None:
    assert not fits("1", "number")
    assert not fits(1, "boolean")
    assert not fits(None, "text")
    assert fits(None, "text or null")
    assert dict(values({"a": [{"b": 1}]})) == {"a[]": {"b": 1}, "a[].b": 1}
