"""SRS: pairs of forward and reverse in our library, compared with others."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Cell, Contestant, Goal, contestant
from mailauth import srs
from peers.srs import SRSPeer, mail_srs, pysrs

SECRET = b"tops3cr3t\n"
SECRETS = srs.Secrets.parse(SECRET)


def cells(folder: Path) -> Iterator[Cell]:
    """The one cell; peers read their secret from `folder`."""
    path = folder / "srs-secret"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    others = [_peer(peer, path) for peer in (pysrs(), mail_srs()) if not peer.missing]
    yield Cell(
        "SRS, forward and reverse",
        [contestant("mailauth", _pair), *others],
        [Goal("pysrs", 1.6), Goal("Mail::SRS", 4)],
    )


def _pair() -> None:
    now = int(time.time())
    sent = srs.forward("test@otherdomain.com", domain="example.com", secrets=SECRETS, now=now)
    srs.reverse(sent, secrets=SECRETS, now=now)


def _peer(peer: SRSPeer, secret: Path) -> Contestant:
    return Contestant(peer.name, lambda count: peer.seconds(secret, count))
