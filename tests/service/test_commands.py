"""`serve`, `check-config` and `ps` as a postmaster meets them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from nameserver import Nameserver, answer, serve
from program import Done, process
from tree import Tree

from mailauth.service.settings.configuration import BadConfiguration
from mailauth.service.start import check


@pytest.fixture
def nameserver() -> Iterator[Nameserver]:
    """One that answers."""
    with serve(answer()) as server:
        yield server


def ran(*given: str) -> Done:
    done = process(*given)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def test_check_config_names_every_error(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[service]\nworkres = 1\n\nlog = 3\n")
    done = ran("check-config", "--config", str(file))
    assert done.status == 2
    assert done.complaint.splitlines() == [
        f"mailauth: {file}: listen: there is no [[listen]], so there is nothing to serve",
        f"mailauth: {file}:2: service.workres: is unknown here; do you mean workers?",
        f"mailauth: {file}:4: service.log: must be text or json, not 3",
    ]
    assert ran("serve", "--config", str(file)).complaint == done.complaint


def test_ps_and_milter_test_say_each_error_on_a_line_of_its_own(tmp_path: Path) -> None:
    file, mail = tmp_path / "x.toml", tmp_path / "mail.eml"
    file.write_text('[service]\nstatus = "here"\nworkres = 4\n')
    mail.write_bytes(b"From: ada@example.com\n\nHello.\n")
    for given in (("ps",), ("milter-test", str(mail))):
        done = ran(*given, "-c", str(file))
        assert done.status == 2
        assert [line.split(": ")[2] for line in done.complaint.splitlines()] == [
            "listen",
            "service.status",
            "service.workres",
        ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("line", "place"), [('user = "daemon"', "user"), ('group = "daemon"', "group")]
)
def test_check_config_refuses_a_user_whom_serve_could_not_become(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, place: str
) -> None:
    file = tmp_path / "x.toml"
    listen = '[verifying]\nauthserv_id = "mx"\n[[listen]]\nkind = "milter"\naddress = "unix:/x"\n'
    file.write_text(f"[service]\n{line}\n{listen}")
    assert check(file).configuration.listen
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    with pytest.raises(BadConfiguration, match=rf"x.toml:2: service.{place}: only root can"):
        check(file)


@pytest.mark.loopback
def test_check_config_counts(tmp_path: Path, nameserver: Nameserver) -> None:
    file = tmp_path / "x.toml"
    listen = '[[listen]]\nkind = "milter"\naddress = "unix:/run/x{}"\nmode = 0o666\n'
    text = f'[dns]\nnameservers = ["{nameserver.where}"]\n[verifying]\nauthserv_id = "mx.example"\n'
    for workers, listens, told in (
        (1, 1, "1 listener, 1 worker"),
        (2, 2, "2 listeners, 2 workers"),
    ):
        file.write_text(f"[service]\nworkers = {workers}\n{text}")
        with file.open("a") as more:
            more.writelines(listen.format(number) for number in range(listens))
        done = ran("check-config", "-c", str(file))
        assert (done.text, done.complaint) == (f"{file}: sound, {told}\n", "")


def test_a_configuration_is_needed() -> None:
    for command in ("serve", "check-config", "ps"):
        assert ran(command).status == 2
        assert ran(command, "-c", "/nonexistent/x.toml").refused


def test_ps_without_a_service(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[[listen]]\nkind = "x"\naddress = "unix:/x"\n')
    assert "has no status socket" in ran("ps", "-c", str(file)).complaint
    file.write_text(f'[service]\nstatus = "unix:{tmp_path}/s"\n' + file.read_text())
    done = ran("ps", "-c", str(file))
    assert done.refused
    assert "no service answers at" in done.complaint


@pytest.mark.loopback
def test_ps_shows_the_tree(tree: Tree) -> None:
    tree.start()
    tree.say("echo x")
    tree.wait_for(lambda: tree.pids("observer"), "the observer")
    done = ran("ps", "-c", str(tree.file))
    assert done.status == 0, done.complaint
    first, *others = done.text.splitlines()
    assert first.startswith(f"supervisor {tree.process.pid}  serving  up ")
    assert len(others) == 3
    assert sum("worker" in line and "working" in line for line in others) == 2
    assert all("beat 0." in line for line in others)
    (told,) = ran("ps", "-c", str(tree.file), "--json").objects
    assert told["generation"] == 1
    assert json.dumps(told)


BROKEN = {
    "no TOML": ("workers = 2", "workers = = 2"),
    "no UTF-8": ("workers = 2", "workers = 2 # \udcff"),
    "an unknown key": ("workers = 2", "workres = 2"),
    "a wrong value": ("workers = 2", "workers = 'two'"),
    "no listener": ("[[listen]]", "[[listn]]"),
}


@pytest.mark.loopback
@pytest.mark.parametrize(("old", "new"), BROKEN.values(), ids=BROKEN)
def test_ps_finds_a_service_whose_file_was_broken_since(tree: Tree, old: str, new: str) -> None:
    tree.start()
    tree.wait_for(lambda: tree.pids("observer"), "the observer")
    text = tree.file.read_text().replace(old, new)
    tree.file.write_text(text, errors="surrogateescape")
    done = ran("ps", "-c", str(tree.file))
    assert done.status == 0, done.complaint
    assert done.text.startswith(f"supervisor {tree.process.pid}  serving  up ")
    notes = done.complaint.splitlines()
    assert notes
    prefix = f"mailauth: note: a reload would be refused: {tree.file}:"
    assert all(line.startswith(prefix) for line in notes), notes


def test_ps_with_a_file_that_names_no_status_any_more(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    for status in (
        "",
        f"status = {'[' * 9999}",
        f"status = {'1' * 9999}",
        "status = unix:/x",
        'status = "inet:127.0.0.1:1"',
        "status = 3",
    ):
        file.write_text(f"[service]\n{status}\nworkers = = 2\n")
        done = ran("ps", "-c", str(file))
        assert done.refused
        assert done.complaint.startswith(f"mailauth: {file}:")
    file.write_text('service = { status = "unix:/nonexistent/s" }\nx = 1\n')
    assert "no service answers at unix:/nonexistent/s" in ran("ps", "-c", str(file)).complaint


@pytest.mark.loopback
def test_ps_tells_why_the_last_restart_was(tree: Tree) -> None:
    tree.start()
    tree.say("die")
    tree.wait_for(lambda: len(tree.pids()) == 2, "two workers")
    assert "ended with status 3" in ran("ps", "-c", str(tree.file)).text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (90_000, "1 d 1 h"),
        (86_400 * 3, "3 d"),
    ],
)
def test_time_spans(seconds: float, words: str) -> None:
    from mailauth.cli.ps import duration

    assert duration(seconds) == words
