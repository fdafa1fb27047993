"""OPS-01: a key file is made for its owner alone, and refused when others could look."""

import errno
import os
import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailauth.errors import UnusableKey
from mailauth.keys import PrivateKey, files

SECRET = b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n"
SEED = SECRET.decode().strip()
CONTENTS = [
    pytest.param(PrivateKey.load(SECRET).pem().decode(), id="PEM"),
    pytest.param(PrivateKey.load(SECRET).pem().decode().replace("\n", ""), id="PEM without lines"),
    pytest.param(SEED, id="seed"),
    pytest.param(SEED + "\n", id="seed and line end"),
    pytest.param("MC4CAQAwBQYDK2VwBCIE" + SEED, id="DER"),
    pytest.param("A" * 86 + "==", id="both halves"),
]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A safe file in a safe folder."""
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    tmp_path.chmod(0o700)
    return path


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277, 0o777], ids=oct)
def umask(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Any habit of the caller's, taken up in a folder that is there already."""
    assert tmp_path.is_dir()
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700], ids=oct)
def test_OPS_01_a_file_of_its_owner_is_read(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    assert PrivateKey.read(key_file).size == 256
    assert PrivateKey.read(str(key_file)).size == 256


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001], ids=oct)
def test_OPS_01_a_file_open_to_others_is_refused(key_file: Path, bit: int) -> None:
    key_file.chmod(0o600 | bit)
    with pytest.raises(UnusableKey, match=f"run: chmod 600 {key_file}"):
        PrivateKey.read(key_file)


@pytest.mark.parametrize(
    ("mode", "safe"), [(0o755, True), (0o1777, True), (0o777, False), (0o703, False)], ids=str
)
def test_OPS_01_a_folder_open_to_others_is_refused(key_file: Path, mode: int, safe: bool) -> None:
    key_file.parent.chmod(mode)
    if safe:
        PrivateKey.read(key_file)
    else:
        with pytest.raises(UnusableKey, match=f"run: chmod o-w {key_file.parent}"):
            PrivateKey.read(key_file)


def test_OPS_01_a_link_is_judged_by_its_target(key_file: Path) -> None:
    link = key_file.with_name("link")
    link.symlink_to(key_file)
    PrivateKey.read(link)
    key_file.chmod(0o640)
    with pytest.raises(UnusableKey, match="chmod 600"):
        PrivateKey.read(link)


@pytest.mark.parametrize("open_one", ["of the link", "of the target"])
def test_OPS_01_a_link_is_judged_by_both_folders(key_file: Path, open_one: str) -> None:
    folder = key_file.parent / "links"
    folder.mkdir()
    link = folder / "link"
    link.symlink_to(key_file)
    (folder if open_one == "of the link" else key_file.parent).chmod(0o777)
    with pytest.raises(UnusableKey, match="others can replace"):
        PrivateKey.read(link)


@pytest.mark.parametrize("name", ["my key.pem", "key;reboot", "$(id)", "it's"])
def test_what_is_to_be_run_can_be_pasted(key_file: Path, name: str) -> None:
    path = key_file.rename(key_file.with_name(name))
    path.chmod(0o640)
    with pytest.raises(UnusableKey) as caught:
        PrivateKey.read(path)
    command = str(caught.value).partition("; run: ")[2]
    assert shlex.split(command) == ["chmod", "600", str(path)]


def test_a_folder_to_be_closed_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my keys"
    folder.mkdir()
    folder.chmod(0o777)
    PrivateKey.generate("ed25519").write(folder / "key")
    with pytest.raises(UnusableKey) as caught:
        PrivateKey.read(folder / "key")
    command = str(caught.value).partition("; run: ")[2]
    assert shlex.split(command) == ["chmod", "o-w", str(folder)]


@ROOT_ONLY
def test_OPS_01_a_file_of_another_user_is_refused(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(key_file, 12345, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    with pytest.raises(UnusableKey, match="belongs to the user 12345; run: chown 65534 "):
        PrivateKey.read(key_file)


@ROOT_ONLY
def test_OPS_01_a_file_of_root_is_read(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service opens it before it becomes another user."""
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    assert PrivateKey.read(key_file).size == 256


@ROOT_ONLY
def test_OPS_01_root_reads_the_file_of_any_one_user(key_file: Path) -> None:
    os.chown(key_file, 12345, -1)
    PrivateKey.read(key_file)
    files.look(key_file)
    key_file.chmod(0o640)
    with pytest.raises(UnusableKey, match="open to others"):
        PrivateKey.read(key_file)


@pytest.fixture
def nobody(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that is closed to us, and the folder `shut`.

    Nothing is closed to root, who is another user for a while.
    """
    key_file.chmod(0)
    (key_file.parent / "shut").mkdir(mode=0)
    key_file.parent.chmod(0o755)
    monkeypatch.chdir(key_file.parent)  # the folders above it may be closed too
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    yield key_file
    os.seteuid(user)


def test_OPS_01_a_file_closed_to_us_is_refused(nobody: Path) -> None:
    with pytest.raises(UnusableKey, match="cannot be opened by this user"):
        PrivateKey.read(nobody)


def test_OPS_01_a_look_finds_a_file_closed_to_us(nobody: Path) -> None:
    with pytest.raises(UnusableKey, match="cannot be opened by this user"):
        files.look(nobody.name)


@pytest.mark.parametrize("use", [files.read, files.look])
def test_OPS_01_a_folder_closed_to_us_is_told_alike(
    nobody: Path, use: Callable[[Path], object]
) -> None:
    with pytest.raises(UnusableKey, match="shut/key cannot be opened by this user"):
        use(nobody.parent / "shut" / "key")


def test_OPS_01_a_look_finds_a_file_open_to_others(key_file: Path) -> None:
    files.look(key_file)
    key_file.chmod(0o640)
    with pytest.raises(UnusableKey, match="open to others"):
        files.look(key_file)


def test_a_look_finds_that_there_is_no_file(key_file: Path) -> None:
    with pytest.raises(UnusableKey, match="does not exist"):
        files.look(key_file.with_name("none"))
    with pytest.raises(UnusableKey, match="cannot be read"):
        files.look(key_file / "below")
    with pytest.raises(UnusableKey, match="is empty"):
        files.look("")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/null")


def nothing(_: Path) -> None:
    pass


def too_much(path: Path) -> None:
    path.write_bytes(b"A" * 70_000)
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_folder, "not a regular file"),
        (a_fifo, "not a regular file"),
        (a_device, "not a regular file"),
        (a_loop, "cannot be read"),
        (nothing, "does not exist"),
        (too_much, "too large"),
    ],
)
def test_OPS_01_what_is_no_key_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    make(tmp_path / "odd")
    with pytest.raises(UnusableKey, match=says):
        PrivateKey.read(tmp_path / "odd")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableKey):
        PrivateKey.read(tmp_path / name)
    with pytest.raises(UnusableKey):
        PrivateKey.generate("ed25519").write(tmp_path / name)


@pytest.mark.parametrize("text", CONTENTS)
@pytest.mark.parametrize("use", [files.read, files.read_any, files.look, PrivateKey.read])
def test_OPS_04_a_key_in_the_place_of_a_path_is_not_shown(
    use: Callable[[str], object], text: str
) -> None:
    with pytest.raises(UnusableKey) as caught:
        use(text)
    assert str(caught.value) == "the content of a key file was given where its path belongs"
    with pytest.raises(UnusableKey, match="the content of a key file"):
        PrivateKey.generate("ed25519").write(text)


def test_a_file_may_be_named_like_a_seed(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(key_file.parent)
    name = SEED.replace("/", "+")
    key_file.rename(name)
    assert PrivateKey.read(name).size == 256


def test_a_short_name_is_no_key(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it is base64, and begins as DER does."""
    monkeypatch.chdir(key_file.parent)
    with pytest.raises(UnusableKey, match="MAIL does not exist"):
        PrivateKey.read("MAIL")


def test_a_fault_of_the_key_names_its_file(key_file: Path) -> None:
    key_file.write_bytes(b"junk")
    with pytest.raises(UnusableKey, match=f"{key_file}: not a private key"):
        PrivateKey.read(key_file)


@pytest.mark.usefixtures("umask")
def test_OPS_01_a_written_key_is_for_its_owner(tmp_path: Path) -> None:
    key = PrivateKey.generate("ed25519")
    path = tmp_path / "key"
    key.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PrivateKey.read(path).public_key == key.public_key


def test_OPS_01_the_mode_is_set_before_the_first_octet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    fchmod = os.fchmod

    def watched(descriptor: int, mode: int) -> None:
        status = os.fstat(descriptor)
        seen.append((stat.S_IMODE(status.st_mode) & 0o077, status.st_size))
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", watched)
    PrivateKey.generate("ed25519").write(tmp_path / "key")
    assert seen == [(0, 0)]


@pytest.mark.parametrize("make", [a_folder, a_fifo, a_loop, a_device, too_much])
def test_OPS_01_nothing_is_overwritten(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "key"
    make(path)
    before = path.lstat()
    with pytest.raises(UnusableKey, match="never overwritten"):
        PrivateKey.generate("ed25519").write(path)
    assert path.lstat() == before


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="No such file or directory"):
        PrivateKey.generate("ed25519").write(tmp_path / "none" / "key")


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), UnusableKey),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["full disk", "interrupt"],
)
@pytest.mark.parametrize("step", ["fchmod", "fsync"])
def test_OPS_01_no_half_of_a_key_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    fault: BaseException,
    raised: type[BaseException],
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(raised):
        PrivateKey.generate("ed25519").write(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
