"""The store of long senders: bounded, shared, and true to what it promised."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mailauth import srs
from mailauth.errors import BadArgument
from mailauth.srs.aliases import AliasFile, UnusableAliases, look

NOW = 1_577_836_860
DAY = 86_400
SECRETS = srs.Secrets.parse(b"tops3cr3t\n")
STORING = srs.Scheme(long_senders=srs.LongSenders.STORE)
LONG = "x" * 60 + "@host.example"
Opening = Callable[[Path], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "aliases"


@pytest.fixture
def store(path: Path) -> Iterator[AliasFile]:
    """A store of three senders."""
    with AliasFile(path, capacity=3) as opened:
        yield opened


def forward(sender: str, store: AliasFile, now: int = NOW) -> str:
    return srs.forward(
        sender, domain="example.com", secrets=SECRETS, now=now, scheme=STORING, aliases=store
    )


def reverse(address: str, store: AliasFile, now: int = NOW) -> str:
    return srs.reverse(address, secrets=SECRETS, now=now, scheme=STORING, aliases=store)


@pytest.mark.parametrize(
    "sender", [LONG, "\u00fc\udcff" * 25 + "@x.example", f'"{"a b" * 20}"@host.example'], ids=ascii
)
def test_SRS_15_there_and_back(store: AliasFile, sender: str) -> None:
    address = forward(sender, store)
    assert len(address.partition("@")[0]) < 64
    assert forward(sender, store) == address
    assert reverse(address, store) == sender
    assert reverse(address.lower(), store) == sender
    again = srs.forward(address, domain="b.example", secrets=SECRETS, now=NOW)
    assert reverse(again, store) == address


def test_SRS_26_a_full_store_refuses_and_forgets_nothing(store: AliasFile) -> None:
    addresses = [forward(f"{number}{LONG}", store) for number in range(3)]
    with pytest.raises(srs.TooLong, match="3 are stored"):
        forward(f"3{LONG}", store)
    assert [forward(f"{number}{LONG}", store) for number in range(3)] == addresses
    assert [reverse(address, store) for address in addresses] == [
        f"{number}{LONG}" for number in range(3)
    ]
    tomorrow = forward(f"0{LONG}", store, NOW + DAY)
    assert reverse(tomorrow, store, NOW + DAY) == f"0{LONG}"


def test_SRS_26_a_sender_is_kept_as_long_as_its_address_is_accepted(store: AliasFile) -> None:
    first = [forward(f"{number}{LONG}", store) for number in range(3)]
    assert reverse(first[0], store, NOW + 21 * DAY) == f"0{LONG}"
    with pytest.raises(srs.TooLong):
        forward(f"3{LONG}", store, NOW + 21 * DAY)
    assert store.find(first[0].split("=")[-1].partition("@")[0], now=NOW + 22 * DAY) is None
    later = forward(f"3{LONG}", store, NOW + 22 * DAY)
    assert reverse(later, store, NOW + 22 * DAY) == f"3{LONG}"


def test_SRS_26_each_use_prolongs_it(store: AliasFile) -> None:
    forward(LONG, store)
    second = forward(LONG, store, NOW + 20 * DAY)
    assert reverse(second, store, NOW + 41 * DAY) == LONG


def test_SRS_26_who_keeps_for_a_shorter_time_takes_nothing_away(path: Path) -> None:
    with AliasFile(path, max_age=60) as patient, AliasFile(path, max_age=1) as hasty:
        alias = patient.keep(LONG, now=NOW)
        hasty.keep(f"a{LONG}", now=NOW + 50 * DAY)
        assert hasty.keep(LONG, now=NOW + 50 * DAY) == alias
        assert patient.find(alias, now=NOW + 60 * DAY) == LONG
        assert patient.find(alias, now=NOW + 61 * DAY) is None


def test_workers_that_start_together_make_it_together(path: Path) -> None:
    program = (
        "import sys; from mailauth.srs.aliases import AliasFile; sys.stdin.readline();"
        f"print(AliasFile(sys.argv[1]).keep('x@{'y' * 50}.example', now={NOW}))"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(6)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"\n")
        worker.stdin.flush()
    said = {worker.communicate()[0] for worker in workers}
    assert len(said) == 1
    assert len(said.pop().strip()) == 16
    assert list(path.parent.iterdir()) == [path]


def test_what_is_forgotten_makes_room(store: AliasFile, path: Path) -> None:
    for number in range(3):
        forward(f"{number}{LONG}", store)
    forward(LONG, store, NOW + 22 * DAY)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM senders").fetchone() == (1,)


def test_two_processes_share_it(store: AliasFile, path: Path) -> None:
    address = forward(LONG, store)
    with AliasFile(path) as other:
        assert reverse(address, other) == LONG
        assert reverse(forward(f"a{LONG}", other), store) == f"a{LONG}"
    with AliasFile(path) as later:
        assert reverse(address, later) == LONG


def test_who_waits_too_long_for_another_process_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailauth.srs.aliases.BUSY_SECONDS", 0.01)
    with AliasFile(path) as store:
        address = forward(LONG, store)
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UnusableAliases, match="locked"):
            forward(f"a{LONG}", store)
        assert reverse(address, store) == LONG
        writer.execute("ROLLBACK")
        writer.close()
        assert reverse(forward(f"a{LONG}", store), store) == f"a{LONG}"


@pytest.mark.parametrize("alias", ["", "A", "' OR 1=1 --", "\u212a" * 16, "\udcff", "A" * 200])
def test_SRS_02_an_alias_that_is_none(store: AliasFile, alias: str) -> None:
    forward(LONG, store)
    assert store.find(alias, now=NOW) is None


def test_OPS_01_its_owner_may_use_it_whatever_the_umask(path: Path) -> None:
    umask = os.umask(0o777)
    try:
        AliasFile(path).close()
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_OPS_01_it_is_of_its_owner_alone(store: AliasFile, path: Path) -> None:
    forward(LONG, store)
    beside = [path, *path.parent.glob("aliases-*")]
    assert len(beside) == 3
    assert {stat.S_IMODE(each.stat().st_mode) for each in beside} == {0o600}
    store.close()
    path.chmod(0o644)
    with pytest.raises(UnusableAliases, match="chmod 600"):
        AliasFile(path)


OPENINGS = pytest.mark.parametrize("opening", [AliasFile, look])


@OPENINGS
@pytest.mark.parametrize("content", [b"", b"no database" * 100, b"\0" * 5000])
def test_a_file_of_another_kind(path: Path, content: bytes, opening: Opening) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UnusableAliases):
        opening(path)
    assert path.read_bytes() == content


@OPENINGS
def test_a_database_of_another_kind(path: Path, opening: Opening) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine (x)")
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(UnusableAliases, match="not an alias file"):
        opening(path)
    assert path.read_bytes() == before


@OPENINGS
def test_a_name_that_is_none(tmp_path: Path, opening: Opening) -> None:
    for name in (tmp_path, tmp_path / "missing" / "aliases", tmp_path / "a\0b"):
        with pytest.raises(UnusableAliases):
            opening(name)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnusableAliases, match="cannot be opened"):
        opening(tmp_path / "link")


@OPENINGS
def test_OPS_01_a_folder_that_is_open_to_all(tmp_path: Path, opening: Opening) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UnusableAliases, match="others can replace the alias file"):
        opening(tmp_path / "open" / "aliases")


def test_a_look_makes_and_changes_nothing(path: Path) -> None:
    look(path)
    assert not list(path.parent.iterdir())
    AliasFile(path).close()
    before = path.read_bytes()
    look(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_look_at_a_store_that_another_process_uses(store: AliasFile, path: Path) -> None:
    forward(LONG, store)
    code = "import sys; from mailauth.srs.aliases import look; look(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, path], check=True)


def test_a_look_at_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UnusableAliases, match="there is no such folder"):
        look(tmp_path / "missing" / "aliases")


def test_a_look_at_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "loop", tmp_path / "loop" / "aliases"):
        with pytest.raises(UnusableAliases):
            look(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of root's that all may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_OPS_03_a_look_by_one_who_cannot_write(folder: Path) -> None:
    path = folder / "aliases"
    with as_user(65534), pytest.raises(UnusableAliases, match="this user may not write in"):
        look(path)
    AliasFile(path).close()
    os.chown(path, 65534, 65534)
    with as_user(65534), pytest.raises(UnusableAliases, match="this user may not write in"):
        look(path)  # there are files beside it
    os.chown(folder, 65534, 65534)
    path.chmod(0o400)
    with as_user(65534), pytest.raises(UnusableAliases, match="cannot be opened by this user"):
        look(path)
    path.chmod(0o600)
    with as_user(65534):
        look(path)


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_has_room(tmp_path: Path) -> None:
    with pytest.raises(BadArgument):
        AliasFile(tmp_path / "aliases", capacity=0)


def test_a_file_that_breaks_while_it_is_used(store: AliasFile, path: Path) -> None:
    address = forward(LONG, store)
    store.close()
    with pytest.raises(UnusableAliases):
        reverse(address, store)
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(UnusableAliases):
        AliasFile(path)
