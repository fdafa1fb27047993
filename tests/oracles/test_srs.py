"""pysrs and Mail::SRS, with the same secret, on generated addresses, both ways."""

import random
import time
from pathlib import Path

import pytest

from mailauth import srs
from peers.srs import SRSPeer, mail_srs, pysrs

pytestmark = pytest.mark.oracle

SECRET = b"a shared secret\n"
SECRETS = srs.Secrets.parse(SECRET)
ATOMS = "abcdefXYZ0189!#$%&'*+/=?^_`{|}~-"


@pytest.fixture(params=[pysrs, mail_srs], ids=["pysrs", "Mail::SRS"])
def peer(request: pytest.FixtureRequest) -> SRSPeer:
    """Another implementation."""
    found: SRSPeer = request.param()
    if found.missing:
        pytest.skip(found.missing)
    return found


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The file with the secret."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


def senders() -> list[str]:
    dice = random.Random(7208)
    found = []
    for _ in range(400):
        local = "".join(dice.choices(ATOMS, k=dice.randint(1, 14)))
        if dice.random() < 0.2:
            local = f"SRS0{dice.choice('=+-')}abcd=2W=first.example={local}"
        host = "".join(dice.choices("abcXYZ09-", k=dice.randint(1, 12)))
        found.append(f"{local}@{host}.example")
    return found


def test_both_make_the_same_addresses(peer: SRSPeer, secret: Path) -> None:
    now = int(time.time())
    wanted = senders()
    theirs = peer.answers(secret, [f"forward {sender} forwarder.example" for sender in wanted])
    passing = srs.Scheme(long_senders=srs.LongSenders.PASS)
    for sender, address in zip(wanted, theirs, strict=True):
        ours = srs.forward(
            sender, domain="forwarder.example", secrets=SECRETS, now=now, scheme=passing
        )
        if ours != sender:  # they write local parts of more than 64 octets
            assert ours == address


def test_each_reverses_what_the_other_made(peer: SRSPeer, secret: Path) -> None:
    now = int(time.time())
    wanted = [sender for sender in senders() if len(sender) < 50]
    theirs = peer.answers(secret, [f"forward {sender} forwarder.example" for sender in wanted])
    assert [srs.reverse(each, secrets=SECRETS, now=now) for each in theirs] == wanted
    ours = [
        srs.forward(sender, domain="forwarder.example", secrets=SECRETS, now=now)
        for sender in wanted
    ]
    assert peer.answers(secret, [f"reverse {address}" for address in ours]) == wanted


def test_both_refuse_the_same(peer: SRSPeer, secret: Path) -> None:
    now = int(time.time())
    address = srs.forward("ada@b.example", domain="c.example", secrets=SECRETS, now=now)
    forged = [address.replace("ada", "ads"), address.replace("b.ex", "e.ex"), "ada@c.example"]
    assert all(
        each.startswith("!")
        for each in peer.answers(secret, [f"reverse {each}" for each in forged])
    )
    for each in forged:
        with pytest.raises(srs.SRSError):
            srs.reverse(each, secrets=SECRETS, now=now)
