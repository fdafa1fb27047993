"""What `check-config` warns of because of the DNS."""

from pathlib import Path
from typing import Any

import dns.rcode
import mail
import pytest
from nameserver import Script, answer, drops, fails, from_zone, serve

from mailauth.dns import Zone
from mailauth.service import dnsdoubts
from mailauth.service.doubts import doubts
from mailauth.service.settings.configuration import read
from mailauth.service.start import kinds_of_listeners

pytestmark = pytest.mark.loopback

LOOKUPS = '[[listen]]\nkind = "socketmap"\naddress = "inet:127.0.0.1:1"\n'
MILTER = '[[listen]]\nkind = "milter"\naddress = "inet:127.0.0.1:1"\n'
JUDGES = '[verifying]\nauthserv_id = "mx.example.com"\n'
REWRITES = '[srs]\ndomain = "srs.example.com"\nsecrets = "/x"\n'
NOW = 1_795_000_000


def told(folder: Path, text: str) -> list[str]:
    """The warnings about a file, without the name of the folder."""
    (folder / "x.toml").write_text(text)
    reading = read(folder / "x.toml")
    lines = reading.lines(doubts(reading.configuration, kinds_of_listeners(), NOW))
    return [line.replace(f"{folder}/", "") for line in lines]


SO = "; while no nameserver answers, mail is delayed, and its verdicts are temperror"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (answer(), ""),
        (fails(dns.rcode.NXDOMAIN), ""),
        (fails(dns.rcode.REFUSED), "127.0.0.1 says REFUSED"),
        (fails(dns.rcode.SERVFAIL), "127.0.0.1 says SERVFAIL"),
        (drops, "{} did not answer within 1 s"),
    ],
    ids=["answers", "knows of nothing", "refuses", "fails", "is silent"],
)
def test_a_nameserver_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Script, why: str
) -> None:
    if script is drops:
        monkeypatch.setattr(dnsdoubts, "_PATIENCE", 1.0)
    with serve(answer()) as good, serve(script) as other:
        dns_table = f'[dns]\nnameservers = ["{good.where}", "{other.where}"]\n'
        line = f"x.toml:2: dns.nameservers[2]: {why.format(other.where)}{SO}"
        assert told(tmp_path, f"{dns_table}{JUDGES}{MILTER}") == ([line] if why else [])
        assert (good.names(), {ask.rrtype for ask in other.asked}) == (["."], {"TXT"})
        asked = len(other.asked)
        others = f'{dns_table}{JUDGES}{REWRITES}own_domains = ["a.example"]\n{LOOKUPS}'
        assert any("verifying: no listener uses it" in each for each in told(tmp_path, others))
        assert "." not in {ask.name for ask in other.asked[asked:]}, "nobody judges by them"


def test_the_nameservers_of_the_system_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(fails(dns.rcode.REFUSED)) as server:
        monkeypatch.setattr(dnsdoubts, "of_the_system", lambda: (server.where,))
        told_of_one = [f"x.toml: dns: 127.0.0.1 says REFUSED{SO}"]
        assert told(tmp_path, f"{JUDGES}{MILTER}") == told_of_one
    monkeypatch.setattr(dnsdoubts, "of_the_system", tuple)
    none = [f"x.toml: dns: /etc/resolv.conf names no nameserver{SO}"]
    assert told(tmp_path, f"{JUDGES}{MILTER}") == none


def test_they_are_asked_too_for_who_signs_with_keys_that_are_published(tmp_path: Path) -> None:
    with serve(fails(dns.rcode.REFUSED)) as server:
        dns_table = f'[dns]\nnameservers = ["{server.where}"]\n'
        assert told(tmp_path, f"{dns_table}[signing]\n{row(tmp_path, 'rsa')}{MILTER}") == []
        prefers = f"[signing]\nprefer_published = true\n{row(tmp_path, 'rsa')}"
        line = f"x.toml:2: dns.nameservers[1]: 127.0.0.1 says REFUSED{SO}"
        assert told(tmp_path, f"{dns_table}{prefers}{MILTER}") == [line]


def row(folder: Path, key_type: str, selector: str = "") -> str:
    """A key to sign with."""
    path = folder / f"{key_type}.pem"
    if not path.exists():
        mail.key(key_type).write(path)
    selector = selector or key_type
    return f'[[signing.key]]\ndomain = "example.com"\nselector = "{selector}"\nfile = "{path}"\n'


PUBLISHED = {
    "rsa._domainkey.example.com": {"TXT": [mail.record("rsa")]},
    "other._domainkey.example.com": {"TXT": [mail.record("rsa")]},
    "old._domainkey.example.com": {"TXT": ["v=DKIM1; p="]},
    "down._domainkey.example.com": {"FAIL": ["TXT"]},
}
THEN = "; its signatures cannot be verified"


def test_keys_that_are_not_published_as_they_are_are_told(tmp_path: Path) -> None:
    keys = [
        row(tmp_path, "rsa"),
        row(tmp_path, "ed25519"),
        row(tmp_path, "ed25519", "other"),
        row(tmp_path, "rsa", "old"),
        row(tmp_path, "rsa", "down"),
    ]
    with serve(from_zone(Zone(PUBLISHED))) as server:
        text = f'[dns]\nnameservers = ["{server.where}"]\n{"".join(keys)}{MILTER}role = "sign"\n'
        none, other, old = told(tmp_path, text)
    at = "_domainkey.example.com"
    assert none == f"x.toml:7: signing.key[2]: no key at ed25519.{at}: there is no such name{THEN}"
    why = f"the key at other.{at} is not the one that signs"
    assert other == f"x.toml:11: signing.key[3]: {why}{THEN}"
    assert old == f"x.toml:15: signing.key[4]: the key at old.{at} is withdrawn: p= is empty{THEN}"


def test_of_a_key_that_waits_until_it_is_published_it_is_told_who_signs(tmp_path: Path) -> None:
    keys = f"{row(tmp_path, 'rsa')}{row(tmp_path, 'ed25519')}"
    with serve(from_zone(Zone(PUBLISHED))) as server:
        text = (
            f'[dns]\nnameservers = ["{server.where}"]\n[signing]\nprefer_published = true\n{keys}'
        )
        (line,) = told(tmp_path, f'{text}{MILTER}role = "sign"\n')
    assert "no key at ed25519._domainkey.example.com" in line
    assert line.endswith("; until it is published, other keys sign in its place, if there are any")


def test_an_identity_that_the_record_does_not_allow_is_told(tmp_path: Path) -> None:
    published = {
        "rsa._domainkey.example.com": {"TXT": [mail.record("rsa").replace("p=", "t=s; p=")]}
    }
    with serve(from_zone(Zone(published))) as server:
        text = f'[dns]\nnameservers = ["{server.where}"]\n{row(tmp_path, "rsa")}'
        assert told(tmp_path, f'{text}identity = "@%"\n{MILTER}role = "sign"\n') == []
        (line,) = told(tmp_path, f'{text}identity = "@sub.example.com"\n{MILTER}role = "sign"\n')
    assert line.endswith(f"the key allows no subdomain in i= (t=s){THEN}")


def test_keys_of_a_table_are_told_with_their_lines(tmp_path: Path) -> None:
    row(tmp_path, "rsa")
    mail.key("rsa").write(tmp_path / "%.pem")
    (tmp_path / "keys").write_text(
        f"a example.com:rsa:{tmp_path}/rsa.pem\n"
        f"b example.com:new:{tmp_path}/rsa.pem\n"
        f"c %:new:{tmp_path}/%.pem\n"
        f"d example.com:rsa:{tmp_path}/none.pem\n"
        f"a example.com:second:{tmp_path}/rsa.pem\n"
    )
    (tmp_path / "signers").write_text("*@example.com a\n")
    tables = (
        f'[signing]\nkey_table = "{tmp_path}/keys"\nsigning_table = "refile:{tmp_path}/signers"\n'
    )
    with serve(from_zone(Zone(PUBLISHED))) as server:
        text = f'{tables}[dns]\nnameservers = ["{server.where}"]\n{MILTER}role = "sign"\n'
        (line,) = told(tmp_path, text)
    why = "no key at new._domainkey.example.com: there is no such name"
    assert line == f"x.toml:2: signing.key_table: keys:2: {why}{THEN}"


def test_a_host_that_only_signs_needs_no_dns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dnsdoubts, "_PATIENCE", 0.2)
    with serve(drops) as server:
        text = f'[dns]\nnameservers = ["{server.where}"]\n{row(tmp_path, "rsa")}'
        assert told(tmp_path, f'{text}{MILTER}role = "sign"\n') == []
        assert server.asked
        asked = len(server.asked)
        rewrites = f"{REWRITES}own_domains = ['a.example']\n{LOOKUPS}"
        (unused,) = told(tmp_path, f"{text}{rewrites}")
        assert "signing: no listener uses it" in unused
        names = {ask.name for ask in server.asked[asked:]}
        assert "rsa._domainkey.example.com" not in names, "nobody signs"


SRS_ZONE: dict[str, dict[str, Any]] = {
    "srs.example.com": {"MX": [[10, "mx.example.com"]], "TXT": ["v=spf1 mx -all"]},
    "mx.example.com": {"A": ["192.0.2.1"]},
    "implicit.example.com": {"A": ["192.0.2.1"], "TXT": ["v=spf1 a -all"]},
    "null.example.com": {"MX": [[0, "."]], "TXT": ["v=spf1 -all"]},
    "bare.example.com": {"TXT": ["another", "v=spf1 ip4:192.0.2.1 -all"]},
    "two.example.com": {"MX": [[10, "mx.example.com"]], "TXT": ["v=spf1 -all", "v=spf1 mx -all"]},
    "down.example.com": {"FAIL": ["*"]},
    "xn--bcher-kva.example.com": {"MX": [[10, "mx.example.com"]], "TXT": ["v=spf1 mx -all"]},
}


@pytest.mark.parametrize(
    ("name", "lost", "fails"),
    [
        ("srs", "", ""),
        ("b\u00fccher", "", ""),
        ("implicit", "", ""),
        ("down", "", ""),
        ("null", "it accepts no mail (the null MX, RFC 7505)", ""),
        (
            "bare",
            "it has no MX and no address: nobody can answer its mail, and bounces are lost",
            "",
        ),
        (
            "none",
            "there is no such domain",
            "none.example.com has no SPF records; it must have one",
        ),
        ("two", "", "two.example.com has 2 SPF records; it must have one"),
    ],
)
@pytest.mark.parametrize("more", [False, True])
def test_an_srs_domain_without_its_records_is_told(
    tmp_path: Path, name: str, lost: str, fails: str, more: bool
) -> None:
    domain = f"{name}.example.com"
    first, others = ("srs.example.com", [domain]) if more else (domain, [])
    rewrites = f'[srs]\ndomain = "{first}"\nmore_domains = {others}\nsecrets = "/x"\n'
    with serve(from_zone(Zone(SRS_ZONE))) as server:
        text = f'[dns]\nnameservers = ["{server.where}"]\n{rewrites}own_domains = ["a.example"]\n'
        lines = told(tmp_path, f"{text}{LOOKUPS}")
        asked = len(server.asked)
        (unused,) = told(tmp_path, f"{text}{JUDGES}{MILTER}")
    where = "x.toml:5: srs.more_domains[1]" if more else "x.toml:4: srs.domain"
    assert lines == [
        *([f"{where}: bounces to {domain} do not come back: {lost}"] if lost else []),
        *([f"{where}: mail rewritten to {domain} does not pass SPF: {fails}"] if fails else []),
    ]
    assert "srs: no listener uses it" in unused
    assert [ask.name for ask in server.asked[asked:]] == ["."], "nobody rewrites"


def test_of_many_keys_the_first_are_compared_and_twenty_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dnsdoubts, "MAX_COMPARED", 25)
    keys = "".join(row(tmp_path, "rsa", f"s{number}") for number in range(30))
    with serve(from_zone(Zone({}))) as server:
        text = f'[dns]\nnameservers = ["{server.where}"]\n{keys}{MILTER}role = "sign"\n'
        lines = told(tmp_path, text)
        assert len(lines) == 21
        assert lines[-1].endswith("signing.key[20]: and 5 more keys")
        assert "s25._domainkey.example.com" not in server.names()
