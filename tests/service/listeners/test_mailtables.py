"""The tables of a milter: every mistake at its line, whatever else is wrong, and what rows mean."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import get_args

import pytest
from mail import key

from mailauth import dkim, dmarc, spf
from mailauth.dkim import RFC6376, RFC8301
from mailauth.milter import (
    Action,
    Clients,
    KeyRing,
    MessageLimits,
    Ours,
    Settings,
    SigningSettings,
    VerifyingSettings,
)
from mailauth.milter.settings import LOCAL_MAILERS
from mailauth.milter.tables.signingtable import SigningKey
from mailauth.service.listeners import mailtables
from mailauth.service.settings import tables
from mailauth.service.settings.configuration import BadConfiguration
from mailauth.service.settings.tables import Srs
from mailauth.service.start import check
from mailauth.service.telling.beat import VERDICTS
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
    "no name": ("[verifying]\n", ["1: verifying.authserv_id: is missing"]),
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


def test_mail_stays_with_the_same_mailers_as_without_a_file() -> None:
    assert frozenset(Srs().local_mailers) == LOCAL_MAILERS


def test_the_words_of_the_tables_are_those_of_the_protocols() -> None:
    words = {
        tables.Result: set(spf.Result),
        tables.DkimResult: set(dkim.Result),
        tables.DmarcAnswer: {*dmarc.Disposition, *dmarc.Result} - {dmarc.Result.FAIL},
        tables.Then: set(Action),
        tables.Follow: set(Action) - {Action.HEADER},
    }
    for kind, want in words.items():
        assert set(get_args(kind)) == want


def test_every_result_has_its_figure() -> None:
    results = {"spf": spf.Result, "dkim": dkim.Result, "dmarc": dmarc.Result}
    want = {(method, str(result)) for method, kind in results.items() for result in kind}
    assert set(VERDICTS.values()) == want


EVERYTHING = """\
[milter]
dry_run = true
header_octets = 65536
fields = 100
recipients = 101
forged = 7
[signing]
multiple = true
networks = ["192.0.2.1"]
excluded = ["192.0.2.2"]
authenticated = false
daemons = ["ORIGINATING"]
macros = { "{auth_type}" = ["PLAIN"] }
null_sender = false
users = { ada = ["example.com", ".example.org", "*"] }
canonicalization = "simple/relaxed"
headers = ["Subject"]
oversign = ["From"]
expire = 3600
prefer_published = true
unsignable = "reject"
not_allowed = "tempfail"
[verifying]
authserv_id = "mx.example.com"
arc = true
trusted_sealers = ["list.example"]
received_spf = true
trusted = ["192.0.2.3"]
relays = ["192.0.2.4"]
admit_partial_body = true
spf_actions = { fail = "reject" }
dkim_actions = { fail = "quarantine" }
dmarc_actions = { reject = "tempfail" }
compare_with = ["old.example.com"]
"""


def test_each_setting_of_the_tables_reaches_the_milter(tmp_path: Path) -> None:
    key("rsa").write(tmp_path / "rsa")
    file = tmp_path / "x.toml"
    file.write_text(EVERYTHING + ROW.replace("/x", f"{tmp_path}/rsa") + LISTEN)
    configuration = check(file).configuration
    found = mailtables.settings(configuration, configuration.listen[0], KeyRing())
    assert found.signing is not None
    assert found.signing.table.all_matches
    ours = Ours(
        Clients.parse(["192.0.2.1"]),
        Clients.parse(["192.0.2.2"]),
        authenticated=False,
        daemons=frozenset({"ORIGINATING"}),
        macros={"auth_type": frozenset({"PLAIN"})},
        null_sender=False,
    )
    signing = SigningSettings(
        found.signing.table,
        ours,
        users={"ada": frozenset({"example.com", ".example.org", "*"})},
        canonicalization="simple/relaxed",
        headers=("Subject",),
        oversign=("From",),
        expire=3600,
        prefer_published=True,
        on_unsignable=Action.REJECT,
        on_not_allowed=Action.TEMPFAIL,
    )
    verifying = VerifyingSettings(
        "mx.example.com",
        arc=True,
        trusted_sealers=frozenset({"list.example"}),
        received_spf=True,
        trusted=Clients.parse(["192.0.2.3"]),
        relays=Clients.parse(["192.0.2.4"]),
        spf_actions={"fail": Action.REJECT},
        dkim_actions={"fail": Action.QUARANTINE},
        dmarc_actions={"reject": Action.TEMPFAIL},
        policy=RFC6376,
        compared=frozenset({"old.example.com"}),
    )
    limits = MessageLimits(65_536, 100, 101, 7)
    assert found == Settings(signing, verifying, limits=limits, dry_run=True)


@pytest.mark.parametrize("off", ["spf", "dkim"])
def test_methods_are_switched_off_and_no_partial_body_is_admitted_unasked(
    tmp_path: Path, off: str
) -> None:
    text = f'[verifying]\nauthserv_id = "x.example"\ndmarc = false\n{off} = false\n{LISTEN}'
    (tmp_path / "x.toml").write_text(text)
    configuration = check(tmp_path / "x.toml").configuration
    found = mailtables.settings(configuration, configuration.listen[0], KeyRing()).verifying
    assert found is not None
    assert found.methods == {"spf", "dkim"} - {off}
    assert found.policy is RFC8301


@pytest.mark.parametrize("multiple", [True, False])
def test_all_rows_of_a_signing_table_sign_if_that_is_said(tmp_path: Path, multiple: bool) -> None:
    key("rsa").write(tmp_path / "rsa")
    tables = (
        f'key_table = "csl:a=example.com:x:{tmp_path}/rsa"\nsigning_table = "csl:example.com=a"\n'
        f"multiple = {str(multiple).lower()}\n"
    )
    (tmp_path / "x.toml").write_text(f"[signing]\n{tables}{LISTEN}")
    configuration = check(tmp_path / "x.toml").configuration
    found = mailtables.settings(configuration, configuration.listen[0], KeyRing()).signing
    assert found is not None
    assert found.table.all_matches is multiple


@pytest.mark.parametrize("lacking", ["arc = false", "arc = true\ndmarc = false"])
def test_sealers_are_trusted_where_chains_and_policies_are_judged(
    tmp_path: Path, lacking: str
) -> None:
    sealers = f'authserv_id = "x"\ntrusted_sealers = ["a.example"]\n{lacking}\n'
    (told,) = errors(tmp_path, f"[verifying]\n{sealers}{LISTEN}")
    assert told.startswith("3: verifying.trusted_sealers: needs arc = true and dmarc = true: ")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("signing", "networks"),
        ("signing", "excluded"),
        ("verifying", "trusted"),
        ("verifying", "relays"),
    ],
)
def test_a_client_that_is_none_is_told_at_its_list(tmp_path: Path, table: str, key: str) -> None:
    head = f'[{table}]\n{key} = ["192.0.2.1", "10.0.0.1/8"]\n'
    rest = ROW if table == "signing" else 'authserv_id = "x"\n'
    (told,) = errors(tmp_path, head + rest + LISTEN)
    assert told.startswith(f"2: {table}.{key}[2]: '10.0.0.1/8' is not a network")


def test_senders_are_not_stored_nowhere(tmp_path: Path) -> None:
    given = '[srs]\ndomain = "a.example"\nsecrets = "/x"\nlong_senders = "store"\n'
    (told,) = errors(tmp_path, f'{given}{LISTEN}role = "srs"\n')
    assert told == "4: srs.long_senders: needs a file to store them in: aliases = FILE"


@pytest.mark.parametrize(
    ("role", "tables", "needed"),
    [
        ("both", ROW, "verifying"),
        ("verify", ROW, "verifying"),
        ("both", '[verifying]\nauthserv_id = "x"\n', "signing"),
        ("sign", '[verifying]\nauthserv_id = "x"\n', "signing"),
    ],
)
def test_a_role_needs_its_tables(tmp_path: Path, role: str, tables: str, needed: str) -> None:
    (told,) = errors(tmp_path, f'{LISTEN}role = "{role}"\n{tables}')
    assert told == f"4: listen[1].role: {role!r} needs a table [{needed}]"


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
    assert told.startswith("3: signing.key[1].selector: a label with something other than letters")


def test_a_key_must_have_room_in_the_dns_for_its_name(tmp_path: Path) -> None:
    long = ".".join(["a" * 60] * 4)
    (told,) = errors(tmp_path, ROW.replace('"x"', f'"{long}"') + LISTEN)
    assert told.startswith("3: signing.key[1].selector: the name of the key, aaa")


def test_a_key_of_a_list_is_told_by_the_list(tmp_path: Path) -> None:
    text = f'[signing]\nkey_table = "csl:a=example.com:x:{tmp_path}/none"\n'
    (told,) = errors(tmp_path, f'{text}signing_table = "csl:example.com=a"\n{LISTEN}')
    assert told.startswith(f"2: signing.key_table: the key file {tmp_path}/none does not exist")


def test_the_key_file_of_each_domain_that_is_listed_must_be_there(tmp_path: Path) -> None:
    key("rsa").write(tmp_path / "a.example.pem")
    row = '[[signing.key]]\ndomain = "%"\nselector = "x"\n'
    row += f'file = "{tmp_path}/%.pem"\nauthors = [{{}}]\n'
    listed = row.format('"a.example", "ada@*", ".a.example", "*"')
    (tmp_path / "x.toml").write_text(listed + LISTEN)
    check(tmp_path / "x.toml")
    listed = row.format('"a.example", "*@B.example", "ada@c.example"')
    assert errors(tmp_path, listed + LISTEN) == [
        f"4: signing.key[1].file: the key file {tmp_path}/{name}.pem does not exist; check its name"
        for name in ("b.example", "c.example")
    ]


def test_a_key_is_named_once_whoever_its_authors_are() -> None:
    """Without an identity that depends on the author: the key to publish does not."""
    row = tables.SigningRow(
        domain="example.com",
        selector="x",
        file="/x",
        authors=("a.example", "b.example"),
        identity="@%",
    )
    (named,) = mailtables.named_keys(tables.Signing(key=(row,)))
    assert named.key == SigningKey("example.com", "x", "/x")


def test_a_table_in_a_database_is_told_by_its_own_name(tmp_path: Path) -> None:
    keys = 'key_table = "dsn:mysql://u:secret@db/keys"\nsigning_table = "refile:/x"\n'
    told = "a data set of the type 'dsn' cannot be read; write it to a file"
    assert errors(tmp_path, f"[signing]\n{keys}{LISTEN}") == [f"2: signing.key_table: {told}"]
    rows = 'key_table = "/x"\nsigning_table = "ldap://db/rows"\n'
    told = told.replace("dsn", "ldap")
    assert errors(tmp_path, f"[signing]\n{rows}{LISTEN}") == [f"3: signing.signing_table: {told}"]


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
