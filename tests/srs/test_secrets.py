"""Secrets: in what order they sign and verify, how long, and what a file of them must be."""

from pathlib import Path

import pytest

from mailauth import srs
from mailauth.errors import BadArgument

DAY = 86_400
JANUARY = 1_767_225_600  # 2026-01-01
OLD, NEW = b"an old secret", b"a new secret"
FILE = b"""# a comment
# from 2026-02-01
a new secret

# until 2026-02-08T00:00:00Z
an old secret
"""
SENDER = "ada@example.org"


def address(secrets: srs.Secrets, now: int = JANUARY) -> str:
    return srs.forward(SENDER, domain="example.com", secrets=secrets, now=now)


def test_SRS_08_the_first_signs_and_all_verify() -> None:
    both = srs.Secrets.parse(NEW + b"\n" + OLD + b"\n")
    new, old = srs.Secrets.parse(NEW), srs.Secrets.parse(OLD)
    assert address(both) == address(new) != address(old)
    for secrets in (new, old):
        assert srs.reverse(address(secrets), secrets=both, now=JANUARY) == SENDER
    with pytest.raises(srs.BadHash):
        srs.reverse(address(old), secrets=new, now=JANUARY)


def test_SRS_08_a_secret_has_its_time() -> None:
    dated, new, old = srs.Secrets.parse(FILE), srs.Secrets.parse(NEW), srs.Secrets.parse(OLD)
    assert address(dated) == address(old)
    february, over = JANUARY + 31 * DAY, JANUARY + 38 * DAY
    assert address(dated, february) == address(new, february)
    assert srs.reverse(address(new), secrets=dated, now=JANUARY) == SENDER
    assert srs.reverse(address(old, february), secrets=dated, now=over - 1) == SENDER
    with pytest.raises(srs.BadHash):
        srs.reverse(address(old, february), secrets=dated, now=over)
    with pytest.raises(srs.UnusableSecrets):
        address(srs.Secrets.parse(b"# until 2026-01-01\n" + OLD))


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "0 secrets"),
        (b"\n\n", "0 secrets"),
        (b"# only a comment\n", "0 secrets"),
        (b"a long secret\nshort\n", "line 2"),
        (b"         \n", "line 1"),
        (b"a long secret\r\n", "line 1"),
        (b"# until tomorrow\na long secret\n", "line 1"),
        (b"# from 2026-13-01\na long secret\n", "line 1"),
        (b"a long secret\n" * 21, "21 secrets"),
    ],
)
def test_SRS_08_a_file_that_cannot_be_used_says_why(octets: bytes, said: str) -> None:
    with pytest.raises(srs.UnusableSecrets, match=said) as raised:
        srs.Secrets.parse(octets)
    assert "long secret" not in str(raised.value)


@pytest.mark.parametrize("octets", [b"", b"1234567", b" 1234567 ", b" " * 20])
def test_SRS_08_a_secret_that_could_be_guessed_is_refused(octets: bytes) -> None:
    srs.Secrets.parse(b"12345678\n")
    with pytest.raises(srs.UnusableSecrets, match="secret 2 has fewer than 8 octets"):
        srs.Secrets(srs.Secret(b"12345678"), srs.Secret(octets))
    with pytest.raises(srs.UnusableSecrets):
        srs.Secrets.parse(octets + b"\n")


NEAR_MISSES = [
    b"#until 2020-01-01",
    b"# until 2020-01-01 12:00",
    b"# Until 2020-01-01",
    b"# until: 2020-01-01",
    b"# UNTIL = 1.1.2020",
    b"# from 2027-01-01 # next",
    b"# from 2026-01-01 until 2027-01-01",
    b"#from2027-01-01",
    b" # until 2020-01-01",
    b"\xef\xbb\xbf# until 2020-01-01",
    b"# until\xc2\xa02020-01-01",
]


@pytest.mark.parametrize("line", NEAR_MISSES, ids=str)
def test_SRS_08_a_date_that_is_misspelt_is_not_passed_over(line: bytes) -> None:
    """Else a secret would be valid for longer than it should be."""
    bound = "until" if b"until" in line.lower()[:12] else "from"
    with pytest.raises(srs.UnusableSecrets, match=f"line 2: .*# {bound} 2026-11-23"):
        srs.Secrets.parse(b"a new secret\n" + line + b"\nan old secret\n")


@pytest.mark.parametrize(
    "line", [b"# from the old server", b"# untilled 2020", b"#2020-01-01", b"# of 3, until 2 go"]
)
def test_an_ordinary_comment_is_one(line: bytes) -> None:
    assert len(list(srs.entries(line + b"\n" + OLD))) == 1


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"a long secret\n# ours\n# until 2020-01-01\n\n", "line 3: no secret follows"),
        (b"# from 2020-01-01\n", "line 1: no secret follows"),
        (b"# until 2020-01-01\n# until 2030-01-01\na long secret\n", "line 2: a second until"),
    ],
)
def test_SRS_08_a_date_is_that_of_one_secret(octets: bytes, said: str) -> None:
    with pytest.raises(srs.UnusableSecrets, match=said):
        srs.Secrets.parse(octets)


def test_octets_of_a_line_are_the_secret() -> None:
    odd = b" \xff\x00 secret \t"
    spaced = srs.Secrets.parse(odd + b"\nanother secret")
    assert address(spaced) == address(srs.Secrets(srs.Secret(odd)))


def test_OPS_04_a_secret_does_not_show_itself() -> None:
    secrets = srs.Secrets.parse(FILE)
    assert "secret" not in repr(secrets).replace("Secret", "")
    assert "1770508800" in repr(secrets)


def test_SRS_08_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_bytes(FILE)
    path.chmod(0o640)
    with pytest.raises(srs.UnusableSecrets, match="chmod 600"):
        srs.Secrets.read(path)
    path.chmod(0o600)
    assert address(srs.Secrets.read(path)) == address(srs.Secrets.parse(FILE))
    path.write_bytes(b"short")
    with pytest.raises(srs.UnusableSecrets, match=f"{path}: line 1"):
        srs.Secrets.read(path)
    with pytest.raises(srs.UnusableSecrets, match="secrets file"):
        srs.Secrets.read(tmp_path / "missing")


@pytest.mark.parametrize(
    "options",
    [
        {"separator": "x"}, {"separator": ""}, {"separator": "=+"}, {"hash_length": 3},
        {"hash_length": 28}, {"hash_minimum": 0}, {"max_age": 0}, {"max_age": 1024},
        {"accepted": ()}, {"mac": srs.Mac.SEPARATED, "accepted": (srs.Mac.CLASSIC,)},
        {"mac": "nope"}, {"accepted": ("nope",)}, {"accepted": "classic"}, {"mac": None},
        {"long_senders": "Pass"},
    ],
    ids=str,
)  # fmt: skip
def test_a_scheme_that_makes_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(BadArgument):
        srs.Scheme(**options)  # type: ignore[arg-type]


def test_a_scheme_takes_choices_as_they_are_written() -> None:
    words = {"mac": "classic", "accepted": ["classic"], "long_senders": "pass"}
    scheme = srs.Scheme(**words)  # type: ignore[arg-type]
    assert scheme == srs.Scheme(accepted=(srs.Mac.CLASSIC,), long_senders=srs.LongSenders.PASS)
    secrets, long = srs.Secrets.parse(OLD), f"{'x' * 60}@example.org"
    there = srs.forward(SENDER, domain="example.com", secrets=secrets, now=JANUARY, scheme=scheme)
    assert there == address(secrets)
    assert long == srs.forward(
        long, domain="example.com", secrets=secrets, now=JANUARY, scheme=scheme
    )
