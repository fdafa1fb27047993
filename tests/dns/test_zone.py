"""Zones in memory: what a master file says (RFC 1035 §5), and how a zone fails."""

from pathlib import Path
from typing import Any

import pytest

from mailauth.dns import Answer, Question, RRType, Status, Zone
from mailauth.errors import BadArgument

MASTER_FILE = """\
$ORIGIN example.com.
$TTL 1h
@       IN SOA ns hostmaster 1 7200 3600 1209600 3600
        IN TXT "v=spf1 mx -all"   ; of the same name
        MX 10 mx
        MX 20 mx.example.net.
mx      600 IN A 192.0.2.1
s._domainkey IN TXT ( "v=DKIM1; "
        "p=" )
$ORIGIN sub
@       TXT "in a relative origin"
$ORIGIN example.net.
www     CNAME @
mx.example.org. A 192.0.2.3
"""


def ask(zone: Zone, name: str, rrtype: RRType) -> Answer[Any]:
    return zone.resolve(Question(name, rrtype))


def test_directives_of_a_master_file() -> None:
    zone = Zone.from_master_file(MASTER_FILE)
    records = {
        (name, rrtype): ask(zone, name, RRType(rrtype)).records
        for name, rrtype in (
            ("example.com", "TXT"),
            ("mx.example.com", "A"),
            ("s._domainkey.example.com", "TXT"),
            ("www.example.net", "CNAME"),
            ("mx.example.org", "A"),
        )
    }
    assert records["example.com", "TXT"] == (b"v=spf1 mx -all",)
    assert [str(address) for address in records["mx.example.com", "A"]] == ["192.0.2.1"]
    assert records["s._domainkey.example.com", "TXT"] == (b"v=DKIM1; p=",)
    assert records["www.example.net", "CNAME"] == ("example.net",)
    assert [str(address) for address in records["mx.example.org", "A"]] == ["192.0.2.3"]
    exchanges = ask(zone, "example.com", RRType.MX).records
    assert [each.host for each in exchanges] == ["mx.example.com", "mx.example.net"]


def test_relative_names_are_of_the_origin_that_is_given() -> None:
    for origin in ("example.com", "example.com."):
        zone = Zone.from_master_file('@ TXT "x"\nmx A 192.0.2.1\n', origin=origin)
        assert ask(zone, "example.com", RRType.TXT).records == (b"x",)
        assert ask(zone, "mx.example.com", RRType.A).records
    assert ask(Zone.from_master_file("com TXT x", origin="."), "com", RRType.TXT).records


def test_a_record_that_stands_twice_is_one() -> None:
    """RFC 2181 §5."""
    zone = Zone.from_master_file('x. TXT "a"\nx. TXT "a"\nX. TXT "b"\n')
    assert ask(zone, "x", RRType.TXT).records == (b"a", b"b")


FAULTS = [
    # id, the file, the line, what is said of it
    ("a type", "a.example. A 192.0.2.1\nb.example. FOO x\n", 2, "FOO"),
    ("a type, at the end of its line", "a.example. A 192.0.2.1\nb.example. FOO\n\n", 2, "FOO"),
    (
        "an address",
        "\n; a comment\na.example. A 192.0.2.256\nb.example. A 192.0.2.1",
        3,
        "malformed",
    ),
    ("in the midst of many lines", 'a.example. TXT ( "x"\n"y"\n"z" ) )\nb.example. A x', 1, ""),
    ("no end of a string", 'a.example. TXT "x\n', 1, ""),
    ("a label", f"a.example. A 192.0.2.1\n{'x' * 64}.example. A 192.0.2.1\n", 2, "63"),
    ("a label of a host", f"a.example. MX 10 {'x' * 64}.\n", 1, "63"),
    ("a TTL", "$TTL soon\na.example. A 192.0.2.1\n", 1, "TTL"),
    ("a class", "a.example. CH TXT x\n", 1, "class"),
    ("no name", "  A 192.0.2.1\n", 1, "no name"),
    ("an alias beside others", "a.example. A 192.0.2.1\na.example. CNAME b.example.\n", 2, "CNAME"),
    ("others beside an alias", "a.example. CNAME b.example.\na.example. TXT x\n", 2, "CNAME"),
    ("a relative name", "a.example. A 192.0.2.1\nwww A 192.0.2.1\n", 2, "'www' is relative"),
    ("a relative host", "a.example. MX 10 mx\n", 1, "'mx' is relative"),
    ("a relative alias", "a.example. CNAME b.example\n", 1, "'b.example' is relative"),
    ("the origin", '@ TXT "x"\n', 1, "'@' is relative"),
    ("a relative origin", "$ORIGIN example\nwww A 192.0.2.1\n", 1, "'example' is relative"),
    (
        "other files",
        "a.example. A 192.0.2.1\n$INCLUDE /etc/passwd\n",
        2,
        "$INCLUDE is not supported",
    ),
    ("other files, whatever the case", "$include x\n", 1, "$INCLUDE is not supported"),
    ("many at once", "$GENERATE 1-9 h$.example. A 192.0.2.$\n", 1, "$GENERATE"),
]


@pytest.mark.parametrize(
    ("text", "line", "what"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_what_is_no_master_file_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = tmp_path / "x.zone"
    path.write_text(text)
    with pytest.raises(BadArgument) as told:
        Zone.read(path)
    assert str(told.value).startswith(f"{path}: this is not a master file: line {line}: ")
    assert what in str(told.value)
    assert "dns." not in str(told.value)
    assert "class '" not in str(told.value)


def test_a_type_that_fails_fails_with_records_too() -> None:
    zone = Zone({"a.example": {"TXT": ["x"], "A": ["192.0.2.1"], "FAIL": ["TXT"]}})
    assert ask(zone, "a.example", RRType.TXT).status is Status.SERVER_FAILURE
    assert ask(zone, "a.example", RRType.A).status is Status.EXISTS
    assert ask(zone, "a.example", RRType.MX).status is Status.NO_DATA


def test_all_types_fail_but_those_with_records() -> None:
    zone = Zone({"a.example": {"TXT": ["x"], "FAIL": ["*"]}})
    assert ask(zone, "a.example", RRType.TXT).status is Status.EXISTS
    assert ask(zone, "a.example", RRType.A).status is Status.SERVER_FAILURE


def test_a_wildcard_of_the_root_stands_for_every_name() -> None:
    """RFC 4592 §2.2: a whole DNS that fails is `{"*": {"FAIL": ["*"]}}`."""
    zone = Zone({"*": {"FAIL": ["*"]}, "example": {"TXT": ["x"]}})
    for name in ("com", "other.com", "x.y.other.com"):
        assert ask(zone, name, RRType.TXT).status is Status.SERVER_FAILURE
    assert ask(zone, "a.example", RRType.TXT).status is Status.NO_SUCH_NAME
    assert ask(zone, "", RRType.TXT).status is Status.NO_DATA


def test_two_files_are_one_zone(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text('$ORIGIN example.com.\n@ TXT "a"\n')
    two.write_text('{"example.com": {"A": ["192.0.2.1"]}, "x.example.com": {"TXT": ["b"]}}')
    zone = Zone.read(one, two)
    assert ask(zone, "example.com", RRType.TXT).records == (b"a",)
    assert ask(zone, "example.com", RRType.A).records
    assert ask(zone, "x.example.com", RRType.TXT).records == (b"b",)


def test_records_of_one_name_and_type_are_in_one_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text('example.com. TXT "a"\n')
    two.write_text('example.com. A 192.0.2.1\nEXAMPLE.com. TXT "b"\n')
    with pytest.raises(BadArgument, match=r"two: example\.com TXT: there are such records"):
        Zone.read(one, two)


def test_a_name_has_one_spelling() -> None:
    with pytest.raises(BadArgument, match=r"X\. TXT: there are such records already"):
        Zone({"x": {"TXT": "a"}, "X.": {"TXT": "b"}})


@pytest.mark.parametrize(
    "text", ['{"x": {"TXT": "a"}}', '$ORIGIN .\nx TXT "a"\n'], ids=["json", "master"]
)
def test_a_byte_order_mark_before_a_zone_is_none_of_it(tmp_path: Path, text: str) -> None:
    """Editors of Windows write one (RFC 3629 §6)."""
    path = tmp_path / "zone"
    path.write_text(text, encoding="utf-8-sig")
    assert ask(Zone.read(path), "x", RRType.TXT).records == (b"a",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"x": {"TXT": "a"}, "x": {"A": ["192.0.2.1"]}}', "'x'"),
        ('{"x": {"TXT": "a", "TXT": "b"}}', "'TXT'"),
    ],
    ids=["a name", "a type"],
)
def test_a_zone_in_json_has_nothing_twice(text: str, what: str) -> None:
    """The first one would be lost, and its absence believed."""
    with pytest.raises(BadArgument, match=f"cannot be read as JSON: {what} is there twice"):
        Zone.from_json(text)


def test_KEY_14_ten_aliases_are_followed_and_no_more() -> None:
    zone = Zone({f"a{n}.example": {"CNAME": [f"a{n + 1}.example"]} for n in range(11)})
    zone.add({"a11.example": {"TXT": "x"}})
    assert ask(zone, "a1.example", RRType.TXT).records == (b"x",)
    assert ask(zone, "a0.example", RRType.TXT).status is Status.SERVER_FAILURE


def test_records_that_are_added_are_found_though_they_were_missed() -> None:
    zone = Zone({})
    assert ask(zone, "a.example", RRType.TXT).status is Status.NO_SUCH_NAME
    zone.add({"a.example": {"TXT": "x"}})
    assert ask(zone, "a.example", RRType.TXT).records == (b"x",)
