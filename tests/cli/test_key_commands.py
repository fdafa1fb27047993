"""`mailauth keygen`, `record` and `testkey`: from a key file to the record that fits it."""

import json
import os
import stat
from base64 import b64decode, b64encode
from pathlib import Path

import mail
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from program import Done, Run

from mailauth.dns import Question, RRType, Zone
from mailauth.keys import PrivateKey

LONG_DOMAIN = ".".join(["b" * 60] * 3)


def public_pem(path: Path) -> bytes:
    key = load_pem_private_key(path.read_bytes(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_der(path: Path) -> bytes:
    key = load_pem_private_key(path.read_bytes(), None).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def published(zone: Zone, selector: str) -> bytes:
    (octets,) = zone.resolve(Question(f"{selector}._domainkey.{mail.DOMAIN}", RRType.TXT)).records
    assert isinstance(octets, bytes)
    return octets


@pytest.mark.parametrize(("key_type", "bits"), [("rsa", 2048), ("ed25519", 256)])
def test_keygen_prints_the_record_alone(run: Run, desk: Path, key_type: str, bits: int) -> None:
    done = run("keygen", "-d", "Example.COM", "-s", "new", "--type", key_type)
    path = desk / "new.example.com.pem"
    assert done.status == 0
    assert done.complaint == f"The private key is in {path.name}; publish this record:\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PrivateKey.read(path).size == bits
    zone = Zone.from_master_file(done.text)
    assert published(zone, "new").startswith(f"v=DKIM1; k={key_type}; p=".encode())
    (desk / "new.zone").write_text(done.text)
    tested = run("testkey", "-d", mail.DOMAIN, "-s", "new", "-k", path.name, "--zone", "new.zone")
    assert tested.text == "ok: the key at new._domainkey.example.com is the one that signs\n"


def test_keygen_in_a_folder_and_of_a_size(run: Run, desk: Path) -> None:
    (desk / "keys").mkdir()
    done = run("keygen", "-d", "bücher.example", "-s", "s", "--bits", "1024", "-o", "keys")
    assert done.status == 0
    assert done.complaint.splitlines()[1:] == [
        "warning short-key: an RSA key of 1024 bits; 2048 are advised (RFC 8301 §3.2) (p=)"
    ]
    assert PrivateKey.read(desk / "keys" / "s.xn--bcher-kva.example.pem").size == 1024


def test_keygen_never_overwrites(run: Run, desk: Path) -> None:
    (desk / "s.example.com.pem").write_text("precious")
    assert run("keygen", "-d", mail.DOMAIN, "-s", "s", "--type", "ed25519").refused
    assert (desk / "s.example.com.pem").read_text() == "precious"


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "../etc", "-s", "s"],
        ["-d", mail.DOMAIN, "-s", "a/b"],
        ["-d", mail.DOMAIN, "-s", "s", "-o", "none"],
        ["-d", mail.DOMAIN, "-s", "s", "--bits", "512"],
        ["-d", mail.DOMAIN, "-s", "s", "--bits", "0"],
        ["-d", mail.DOMAIN, "-s", "sel."],
        ["-d", LONG_DOMAIN, "-s", "a" * 63],
        ["-d", mail.DOMAIN, "-s", "s", "--bits", "2048", "--type", "ed25519"],
    ],
    ids=["domain", "selector", "folder", "weak", "no bits", "label", "long", "bits"],
)
def test_what_keygen_refuses(run: Run, desk: Path, arguments: list[str]) -> None:
    before = sorted(desk.iterdir())
    assert run("keygen", *arguments).refused
    assert sorted(desk.iterdir()) == before


@pytest.mark.parametrize("command", ["keygen", "record", "testkey"])
def test_a_name_that_the_dns_cannot_have_is_told(run: Run, command: str) -> None:
    named = ["-d", LONG_DOMAIN, "-s", "a" * 63]
    key = ["-k", "rsa.pem"]
    arguments = {
        "keygen": ["keygen", *named],
        "record": ["record", "dkim", *named, *key],
        "testkey": ["testkey", *named, *key, "--zone", "zone.json"],
    }
    done = run(*arguments[command])
    assert done.refused
    assert "has more than 253 octets" in done.complaint


@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_records_of_either_half_are_the_same(run: Run, desk: Path, key_type: str) -> None:
    (desk / "public.pem").write_bytes(public_pem(desk / f"{key_type}.pem"))
    named = ["-d", mail.DOMAIN, "-s", "s"]
    (desk / "public.der").write_bytes(public_der(desk / f"{key_type}.pem"))
    for rest in ([], named, [*named, "--format", "json", "--testing", "--strict"]):
        private = run("record", "dkim", "-k", f"{key_type}.pem", *rest)
        assert private.status == 0
        assert run("record", "dkim", "-k", "public.pem", *rest) == private
        assert run("record", "dkim", "-k", "public.der", *rest) == private


def test_forms_of_a_record(run: Run) -> None:
    def record(*arguments: str) -> str:
        done = run("record", "dkim", "-k", "ed25519.pem", *arguments)
        assert done.status == 0
        assert ("testing: t=y" in done.complaint) == ("--testing" in arguments)
        return done.text

    named = ["-d", mail.DOMAIN, "-s", "s"]
    assert record() == f'"{mail.record("ed25519")}"\n'
    assert record("--format", "plain") == f"{mail.record('ed25519')}\n"
    assert published(Zone.from_master_file(record(*named)), "s").decode() == mail.record("ed25519")
    flagged = record(*named, "--format", "json", "--testing", "--strict")
    assert json.loads(flagged).keys() == {"s._domainkey.example.com"}
    assert b"t=y:s" in published(Zone.from_json(flagged), "s")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-k", "rsa.pem", "--format", "json"], "give -d and -s"),
        (["-k", "rsa.pem", "--format", "zone", "-d", mail.DOMAIN], "give -d and -s"),
        (["-k", "rsa.pem", "-d", "a b", "-s", "s"], "'a b'"),
        (["-k", "none.pem"], "none.pem does not exist"),
        (["-k", "torn.pem"], "torn.pem: the public key cannot be read; export it again"),
        (["-k", "curve.pem"], "curve.pem: the public key is of another kind"),
        (["-k", "curve.der"], "curve.der: the public key is of another kind"),
        (["-k", "junk.der"], "chmod 600 junk.der"),
        (["-k", "fifo"], "fifo is not a regular file"),
        (["-k", "nul\0.pem"], "NUL"),
    ],
)
def test_what_record_refuses(run: Run, desk: Path, arguments: list[str], reason: str) -> None:
    (desk / "torn.pem").write_bytes(public_pem(desk / "rsa.pem")[:80])
    curve = generate_private_key(SECP256R1()).public_key()
    (desk / "curve.pem").write_bytes(
        curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (desk / "curve.der").write_bytes(
        curve.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    (desk / "junk.der").write_bytes(public_der(desk / "rsa.pem")[:80])
    os.mkfifo("fifo")
    done = run("record", "dkim", *arguments)
    assert done.refused
    assert reason in done.complaint


@pytest.mark.parametrize("order", ["public first", "private first"])
def test_OPS_01_a_private_key_beside_a_public_one_is_a_secret(
    run: Run, desk: Path, order: str
) -> None:
    both = [public_pem(desk / "rsa.pem"), (desk / "rsa.pem").read_bytes()]
    path = desk / "both.pem"
    path.write_bytes(b"".join(both if order == "public first" else reversed(both)))
    path.chmod(0o644)
    done = run("record", "dkim", "-k", "both.pem")
    assert done.refused
    assert done.complaint.endswith("run: chmod 600 both.pem\n")
    path.chmod(0o600)
    assert run("record", "dkim", "-k", "both.pem") == run("record", "dkim", "-k", "rsa.pem")


@pytest.mark.parametrize("command", ["record", "testkey", "sign"])
@pytest.mark.parametrize("form", ["PEM", "seed"])
def test_OPS_04_a_key_on_the_command_line_is_not_repeated(
    run: Run, command: str, form: str
) -> None:
    pem = mail.key("ed25519").pem()
    secret = pem.split(b"\n")[1]
    given = pem if form == "PEM" else b64encode(b64decode(secret)[-32:])
    named = ["-d", mail.DOMAIN, "-s", "s"]
    words = {"record": ["record", "dkim"], "testkey": ["testkey", *named], "sign": ["sign", *named]}
    done = run(*words[command], "-k", given.decode())
    assert done.refused
    assert "given where its path belongs" in done.complaint
    assert given.decode()[-20:] not in done.complaint


def test_a_public_key_does_not_sign(run: Run, desk: Path) -> None:
    (desk / "public.pem").write_bytes(public_pem(desk / "rsa.pem"))
    (desk / "public.pem").chmod(0o600)
    done = run("sign", "-d", mail.DOMAIN, "-s", "rsa", "-k", "public.pem", "mail.eml")
    assert done.refused
    assert "give the private one" in done.complaint


@pytest.mark.parametrize(
    ("record", "status", "text"),
    [
        (mail.record("rsa"), 0, "ok: the key at s._domainkey.example.com is the one that signs"),
        (mail.record("rsa", testing=True), 0, "(in testing: t=y)"),
        (mail.record("ed25519"), 1, "different: the key at s._domainkey.example.com"),
        ("v=DKIM1; p=", 1, "revoked: "),
        ("v=DKIM1; p=MA==", 1, "unusable: "),
        (mail.record("rsa").replace("k=", "h=sha1; k="), 1, "not allow sha256 (h=)"),
        (mail.record("rsa").replace("k=", "s=tlsrpt; k="), 1, "the key is not for email (s=)"),
        (mail.record("rsa").replace("k=", "h=sha1:sha256; s=email; k="), 0, "ok: "),
        (mail.record("rsa", strict=True), 0, "ok: "),
        ("v=spf1 -all", 1, "missing: no readable key"),
        ("v=DKIM1; p=*\x1b[2J", 1, "missing: no readable key"),
        (mail.record("rsa")[:255], 1, "p= is not base64; it ends after 255 octets"),
        (None, 1, "missing: no key at s._domainkey.example.com: there is no such name\n"),
        (["FAIL"], 75, "unknown: "),
    ],
)
def test_DKIM_41_testkey(
    run: Run, desk: Path, record: str | list[str] | None, status: int, text: str
) -> None:
    node = {"FAIL": ["TXT"]} if isinstance(record, list) else {"TXT": [record]}
    records = {} if record is None else {"s._domainkey.example.com": node}
    (desk / "zone.json").write_text(json.dumps(records))
    done = _testkey(run, "rsa.pem")
    assert done.status == status
    assert text in done.text
    assert done.text.count("\n") == 1
    assert done.text.rstrip("\n").isprintable()
    as_json = _testkey(run, "rsa.pem", "--json")
    (told,) = as_json.objects
    assert as_json.status == status
    assert done.text.startswith(f"{told['result']}: ")


def test_testkey_for_programs(run: Run, desk: Path) -> None:
    node = {"TXT": [mail.record("rsa", testing=True)]}
    (desk / "zone.json").write_text(json.dumps({"s._domainkey.example.com": node}))
    assert _testkey(run, "rsa.pem", "--json").objects == [
        {
            "domain": "example.com",
            "selector": "s",
            "result": "ok",
            "reason": "the key at s._domainkey.example.com is the one that signs",
            "testing": True,
            "secure": False,
        }
    ]


def test_testkey_finds_a_key_whose_name_has_the_domain_twice(run: Run, desk: Path) -> None:
    name = "s._domainkey.example.com.example.com"
    (desk / "zone.json").write_text(json.dumps({name: {"TXT": [mail.record("rsa")]}}))
    done = _testkey(run, "rsa.pem")
    assert done.status == 1
    assert done.text.endswith(f"; there is one at {name}: give the name without the domain\n")


@pytest.mark.parametrize("key_file", ["none.pem", "mail.eml"])
def test_testkey_needs_a_key(run: Run, key_file: str) -> None:
    assert _testkey(run, key_file).refused


def _testkey(run: Run, key_file: str, *more: str) -> Done:
    given = ("-d", mail.DOMAIN, "-s", "s", "-k", key_file, "--zone", "zone.json")
    return run("testkey", *given, *more)
