"""`mailauth check --weak-keys`: moduli that can be factored, and those that cannot."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import mail
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from program import Run

from mailauth.cli.opinions.weakness import weakness

LARGE = 2**1024 + 643
OF_THE_CHIP = 0x924CBA6AE99DFA084537FACC54948DF0C23DA044D8CABE0EDD75BC6
"""The product of the small primes modulo which the chip's primes are powers of 65537."""
WEAK = {
    "close": LARGE * (LARGE + 2),
    "ROCA": pow(65537, 12345, OF_THE_CHIP) + OF_THE_CHIP * (2**2048 // OF_THE_CHIP),
    "small factor": 3 * (2**2047 + 9),
}


def octets(modulus: int) -> bytes:
    key = RSAPublicNumbers(65537, modulus).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.oracle
@pytest.mark.parametrize("says", WEAK)
def test_KEY_18_a_key_that_can_be_factored_is_told(run: Run, desk: Path, says: str) -> None:
    record = f"v=DKIM1; p={b64encode(octets(WEAK[says])).decode()}"
    (desk / "weak.json").write_text(json.dumps({"s._domainkey.example.com": {"TXT": [record]}}))
    done = run("check", "example.com", "-s", "s", "--weak-keys", "--zone", "weak.json")
    assert done.status == 1
    (line,) = [line for line in done.text.splitlines() if "broken-key" in line]
    assert says in line


@pytest.mark.oracle
@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_KEY_18_a_sound_key_is_not(run: Run, key_type: str) -> None:
    given = ("check", "example.com", "-s", key_type, "--zone", "zone.json")
    assert run(*given, "--weak-keys").text == run(*given).text


@pytest.mark.oracle
def test_KEY_18_a_key_of_a_published_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lists have been fetched, in the form that badkeys keeps them."""
    from hashlib import sha256

    from badkeys.allkeys import block

    key = mail.key("rsa").public_key
    loaded = load_der_public_key(key.octets)
    assert isinstance(loaded, RSAPublicKey)
    modulus = loaded.public_numbers().n
    assert weakness(key) == ""
    digest = sha256(modulus.to_bytes(key.size // 8, "big")).digest()[:15]
    (tmp_path / "blocklist.dat").write_bytes(digest + b"\x01")
    (tmp_path / "badkeysdata.json").write_text('{"blocklists": [{"id": 1, "name": "debian"}]}')
    monkeypatch.setattr(block, "_cachedir", lambda: f"{tmp_path}/")
    assert "Debian" in weakness(key)


def test_without_badkeys_it_says_how_to_get_it(run: Run, lack: Callable[[str], None]) -> None:
    lack("badkeys")
    done = run("check", mail.DOMAIN, "-s", "rsa", "--weak-keys", "--zone", "zone.json")
    assert done.refused
    assert done.complaint.endswith("pip install '.[badkeys]' in a clone of mailauth\n")
