"""The nameservers of the system, from a configuration that may be anything (DNS-15)."""

from pathlib import Path

import pytest

from mailauth.dns.names import labels
from mailauth.dns.nameserver import Nameserver, of_the_system
from mailauth.errors import BadArgument
from mailauth.syntax.domain import is_askable

CONFIGURATIONS = {
    "plain": ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
    "search": ("search corp.example\noptions ndots:15\nnameserver 192.0.2.1\n", ("192.0.2.1",)),
    "empty": ("", ()),
    "no-address": ("nameserver nowhere\n", ()),
    "one-bad-line": (
        "nameserver nowhere\nnameserver 192.0.2.1\nnameserver 192.0.2.300\nnameserver ::1\n",
        ("192.0.2.1", "::1"),
    ),
    "a-link": ("nameserver fe80::1%eth0\n", ("fe80::1%eth0",)),
    "comments": ("; nameserver 192.0.2.1\n# nameserver 192.0.2.1\n#nameserver 192.0.2.1\n", ()),
    "half": ("nameserver\nnameserver 192.0.2.1\n", ("192.0.2.1",)),
    "junk": ("\0\xff\n;;;\nnameserver 192.0.2.1\n", ("192.0.2.1",)),
}


@pytest.mark.parametrize(
    ("text", "servers"), CONFIGURATIONS.values(), ids=[f"DNS-15-{name}" for name in CONFIGURATIONS]
)
def test_of_the_system(tmp_path: Path, text: str, servers: tuple[str, ...]) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(text, encoding="latin-1")
    assert of_the_system(str(path)) == servers


def test_DNS_15_no_configuration(tmp_path: Path) -> None:
    assert of_the_system(str(tmp_path / "none")) == ()


@pytest.mark.parametrize(
    ("name", "askable"),
    [
        ("", True),
        ("a", True),
        ("_a.%.example", True),
        ("é.example", False),
        ("a..example", False),
        (".", False),
        ("a.", False),
        ("x" * 63 + ".example", True),
        ("x" * 64 + ".example", False),
        ("a." * 126 + "a", True),
        ("a." * 126 + "aa", False),
    ],
)
def test_what_can_be_asked_for(name: str, *, askable: bool) -> None:
    assert is_askable(name) is askable
    assert (labels(name) is not None) is askable


def test_DNS_15_a_name_is_absolute_whatever_is_searched() -> None:
    assert labels("host") == (b"host",)


@pytest.mark.parametrize(
    "spec", ["127.0.0.1:0", "[::1]:0", "tls://127.0.0.1:0", "https://dns.example:0/dns-query"]
)
def test_nobody_listens_at_port_0(spec: str) -> None:
    with pytest.raises(BadArgument, match="is not a nameserver"):
        Nameserver.parse(spec)
