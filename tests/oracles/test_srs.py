"""pysrs, Mail::SRS and postsrsd, with the same secret, on generated addresses, both ways."""

import random
import time
from pathlib import Path

import pytest

from mailauth import srs
from peers.srs import SRSPeer, mail_srs, postsrsd, pysrs

pytestmark = pytest.mark.oracle

SECRET = b"a shared secret\n"
SECRETS = srs.Secrets.parse(SECRET)
ATOMS = "abcdefXYZ0189!#$%&'*+/=?^_`{|}~-"


@pytest.fixture(params=[pysrs, mail_srs, postsrsd], ids=["pysrs", "Mail::SRS", "postsrsd"])
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
        elif dice.random() < 0.1:
            local = f"SRS1=abcd=first.example={dice.choice('=+-')}ab=2W=a.example={local[:9]}"
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
    assert [srs.reverse(each, secrets=SECRETS, now=now) for each in theirs] == origins(wanted)
    ours = [
        srs.forward(sender, domain="forwarder.example", secrets=SECRETS, now=now)
        for sender in wanted
    ]
    assert peer.answers(secret, [f"reverse {address}" for address in ours]) == origins(wanted)


def origins(senders: list[str]) -> list[str]:
    """Where a bounce to each belongs, once it is forwarded: that of SRS1 to the first forwarder."""
    found = []
    for sender in senders:
        local, _, host = sender.rpartition("@")
        if local.startswith("SRS1"):
            _, _, host, rest = local.split("=", 3)
            local = f"SRS0{rest}"
        found.append(f"{local}@{host}")
    return found


def test_SRS_14_both_survive_a_mail_system_that_folds_case(peer: SRSPeer, secret: Path) -> None:
    now = int(time.time())
    wanted = [f"user{number}@host{number}.example" for number in range(60)]
    theirs = peer.answers(secret, [f"forward {sender} forwarder.example" for sender in wanted])
    assert [srs.reverse(each.lower(), secrets=SECRETS, now=now) for each in theirs] == wanted
    ours = [
        srs.forward(each, domain="forwarder.example", secrets=SECRETS, now=now) for each in wanted
    ]
    assert peer.answers(secret, [f"reverse {each.lower()}" for each in ours]) == wanted


def test_SRS_11_postsrsd_leaves_quotes_inside(secret: Path) -> None:
    peer = postsrsd()
    if peer.missing:
        pytest.skip(peer.missing)
    wanted = ['"a_b"@b.example', '"a@b"@b.example', "\u00fc\udcff@b.example"]
    theirs = peer.answers(secret, [f"forward {sender} c.example" for sender in wanted])
    now = int(time.time())
    assert srs.reverse(theirs[0], secrets=SECRETS, now=now) == wanted[0]
    assert theirs[1].startswith("SRS0=")
    assert theirs[1].endswith('=b"@b.example="a@c.example')  # it divides at the first @
    assert srs.forward(wanted[2], domain="c.example", secrets=SECRETS, now=now) == theirs[2]
    assert srs.reverse(theirs[2], secrets=SECRETS, now=now) == wanted[2]


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
