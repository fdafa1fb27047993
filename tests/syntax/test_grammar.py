"""Tag lists, domains, mailboxes and folding: what each accepts, and where it stops."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth.errors import SyntaxFault
from mailauth.syntax import domain, folding, mailbox, taglist
from mailauth.syntax.mailbox import Mailbox
from mailauth.syntax.scanner import Scanner

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.from_regex(r"([!-:<-~]([!-:<-~ ]{0,20}[!-:<-~])?)?", fullmatch=True)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=20))
def test_a_formatted_tag_list_parses_to_itself(tags: dict[str, str]) -> None:
    text = taglist.format(tags)
    assert taglist.parse(text.encode()) == tags
    assert taglist.parse(text.encode() + b" ; ") == tags


@given(st.binary())
def test_any_octets_are_a_tag_list_or_a_fault(octets: bytes) -> None:
    with suppress(SyntaxFault):
        tags = taglist.parse(octets)
        for index, (name, value) in enumerate(tags.items()):
            emptied = taglist.parse(taglist.without_value(octets, index))
            assert emptied == tags | {name: ""}, value


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("v=1; a=x; nonsense; b=y", "without '='", 9),
        ("v=1;; a=x", "without '='", 4),
        ("v=1; 1a=x", "bad tag name", 4),
        ("v=1; a-b=x", "bad tag name", 4),
        ("v=1; a b=x", "bad tag name", 4),
        ("v=1; _a=x", "bad tag name", 4),
        ("v=1; ä=x", "bad tag name", 4),
        ("v=1; =x; y=z", "bad tag name", 4),
        ("v=1; a=x; v=1; b=y", "the tag v= appears twice", 9),
    ],
)
def test_a_fault_points_at_its_place(text: str, said: str, at: int) -> None:
    with pytest.raises(SyntaxFault, match=said) as caught:
        taglist.parse(text.encode())
    assert caught.value.caret().splitlines()[1:] == [text, " " * at + "^"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM", "example.com"),
        ("a-b.c1", "a-b.c1"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BüCHER.Example", "xn--bcher-kva.example"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("a" * 63 + ".b", "a" * 63 + ".b"),
    ],
)
def test_domains(text: str, name: str) -> None:
    assert domain.parse(text) == name
    assert domain.parse(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a.b",
        "a-.b",
        "a_b.c",
        "a b.c",
        "a\x00.b",
        "a.b\n",
        "a" * 64 + ".b",
        ".".join(["a" * 50] * 6),
        "ⓔxample.com",
        "example。com",
        "Ü.example",
        "\u00ad.example",
        "ß" * 300,
        "\u212a.example",
        "x" * 100_000,
        "é" * 100_000,
        "[192.0.2.1]",
    ],
)
def test_what_is_no_domain(text: str) -> None:
    with pytest.raises(SyntaxFault):
        domain.parse(text)


def test_subdomains_are_counted_by_labels() -> None:
    assert domain.is_same_or_subdomain("a.b.c", "b.c")
    assert domain.is_same_or_subdomain("b.c", "b.c")
    assert not domain.is_same_or_subdomain("xb.c", "b.c")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a@b.c", ["a@b.c"]),
        ('Joe <joe@B.C>, "x, y" <"q q"@d.e> (c(o)m)', ["joe@b.c", '"q q"@d.e']),
        ("Group: a@b.c, d@e.f;, z@z.z", ["a@b.c", "d@e.f", "z@z.z"]),
        ("Nobody:;", []),
        ("J. R. Doe <j@d.e>", ["j@d.e"]),
        ("a (x) @ (y) b.c", ["a@b.c"]),
        ('"a\\"b"@c.d', ['"a\\"b"@c.d']),
        ("a@[192.0.2.1]", ["a@[192.0.2.1]"]),
        ("zoë@bücher.example", ["zoë@xn--bcher-kva.example"]),
    ],
)
def test_addresses(text: str, want: list[str]) -> None:
    assert [str(address) for address in mailbox.parse_addresses(text)] == want


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user@example.net>",
        "<any@legitimate.com(a.attack.com>",
        "<a@b",
        "a@b,,c@d",
        "x@b@c",
        "a",
        "@b.c",
        "(" * 20_000,
        "(" * 20_000 + ")" * 20_000,
        "G: a@b.c",
        '"a@b.c',
        "a@b.c x",
        "<@x,@y:a@b.c>",
        "a@b.c.",
        "a b@c.d",
    ],
)
def test_what_are_no_addresses(text: str) -> None:
    """MSG-15, DMARC-03, DMARC-02: refused, never mended to the nearest address."""
    with pytest.raises(SyntaxFault):
        mailbox.parse_addresses(text)


@given(st.text('ab"\\ @.', min_size=1, max_size=12))
def test_a_written_mailbox_parses_to_itself(local: str) -> None:
    box = Mailbox(local, "b.example")
    assert mailbox.parse(str(box)) == box
    assert mailbox.parse(mailbox.without_brackets(f"<{box}>")) == box


@pytest.mark.parametrize(
    ("path", "address"),
    [("<>", ""), ("", ""), ("<a@b>", "a@b"), ("a@b", "a@b"), ("<a@b", "<a@b"), ("a@b>", "a@b>"),
     ("<", "<"), ("<<a@b>>", "<a@b>"), ("<@a,@b:c@d.e>", "@a,@b:c@d.e")],
)  # fmt: skip
def test_a_path_without_its_brackets(path: str, address: str) -> None:
    assert mailbox.without_brackets(path) == address


@given(st.lists(st.from_regex(r"[a-z]{1,60}; ?", fullmatch=True), min_size=1, max_size=40))
def test_folded_lines_fit(words: list[str]) -> None:
    octets = folding.fold("Name", words)
    lines = octets.decode().split("\r\n")
    assert lines.pop() == ""
    assert all(len(line) <= folding.WIDTH for line in lines)
    assert all(line.startswith("\t") for line in lines[1:])
    joined = "".join(words).replace(" ", "")
    assert octets.decode().replace("\r\n\t", "").replace(" ", "") == f"Name:{joined}\r\n"


def test_a_word_longer_than_a_line_is_left_whole_and_no_line_before_it_is_empty() -> None:
    long = "a" * 100
    want = f"Name: {long}\r\n\t{long}\r\n\tb\r\n"
    assert folding.fold("Name", [long, long, "b"]).decode() == want


def test_the_scanner_reads_or_refuses() -> None:
    scanner = Scanner("ab1")
    assert scanner.check("a")
    assert scanner.expect(re.compile("[a-z]+"), "letters") == "ab"
    assert scanner.read(re.compile("[a-z]+")) is None
    with pytest.raises(SyntaxFault, match="letters"):
        scanner.expect(re.compile("[a-z]+"), "letters")
    assert scanner.skip("1")
    assert scanner.ended
