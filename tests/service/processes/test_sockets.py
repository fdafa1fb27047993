"""Listening sockets: their modes, and what is in their way."""

import errno
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from mailauth.service.processes import sockets
from mailauth.service.processes.sockets import Access, CannotListen, bind
from mailauth.service.settings.address import parse
from mailauth.service.telling import systemd
from mailauth.service.telling.systemd import Notifier

pytestmark = pytest.mark.loopback


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A path short enough for a socket."""
    folder = tmp_path_factory.mktemp("s")
    yield folder / "s"
    for entry in folder.iterdir():
        entry.unlink()


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A path in a folder that all may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "s"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("wanted", [0o600, 0o660, 0o666])
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_PFX_11_a_socket_has_its_mode(path: Path, wanted: int, umask: int) -> None:
    before = os.umask(umask)
    try:
        endpoint = bind(parse(f"unix:{path}"), access=Access(mode=wanted))
        assert os.umask(umask) == umask, "the umask is left as it was"
    finally:
        os.umask(before)
    assert mode(path) == wanted
    endpoint.close()
    assert not path.exists()


def test_PFX_11_a_socket_has_its_group(path: Path) -> None:
    import grp

    gid = os.getgroups()[0] if os.getgroups() else os.getegid()
    endpoint = bind(parse(f"unix:{path}"), access=Access(grp.getgrgid(gid).gr_name))
    assert path.stat().st_gid == gid
    endpoint.close()


@pytest.mark.parametrize("wanted", [0o600, 0o666])
def test_PFX_11_a_socket_gets_another_mode(path: Path, wanted: int) -> None:
    endpoint = bind(parse(f"unix:{path}"))
    endpoint.check(Access(mode=wanted))
    assert mode(path) == 0o660, "it was only a look"
    endpoint.admit(Access(mode=wanted))
    assert mode(path) == wanted
    endpoint.admit(Access())
    assert mode(path) == 0o660
    endpoint.close()


def test_PFX_11_nobody_new_may_connect_before_the_group_is_right(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import grp

    meanwhile: list[int] = []
    monkeypatch.setattr(os, "chown", lambda *_: meanwhile.append(mode(path)))
    group = next(each for each in grp.getgrall() if each.gr_gid != path.parent.stat().st_gid)
    for before, wanted in ((0o600, 0o660), (0o660, 0o600), (0o606, 0o660)):
        endpoint = bind(parse(f"unix:{path}"), access=Access(mode=before))
        endpoint.admit(Access(group.gr_name, wanted))
        assert mode(path) == wanted
        endpoint.close()
    assert meanwhile == [0o600] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another")
def test_PFX_11_a_socket_gets_another_group_if_its_owner_may_give_it(open_path: Path) -> None:
    import grp

    path = open_path
    group = grp.getgrall()[-1]
    before = path.parent.stat().st_gid
    endpoint = bind(parse(f"unix:{path}"), owner=65534)
    endpoint.admit(Access(group.gr_name, 0o600))
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (65534, group.gr_gid, 0o600)
    endpoint.admit(Access())
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (65534, before, 0o660)
    os.seteuid(65534)
    try:
        with pytest.raises(
            CannotListen, match=f"to the group {group.gr_name}: the user nobody is not in it"
        ):
            endpoint.check(Access(group.gr_name))
        with pytest.raises(PermissionError):
            endpoint.admit(Access(group.gr_name, 0o666))
    finally:
        os.seteuid(0)
    assert (path.stat().st_gid, mode(path)) == (before, 0o660)
    endpoint.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_group_that_the_user_is_not_in_is_told(open_path: Path) -> None:
    import grp

    group, path = grp.getgrall()[-1].gr_name, open_path
    path.parent.chmod(0o777)
    os.seteuid(65534)
    try:
        with pytest.raises(CannotListen) as told:
            bind(parse(f"unix:{path}"), access=Access(group))
    finally:
        os.seteuid(0)
    assert str(told.value) == (
        f"cannot give unix:{path} to the group {group}: the user nobody is not in it; "
        "add it (SupplementaryGroups= of the unit) and restart the service"
    )
    assert not path.exists()


def test_PFX_11_what_has_taken_the_place_of_a_socket_is_left_alone(path: Path) -> None:
    endpoint = bind(parse(f"unix:{path}"))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        endpoint.admit(Access(mode=0o666))
    path.with_name("precious").touch(mode=0o600)
    path.symlink_to(path.with_name("precious"))
    with pytest.raises(OSError, match="is not a socket"):
        endpoint.admit(Access(mode=0o666))
    assert mode(path) == 0o600
    endpoint.close()
    assert path.is_symlink()


def test_PFX_11_the_socket_that_another_has_put_in_its_place_is_left_alone(path: Path) -> None:
    endpoint = bind(parse(f"unix:{path}"))
    path.rename(path.with_name("aside"))  # as if its folder were a new one
    other = bind(parse(f"unix:{path}"), access=Access(mode=0o600))
    with pytest.raises(OSError, match="is now the socket of another process"):
        endpoint.admit(Access(mode=0o666))
    assert mode(path) == 0o600
    endpoint.close()
    endpoint.close()
    assert path.exists()
    other.close()
    assert not path.exists()


def test_PFX_11_a_socket_of_another_kind_has_no_mode() -> None:
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        endpoint = sockets.match(parse(f"inet:127.0.0.1:{given.getsockname()[1]}"), [given])
        assert endpoint is not None
        endpoint.check(Access(mode=0o600))
        endpoint.admit(Access(mode=0o600))


def test_PFX_11_a_stale_socket_of_ours_is_replaced(path: Path) -> None:
    bind(parse(f"unix:{path}")).socket.close()
    assert path.exists()
    bind(parse(f"unix:{path}")).close()


def test_PFX_11_a_file_in_the_way_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(CannotListen, match="exists and is not a socket"):
        bind(parse(f"unix:{path}"))
    assert path.read_text() == "precious"


def test_PFX_11_a_link_in_the_way_is_left_alone(path: Path) -> None:
    target = path.with_name("target")
    bind(parse(f"unix:{target}")).socket.close()
    path.symlink_to(target)
    with pytest.raises(CannotListen, match="exists and is not a socket"):
        bind(parse(f"unix:{path}"))
    assert target.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another")
def test_PFX_11_the_socket_of_another_is_left_alone(path: Path) -> None:
    bind(parse(f"unix:{path}")).socket.close()
    os.chown(path, 12345, 12345)
    with pytest.raises(CannotListen, match="belongs to user 12345"):
        bind(parse(f"unix:{path}"))
    assert path.exists()
    bind(parse(f"unix:{path}"), owner=12345).close()


def test_PFX_11_a_live_socket_is_left_alone(path: Path) -> None:
    endpoint = bind(parse(f"unix:{path}"))
    with pytest.raises(CannotListen, match="another process listens"):
        bind(parse(f"unix:{path}"))
    endpoint.close()


def test_a_missing_folder_is_told() -> None:
    with pytest.raises(CannotListen, match="cannot listen at unix:/nonexistent/s: No such file"):
        bind(parse("unix:/nonexistent/s"))


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = parse(f"inet:127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(CannotListen, match="Address already in use"):
            bind(address)
        found = sockets.match(address, [other])
        assert found is not None
        assert sockets.match(parse("inet:127.0.0.1:1"), [other]) is None


@pytest.mark.parametrize("lacking", [errno.EAFNOSUPPORT, errno.EMFILE])
def test_a_socket_that_the_system_does_not_give_is_told(
    monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    """A kernel without IPv6, for one."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(lacking, os.strerror(lacking))

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(CannotListen) as raised:
        bind(parse("inet:[::1]:1"))
    assert str(raised.value) == f"cannot listen at inet:[::1]:1: {os.strerror(lacking)}"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "\u0661", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_for_others_are_not_taken(environment: dict[str, str]) -> None:
    assert systemd.handed_over(environment) == []
    assert environment == {}


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
    ],
)
def test_the_watchdog_of_systemd(environment: dict[str, str], seconds: float | None) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": "/nonexistent", **environment})
    assert notifier.watchdog == seconds
    notifier.tell("READY=1")
    notifier.close()
    notifier.tell("READY=1")


def test_without_systemd_nothing_is_told() -> None:
    assert Notifier({"WATCHDOG_USEC": "3000000"}).watchdog is None


def test_an_abstract_socket_of_systemd() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0mailauth-test-{os.getpid()}")
        notifier = Notifier({"NOTIFY_SOCKET": f"@mailauth-test-{os.getpid()}"})
        notifier.tell("READY=1", "STATUS=x")
        assert manager.recv(100) == b"READY=1\nSTATUS=x"
        notifier.close()
