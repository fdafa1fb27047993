"""Configurations: every error at its line, and none that is half taken."""

import os
import typing
from pathlib import Path
from typing import Any

import echo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth.errors import SyntaxFault
from mailauth.service.processes import generation
from mailauth.service.settings import othernames
from mailauth.service.settings.address import parse
from mailauth.service.settings.configuration import (
    MAX_LISTENERS,
    BadConfiguration,
    Configuration,
    read,
)
from mailauth.service.settings.tomlfile import BadToml, Complaint, Document, first_of_each
from mailauth.service.start import kinds_of_listeners

LISTEN = '[[listen]]\nkind = "echo"\naddress = "unix:/run/x"\n'


def errors(tmp_path: Path, text: str | bytes) -> list[str]:
    """The errors of a file that begins with a sound listener, without its name."""
    file = tmp_path / "x.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        generation.read(file, echo.KINDS)
    except BadConfiguration as fault:
        return [line.removeprefix(str(file)).removeprefix(":") for line in fault.errors]
    return []


ONE_ERROR = {
    "unknown table": ("[servise]", "4: servise: is unknown here; do you mean service?"),
    "unknown key": (
        "[service]\nworkers = 2\nworkres = 3",
        "6: service.workres: is unknown here; do you mean workers?",
    ),
    "the key of another program": (
        '[srs]\ndomain = "a"\nsecrets = "b"\ndomains = ["c"]',
        "7: srs.domains: is unknown here; do you mean own_domains?",
    ),
    "a key of another table": (
        "[service]\ndry_run = true",
        "5: service.dry_run: is unknown here; do you mean dry_run in [milter]?",
    ),
    "a key of a list of tables": (
        '[signing]\nKeyFile = "/x"',
        "5: signing.KeyFile: is unknown here; do you mean file in [[signing.key]]?",
    ),
    "no suggestion": ("[service]\nxyzzy = 3", "5: service.xyzzy: is unknown here"),
    "wrong type": (
        '[service]\n\n# three\nworkers = "3"',
        "7: service.workers: must be a whole number of at least 1 and at most 256, not a string",
    ),
    "too many": (
        "[service]\nworkers = 1000",
        "5: service.workers: must be a whole number of at least 1 and at most 256, not 1000",
    ),
    "no whole number": ("[service]\nworkers = 2.5", "5: service.workers: must be a whole number"),
    "no choice": ('[service]\nlog = "xml"', "5: service.log: must be text or json, not 'xml'"),
    "no choice of many": (
        '[service]\nlog_level = "all"',
        "5: service.log_level: must be one of debug, info, warning, error, not 'all'",
    ),
    "a choice as a number": ("[service]\nlog = 3", "5: service.log: must be text or json, not 3"),
    "true is no number": (
        "[service]\nworkers = true",
        "5: service.workers: must be a whole number of at least 1 and at most 256, not true",
    ),
    "zero seconds": (
        "[watchdog]\nstart = 0",
        "5: watchdog.start: must be a number over 0 and at most 86400, not 0",
    ),
    "no seconds": ("[watchdog]\nstart = 2026-11-28", "5: watchdog.start: must be a number over 0"),
    "not a number": ("[watchdog]\nstart = nan", "5: watchdog.start:"),
    "infinite": ("[watchdog]\nstart = inf", "5: watchdog.start:"),
    "a number of many digits": (
        f"[service]\nworkers = 0x{'f' * 5000}",
        "5: service.workers: must be a whole number of at least 1 and at most 256, not one of",
    ),
    "no string": ("[service]\nuser = 3", "5: service.user: must be a string, not 3"),
    "no flag": (
        "[milter]\ndry_run = 'no'",
        "5: milter.dry_run: must be true or false, not a string",
    ),
    "no list": ("[srs]\nexclude = 'a'", "5: srs.exclude: must be a list, not a string"),
    "no item": ("[srs]\nexclude = ['a', []]", "5: srs.exclude[2]: must be a string, not a list"),
    "a choice in a list": (
        "[srs]\naccept = ['x']",
        "5: srs.accept[1]: must be classic or separated, not 'x'",
    ),
    "no mode": (
        '[[listen]]\nmode = 660\nkind = "echo"\naddress = "unix:/y"',
        "5: listen[2].mode: must be a mode from 0o600 to 0o777, not 660",
    ),
    "no names": (
        "[signing.users]\nada = 3",
        "5: signing.users.ada: must be a list, not 3",
    ),
    "an action for what is none": (
        '[verifying]\nauthserv_id = "x"\nspf_actions = { good = "accept" }',
        "6: verifying.spf_actions.good: is unknown here; there are none, neutral, pass, fail,",
    ),
    "a dotted key": ("watchdog.start = 0", "4: listen[1].watchdog: is unknown here"),
    "an inline table": (
        "[service]\nlog = { a = 1 }",
        "5: service.log: must be text or json, not a table",
    ),
    "a table as a value": (
        "[service.workers]\na = 1",
        "4: service.workers: must be a whole number",
    ),
    "no user": ('[service]\nuser = "no-such-user"', "5: service.user: there is no user"),
    "a user with NUL": ('[service]\nuser = "a\\u0000"', "5: service.user: there is no user"),
    "no group": ('[service]\ngroup = "no-such-group"', "5: service.group: there is no group"),
    "status by TCP": (
        '[service]\nstatus = "inet:127.0.0.1:1"',
        "5: service.status: must be a Unix socket",
    ),
    "an address twice": (
        '[service]\nstatus = "local:/run/x"',
        "3: listen[1].address: is already the address of service.status",
    ),
    "the second listener": (
        '[[listen]]\nkind = "echo"\naddress = "x"',
        "6: listen[2].address: 'x' is not an address",
    ),
    "no address": ('[[listen]]\nkind = "echo"', "4: listen[2].address: is missing"),
    "unknown kind": (
        '[[listen]]\naddress = "unix:/a"\nkind = "ecko"',
        "6: listen[2].kind: there is no kind 'ecko'; there are echo",
    ),
    "what a kind says": (
        '[[listen]]\naddress = "unix:/a"\nkind = "echo"\nmap = "wrong"',
        "7: listen[2].map: is wrong",
    ),
    "after a long string": (
        '[service]\nlog = """\nx\n[x]"""\nworkres = 1\n',
        "8: service.workres: is unknown here; do you mean workers?",
    ),
    "an indented key of a long string": (
        '[service]\n  log = """\nx"""\n',
        "5: service.log: must be text or json",
    ),
    "after a long list": (
        '[srs]\ndomain = "a"\nsecrets = "b"\nown_domains = [\n "a", # ]\n "b",\n]\nx = 1\n',
        "11: srs.x: is unknown here",
    ),
    "before a long list of what looks like it": (
        '[srs]\nx = 1\ndomain = "a"\nsecrets = "b"\nown_domains = [\n "x",\n]\n',
        "5: srs.x: is unknown here",
    ),
    "a quoted key": ('[service]\n"work res" = 1', "5: service.work res: is unknown here"),
    "no secrets": ('[srs]\ndomain = "a.example"', "4: srs.secrets: is missing"),
    "hashes": (
        '[srs]\ndomain = "a"\nsecrets = "b"\nhash_minimum = 9',
        "7: srs.hash_minimum: is over hash_length, 4",
    ),
    "silence": (
        "[watchdog]\nsilence = 1",
        "5: watchdog.silence: must be at least twice watchdog.beat, 1 s",
    ),
    "requests": ("[limits]\nrequest = 90", "watchdog.request: must be longer than limits.request"),
    "a list as a table": ("[[service]]\nworkers = 1", "4: service: must be a table"),
    "no TOML": ("[service", "4: not TOML: "),
    "no UTF-8": (b"[service]\n# \xff", "5: the file is not UTF-8"),
    "a quote of a word processor": (
        "[service]\nlog = \u201ctext\u201d",
        "5: not TOML: Invalid value; write U+201C as a plain quote",
    ),
    "a blank of a web page": (
        "[service]\nlog\u00a0= 'text'",
        "5: not TOML: Expected '=' after a key in a key/value pair; write U+00A0 as a plain blank",
    ),
}


def test_the_keys_of_others_are_keys_of_ours() -> None:
    for theirs, ours in othernames.KEYS.items():
        assert theirs == theirs.lower().replace("_", "").replace("-", "")
        struct: Any = Configuration
        for name in ours.split("."):
            kind = typing.get_type_hints(struct)[name]
            kinds = (kind, *typing.get_args(kind))
            struct = next((each for each in kinds if hasattr(each, "__struct_fields__")), None)


@pytest.mark.parametrize(("text", "error"), ONE_ERROR.values(), ids=ONE_ERROR)
def test_OPS_13_an_error_has_its_line(tmp_path: Path, text: str | bytes, error: str) -> None:
    octets = text if isinstance(text, bytes) else text.encode()
    found = [one for one in errors(tmp_path, LISTEN.encode() + octets) if error in one]
    assert found, errors(tmp_path, LISTEN.encode() + octets)
    assert found[0].lstrip().startswith(error)


def test_OPS_13_a_byte_order_mark_is_called_by_its_name(tmp_path: Path) -> None:
    (error,) = errors(tmp_path, b"\xef\xbb\xbf" + LISTEN.encode())
    assert error == "1: the file begins with a byte order mark: save it as UTF-8 without one"


def test_OPS_13_all_errors_are_told_at_once(tmp_path: Path) -> None:
    text = '[service]\nworkres = 1\nworkers = "x"\nuser = "no-such"\n[[listen]]\nknid = "echo"\n'
    found = errors(tmp_path, text)
    assert [line.partition(" ")[0] for line in found] == ["2:", "3:", "4:", "5:", "5:", "6:"]
    assert found[5].endswith("do you mean kind?")


def test_OPS_13_all_items_of_a_list_are_looked_at(tmp_path: Path) -> None:
    found = errors(tmp_path, LISTEN + '[srs]\ndomain = "a"\nsecrets = "b"\nexclude = [1, "a", 2]')
    assert found == [
        "7: srs.exclude[1]: must be a string, not 1",
        "7: srs.exclude[3]: must be a string, not 2",
    ]


def test_OPS_13_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read: No such file"):
        read(tmp_path / "none")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(BadConfiguration, match=r"a directory|is not a regular file"):
            read(path)


def test_a_complaint_of_its_own_is_told_whatever_another_one_at_its_place_depends_on() -> None:
    wrong = Complaint(("limits", "request"), "must be a number")
    beside = Complaint(("watchdog", "request"), "must be longer than that", (wrong.place,))
    other = Complaint(("watchdog", "request"), "must be longer than another")
    assert first_of_each([wrong, beside, other]) == [wrong, other]


def test_nothing_to_serve(tmp_path: Path) -> None:
    assert errors(tmp_path, "") == [" listen: there is no [[listen]], so there is nothing to serve"]


def test_there_is_a_most_of_listeners(tmp_path: Path) -> None:
    text = "".join(
        f'[[listen]]\nkind = "echo"\naddress = "unix:/x{number}"\n'
        for number in range(MAX_LISTENERS + 1)
    )
    assert errors(tmp_path, text) == [
        f"{3 * MAX_LISTENERS + 1}: listen[101]: is one too many: at most 100 are served"
    ]


def test_a_sound_one_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(LISTEN + "mode = 0o600\n[watchdog]\nstart = 3\n")
    configuration = read(file).configuration
    assert configuration.listen[0].mode == 0o600
    assert configuration.watchdog.start == 3.0
    assert configuration.service == Configuration().service


def lookups(tmp_path: Path, *listens: str) -> list[str]:
    """Where the look-ups of these listeners without an address are found."""
    file = tmp_path / "x.toml"
    tables = "".join(f"[[listen]]\n{each}\n" for each in listens)
    file.write_text(f'{tables}[srs]\ndomain = "a.example"\nsecrets = "/x"\n')
    configuration = generation.read(file, kinds_of_listeners()).configuration
    return [str(listen.where) for listen in configuration.listen]


@pytest.mark.parametrize("names", [("forward", "reverse"), ("srsencoder", "srsdecoder")])
def test_lookups_have_the_ports_that_others_gave_them(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    tcp_tables = (f'kind = "tcp_table"\nmap = "{name}"' for name in names)
    assert lookups(tmp_path, *tcp_tables, 'kind = "socketmap"') == [
        "inet:127.0.0.1:10001",
        "inet:127.0.0.1:10002",
        "inet:127.0.0.1:10003",
    ]


def test_a_port_that_nobody_gave_is_asked_for_and_none_is_given_twice(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"x.toml:1: listen\[1\].address: is missing"):
        lookups(tmp_path, 'kind = "tcp_table"\nmap = "exists"')
    twice = r"x.toml:3: listen\[2\].address: is already the address of listen\[1\].address"
    with pytest.raises(BadConfiguration, match=twice):
        lookups(tmp_path, 'kind = "socketmap"', 'kind = "socketmap"')


@given(
    st.lists(
        st.sampled_from(
            [
                '"""',
                "'''",
                '"',
                "'",
                "[",
                "]",
                "{",
                "}",
                "\n",
                "=",
                "a",
                "#",
                ".",
                "\\",
                ",",
                " ",
                "1",
            ]
        ),
        max_size=30,
    )
)
def test_any_file_is_tables_or_no_toml(tmp_path: Path, pieces: list[str]) -> None:
    file = tmp_path / "x.toml"
    file.write_text("".join(pieces))
    try:
        document = Document(file)
    except BadToml as fault:
        assert fault.line <= file.read_text().count("\n") + 1  # noqa: PT017 - where it points
        return
    for key in document.tables:
        assert 0 < document.line((key,)) <= file.read_text().count("\n") + 1


# Addresses

GOOD = {
    "inet:127.0.0.1:10001": "inet:127.0.0.1:10001",
    "inet:10001@127.0.0.1": "inet:127.0.0.1:10001",
    "inet:10001@localhost": "inet:127.0.0.1:10001",
    "inet:localhost:1": "inet:127.0.0.1:1",
    "inet6:localhost:1": "inet:[::1]:1",
    "inet:[::1]:25": "inet:[::1]:25",
    "inet:25@[::1]": "inet:[::1]:25",
    "inet6:25@::1": "inet:[::1]:25",
    "unix:/run/x": "unix:/run/x",
    "local:/run/x y": "unix:/run/x y",
    "unix:/" + "\udcff" * 106: "unix:/" + "\udcff" * 106,
}


@pytest.mark.parametrize(("text", "canonical"), GOOD.items(), ids=GOOD)
def test_addresses(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "unix:",
        "unix:run/x",
        "unix:/" + "x" * 107,
        "unix:/" + "\udcff" * 107,
        "unix:/a\0b",
        "inet:",
        "inet:1",
        "inet:127.0.0.1",
        "inet:127.0.0.1:0",
        "inet:127.0.0.1:65536",
        "inet:127.0.0.1:9" + "9" * 5000,
        "inet:127.0.0.1:\u0661",
        "inet:127.0.0.1:-1",
        "inet:mail.example.com:25",
        "inet:*:25",
        "tcp:127.0.0.1:25",
    ],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(SyntaxFault):
        parse(text)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("inet:127.0.0.1:1", False),
        ("unix:/x", False),
        ("inet:0.0.0.0:1", True),
        ("inet:[::]:1", True),
    ],
)
def test_PFX_09_public_addresses_are_known(text: str, *, public: bool) -> None:
    assert parse(text).is_public is public
