"""Installations of postsrsd and pfix-srsd, as our configuration."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from program import Done, process

from mailauth.errors import BadArgument, MailauthError, SyntaxFault
from mailauth.service.importing import confuse, differences, pfix_srsd, postsrsd
from mailauth.service.importing.imported import Imported
from mailauth.service.importing.pfix_srsd import CommandLine
from mailauth.service.settings.configuration import BadConfiguration, read

TWO = """\
# a comment
domains = { "example.com", example.org, }   // another
srs-domain = srs.example.com /* and
a long one */
domains-file = '/etc/postsrsd.domains'
socketmap = unix:/var/spool/postfix/srs
secrets-file = "/etc/post\\"srsd.secret"
separator = "+"
hash-length = 6
hash-minimum=5
keep-alive = 60
connection-limit = 200
always-rewrite = off
unprivileged-user = "nobody"
chroot-dir = "/var/lib/postsrsd"
original-envelope = database
milter = inet:localhost:9997
debug = on
frobnicate = 3
"""
ONE = """\
# Default settings
SRS_DOMAIN=example.com
#SRS_DOMAIN=example.net
SRS_EXCLUDE_DOMAINS='.example.com,example.org other.example'
SRS_SEPARATOR==
SRS_SECRET="/etc/postsrsd.secret"
SRS_HASHLENGTH=4
SRS_HASHMIN=4   # a comment
SRS_FORWARD_PORT='20001'
SRS_REVERSE_PORT=20002
RUN_AS=postsrsd
SRS_LISTEN_ADDR=127.0.0.1
CHROOT=/var/lib/postsrsd
SRS_EXTRA_OPTIONS="-A -t99 -x"
"""


def tables(imported: Imported) -> dict[str, object]:
    return tomllib.loads(imported.text())


def test_postsrsd_2() -> None:
    imported = postsrsd.read(TWO, "postsrsd.conf")
    assert tables(imported) == {
        "service": {"log_level": "debug"},
        "limits": {"idle": 60, "connections": 200},
        "srs": {
            "domain": "srs.example.com",
            "secrets": '/etc/post"srsd.secret',
            "own_domains": ["example.com", "example.org"],
            "exclude_file": "/etc/postsrsd.domains",
            "separator": "+",
            "hash_length": 6,
            "hash_minimum": 5,
            "reject_forged": True,
        },
        "listen": [
            {
                "kind": "socketmap",
                "address": "unix:/var/spool/postfix/srs",
                "group": "postfix",
            },
            {"kind": "milter", "role": "srs", "address": "inet:127.0.0.1:9997"},
        ],
    }
    notes = "\n".join(imported.notes)
    for name in ("original-envelope", "the user nobody", "chroot-dir", "frobnicate"):
        assert f"{name} is" in notes
    unknown = [note for note in imported.notes if "unknown" in note]
    assert unknown == ["frobnicate is unknown and not carried over"]
    assert "bounces still to come to addresses SRS0=...=1=... are lost" in notes
    assert "/var/spool/postfix/srs: the user of the service must be allowed" in notes
    assert "the milter rewrites only mail that leaves" in notes
    assert "always_rewrite" not in imported.srs, "it was off"


def test_postsrsd_2_that_rewrites_all_senders_spares_no_own_domain() -> None:
    text = "domains = {a.example}\ndomains-file = /x\nalways-rewrite = on\n"
    imported = postsrsd.read(text, "x")
    assert imported.srs["always_rewrite"] is True
    assert not {"own_domains", "exclude_file"} & imported.srs.keys()
    assert "always-rewrite: senders of your own domains" in "\n".join(imported.notes)


@pytest.mark.parametrize(
    "text", ['srs-domain = ".a.example"', 'domains = {"", ".a.example", b.example}']
)
def test_postsrsd_2_takes_a_dot_from_the_srs_domain(text: str) -> None:
    assert postsrsd.read(text, "x").srs["domain"] == "a.example"


def test_postsrsd_2_with_its_defaults() -> None:
    imported = postsrsd.read("domains = {a.example}\n", "x")
    assert imported.srs["domain"] == "a.example"
    assert imported.srs["secrets"] == "/etc/postsrsd.secret"
    assert imported.listen[0]["address"] == "unix:/var/spool/postfix/srs"


def test_postsrsd_1() -> None:
    imported = postsrsd.read(ONE, "/etc/default/postsrsd")
    assert tables(imported) == {
        "limits": {"idle": 99},
        "srs": {
            "domain": "example.com",
            "secrets": "/etc/postsrsd.secret",
            "exclude": [".example.com", "example.org", "other.example"],
            "separator": "=",
            "hash_length": 4,
            "hash_minimum": 4,
            "always_rewrite": True,
        },
        "listen": [
            {"kind": "tcp_table", "address": f"inet:127.0.0.1:{port}", "map": name}
            for port, name in ((20001, "forward"), (20002, "reverse"))
        ],
    }
    notes = "\n".join(imported.notes)
    assert "-x is not carried over" in notes
    assert "CHROOT" in notes
    assert "the user postsrsd is not carried over" in notes
    assert "unknown" not in notes


@pytest.mark.parametrize(
    ("options", "idle", "always", "noted"),
    [
        ("-t 100", 100, False, []),
        ("-At100", 100, True, []),
        ("-A -t", None, True, ["-t"]),
        ("-4 -p /run/x -t 7", 7, False, ["-4", "-p /run/x"]),
        ("-d b.example word", None, False, ["-d b.example", "word"]),
        ("-Xb.example,.c.example", None, False, []),
        ("-", None, False, ["-"]),
    ],
)
def test_postsrsd_1_has_more_options(
    options: str, idle: int | None, always: bool, noted: list[str]
) -> None:
    imported = postsrsd.read(f'SRS_DOMAIN=a.example\nSRS_EXTRA_OPTIONS="{options}"\n', "x")
    assert imported.limits.get("idle") == idle
    assert ("always_rewrite" in imported.srs) is always
    notes = [note for note in imported.notes if note.startswith("the extra option ")]
    assert [
        note.partition(" is not")[0].removeprefix("the extra option ") for note in notes
    ] == noted
    excluded = ["b.example", ".c.example"] if "X" in options else None
    assert imported.srs.get("exclude") == excluded


@pytest.mark.parametrize("empty", ["", '""', "''", "''\"\"  # nobody"])
def test_postsrsd_1_may_leave_a_value_empty(empty: str) -> None:
    text = f"SRS_DOMAIN=a.example\nSRS_EXCLUDE_DOMAINS={empty}\n"
    assert "exclude" not in postsrsd.read(text, "x").srs


@pytest.mark.parametrize("text", ["SRS_SEPARATOR==\n", "socketmap = unix:/x\n", ""])
def test_without_a_domain_it_is_asked_for(text: str) -> None:
    with pytest.raises(BadArgument, match="--domain"):
        postsrsd.read(text, "x")
    assert postsrsd.read(text, "x", "a.example").srs["domain"] == "a.example"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SRS_DOMAIN=$(hostname)", "only a shell can expand the value in line 1"),
        ("SRS_DOMAIN=`hostname`", "only a shell can expand"),
        ('SRS_DOMAIN="$HOST"', "only a shell can expand"),
        ("SRS_DOMAIN=a b", "only a shell can expand"),
        ("SRS_DOMAIN=a\nif true; then", "line 2 is not an assignment"),
        ("SRS_DOMAIN='a", "only a shell can expand"),
        ("domains = {", "line 1 needs '}'"),
        ("domains = { a b }", "line 1 needs ','"),
        ("\ndomains a", "line 2 needs '=' or"),
        ("domains = 'a", "line 1 is not understood"),
        ("domains = ", "needs 'word'"),
        ("section x { a = b }", "line 1 needs"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, words: str) -> None:
    with pytest.raises(SyntaxFault, match=words):
        postsrsd.read(text, "x", "a.example")


@pytest.mark.parametrize(
    "text",
    ["hash-length = x", "hash-length = -1", "hash-length = {1}", "hash-length = \u0661"],
)
def test_numbers_are_numbers(text: str) -> None:
    with pytest.raises(BadArgument, match="hash-length"):
        postsrsd.read(text, "x", "a.example")


@given(st.text(alphabet="ab=+{},\"\\'#/*\n $`SRS_DOMAIN-", max_size=60))
def test_any_file_is_a_configuration_or_refused(text: str) -> None:
    try:
        imported = postsrsd.read(text, "x", "a.example")
    except MailauthError:
        return
    tables(imported)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_quoted_strings_are_read_back(words: list[str]) -> None:
    quoted = ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert confuse.parse(f"a = {{{quoted}}}") == {"a": words}


def test_confuse_adds_to_lists() -> None:
    assert confuse.parse("a = {b}\na += {c}\n") == {"a": ["b", "c"]}


def test_any_value_is_toml() -> None:
    imported = Imported("x\n[evil]", srs={"domain": 'a"\n\x7f\x00\u2028é', "exclude": ["'", "\\"]})
    imported.notes.append("x\n[evil]")
    assert tables(imported) == {"srs": imported.srs}


def arguments(**given: object) -> CommandLine:
    return CommandLine(domain="example.com", secrets="/etc/secrets", **given)  # type: ignore[arg-type]


def test_pfix_srsd_by_tcp() -> None:
    imported = pfix_srsd.read(arguments(encoder_port=1, separator="-", user="srs", group="srs"))
    assert tables(imported) == {
        "srs": {"domain": "example.com", "secrets": "/etc/secrets", "separator": "-"},
        "listen": [
            {"kind": "tcp_table", "address": "inet:127.0.0.1:1", "map": "forward"},
            {"kind": "tcp_table", "address": "inet:127.0.0.1:10002", "map": "reverse"},
        ],
    }


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "inet:127.0.0.1:10001"),
        ({"port": 7}, "inet:127.0.0.1:7"),
        ({"path": "/run/s"}, "unix:/run/s"),
    ],
)
def test_pfix_srsd_by_socketmap(given: dict[str, object], address: str) -> None:
    imported = pfix_srsd.read(arguments(protocol="socketmap", unsafe=True, **given))
    assert [listen["address"] for listen in imported.listen] == [address]
    assert imported.service == {}
    assert any(
        "the service keeps running as the user who started it" in one for one in imported.notes
    )


def test_pfix_srsd_by_two_socketmaps() -> None:
    imported = pfix_srsd.read(arguments(protocol="socketmap", port=7, path="/run/s"))
    assert tables(imported)["listen"] == [
        {"kind": "socketmap", "address": "unix:/run/s", "group": "postfix"},
        {"kind": "socketmap", "address": "inet:127.0.0.1:7"},
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"port": 1},
        {"path": "/x"},
        {"encoder_port": 1, "protocol": "socketmap"},
        {"decoder_port": 1, "protocol": "socketmap"},
    ],
)
def test_pfix_srsd_options_that_exclude_each_other(given: dict[str, object]) -> None:
    with pytest.raises(BadArgument):
        pfix_srsd.read(arguments(**given))


def ran(*given: str, folder: Path) -> Done:
    done = process(*given, cwd=folder)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(ONE)
    done = ran("import", "postsrsd", "one", folder=tmp_path)
    assert done.status == 0
    assert tomllib.loads(done.text)["srs"]["domain"] == "example.com"
    options = [
        "-P",
        "socketmap",
        "-L",
        "/run/s",
        "-s",
        "+",
        "-Ifv",
        "-p",
        "/x",
        "-U",
        "srs",
        "-G",
        "srs",
    ]
    done = ran("import", "pfix-srsd", "example.com", "/etc/s", *options, folder=tmp_path)
    assert done.status == 0, done.complaint
    assert tomllib.loads(done.text)["service"]["log_level"] == "debug"
    assert "# NOTE: -p is not carried over" in done.text
    long = [
        "--protocol",
        "socketmap",
        "--socketfile",
        "/run/s",
        "--port=7",
        "--separator",
        "+",
        "--ignore-outside",
        "--foreground",
        "--verbose",
        "--pid-file=/x",
        "--user",
        "srs",
        "--group",
        "srs",
    ]
    again = ran("import", "pfix-srsd", *options, "-l7", "example.com", "/etc/s", folder=tmp_path)
    assert ran("import", "pfix-srsd", *long, "example.com", "/etc/s", folder=tmp_path) == again
    assert again.status == 0
    (tmp_path / "bad").write_text("domains = {")
    assert ran("import", "postsrsd", "bad", folder=tmp_path).refused
    assert ran("import", "postsrsd", "none", folder=tmp_path).refused


@pytest.mark.parametrize(
    "program",
    [("postsrsd", "one"), ("opendkim", "two"), ("pfix-srsd", "example.com", "/etc/s")],
    ids=lambda program: program[0],
)
def test_the_file_in_use_is_replaced_whole_or_not_at_all(
    tmp_path: Path, program: tuple[str, ...]
) -> None:
    (tmp_path / "one").write_text(ONE)
    (tmp_path / "two").write_text("Mode v\nSocket inet:8891@localhost\nAuthservID mx.example.org\n")
    used = tmp_path / "mailauth.toml"
    used.write_text("old")
    used.chmod(0o640)
    done = ran("import", *program, "-o", "mailauth.toml", folder=tmp_path)
    assert (done.status, done.text) == (0, "")
    assert used.read_text() == ran("import", *program, folder=tmp_path).text
    assert used.stat().st_mode & 0o777 == 0o640
    used.write_text("old")
    wrong = (program[0], "none", "/etc/s", "-l", "1") if len(program) > 2 else (program[0], "none")
    assert ran("import", *wrong, "-o", "mailauth.toml", folder=tmp_path).refused
    assert used.read_text() == "old"


def test_what_check_config_would_refuse_is_noted() -> None:
    text = 'domains = {a.example}\nseparator = "=="\nhash-length = 99\nsocketmap = inet:x:1\n'
    imported = postsrsd.read(text, "x")
    differences.note_differences(imported, trims=False)
    notes = [note for note in imported.notes if note.startswith("fix ")]
    assert [note.partition(":")[0] for note in notes] == [
        "fix srs.separator", "fix srs.hash_length", "fix listen[1].address",
    ]  # fmt: skip


SECRETS = b"""\
a sound secret
  blanks around it \t
#begins like a comment
 # likewise, once trimmed

short
of Windows\r
"""


@pytest.mark.parametrize(
    ("trims", "told"),
    [
        (True, {2: "blanks", 3: "comment", 4: "comment", 6: "8 octets", 7: "blanks"}),
        (False, {3: "comment", 6: "8 octets", 7: "blanks"}),
    ],
)
def test_a_secret_that_is_another_one_here_is_noted(
    trims: bool, told: dict[int, str], tmp_path: Path
) -> None:
    path = tmp_path / "secrets"
    path.write_bytes(SECRETS)
    imported = pfix_srsd.read(CommandLine(domain="example.com", secrets=str(path)))
    before = len(imported.notes)
    differences.note_differences(imported, trims=trims)
    notes = imported.notes[before:]
    assert len(notes) == len(told)
    for note, (number, word) in zip(notes, told.items(), strict=True):
        assert note.startswith(f"{path}:{number}: ")
        assert word in note
        assert "Windows" not in note


def test_secrets_that_are_too_many_or_cannot_be_read_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_bytes(b"a sound secret\n" * 21)
    for words in ("21 secrets", "cannot be read"):
        imported = pfix_srsd.read(CommandLine(domain="example.com", secrets=str(path)))
        differences.note_differences(imported, trims=True)
        assert words in imported.notes[-1]
        path.unlink(missing_ok=True)


def test_what_is_imported_has_no_unknown_key(tmp_path: Path) -> None:
    """All but the users and groups that are not on this machine is sound."""
    file = tmp_path / "x.toml"
    for text in (ONE, TWO):
        file.write_text(postsrsd.read(text, "x").text())
        try:
            read(file)
            errors: tuple[str, ...] = ()
        except BadConfiguration as fault:
            errors = fault.errors
        assert all("there is no " in line for line in errors), errors
