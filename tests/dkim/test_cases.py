"""The cases of testdata/dkim: a message, a zone, and the verdicts that must come of them."""

import json
from pathlib import Path

import pytest

from mailauth import dkim
from mailauth.dns import Zone

ROOT = Path(__file__).parents[2] / "testdata" / "dkim"
CASES = sorted(path.parent for path in ROOT.rglob("want"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path) -> None:
    want = json.loads((case / "want").read_text())
    message = (case / "message.eml").read_bytes()
    got = Zone.read(case / "zone").run(dkim.verify(message, now=1_600_000_000))
    assert len(got) == len(want)
    for verdict, attributes in zip(got, want, strict=True):
        assert {name: verdict.as_dict()[name] for name in attributes} == attributes


def test_each_case_says_why() -> None:
    assert CASES
    assert all((case / "why").read_text().strip() for case in CASES)
