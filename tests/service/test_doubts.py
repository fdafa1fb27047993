"""What `check-config` warns of in a configuration that can be run."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest
from nameserver import fails, serve
from program import Done, process

from mailauth.service import dnsdoubts
from mailauth.service.doubts import doubts
from mailauth.service.processes import privileges
from mailauth.service.settings.configuration import read
from mailauth.service.start import kinds_of_listeners

LOOKUPS = '[[listen]]\nkind = "socketmap"\naddress = "inet:127.0.0.1:1"\n'
MILTER = '[[listen]]\nkind = "milter"\naddress = "inet:127.0.0.1:1"\n'
JUDGES = '[verifying]\nauthserv_id = "mx.example.com"\n'
REWRITES = '[srs]\ndomain = "srs.example.com"\nsecrets = "/x"\n'
NOW = 1_795_000_000
ALL_SENDERS = (
    "x.toml:1: srs.own_domains: is empty: senders of your own domains will be rewritten too"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(autouse=True)
def _nothing_to_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published is a matter of `test_dnsdoubts`."""
    monkeypatch.setattr(dnsdoubts, "unpublished", lambda *_: ())


def told(folder: Path, text: str) -> list[str]:
    """The warnings about a file, without the name of the folder."""
    (folder / "x.toml").write_text(text)
    return warnings(folder)


def warnings(folder: Path) -> list[str]:
    """The same about the file that is there."""
    reading = read(folder / "x.toml")
    lines = reading.lines(doubts(reading.configuration, kinds_of_listeners(), NOW))
    return [line.removeprefix(f"{folder}/") for line in lines]


@pytest.mark.parametrize(
    "listen", [LOOKUPS, LOOKUPS + LOOKUPS.replace(":1", ":2"), f'{MILTER}role = "srs"\n']
)
def test_who_names_no_domain_of_his_own_is_told(folder: Path, listen: str) -> None:
    assert told(folder, f"{REWRITES}{listen}") == [ALL_SENDERS]


@pytest.mark.parametrize(
    "spared",
    [
        'own_domains = ["example.com"]',
        'exclude = ["example.com"]',
        'exclude_file = "/x"',
        "always_rewrite = true",
    ],
)
def test_who_has_thought_of_his_own_domains_is_not(folder: Path, spared: str) -> None:
    assert told(folder, f"{REWRITES}{spared}\n{LOOKUPS}") == []


@pytest.mark.parametrize(
    ("secrets", "is_told"),
    [
        ("# until 2020-01-01\nan old secret\n", True),
        ("# from 2999-01-01\na secret to come\n# until 2020-01-01\nan old secret\n", True),
        ("# until 2020-01-01\nan old secret\nthe one that signs\n", False),
    ],
)
def test_secrets_of_which_none_signs_now_are_told(
    folder: Path, secrets: str, is_told: bool
) -> None:
    path = folder / "secrets"
    path.write_text(secrets)
    path.chmod(0o600)
    table = REWRITES.replace("/x", str(path)) + 'own_domains = ["example.com"]\n'
    line = (
        "x.toml:3: srs.secrets: no secret is valid now, so mail whose sender must be "
        "rewritten waits: check the dates in the file"
    )
    for listen in (LOOKUPS, f'{MILTER}role = "srs"\n'):
        assert told(folder, table + listen) == ([line] if is_told else [])
    (unused,) = told(folder, f'{table}{KEY}{MILTER}role = "sign"\n')
    assert "srs: no listener uses it" in unused


KEY = '[[signing.key]]\ndomain = "a.example"\nselector = "s"\nfile = "/x"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f"{REWRITES}{KEY}{MILTER}",
            (
                "1: srs: no listener uses it; "
                "it needs a socketmap, a tcp_table, or a milter with srs = true"
            ),
        ),
        (
            f'{JUDGES}dmarc = false\n{KEY}{MILTER}role = "sign"\n',
            (
                "1: verifying: no listener uses it; "
                "it needs a milter without a role, or with the role verify or both"
            ),
        ),
        (
            f'{KEY}{REWRITES}own_domains = ["a.example"]\n{MILTER}role = "srs"\n',
            (
                " signing: no listener uses it; "
                "it needs a milter without a role, or with the role sign or both"
            ),
        ),
    ],
)
def test_a_table_that_nobody_uses_is_told(folder: Path, text: str, line: str) -> None:
    assert told(folder, text) == [f"x.toml:{line}"]


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "[::]/0"])
def test_networks_of_everybody_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    monkeypatch.setattr(dnsdoubts, "silent_nameservers", lambda _: ())
    signing = f'[signing]\nnetworks = ["192.0.2.0/24", "{network}"]\n{KEY}'
    sentence = "covers every host: mail of strangers would be signed as your own"
    signs = f'{signing}{MILTER}role = "sign"\n'
    assert told(folder, signs) == [f"x.toml:2: signing.networks[2]: {sentence}"]
    assert told(folder, signs.replace(network, f"!{network}")) == []
    trusted = f'{JUDGES}trusted = ["{network}"]\n{MILTER}'
    sentence = "covers every host: no mail would be judged"
    assert told(folder, trusted) == [f"x.toml:3: verifying.trusted[1]: {sentence}"]
    relays = f'{JUDGES}relays = ["{network}"]\n{MILTER}'
    sentence = "covers every host: any sender could pretend to be another host"
    assert told(folder, relays) == [f"x.toml:3: verifying.relays[1]: {sentence}"]


def test_names_of_files_that_depend_on_the_folder_are_told(folder: Path) -> None:
    sentence = "is relative to the folder where the service starts: write the whole path, from /"
    lists = "own_domains = ['a.example']\n"
    assert told(folder, REWRITES.replace("/x", "x") + lists + LOOKUPS) == [
        f"x.toml:3: srs.secrets: {sentence}"
    ]
    keys = KEY.replace("/x", "keys/x") + MILTER + 'role = "sign"\n'
    text = f'[signing]\nnetworks_file = "refile:./x"\nexcluded_file = "/x"\n{keys}'
    assert told(folder, text) == [
        f"x.toml:2: signing.networks_file: {sentence}",
        f"x.toml:7: signing.key[1].file: {sentence}",
    ]
    tables = '[signing]\nkey_table = "csl:k=a.example:s:/x"\nsigning_table = "file:../x"\n'
    assert told(folder, f'{tables}{MILTER}role = "sign"\n') == [
        f"x.toml:3: signing.signing_table: {sentence}"
    ]


def test_a_list_in_place_of_a_file_is_told(folder: Path) -> None:
    keys = KEY + MILTER + 'role = "sign"\n'
    line = "is read as a list of hosts; the name of a file must begin with / or file:"
    for given, lines in (("trusted.hosts", [line]), ("csl:10.0.0.1", []), ("/etc/x", [])):
        text = f'[signing]\nnetworks_file = "{given}"\n{keys}'
        assert told(folder, text) == [f"x.toml:2: signing.networks_file: {one}" for one in lines]


def test_a_socket_that_only_its_owner_may_use_is_told(folder: Path) -> None:
    path = folder / "s"
    listen = f'[[listen]]\nkind = "socketmap"\naddress = "unix:{path}"\n'
    text = f"{REWRITES}own_domains = ['a.example']\n{listen}"
    line = (
        "x.toml:5: listen[1]: has no group, so nobody but the user of the service may connect: "
        'for Postfix write group = "postfix"'
    )
    assert told(folder, text) == [line]
    assert told(folder, f"{text}mode = 0o666\n") == []
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        assert told(folder, text) == [line]
        if os.geteuid() == 0:
            os.chown(path, 0, 65534)
            assert told(folder, text) == [], "the service manager has made it, for a group"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_group_that_the_user_is_not_in_is_told(folder: Path) -> None:
    import grp

    group = grp.getgrall()[-1]
    listen = (
        LOOKUPS.replace("inet:127.0.0.1:1", f"unix:{folder}/s") + f'group = "{group.gr_name}"\n'
    )
    text = f"{listen}{REWRITES}own_domains = []\nexclude = ['a.example']\n"
    assert told(folder, text) == [], "root may"
    folder.chmod(0o777)
    os.seteuid(65534)
    try:
        line = (
            "x.toml:4: listen[1].group: the user nobody is not in this group, and cannot give it "
            "the socket: see SupplementaryGroups= of the unit"
        )
        assert warnings(folder) == [line]
        os.seteuid(0)
        os.chown(folder, 0, group.gr_gid)
        folder.chmod(0o2777)
        os.seteuid(65534)
        assert warnings(folder) == [], "the folder gives it"
    finally:
        os.seteuid(0)


def test_a_folder_in_which_no_socket_can_be_made_is_told(folder: Path) -> None:
    def warned(path: str) -> list[str]:
        listen = LOOKUPS.replace("inet:127.0.0.1:1", f"unix:{path}") + "mode = 0o666\n"
        return told(folder, f"{listen}{REWRITES}own_domains = ['a.example']\n")

    unseen = f"there is no folder {folder}/x that the user {privileges.user()} can see"
    assert warned(f"{folder}/x/s") == [
        f"x.toml:3: listen[1].address: {unseen}",
    ]
    (folder / "x").write_text("")
    assert "there is no folder" in warned(f"{folder}/x/s")[0]
    assert warned("/run/no-such-service/s") == [], "the unit makes it at the start"
    assert warned(f"{folder}/s") == []
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            (line,) = warnings(folder)
            assert "listen[1].address: the user nobody may not make a socket" in line
        finally:
            os.seteuid(0)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"{folder}/s")
            os.seteuid(65534)
            try:
                assert warnings(folder) == [], "the service manager has made it"
            finally:
                os.seteuid(0)


@pytest.mark.loopback
def test_a_warning_is_no_refusal(folder: Path) -> None:
    secrets = folder / "secrets"
    secrets.write_text("a-secret-that-is-long-enough\n")
    secrets.chmod(0o600)
    file = folder / "x.toml"
    text = REWRITES.replace('"/x"', f'"{secrets}"') + LOOKUPS
    with serve(fails(dns.rcode.SERVFAIL)) as server:
        file.write_text(f'{text}[dns]\nnameservers = ["{server.where}"]\n')
        ran = process("check-config", "-c", str(file))
        strict = process("check-config", "-c", str(file), "--strict")
    done = Done(ran.returncode, ran.stdout, ran.stderr.decode())
    assert (strict.returncode, strict.stdout, strict.stderr) == (1, ran.stdout, ran.stderr)
    assert (done.status, done.text) == (0, f"{file}: sound, 1 listener, 2 workers\n")
    assert done.complaint == f"mailauth: warning: {folder}/{ALL_SENDERS}\n"
