"""An installation of OpenDKIM comes to a configuration that does the same."""

import grp
import gzip
import tomllib
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from filtered import Filtered
from hypothesis import given
from hypothesis import strategies as st
from mail import MESSAGE, key
from program import process

from mailauth.errors import BadArgument
from mailauth.milter import KeyRing
from mailauth.milter.settings import Settings
from mailauth.service.importing import differences, directives, imported, opendkim
from mailauth.service.listeners import mailtables
from mailauth.service.processes import generation
from mailauth.service.settings.configuration import BadConfiguration, Configuration
from mailauth.service.start import check, kinds_of_listeners
from mailauth.syntax import mailbox

CONF = """
# Debian's, and more
Syslog			yes
Canonicalization	relaxed/simple
Mode			sv
OversignHeaders		From
Socket			local:{folder}/opendkim.sock
UMask			017
InternalHosts		{hosts}
ExternalIgnoreList	192.0.2.0/24
KeyTable		file:{folder}/keytable
SigningTable		refile:{folder}/signingtable
MTA			ORIGINATING
MacroList		daemon_name=ORIGINATING|submission,{{verified}}
SignatureTTL		86400
AuthservID		mx.example.org
PeerList		10.1.0.0/16
On-BadSignature		reject
Nameservers		127.0.0.1
DNSTimeout		3
SendReports		yes
ResignAll		no
MinimumXYZ		1
"""


def translated(folder: Path, text: str) -> str:
    conf = folder / "opendkim.conf"
    conf.write_text(text)
    return opendkim.read(conf, "host.example").text()


def configured(folder: Path, text: str) -> Configuration:
    file = folder / "mailauth.toml"
    file.write_text(translated(folder, text))
    return check(file).configuration


def settings(configuration: Configuration) -> Settings:
    return mailtables.settings(configuration, configuration.listen[0], KeyRing())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tables of an installation."""
    key("rsa").write(tmp_path / "rsa")
    key("ed25519").write(tmp_path / "ed25519")
    (tmp_path / "keytable").write_text(f"k example.com:rsa:{tmp_path / 'rsa'}:rsa-sha256\n")
    (tmp_path / "signingtable").write_text("*@example.com k\n")
    (tmp_path / "hosts").write_text("127.0.0.1\n10.0.0.7/8\n!10.1.2.3\n[::1]\n.example.com\n")
    return tmp_path


def test_an_installation_signs_and_judges_as_it_did(folder: Path) -> None:
    conf = CONF.format(folder=folder, hosts=f"refile:{folder / 'hosts'}")
    configuration = configured(folder, conf)
    (listen,) = configuration.listen
    assert (listen.role, listen.address, listen.mode) == (
        "both",
        f"local:{folder}/opendkim.sock",
        0o660,
    )
    assert configuration.dns.nameservers == ("127.0.0.1",)
    assert configuration.dns.timeout == 3
    found = settings(configuration)
    assert found.signing is not None
    assert found.verifying is not None
    assert found.verifying.authserv_id == "mx.example.org"
    assert found.verifying.dkim_actions == {"fail": "reject", "temperror": "tempfail"}
    assert not found.verifying.spf
    assert ("", ip_address("10.1.2.9")) in found.verifying.trusted
    assert found.signing.expire == 86_400
    assert found.signing.oversign == ("From",)
    assert found.signing.ours.daemons == {"ORIGINATING"}
    assert found.signing.ours.macros == {
        "daemon_name": frozenset({"ORIGINATING", "submission"}),
        "verified": frozenset(),
    }
    for address, want in [("127.0.0.1", 1), ("10.9.9.9", 1), ("10.1.2.3", 0), ("::1", 1)]:
        assert (("", ip_address(address)) in found.signing.ours.clients) is bool(want)
    filtered = Filtered(found).open(address="127.0.0.1")
    delivery = filtered.deliver(MESSAGE)
    assert delivery.record.signatures == ("d=example.com s=rsa",)
    assert b"c=relaxed/simple" in delivery.message


def test_each_directive_is_carried_over_or_told_of(folder: Path) -> None:
    text = translated(folder, CONF.format(folder=folder, hosts="127.0.0.1, 10.0.0.7/8"))
    conf = folder / "opendkim.conf"
    for note in (
        f"# NOTE: {conf}:3: Syslog is not needed: each message leaves one line in the log",
        f"# NOTE: {conf}:10: ExternalIgnoreList is not needed: it only concerns a log warning",
        f"# NOTE: {conf}:21: SendReports yes is NOT SUPPORTED",
        f"# NOTE: {conf}:22: ResignAll is not needed: only mail of your own is signed",
        f"# NOTE: {conf}:23: MinimumXYZ is not a known directive of OpenDKIM",
    ):
        assert note in text.splitlines()
    assert 'networks = ["127.0.0.1/32", "10.0.0.0/8"]' in text


def of_peer(folder: Path, mode: str, peers: str) -> tuple[Settings, str]:
    """What is done where OpenDKIM passes some clients by, and the TOML."""
    conf = (
        f"Mode {mode}\nSocket inet:8891\nDomain example.com\nSelector x\nKeyFile {folder / 'rsa'}\n"
        f"InternalHosts 10.0.0.0/8, 10.9.9.8\nPeerList {peers}\n"
    )
    return settings(configured(folder, conf)), translated(folder, conf)


@pytest.mark.parametrize("in_file", [True, False])
@pytest.mark.parametrize("mode", ["s", "v", "sv"])
def test_mail_of_peers_passes_untouched(folder: Path, mode: str, *, in_file: bool) -> None:
    """opendkim.conf(5): it is "accepted without processing by this filter"."""
    (folder / "peers").write_text("10.9.9.8/31\n!10.9.9.7\n")
    peers = f"refile:{folder / 'peers'}" if in_file else "10.9.9.8/31, !10.9.9.7"
    found, text = of_peer(folder, mode, peers)
    assert "PeerList" not in text
    for address, processed in (("10.9.9.8", False), ("10.9.9.9", False), ("10.9.9.7", True)):
        for user in ("", "ada"):
            filtered = Filtered(found).open(address=address)
            delivery = filtered.deliver(MESSAGE, user=user)
            assert (delivery.message != MESSAGE) is processed, (address, user)


def test_one_key_for_some_domains(folder: Path) -> None:
    conf = (
        "Socket inet:8891@localhost\nDomain example.com, example.net\nSelector x\n"
        f"KeyFile {folder / 'rsa'}\nSubDomains yes\n"
    )
    found = settings(configured(folder, conf)).signing
    assert found is not None
    (row,) = found.table.find(mailbox.parse("a@b.example.net"))
    assert (row.domain, row.selector) == ("example.net", "x")
    assert ("", ip_address("127.0.0.1")) in found.ours.clients
    assert ("", ip_address("::1")) not in found.ours.clients
    assert found.canonicalization == "simple/simple"
    everybody = settings(configured(folder, conf.replace("example.com, example.net", "*"))).signing
    assert everybody is not None
    (row,) = everybody.table.find(mailbox.parse("a@shop.example"))
    assert row.domain == "shop.example"


def test_one_of_dkimpy_milter(folder: Path) -> None:
    """It has directives of its own for a second key, and another sign in MacroList."""
    conf = (
        "Socket inet:8891@localhost\nDomain example.com\nSelector x\nSubDomains yes\n"
        f"KeyFile {folder / 'rsa'}\nSelectorEd25519 e\nKeyFileEd25519 {folder / 'ed25519'}\n"
        "MacroList daemon_name|ORIGINATING\nMacroListVerify daemon_name|VERIFYING\n"
    )
    found = settings(configured(folder, conf)).signing
    assert found is not None
    rows = found.table.find(mailbox.parse("a@b.example.com"))
    assert [(row.selector, row.path) for row in rows] == [
        ("x", str(folder / "rsa")),
        ("e", str(folder / "ed25519")),
    ]
    assert found.ours.macros == {"daemon_name": frozenset({"ORIGINATING"})}
    assert "MacroListVerify is not needed" in translated(folder, conf)


def test_a_second_key_of_dkimpy_milter_needs_its_selector(folder: Path) -> None:
    conf = f"Socket inet:8891\nDomain a.example\nSelector x\nKeyFile {folder / 'rsa'}\n"
    with pytest.raises(BadArgument, match="a KeyFileEd25519 needs a SelectorEd25519"):
        translated(folder, f"{conf}KeyFileEd25519 {folder / 'ed25519'}\n")


def test_one_that_only_verifies(folder: Path) -> None:
    configuration = configured(
        folder, "Mode v\nSocket inet:8891\nOn-Default quarantine\nOn-DNSError accept\n"
    )
    assert configuration.signing is None
    assert configuration.listen[0].role == "verify"
    found = settings(configuration).verifying
    assert found is not None
    assert found.authserv_id == "host.example"
    assert found.dkim_actions == {
        "fail": "quarantine",
        "none": "quarantine",
        "permerror": "quarantine",
    }


def test_the_configuration_that_debian_installs(folder: Path) -> None:
    """It has no key, and so it verifies alone."""
    text = translated(
        folder,
        "Canonicalization relaxed/simple\nOversignHeaders From\nUMask 007\nUserID opendkim\n"
        "Socket local:/run/opendkim/opendkim.sock\n",
    )
    conf = folder / "opendkim.conf"
    for line in (
        "# NOTE: no mail is signed: there is neither a KeyTable nor a KeyFile",
        f"# NOTE: {conf}:1: Canonicalization is not needed: no mail is signed",
        f"# NOTE: {conf}:2: OversignHeaders is not needed: no mail is signed",
        f"# NOTE: {imported.user_note('opendkim')}",
        f"# NOTE: {imported.folder_note('/run/opendkim/opendkim.sock')}",
        'role = "verify"',
        "mode = 0o660",
    ):
        assert line in text.splitlines()
    assert "service" not in tomllib.loads(text)


def test_a_unix_socket_is_for_the_group_of_postfix_where_there_is_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("Socket /run/opendkim/sock", "Socket inet:8891@localhost")
    for groups, wanted in ((["daemon", "postfix"], ["postfix", None]), (["mail"], [None, None])):
        names = [SimpleNamespace(gr_name=name) for name in groups]
        monkeypatch.setattr(grp, "getgrall", lambda names=names: names)
        texts = [translated(folder, f"Mode v\n{socket}\n") for socket in given]
        assert [tomllib.loads(text)["listen"][0].get("group") for text in texts] == wanted


def test_each_directive_is_known_in_each_mode(folder: Path) -> None:
    both = sorted(directives.OF_SIGNING | directives.OF_VERIFYING)
    signs = f"KeyFile {folder / 'rsa'}\nSelector x\nDomain example.com\nMode s\n"
    for mode in (signs, "Mode v\n"):
        there = mode.lower().split()
        text = "".join(f"{name} reject\n" for name in both if name not in there)
        text = text.replace("signaturettl reject", "signaturettl 1")
        for name in ("keytable", "signingtable", "keyfile", "internalhosts", "peerlist"):
            text = text.replace(f"{name} reject\n", "")
        assert "no directive" not in translated(folder, f"{mode}Socket inet:1\n{text}")


@pytest.mark.parametrize("value", ["Yes", "yes", "True", "1"])
def test_a_value_is_the_same_in_any_case(folder: Path, value: str) -> None:
    text = f"Mode v\nSocket inet:8891\nAlwaysAddARHeader {value}\n"
    assert "AlwaysAddARHeader is not needed" in translated(folder, text)


BOUNDS = [
    ("SignatureTTL 60", "SignatureTTL 60 becomes expire = 3600, the lowest allowed"),
    (
        "SignatureTTL 99999999",
        "SignatureTTL 99999999 becomes expire = 31536000, the highest allowed",
    ),
    ("MaximumHeaders 100000000", "MaximumHeaders 100000000 becomes header_octets = 67108864"),
    (
        "MaximumHeaders 1000",
        "MaximumHeaders 1000 becomes header_octets = 65536, the lowest allowed",
    ),
    ("DNSTimeout 21", "DNSTimeout 21 becomes timeout = 20, the highest allowed"),
]


@pytest.mark.parametrize(("line", "note"), BOUNDS)
def test_what_is_out_of_bounds_is_brought_in_with_a_note(
    folder: Path, line: str, note: str
) -> None:
    key_file = f"Domain example.com\nSelector x\nKeyFile {folder / 'rsa'}\n"
    text = f"Mode sv\nSocket inet:8891\n{key_file}{line}\n"
    assert f"opendkim.conf:6: {note}" in translated(folder, text)
    configured(folder, text)


def test_hosts_that_never_matched_do_not_stop_the_import(folder: Path) -> None:
    hosts = ["web01", "*.example.com", "300.0.0.1", "a_b.example", "mx.example."]
    key_file = f"Domain example.com\nSelector x\nKeyFile {folder / 'rsa'}\n"
    conf = f"Socket inet:8891\n{key_file}InternalHosts {{}}\nPeerList {{}}\n"
    inline = conf.format(", ".join(hosts), "300.0.0.2")
    found = settings(configured(folder, inline))
    text = translated(folder, inline)
    for line, host in ((5, "300.0.0.1"), (5, "mx.example."), (6, "300.0.0.2")):
        assert f"opendkim.conf:{line}: {host!r} is n" in text
    assert text.count("it is left out, as it matched nothing") == 3
    assert found.signing is not None
    for name, want in (("web01", True), ("a.example.com", True), ("a_b.example", True)):
        assert ((name, None) in found.signing.ours.clients) is want
    (folder / "hosts").write_text("\n".join(hosts))
    text = translated(folder, conf.format(folder / "hosts", f"file:{folder / 'hosts'}"))
    for number, host in ((3, "300.0.0.1"), (5, "mx.example.")):
        assert f"hosts:{number}: {host!r} is n" in text
    assert text.count("remove it from the file, as it matched nothing") == 2


@pytest.mark.parametrize(
    ("host", "meaning"),
    [
        ("192.168.0.1/24", "192.168.0.0/24"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("!2001:0db8::/32", "!2001:db8::/32"),
        ("*.example.com", "every name below example.com"),
    ],
)
def test_hosts_that_match_here_alone_are_told(folder: Path, host: str, meaning: str) -> None:
    """OpenDKIM compares the text of a network or of a name, and knows no wildcard of hosts."""
    key_file = f"Domain example.com\nSelector x\nKeyFile {folder / 'rsa'}\n"
    same = "127.0.0.1, [::1], 2001:DB8:1::/48, 192.0.2.0/24, .example.net, mx.example.com"
    text = f"Mode s\nSocket inet:8891\n{key_file}InternalHosts {same}, {host}\n"
    note = f"opendkim.conf:6: {host!r} matched nothing; here it means {meaning}"
    notes = translated(folder, text)
    assert note in notes
    assert notes.count("matched nothing") == 1


def test_who_verifies_is_told_which_nameservers_the_unit_permits(folder: Path) -> None:
    assert imported.NAMESERVERS_NOTE in translated(folder, "Mode v\nSocket inet:8891\n")
    signs = f"Mode s\nSocket inet:8891\nDomain a.example\nSelector x\nKeyFile {folder / 'rsa'}\n"
    assert imported.NAMESERVERS_NOTE not in translated(folder, signs)


def test_included_files_are_read(folder: Path) -> None:
    (folder / "more").write_text("Mode v\nSocket inet:8891\n")
    assert 'role = "verify"' in translated(folder, f"Include {folder / 'more'}\n")
    (folder / "more").write_text(f"Include {folder / 'more'}\n")
    with pytest.raises(BadArgument, match="too deeply"):
        translated(folder, f"Include {folder / 'more'}\n")


def test_comments_may_be_of_any_alphabet(folder: Path) -> None:
    conf = folder / "opendkim.conf"
    conf.write_bytes(b"# f\xfcr uns\nMode v\nSocket inet:8891 # caf\xe9\n")
    assert 'role = "verify"' in opendkim.read(conf, "host.example").text()


def test_a_key_without_a_domain_signs_nothing(folder: Path) -> None:
    """As Fedora's file does once its Mode is changed to sv and nothing else."""
    text = f"Mode sv\nSocket inet:8891\nSelector default\nKeyFile {folder / 'rsa'}\n"
    found = translated(folder, text)
    assert 'role = "verify"' in found
    assert "[signing]" not in found
    assert "# NOTE: no mail is signed: there is a KeyFile without a Domain\n" in found
    with pytest.raises(BadArgument, match="no mail is signed or verified"):
        translated(folder, text.replace("sv", "s"))


def test_what_a_key_table_replaces_is_told_as_such(folder: Path) -> None:
    text = CONF.format(folder=folder, hosts="127.0.0.1") + "SubDomains no\nDomain a.example\n"
    found = translated(folder, f"{text}Selector x\nKeyFile /etc/x\n")
    for number, name in enumerate(("SubDomains", "Domain", "Selector"), 24):
        assert f"conf:{number}: {name} is not needed: the tables decide that" in found
    assert "no mail is signed" not in found
    alone = f"Mode s\nSocket inet:8891\nSelector x\nDomain a.example\nKeyFile {folder / 'rsa'}\n"
    found = translated(folder, f"{alone}MultipleSignatures yes\nSigningTable /x\n")
    assert "MultipleSignatures is not needed: there is no KeyTable" in found
    assert "SigningTable is not needed: there is no KeyTable" in found


WRONG = [
    ("KeyTable /k", "needs a SigningTable"),
    ("Domain a.example\nKeyFile /k", "needs a Selector"),
    ("Mode v\nDNSTimeout x", ":3: 'x' is not a number"),
    ("Mode v\nDNSTimeout 5\u0665", "is not a number"),
    ("Mode s", "no mail is signed or verified"),
    ("Domain a.example\nSelector x\nKeyFile /k\nInternalHosts dsn:x", "type 'dsn'"),
]


@pytest.mark.parametrize(("text", "reason"), WRONG)
def test_configurations_that_are_none(folder: Path, text: str, reason: str) -> None:
    with pytest.raises(BadArgument, match=reason):
        translated(folder, f"Socket inet:8891\n{text}\n")


def test_a_table_in_a_database_is_noted(folder: Path) -> None:
    conf = folder / "opendkim.conf"
    conf.write_text("Socket inet:8891\nKeyTable dsn:mysql://db/keys\nSigningTable ldap://db/rows\n")
    imported = opendkim.read(conf, "host.example")
    differences.note_refusals(imported)
    fixes = [note for note in imported.notes if note.startswith("fix ")]
    why = "a data set of the type {!r} cannot be read; write it to a file"
    assert fixes == [
        f"fix signing.key_table: {why.format('dsn')}",
        f"fix signing.signing_table: {why.format('ldap')}",
    ]


def test_what_cannot_be_read(folder: Path) -> None:
    told = "no Socket: add the one that main.cf names, such as Socket inet:8891@localhost$"
    with pytest.raises(BadArgument, match=told):
        translated(folder, "Mode v\n")
    (folder / "x").write_bytes(b"Mode \xff")
    with pytest.raises(BadArgument, match="UTF-8"):
        opendkim.read(folder / "x", "h")


NAMES = sorted({*directives.NEEDLESS, *directives.UNSUPPORTED, "Mode", "Socket", "KeyFile"})
NAMES += ["Domain", "Selector", "InternalHosts", "MTA", "MacroList", "UMask", "PeerList", "UserID"]
NAMES += ["Canonicalization", "SignatureTTL", "Nameservers", "On-BadSignature", "OversignHeaders"]
VALUES = st.sampled_from(["sv", "s", "yes", "inet:8891", "/x", "a.example", "10.0.0.0/8", "7", "r"])
KINDS = kinds_of_listeners()
LINES = st.tuples(st.sampled_from(NAMES), VALUES | st.text(max_size=12)).map(" ".join)


def number_of_errors(file: Path) -> int:
    try:
        generation.read(file, KINDS)
    except BadConfiguration as fault:
        return len(fault.errors)
    return 0


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_any_file_is_toml_or_refused_with_a_sentence(text: str) -> None:
    with TemporaryDirectory() as name:
        conf = Path(name) / "opendkim.conf"
        conf.write_text(f"Mode v\nSocket inet:8891\n{text}", encoding="utf-8")
        try:
            imported = opendkim.read(conf, "host.example")
        except BadArgument:
            return
        assert tomllib.loads(imported.text())["listen"]
        differences.note_refusals(imported)
        mended = sum(note.startswith("fix ") for note in imported.notes)
        file = Path(name) / "mailauth.toml"
        file.write_text(imported.text(), encoding="utf-8")
        assert number_of_errors(file) == mended


def test_the_command(folder: Path) -> None:
    (folder / "c").write_text("Mode v\nSocket inet:8891\n")
    done = process("import", "opendkim", str(folder / "c"), "--hostname", "mx.example.org")
    assert done.returncode == 0
    assert b'authserv_id = "mx.example.org"' in done.stdout
    done = process("import", "opendkim", str(folder / "none"))
    assert done.returncode == 2
    assert b"cannot be read" in done.stderr


def test_what_check_config_would_refuse_is_a_note(folder: Path) -> None:
    (folder / "c").write_text("Mode v\nSocket inet:8891\nAuthservID a_b\nNameservers x\n")
    done = process("import", "opendkim", str(folder / "c"))
    assert done.returncode == 0
    start = "# NOTE: fix "
    notes = [line for line in done.stdout.decode().splitlines() if line.startswith(start)]
    assert [note.removeprefix(start)[:45] for note in notes] == [
        "dns.nameservers[1]: 'x' is not a nameserver: ",
        "verifying.authserv_id: a label with something",
    ]


def test_every_directive_of_the_manual_is_known() -> None:
    """Those that the manual page of Debian's opendkim names, if it is installed."""
    page = Path("/usr/share/man/man5/opendkim.conf.5.gz")
    if not page.exists():
        pytest.skip("opendkim is not installed")
    names = {
        line.split()[1].lower()
        for line in gzip.decompress(page.read_bytes()).decode().splitlines()
        if line.startswith(".I ") and line.rstrip().endswith(")") and "(" not in line.split()[1]
    }
    names = {name for name in names if name.replace("-", "").isalnum()}
    source = Path(opendkim.__file__).read_text().lower()
    known = {*directives.NEEDLESS, *directives.UNSUPPORTED, "include"}
    assert {name for name in names - known if f'"{name}"' not in source} == set()
