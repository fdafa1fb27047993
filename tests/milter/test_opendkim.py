"""Tables of OpenDKIM, read as they are."""

from pathlib import Path

import pytest

from mailauth.milter.tables import datasets
from mailauth.milter.tables.datasets import BadTable
from mailauth.milter.tables.signingtable import SigningTable, matches
from mailauth.syntax import mailbox

KEYS = """
# name  domain:selector:key[:algorithm]
one     example.com:s1:/keys/one
ed      example.com:ed:/keys/ed:ed25519-sha256
sub     example.com:sub:/keys/sub
any     %:any:/keys/%/any.private
example.net  example.net:net:/keys/net
"""


def table(folder: Path, rows: str, *, kind: str = "refile", multiple: bool = False) -> SigningTable:
    (folder / "keys").write_text(KEYS)
    (folder / "rows").write_text(rows)
    return datasets.read_signing_table(
        f"{kind}:{folder / 'rows'}", f"file:{folder / 'keys'}", multiple=multiple
    )


def found(table: SigningTable, author: str) -> list[str]:
    return [
        f"{one.domain} {one.selector} {one.path} {one.identity}".rstrip()
        for one in table.find(mailbox.parse(author))
    ]


PATTERNS: list[tuple[str, str, list[str]]] = [
    ("*@example.com one", "ada@example.com", ["example.com s1 /keys/one"]),
    ("*@EXAMPLE.com\tone", "Ada@Example.COM", ["example.com s1 /keys/one"]),
    ("*@example.com one", "ada@sub.example.com", []),
    ("*@*.example.com sub", "ada@a.b.example.com", ["example.com sub /keys/sub"]),
    ("*@*example.com sub", "ada@notexample.com", ["example.com sub /keys/sub"]),
    ("ada@example.com ed\n*@example.com one", "ada@example.com", ["example.com ed /keys/ed"]),
    ("*@example.com one\nada@example.com ed", "ada@example.com", ["example.com s1 /keys/one"]),
    ("a*@example.com ed\n*@example.com one", "ben@example.com", ["example.com s1 /keys/one"]),
    ("* any", "ada@shop.example", ["shop.example any /keys/shop.example/any.private"]),
    ("*@example.com one:@example.com", "a@example.com", ["example.com s1 /keys/one @example.com"]),
    ("*@example.com one:x@other.example", "a@example.com", ["example.com s1 /keys/one"]),
    ("* any:%", "a@x.example", ["x.example any /keys/x.example/any.private @x.example"]),
    ("* %", "a@example.net", ["example.net net /keys/net"]),
    ("* %\n* one", "a@example.org", ["example.com s1 /keys/one"]),
    ("* one", "a@[192.0.2.1]", ["example.com s1 /keys/one"]),
    ("* any", "a@[192.0.2.1]", []),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "author", "want"), PATTERNS)
def test_patterns(tmp_path: Path, rows: str, author: str, want: list[str]) -> None:
    assert found(table(tmp_path, rows), author) == want


def test_the_first_key_of_a_name_decides(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(
        "one example.com:s1:/keys/one\none example.com:s2:/keys/two\nOne example.com:s3:/keys/one\n"
    )
    both = datasets.read_signing_table("csl:*=one,example.net=One", str(tmp_path / "keys"))
    assert found(both, "ada@example.com") == ["example.com s1 /keys/one"]
    assert found(both, "ada@example.net") == ["example.com s3 /keys/one"]


def test_all_patterns_that_match_sign_in_their_order(tmp_path: Path) -> None:
    rows = "*a@example.com sub\n*@example.com one\n*@example.com ed\n*@example.net one"
    both = table(tmp_path, rows, multiple=True)
    assert [one.selector for one in both.find(mailbox.parse("ada@example.com"))] == [
        "sub",
        "s1",
        "ed",
    ]


def test_all_rows_of_a_name_sign_if_all_that_match_do(tmp_path: Path) -> None:
    rows = "example.com one\nexample.com ed\n"
    ada = mailbox.parse("ada@example.com")
    for multiple, want in ((False, ["s1"]), (True, ["s1", "ed"])):
        found = table(tmp_path, rows, kind="file", multiple=multiple).find(ada)
        assert [one.selector for one in found] == want


FILES = [
    ("ada@sub.example.com", "one"),
    ("sub.example.com", "ed"),
    ("ada@.example.com", "sub"),
    ("ada@.com", "one"),
    (".example.com", "ed"),
    (".com", "sub"),
    ("ada@*", "one"),
    ("*", "ed"),
]
SELECTORS = {"one": "s1", "ed": "ed", "sub": "sub"}


@pytest.mark.parametrize("first", range(len(FILES)))
def test_the_order_of_files(tmp_path: Path, first: int) -> None:
    rows = "\n".join(f"{name} {key}" for name, key in reversed(FILES[first:]))
    (only,) = table(tmp_path, rows, kind="file").find(mailbox.parse("Ada@sub.example.com"))
    assert only.selector == SELECTORS[FILES[first][1]]
    every = table(tmp_path, rows, kind="file", multiple=True)
    names = [one.selector for one in every.find(mailbox.parse("ada@sub.example.com"))]
    assert names == list(dict.fromkeys(SELECTORS[key] for _, key in FILES[first:]))


@pytest.mark.parametrize(
    ("pattern", "text", "want"),
    [
        ("*", "", True),
        ("", "", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "ac", True),
        ("a*a", "a", False),
        ("*b*", "abc", True),
        ("a*b*c*d", "axbxcxd", True),
        ("a*b*c*d", "axcxbxd", False),
        ("ab", "abc", False),
        ("*@*@*", "a@b", False),
        ("*a" * 500 + "*", "a" * 499, False),
    ],
)
def test_asterisks(pattern: str, text: str, want: bool) -> None:
    assert matches(pattern, text) is want


def test_a_hundred_thousand_domains(tmp_path: Path) -> None:
    rows = "".join(f"*@d{n}.example one\n" for n in range(100_000))
    many = table(tmp_path, rows)
    assert found(many, "a@d99999.example") == ["example.com s1 /keys/one"]
    assert many._patterns == ()
    assert len(list(many.signing_keys())) == 100_005


BAD = [
    ("KeyTable", "one example.com:s1", "is not of the form"),
    ("KeyTable", "one example.com:s1:MIIC", "must be in a file"),
    ("KeyTable", "one :s1:/k", "is empty"),
    ("KeyTable", "one example.com:s1:/k:rsa-sha1", "rsa-sha1"),
    ("KeyTable", "one com:s1:/k", "a top-level domain"),
    ("KeyTable", "one example.com:%:/k", "a label with something other than letters"),
    ("KeyTable", "one mail.%:s1:/k", "a label with something other than letters"),
    ("SigningTable", "*@example.com none", "has no key 'none'"),
    ("SigningTable", "*@example.com one:@-a.example.com", "a label with something other"),
    ("SigningTable", "*@example.com one:a..b@example.com", "not a local part"),
]


@pytest.mark.parametrize(("name", "line", "reason"), BAD)
def test_a_bad_line_is_told_with_its_place(
    tmp_path: Path, name: str, line: str, reason: str
) -> None:
    files = {"KeyTable": "one example.com:s1:/k\n", "SigningTable": "* one\n"}
    files[name] = f"# a comment\n{line}\n"
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    with pytest.raises(BadTable, match=f"{name}:2: .*{reason}"):
        datasets.read_signing_table(
            f"refile:{tmp_path / 'SigningTable'}", str(tmp_path / "KeyTable")
        )


@pytest.mark.parametrize("text", ["dsn:mysql://u:p@h/d", "db:/x", "lua:x", "/no/such/file"])
def test_data_sets_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadTable):
        list(datasets.dataset(text, "opendkim.conf:1"))


def test_lists() -> None:
    assert [one.key for one in datasets.dataset("csl:a, b,c")] == ["a", "b", "c"]
    assert [one.key for one in datasets.dataset("db")] == ["db"], "it names a host"


@pytest.mark.parametrize("path", ["/x:y", "../x", "x"])
def test_the_file_of_a_data_set(path: str) -> None:
    for text in (f"file:{path}", f"refile:{path}"):
        assert datasets.is_file(text)
        assert datasets.path_of(text) == path
    assert datasets.path_of("/file:x") == "/file:x"
    assert not datasets.is_file("x")
    assert [one.key for one in datasets.dataset("10.0.0.0/8, !10.1.0.0/16")] == [
        "10.0.0.0/8",
        "!10.1.0.0/16",
    ]
