"""What the scripts do on machines that are not as one would wish."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAKES = {
    "id": "echo 0",
    "dpkg-query": 'for name; do :; done; [ -e "$HERE/$name" ] && echo installed',
    "apt-cache": '[ "$2" != absent ]',
    "apt-get": 'case "$*" in *absent*) exit 100; esac; for name; do : >"$HERE/$name"; done',
}
"""Root, and Debian's programs: apt installs all that it is asked for, or nothing."""
OFFLINE = "exit 100"


def use_packages(folder: Path, fakes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What comes of three packages where the programs are `fakes`."""
    for name, script in fakes.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    script = "set -euo pipefail; source scripts/environment; use_packages one absent two; echo on"
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "HERE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("apt", "missing"),
    [
        pytest.param(FAKES["apt-get"], "absent", id="a package that is not there"),
        pytest.param(OFFLINE, "one absent two", id="no network"),
        pytest.param(
            f'case "$*" in *update*) {OFFLINE}; esac; {FAKES["apt-get"]}',
            "absent",
            id="lists that are old",
        ),
    ],
)
def test_what_apt_cannot_install_is_told_and_skipped(
    tmp_path: Path, apt: str, missing: str
) -> None:
    done = use_packages(tmp_path, {**FAKES, "apt-get": apt})
    assert done.returncode == 0, done.stderr
    told = f"apt-get could not install {missing}; what needs them is skipped."
    assert done.stdout.splitlines()[-2:] == [told, "on"]


@pytest.mark.parametrize("script", ["audit", "bench", "check", "fuzz", "test"])
def test_a_script_says_what_it_is_for_and_does_not_guess(script: str) -> None:
    def run(option: str) -> subprocess.CompletedProcess[str]:
        module = [sys.executable, "-m", script]  # without the environment that its script makes
        command = module if (ROOT / script).is_dir() else [f"scripts/{script}"]
        return subprocess.run(
            [*command, option], cwd=ROOT, capture_output=True, text=True, check=False
        )

    told = run("--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout.splitlines()) >= 1
    refused = run("--no-such-option")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--no-such-option" in refused.stderr
