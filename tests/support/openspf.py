"""The OpenSPF test suites, as pyspf ships them: fetched from PyPI, pinned, kept unmodified."""

import hashlib
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mailauth.dns import Zone

VERSION = "2.0.14"
SHA256 = "57a7ef01bda090173aafb6af0106251686ed73f03db4e911fcd34c57fc347186"
KEPT = Path(__file__).parents[2] / ".cache" / "openspf"


@dataclass(frozen=True)
class Case:
    """One case of a suite."""

    name: str
    ip: str
    helo: str
    sender: str
    results: tuple[str, ...]
    """The results that are right."""
    explanation: str | None
    zone: Zone


@cache
def archive() -> bytes:
    """The source distribution of pyspf."""
    path = KEPT / f"pyspf-{VERSION}.tar.gz"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--no-binary", "pyspf", "--dest", KEPT, f"pyspf=={VERSION}"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    octets = path.read_bytes()
    assert hashlib.sha256(octets).hexdigest() == SHA256, f"{path} is not what was pinned"
    return octets


@cache
def suite(name: str) -> tuple[Case, ...]:
    """The cases of `rfc7208` or `rfc4408`."""
    archive()
    with tarfile.open(KEPT / f"pyspf-{VERSION}.tar.gz") as files:
        member = files.extractfile(f"pyspf-{VERSION}/test/{name}-tests.yml")
        assert member is not None
        documents = list(yaml.load_all(member.read(), _Loader))
    return tuple(case for document in documents if document for case in _cases(document))


class _Loader(yaml.SafeLoader):
    """Keeps octets as text: a record is read as Latin-1."""


def _cases(document: dict[str, Any]) -> list[Case]:
    zone = Zone(_zone(document["zonedata"]))
    return [
        Case(
            name,
            str(test["host"]),
            str(test.get("helo") or ""),
            str(test.get("mailfrom") or ""),
            (result,) if isinstance(result := test["result"], str) else tuple(result),
            test.get("explanation"),
            zone,
        )
        for name, test in document["tests"].items()
    ]


def _zone(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A zone in our form; by the suite's rule, SPF records replace TXT where there are none."""
    zone: dict[str, dict[str, Any]] = {}
    for name, entries in data.items():
        node: dict[str, Any] = {}
        for entry in entries:
            if entry == "TIMEOUT":
                node["FAIL"] = ["*"]
                continue
            ((rrtype, value),) = entry.items()
            if rrtype == "MX":
                value = [value[0], value[1]]
            elif rrtype in {"TXT", "SPF"} and value != "NONE":
                value = value if isinstance(value, list) else [value]
            node.setdefault(rrtype, []).append(value)
        spf = node.pop("SPF", [])
        if "TXT" not in node and spf:
            node["TXT"] = spf
        node["TXT"] = [value for value in node.get("TXT", []) if value != "NONE"]
        if not node["TXT"]:
            del node["TXT"]
        zone[name] = node
    return zone
