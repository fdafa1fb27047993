"""What the guide says of settings and figures is what there is."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from program import ROOT

from mailauth.service.beat import nothing
from mailauth.service.configuration import Configuration, Limits, Listen, Service, Srs, Watchdog
from mailauth.service.generation import read
from mailauth.service.lookups import KINDS
from mailauth.service.metrics import exposition

GUIDE = (ROOT / "docs" / "service.md").read_text()
BLOCKS = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
REFERENCE = BLOCKS[1]
NEEDED = {"domain", "secrets", "kind", "address", "map"}


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_what_is_shown_is_sound(number: int, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(BLOCKS[number])
    assert read(file, KINDS).srs is not None


def test_every_setting_is_shown_with_its_default() -> None:
    shown = tomllib.loads(REFERENCE)
    listens = {key: value for table in shown["listen"] for key, value in table.items()}
    tables: list[tuple[Any, dict[str, Any]]] = [
        (Service, shown["service"]),
        (Watchdog, shown["watchdog"]),
        (Limits, shown["limits"]),
        (Srs, shown["srs"]),
        (Listen, listens),
    ]
    for struct, table in tables:
        for field in msgspec.structs.fields(struct):
            if field.default is None and field.name not in NEEDED:
                assert re.search(rf"^# {field.name} = ", REFERENCE, re.MULTILINE), field.name
            elif field.name not in NEEDED:
                value = table[field.name]
                assert (tuple(value) if isinstance(value, list) else value) == field.default
    assert {*shown} == {field.name for field in msgspec.structs.fields(Configuration)}


def test_every_figure_is_named() -> None:
    _, text = exposition({"figures": {"x": nothing()}})
    named = GUIDE.partition("`metrics` serves Prometheus")[2]
    for name in re.findall(r"^# TYPE mailauth_(\S+) ", text.decode(), re.MULTILINE):
        assert name in named or name.removeprefix("connections") in named, name


def test_the_unit_names_what_the_service_needs() -> None:
    unit = (ROOT / "docs" / "mailauth.service").read_text()
    for line in ("Type=notify", "KillMode=mixed", "WatchdogSec=30", "ExecReload=/bin/kill -HUP"):
        assert line in unit
