"""`mailauth srs` as an administrator types it."""

import os
import stat
from pathlib import Path

import pytest
from program import Run

ADDRESS = "SRS0=vmyz=2W=otherdomain.com=test@example.com"
AT = ("--secrets", "srs.secrets", "--now", "1577836860")


@pytest.fixture
def secrets(desk: Path) -> Path:
    """The file of secrets, at the desk."""
    path = desk / "srs.secrets"
    path.write_bytes(b"tops3cr3t\n")
    path.chmod(0o600)
    return path


@pytest.mark.usefixtures("secrets")
def test_there_and_back(run: Run) -> None:
    there = run("srs", "forward", "test@otherdomain.com", "--domain", "Example.com.", *AT)
    assert (there.status, there.text) == (0, ADDRESS + "\n")
    back = run("srs", "reverse", ADDRESS, *AT)
    assert (back.status, back.text, back.complaint) == (0, "test@otherdomain.com\n", "")
    iso = run("srs", "reverse", ADDRESS, "--secrets", "srs.secrets", "--now", "2020-01-22")
    assert iso.status == 0
    assert run("srs", "forward", "", "-d", "example.com", *AT).text == "\n"


@pytest.mark.usefixtures("secrets")
def test_SRS_23_each_octet_comes_out_as_it_went_in(run: Run) -> None:
    sender = b"\xff\xc3\xbc@x.example"
    there = run("srs", "forward", os.fsdecode(sender), "-d", "example.com", *AT)
    assert b"=x.example=\xff\xc3\xbc@example.com\n" in there.octets
    back = run("srs", "reverse", os.fsdecode(there.octets.rstrip(b"\n")), *AT)
    assert back.octets == sender + b"\n"


@pytest.mark.usefixtures("secrets")
def test_SRS_15_a_long_sender_is_kept_in_a_file(run: Run) -> None:
    sender = "x" * 60 + "@x.example"
    keep = ("--aliases", "aliases")
    there = run("srs", "forward", sender, "-d", "example.com", *AT, *keep)
    assert there.status == 0
    assert run("srs", "reverse", there.text.strip(), *AT, *keep).text == sender + "\n"
    assert run("srs", "reverse", there.text.strip(), *AT).status == 1
    assert run("srs", "reverse", there.text.strip(), *AT, "--aliases", ".").refused


@pytest.mark.usefixtures("secrets")
def test_the_separated_mac(run: Run) -> None:
    options = ("--mac", "separated", "--hash-length", "10", "--separator", "+")
    there = run("srs", "forward", "test@otherdomain.com", "-d", "example.com", *options, *AT)
    assert there.text.startswith("SRS0+")
    assert run("srs", "reverse", there.text.strip(), *AT).text == "test@otherdomain.com\n"


@pytest.mark.usefixtures("secrets")
def test_a_hash_that_is_shorter_than_those_that_are_taken_back(run: Run) -> None:
    there = run("srs", "forward", "ada@example.org", "-d", "example.com", *AT, "--hash-length", "3")
    assert there.status == 0
    back = ("srs", "reverse", there.text.strip(), *AT)
    assert run(*back).status == 1
    assert run(*back, "--hash-minimum", "3").text == "ada@example.org\n"


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    "arguments",
    [
        ["reverse", ADDRESS.replace("vmyz", "aaaa")],
        ["reverse", "ada@example.com"],
        ["reverse", "SRS0=vmyz=2A=otherdomain.com=test@example.com"],
        ["forward", "no address", "-d", "example.com"],
        ["forward", "x" * 60 + "@example.org", "-d", "example.com"],
    ],
)
def test_what_is_refused_is_one_line_and_status_1(run: Run, arguments: list[str]) -> None:
    done = run("srs", *arguments, *AT)
    assert (done.status, done.octets) == (1, b"")
    assert done.complaint.count("\n") == 1
    assert "tops3cr3t" not in done.complaint


def test_an_old_address(run: Run, secrets: Path) -> None:
    assert secrets.exists()
    late = ("--secrets", "srs.secrets", "--now", "2020-01-23")
    assert "22 days old" in run("srs", "reverse", ADDRESS, *late).complaint
    assert run("srs", "reverse", ADDRESS, *late, "--max-age", "30").status == 0


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"short\n", 0o600, "line 1"),
        (b"tops3cr3t\n", 0o644, "chmod 600"),
        (b"", 0o600, "0 secrets"),
    ],
)
def test_a_file_of_secrets_that_cannot_be_used(
    run: Run, secrets: Path, content: bytes, mode: int, said: str
) -> None:
    secrets.write_bytes(content)
    secrets.chmod(mode)
    done = run("srs", "reverse", ADDRESS, *AT)
    assert done.refused
    assert said in done.complaint
    secrets.unlink()
    assert run("srs", "reverse", ADDRESS, *AT).refused


def test_a_new_secret_comes_first(run: Run, desk: Path) -> None:
    path = desk / "srs.secrets"
    new = ("srs", "new-secret", "--secrets", "srs.secrets")
    assert run(*new).status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_bytes()
    address = run("srs", "forward", "a@b.example", "-d", "example.com", *AT).text.strip()
    assert run(*new).complaint == "srs.secrets has 2 secrets; reload the service\n"
    assert path.read_bytes().endswith(first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("srs", "reverse", address, *AT).status == 0
    assert run("srs", "forward", "a@b.example", "-d", "example.com", *AT).text.strip() != address
    told = run(*new, "--keep", "1").complaint
    assert told == "srs.secrets has 2 secrets, and the oldest 1 is gone; reload the service\n"
    assert run("srs", "reverse", address, *AT).status == 1
    assert run(*new, "--keep", "0").refused
    assert run(*new, "--keep", "20").refused  # with the new one it would be one too many


def test_SRS_08_no_old_secret_is_dropped_unasked(run: Run, secrets: Path) -> None:
    old = b"".join(b"an old secret %d\n" % number for number in range(8)) + b"# the end\n"
    secrets.write_bytes(old)
    new = ("srs", "new-secret", "--secrets", "srs.secrets")
    assert run(*new).complaint == "srs.secrets has 9 secrets; reload the service\n"
    assert secrets.read_bytes().partition(b"\n")[2] == old
    told = run(*new, "--keep", "2").complaint
    assert told == "srs.secrets has 3 secrets, and the oldest 7 are gone; reload the service\n"
    assert secrets.read_bytes().endswith(b"\nan old secret 0\n# the end\n")
    assert secrets.read_bytes().count(b"\n") == 4


def test_SRS_08_a_file_that_is_full_is_left_to_its_owner(run: Run, secrets: Path) -> None:
    full = b"a long old secret\n" * 20
    secrets.write_bytes(full)
    done = run("srs", "new-secret", "--secrets", "srs.secrets")
    assert done.refused
    assert "srs.secrets has 20 secrets" in done.complaint
    assert "--keep" in done.complaint
    assert secrets.read_bytes() == full
    assert run("srs", "new-secret", "--secrets", "srs.secrets", "--keep", "19").status == 0
    assert secrets.read_bytes().endswith(full[len(b"a long old secret\n") :])


def test_a_secrets_file_is_called_one(run: Run, desk: Path, secrets: Path) -> None:
    def said(name: str) -> str:
        done = run("srs", "new-secret", "--secrets", name)
        assert done.refused
        return done.complaint

    assert "the secrets file no/such cannot be made: No such" in said("no/such")
    assert "the name of the secrets file is empty" in said("")
    assert "the name of the secrets file holds a NUL" in said("a\0b")
    (desk / "dangling").symlink_to("nowhere")
    assert "the secrets file dangling exists" in said("dangling")
    secrets.write_bytes(b"short\n")
    assert "srs.secrets: line 1: a secret of fewer than 8 octets" in said("srs.secrets")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_changes_the_secrets_of_the_services_user(run: Run, secrets: Path) -> None:
    os.chown(secrets, 12345, 12346)
    secrets.chmod(0o400)
    assert run("srs", "reverse", ADDRESS, *AT).status == 0
    done = run("srs", "new-secret", "--secrets", "srs.secrets")
    assert done.complaint == "srs.secrets has 2 secrets; reload the service\n"
    status = secrets.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 12346, 0o400)
    assert [path.name for path in secrets.parent.iterdir() if "secrets" in path.name] == [
        "srs.secrets"
    ]


def test_dates_and_comments_stay_with_their_secret(run: Run, secrets: Path) -> None:
    old = b"# of last year\n# until 2027-01-01\nan old secret\n"
    secrets.write_bytes(old + b"\n# older\nan older secret\n")
    run("srs", "new-secret", "--secrets", "srs.secrets", "--keep", "1")
    assert secrets.read_bytes().partition(b"\n")[2] == old
    secrets.write_bytes(b"short\n")
    assert run("srs", "new-secret", "--secrets", "srs.secrets").refused
    assert secrets.read_bytes() == b"short\n"
