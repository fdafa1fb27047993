"""A desk to work at: a folder with keys, their zone and a message, and the program to run there."""

import importlib.util
import io
import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import mail
import pytest
from program import Done, Run

from mailauth.cli import main
from mailauth.dkim.key import name


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: rsa.pem, ed25519.pem, zone.json and mail.eml."""
    monkeypatch.chdir(tmp_path)
    records = {}
    for key_type in ("rsa", "ed25519"):
        mail.key(key_type).write(tmp_path / f"{key_type}.pem")
        records[name(mail.DOMAIN, key_type)] = {"TXT": [mail.record(key_type)]}
    (tmp_path / "zone.json").write_text(json.dumps(records))
    (tmp_path / "mail.eml").write_bytes(mail.MESSAGE)
    return tmp_path


@pytest.fixture
def run(
    desk: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs the program in this process, at the desk."""
    assert desk.is_dir()

    def run(*arguments: str, given: bytes | io.BufferedReader = b"") -> Done:
        octets = io.BytesIO(given) if isinstance(given, bytes) else given
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(octets))
        with pytest.raises(SystemExit) as leave:
            main(list(arguments))
        out, err = capsysbinary.readouterr()
        return Done(int(str(leave.value.code)), out, err.decode())

    return run


@pytest.fixture
def lack(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a package one that is not installed."""

    def lack(package: str) -> None:
        real = importlib.util.find_spec

        def find_spec(name: str, of: str | None = None) -> ModuleSpec | None:
            return None if name == package else real(name, of)

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)

    return lack


@pytest.fixture
def sign(run: Run) -> Run:
    """`mailauth sign` with the RSA key."""

    def sign(*rest: str, given: bytes = b"") -> Done:
        return run("sign", "-d", mail.DOMAIN, "-s", "rsa", "-k", "rsa.pem", *rest, given=given)

    return sign


@pytest.fixture
def verify(run: Run) -> Run:
    """`mailauth verify` with the zone of the keys."""

    def verify(*rest: str, given: bytes = b"") -> Done:
        return run("verify", "--zone", "zone.json", *rest, given=given)

    return verify
