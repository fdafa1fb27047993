"""Installations of policyd-spf and pyspf-milter, as our configuration."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from program import process

from mailauth.errors import BadArgument
from mailauth.service.importing import differences, policyd_spf
from mailauth.service.importing.imported import (
    NAMESERVERS_NOTE,
    Imported,
    folder_note,
    user_note,
)
from mailauth.service.settings.configuration import read

DEBIAN = """\
#  For a fully commented sample config file see policyd-spf.conf.commented

debugLevel = 1
TestOnly = 1

HELO_reject = Fail
Mail_From_reject = Fail

PermError_reject = False
TempError_Defer = False

skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
"""
OF_HELO = (
    "HELO_reject = Fail is not carried over: the result of HELO decides only for the null sender, "
    "with the same actions"
)


def imported(text: str) -> Imported:
    return policyd_spf.read(text, "policyd-spf.conf", "mx.example.com")


def tables(text: str) -> dict[str, Any]:
    return tomllib.loads(imported(text).text())


def notes(text: str) -> list[str]:
    """Those that not every installation has."""
    of_all = {*imported(DEBIAN).notes, *imported("").notes}
    return [note for note in imported(text).notes if note not in of_all]


@pytest.mark.parametrize("text", ["", DEBIAN])
def test_the_configuration_that_debian_installs_is_what_it_has_by_default(text: str) -> None:
    assert tables(text) == {
        "verifying": {
            "authserv_id": "mx.example.com",
            "received_spf": True,
            "trusted": ["127.0.0.0/8", "::1/128"],
            "spf_actions": {"fail": "reject"},
        },
        "listen": [
            {
                "kind": "milter",
                "role": "verify",
                "address": "unix:/var/spool/postfix/mailauth/milter",
                "group": "postfix",
            }
        ],
    }
    assert imported(text).notes[1:] == [NAMESERVERS_NOTE, OF_HELO]


@pytest.mark.parametrize(
    ("lines", "actions"),
    [
        ("Mail_From_reject = Softfail", {"fail": "reject", "softfail": "reject"}),
        (
            "Mail_From_reject = SPF_Not_Pass",
            {"fail": "reject", "softfail": "reject", "neutral": "reject"},
        ),
        ("PermError_reject = True", {"fail": "reject", "permerror": "reject"}),
        ("TempError_Defer=True # wait", {"fail": "reject", "temperror": "tempfail"}),
        ("TempError_Defer = true", {"fail": "reject"}),
        ("Mail_From_reject = False\nPermError_reject = True\nTempError_Defer = True", None),
        ("Mail_From_reject = No_Check\nPermError_reject = True", None),
        ("Mail_From_reject = fail", None),
        ("No_Mail = True\nTempError_Defer = True", {"temperror": "tempfail"}),
        ("No_Mail = False", {"fail": "reject"}),
        ("Mail_From_reject = False\nMail_From_reject = Fail", {"fail": "reject"}),
    ],
)
def test_what_becomes_of_a_result(lines: str, actions: dict[str, str] | None) -> None:
    assert tables(lines)["verifying"].get("spf_actions") == actions


@pytest.mark.parametrize("word", ["Null", "False", "No_Check"])
def test_helo_has_no_note_where_it_refuses_no_more_than_here(word: str) -> None:
    assert not any("HELO" in note for note in imported(f"HELO_reject = {word}").notes)


def test_all_that_is_carried_over() -> None:
    text = (
        "debugLevel = 2\nTestOnly = 0\nHeader_Type = AR\nAuthserv_Id = mail.example.org\n"
        "Lookup_Time = 30\nskip_addresses = 192.0.2.7/24, 2001:db8::/32,here\n"
        "Socket = inet:8892@127.0.0.1\nUserID = pyspf-milter:mail\n"
    )
    found = tables(text)
    assert found["service"] == {"log_level": "debug"}
    assert found["milter"] == {"dry_run": True, "judging": 40}
    assert found["dns"] == {"budget": 30}
    assert found["verifying"] == {
        "authserv_id": "mail.example.org",
        "received_spf": False,
        "trusted": ["192.0.2.0/24", "2001:db8::/32"],
        "spf_actions": {"fail": "reject"},
    }
    assert found["listen"] == [
        {"kind": "milter", "role": "verify", "address": "inet:127.0.0.1:8892"}
    ]
    assert notes(text) == [
        "skip_addresses: here is not a network, and is left out",
        (
            "skip_addresses become trusted: their mail is not judged at all, and results that it "
            "brings are believed, so they must be hosts of your own"
        ),
        "TestOnly: nothing is refused, and no field is added either",
        user_note("pyspf-milter", "mail"),
    ]


def test_one_question_takes_no_longer_than_all() -> None:
    assert tables("Lookup_Time = 3")["dns"] == {"budget": 3, "timeout": 3}
    assert tables("Lookup_Time = 5")["dns"] == {"budget": 5}


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("Socket = local:/run/pyspf/sock", folder_note("/run/pyspf/sock")),
        (
            "Whitelist = 192.0.2.1",
            "Whitelist is not carried over: no hosts are skipped for SPF alone",
        ),
        ("Per_User = text,/etc/peruser", "Per_User is not carried over: the actions are"),
        (
            "Header_Type = None",
            "Header_Type = None is not carried over: results are always reported",
        ),
        ("Void_Limit = 5", "Void_Limit is not carried over: the limit is two void look-ups"),
        ("SPF_Enhanced_Status_Codes = No", "SPF_Enhanced_Status_Codes is not carried over"),
        ("Frobnicate = 1", "Frobnicate is unknown and not carried over"),
        ("helo_reject = Fail", "helo_reject is unknown and not carried over"),
        ("Reason_Message = a = b", "line 1 is ignored, as policyd-spf ignores it"),
        ("Whitelist", "line 1 is ignored, as policyd-spf ignores it"),
        ("Mail_From_reject = No", "Mail_From_reject = No is unknown to policyd-spf"),
        ("No_Mail = True", "No_Mail is not carried over"),
        ("Authserv_Id = mx", "authserv_id should be the full name of the mail host"),
    ],
)
def test_what_is_not_carried_over_is_told(line: str, note: str) -> None:
    (found,) = notes(line)
    assert found.startswith(note)
    assert "\\" not in found


@pytest.mark.parametrize(
    "line",
    ["Void_Limit = 2", "Hide_Receiver = Yes", "QueueID = True", "Mock = False", "Whitelist =", "#"],
)
def test_what_is_not_missed_is_not_told(line: str) -> None:
    assert notes(line) == []


@pytest.mark.parametrize(
    "line", ["Lookup_Time = soon", "debugLevel = ²", "Lookup_Time = 1" + "0" * 9]
)
def test_a_number_that_is_none(line: str) -> None:
    with pytest.raises(BadArgument, match="must be a number, not"):
        imported(line)


@given(st.text())
def test_any_file_is_toml_that_can_be_mended(text: str) -> None:
    try:
        found = imported(text)
    except BadArgument:
        return
    differences.note_refusals(found)
    assert tomllib.loads(found.text())["listen"]


def test_the_command(tmp_path: Path) -> None:
    conf, toml = tmp_path / "policyd-spf.conf", tmp_path / "mailauth.toml"
    conf.write_text(DEBIAN + "Lookup_Time = 300\n")
    done = process("import", "policyd-spf", str(conf), "--hostname", "mx.example.org")
    assert done.returncode == 0
    assert b"# NOTE: fix dns.budget: " in done.stdout
    conf.write_text(DEBIAN)
    done = process("import", "policyd-spf", str(conf), "-o", str(toml), "--hostname", "a.example")
    assert (done.returncode, done.stdout) == (0, b"")
    assert read(toml).configuration.listen[0].role == "verify"
    done = process("import", "policyd-spf", str(tmp_path / "none"))
    assert done.returncode == 2
    assert b"cannot be read" in done.stderr
