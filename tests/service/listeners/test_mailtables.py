"""The tables of a milter: every mistake at its line, whatever else is wrong, and what rows mean."""

import os
from ipaddress import ip_address
from pathlib import Path

import pytest
from mail import key

from mailauth.milter import KeyRing
from mailauth.service.listeners import mailtables
from mailauth.service.settings.configuration import BadConfiguration
from mailauth.service.start import check
from mailauth.syntax import mailbox

ROW = '[[signing.key]]\ndomain = "example.com"\nselector = "x"\nfile = "/x"\n'
LISTEN = '[[listen]]\nkind = "milter"\naddress = "unix:/run/x"\n'


def errors(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a file, each without the name of the file."""
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(BadConfiguration) as refused:
        check(file)
    return [line.removeprefix(f"{file}:") for line in refused.value.errors]


@pytest.mark.parametrize(
    ("users", "told"),
    [
        ('{ ada = "example.com" }', "2: signing.users.ada: must be a list, not a string"),
        ("{ ada = [1] }", "2: signing.users.ada[1]: must be a string, not 1"),
    ],
)
def test_a_wrong_value_under_a_key_of_ones_own_is_told_beside_others(
    tmp_path: Path, users: str, told: str
) -> None:
    text = f"[signing]\nusers = {users}\nexpire = 1\n{ROW}{LISTEN}"
    first, second = errors(tmp_path, text)
    assert first == told
    assert second.startswith("3: signing.expire: must be a whole number of at least")


NOT_SAID_TWICE = {
    "keys": ('[signing]\nkey = "x"\n', ["2: signing.key: must be [[signing.key]], a list"]),
    "key table": (
        '[signing]\nkey_table = 5\nsigning_table = "/x"\n',
        ["2: signing.key_table: must be a string, not 5"],
    ),
    "no table": ("signing = 5\n", ["1: signing: must be a table"]),
    "arc": (
        '[verifying]\nauthserv_id = "x"\narc = 1\ntrusted_sealers = ["a.example"]\n',
        ["3: verifying.arc: must be true or false, not 1"],
    ),
    "budget": (
        '[verifying]\nauthserv_id = "x"\n[dns]\ntimeout = 30\nbudget = "60"\n',
        ["5: dns.budget: must be a number"],
    ),
}


@pytest.mark.parametrize(("text", "want"), NOT_SAID_TWICE.values(), ids=NOT_SAID_TWICE)
def test_nothing_is_missing_because_it_is_wrong(tmp_path: Path, text: str, want: list[str]) -> None:
    found = errors(tmp_path, text + LISTEN)
    assert len(found) == len(want), found
    assert all(line.startswith(start) for line, start in zip(found, want, strict=True)), found


# Authors


def signed(tmp_path: Path, authors: str) -> set[str]:
    """Of some authors, those whose mail is signed."""
    key("rsa").write(tmp_path / "rsa")
    row = ROW.replace("/x", f"{tmp_path}/rsa")
    file = tmp_path / "x.toml"
    file.write_text(f"{row}authors = {authors}\n{LISTEN}")
    configuration = check(file).configuration
    settings = mailtables.settings(configuration, configuration.listen[0], KeyRing()).signing
    assert settings is not None
    every = ["ada@example.com", "ada@a.example.com", "ben@example.com", "ada@example.org"]
    return {author for author in every if settings.table.find(mailbox.parse(author))}


@pytest.mark.parametrize(
    ("with_asterisk", "without"),
    [
        ("*@example.com", "example.com"),
        ("*@.example.com", ".example.com"),
        ("*@*.example.com", ".example.com"),
        ("*.example.com", ".example.com"),
        ("*@*", "*"),
        ("ada@*.example.com", "ada@.example.com"),
    ],
)
def test_authors_may_be_spelt_as_patterns(tmp_path: Path, with_asterisk: str, without: str) -> None:
    want = signed(tmp_path, f'["{without}"]')
    (tmp_path / "rsa").unlink()
    assert want
    assert signed(tmp_path, f'["{with_asterisk}"]') == want


def test_a_percent_sign_is_no_selector(tmp_path: Path) -> None:
    (told,) = errors(tmp_path, ROW.replace('"x"', '"%"') + LISTEN)
    assert told.startswith("3: signing.key[1].selector: a label that is not of letters")


def test_a_key_must_have_room_in_the_dns_for_its_name(tmp_path: Path) -> None:
    long = ".".join(["a" * 60] * 4)
    (told,) = errors(tmp_path, ROW.replace('"x"', f'"{long}"') + LISTEN)
    assert told.startswith("3: signing.key[1].selector: the name of the key, aaa")


def test_a_key_of_a_list_is_told_by_the_list(tmp_path: Path) -> None:
    text = f'[signing]\nkey_table = "csl:a=example.com:x:{tmp_path}/none"\n'
    (told,) = errors(tmp_path, f'{text}signing_table = "csl:example.com=a"\n{LISTEN}')
    assert told.startswith(f"2: signing.key_table: the key file {tmp_path}/none does not exist")


@pytest.mark.parametrize(
    ("domain", "identity", "signs"),
    [("example.com", "@%", "example.com"), ("%", "news@example.com", "example.com")],
)
def test_an_identity_that_is_not_of_the_domain_signs_for_nobody(
    tmp_path: Path, domain: str, identity: str, signs: str
) -> None:
    key("rsa").write(tmp_path / "rsa")
    row = ROW.replace("/x", f"{tmp_path}/rsa").replace("example.com", domain)
    (tmp_path / "x.toml").write_text(f'{row}identity = "{identity}"\nauthors = ["*"]\n{LISTEN}')
    configuration = check(tmp_path / "x.toml").configuration
    settings = mailtables.settings(configuration, configuration.listen[0], KeyRing()).signing
    assert settings is not None
    assert list(settings.table.find(mailbox.parse(f"ada@{signs}")))
    assert not list(settings.table.find(mailbox.parse("ada@example.org")))


def test_hosts_that_judge_and_hosts_that_do_not_are_kept_apart(tmp_path: Path) -> None:
    lists = 'authserv_id = "mx.example.com"\ntrusted = ["192.0.2.1"]\nrelays = ["192.0.2.2"]\n'
    (tmp_path / "x.toml").write_text(f"[verifying]\n{lists}{LISTEN}")
    configuration = check(tmp_path / "x.toml").configuration
    found = mailtables.settings(configuration, configuration.listen[0], KeyRing()).verifying
    assert found is not None
    hosts = [("", ip_address("192.0.2.1")), ("", ip_address("192.0.2.2"))]
    assert [host in found.trusted for host in hosts] == [True, False]
    assert [host in found.relays for host in hosts] == [False, True]


def test_OPS_13_a_fifo_does_not_hold_up_who_reads_tables(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    table = f'[signing]\nkey_table = "{tmp_path}/fifo"\nsigning_table = "{tmp_path}/fifo"\n'
    (told,) = errors(tmp_path, table + LISTEN)
    assert told == f"3: signing.signing_table: {tmp_path}/fifo is not a regular file"


def test_of_many_keys_that_cannot_be_used_some_are_told(tmp_path: Path) -> None:
    names = [f"k{number}" for number in range(25)]
    (tmp_path / "kt").write_text("".join(f"{n} example.com:{n}:/no/{n}\n" for n in names))
    (tmp_path / "st").write_text("".join(f"{n}@example.com {n}\n" for n in names))
    table = f'[signing]\nkey_table = "{tmp_path}/kt"\nsigning_table = "{tmp_path}/st"\n'
    *told, last = errors(tmp_path, table + LISTEN)
    assert len(told) == 20
    assert told[0].startswith(f"2: signing.key_table: {tmp_path}/kt:1: the key file /no/k0")
    assert last == "2: signing.key_table: and 5 more keys"


@pytest.mark.parametrize("author", ["a*@example.com", "*@*example.com", "@example.com", "a@b@c*"])
def test_authors_that_would_match_nobody_are_told(tmp_path: Path, author: str) -> None:
    (told,) = errors(tmp_path, f'{ROW}authors = ["example.com", "{author}"]\n{LISTEN}')
    assert told.startswith(f"5: signing.key[1].authors[2]: {author!r} would match nobody: ")
