"""The citations of RFCs: each section exists, and the table in the docs is fresh."""

import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "citations"


def test_sections_exist_and_the_table_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_citation_is_seen() -> None:
    script = runpy.run_path(str(SCRIPT))
    wrong = script["Citation"]("6376", "99.9", "here")
    right = script["Citation"]("6376", "3.5", "here")
    assert script["unknown"]([wrong, right], {"6376": {"3.5": "x"}}) == [
        "here cites RFC 6376 §99.9, which does not exist"
    ]
