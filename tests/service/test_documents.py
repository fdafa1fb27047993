"""What the guide says of settings and figures is what there is."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from program import ROOT

from mailauth.service.processes.generation import read
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import (
    Dns,
    Limits,
    Listen,
    Milter,
    Service,
    Signing,
    SigningRow,
    Srs,
    Verifying,
    Watchdog,
)
from mailauth.service.start import kinds_of_listeners
from mailauth.service.telling.beat import nothing
from mailauth.service.telling.metrics import exposition

SPANS_LINES = re.MULTILINE | re.DOTALL
PAGES = {
    name: (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("service", "milter", "milter-srs", "postfix", "migration")
}
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name, text in PAGES.items()
    for number, block in enumerate(re.findall(r"^```toml\n(.*?)^```", text, SPANS_LINES))
]
NEEDED = {"domain", "secrets", "kind", "address", "map", "selector", "file", "authserv_id"}
TABLES: dict[str, list[tuple[Any, str]]] = {
    "service": [(Service, "service"), (Watchdog, "watchdog"), (Limits, "limits"), (Srs, "srs")],
    "milter": [(Dns, "dns"), (Milter, "milter"), (Signing, "signing"), (Verifying, "verifying")],
}


def settings(page: str) -> str:
    """The block of all settings."""
    block: str = re.findall(r"## All settings\n.*?^```toml\n(.*?)^```", PAGES[page], SPANS_LINES)[0]
    return block


@pytest.mark.parametrize("block", BLOCKS)
def test_what_is_shown_is_sound(block: str, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(block)
    assert read(file, kinds_of_listeners()).configuration.listen


@pytest.mark.parametrize("block", BLOCKS)
def test_postfix_may_connect_to_each_milter_that_is_shown(block: str) -> None:
    for listen in tomllib.loads(block).get("listen", []):
        if listen["kind"] == "milter" and listen["address"].startswith("unix:"):
            assert listen.get("group") == "postfix"


def test_the_lookups_of_the_guide_are_sound(tmp_path: Path) -> None:
    """The second block has the listeners that may stand in place of the first one's."""
    text = (ROOT / "docs" / "srs-postfix.md").read_text()
    first, second = re.findall(r"^```toml\n(.*?)^```", text, SPANS_LINES)
    file = tmp_path / "x.toml"
    for block in (first, first.partition("[[listen]]")[0] + second):
        file.write_text(block)
        assert read(file, kinds_of_listeners()).configuration.listen


def test_the_readme_shows_the_set_up_of_the_guide() -> None:
    readme, text = ((ROOT / name).read_text() for name in ("README.md", "docs/srs-postfix.md"))
    (main_cf,) = re.findall(r"^sender_canonical_maps = socketmap:.*?^```", readme, SPANS_LINES)
    assert main_cf in text
    shown = [
        tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", readme, SPANS_LINES)
    ]
    assert tomllib.loads(re.findall(r"^```toml\n(.*?)^```", text, SPANS_LINES)[0]) in shown


def shown_with_defaults(struct: Any, table: dict[str, Any], reference: str) -> None:
    for field in msgspec.structs.fields(struct):
        if field.name in NEEDED or field.name == "key":
            continue
        if field.default is None:
            assert re.search(rf"^# {field.name} = ", reference, re.MULTILINE), field.name
            continue
        value = table[field.name]
        default = {} if field.default is msgspec.NODEFAULT else field.default
        assert (tuple(value) if isinstance(value, list) else value) == default, field.name


def test_every_setting_is_shown_with_its_default() -> None:
    names = set()
    listens: dict[str, Any] = {}
    for page, tables in TABLES.items():
        reference = settings(page)
        shown = tomllib.loads(reference)
        names |= {*shown}
        for struct, name in tables:
            shown_with_defaults(struct, shown[name], reference)
        for table in shown["listen"]:
            listens |= table
    (row,) = tomllib.loads(settings("milter"))["signing"]["key"]
    shown_with_defaults(SigningRow, row, "")
    shown_with_defaults(Listen, listens, settings("service") + settings("milter"))
    assert names == {field.name for field in msgspec.structs.fields(Configuration)}


def test_every_figure_is_named() -> None:
    _, text = exposition({"figures": {"x": nothing()}})
    named = PAGES["service"].partition("`metrics` serves Prometheus")[2]
    named += PAGES["milter"].partition("`metrics` has")[2]
    for name in re.findall(r"^# TYPE mailauth_(\S+) ", text.decode(), re.MULTILINE):
        short = re.sub("^(connections|messages|dns)", "", name)
        assert name in named or short in named, name


def test_the_figures_of_processes_are_of_the_workers_and_of_the_slowest_of_them() -> None:
    one = {"role": "worker", "phase": "working", "oldest_request": 3.0, "beat_age": 0.25}
    two = {**one, "phase": "starting", "oldest_request": 1.0, "beat_age": 0.5}
    other = {**one, "role": "observer", "oldest_request": 9.0, "beat_age": 9.0}
    idle = exposition({})[1].decode()
    assert re.findall(r"^mailauth_oldest_\w+ (.*)$", idle, re.MULTILINE) == ["0.0", "0.0"]
    snapshot = {"processes": [one, two, other], "restarts": {"total": 2}, "generation": 4}
    lines = exposition(snapshot)[1].decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "mailauth_workers 1.0",
        "mailauth_oldest_request_seconds 3.0",
        "mailauth_oldest_beat_seconds 0.5",
        "mailauth_restarts_total 2.0",
        "mailauth_configuration_generation 4.0",
    ]


def test_the_unit_names_what_the_service_needs() -> None:
    unit = (ROOT / "docs" / "mailauth.service").read_text()
    for line in ("Type=notify", "KillMode=mixed", "WatchdogSec=30", "ExecReload=/bin/kill -HUP"):
        assert line in unit


def test_a_start_and_a_reload_check_the_configuration_first() -> None:
    """So that `systemctl reload` fails where the service would stay as it was."""
    unit = (ROOT / "docs" / "mailauth.service").read_text()
    (check,) = re.findall(r"^ExecStartPre=(.*)$", unit, re.MULTILINE)
    assert re.findall(r"^ExecReload=(.*)$", unit, re.MULTILINE)[0] == check


def test_the_unit_makes_the_folder_of_the_aliases() -> None:
    unit = (ROOT / "docs" / "mailauth.service").read_text().splitlines()
    assert "StateDirectory=mailauth" in unit
    assert '# aliases = "/var/lib/mailauth/' in settings("service")


def test_the_guides_install_in_one_way_and_again_and_again() -> None:
    lines = [line for page in PAGES.values() for line in page.splitlines()]
    made = {line for line in lines if line.startswith(("useradd", "id mailauth"))}
    assert len(made) == 1
    assert made.pop().startswith("id mailauth >/dev/null 2>&1 || useradd ")
    folders = [line for line in lines if line.startswith("install -d") and "/etc/mailauth" in line]
    assert all(line.startswith("install -d -o mailauth -g mailauth -m 0750") for line in folders)


def test_the_guides_install_a_command_that_the_shell_and_the_user_of_the_service_find() -> None:
    """With the Python of the system: another one may lie where only root can read."""
    for name in ("postfix", "service"):
        block = PAGES[name].partition("## ")[2].partition("```sh\n")[2].partition("```")[0]
        assert "\n/usr/bin/python3 -m venv /opt/mailauth\n" in block
        assert "\nln -sf /opt/mailauth/bin/mailauth /usr/local/bin/mailauth\n" in block
        assert "enable" not in block, "there is nothing to start yet"


def test_the_guides_install_for_others_to_read_and_check_as_the_service_runs() -> None:
    """A root with a narrow umask, and a check whose first group is that of the socket alone."""
    for name in ("postfix", "service"):
        block = PAGES[name].partition("-m venv /opt/mailauth")[0].rpartition("```sh\n")[2]
        assert block.startswith("umask 022")
    for page in PAGES.values():
        for options in re.findall(r"runuser -u mailauth (.*?)(?:--|`)", page):
            assert options.strip() in ("", "-g mailauth -G postfix")
