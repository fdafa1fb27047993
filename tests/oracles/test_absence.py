"""On a machine without it, a peer is missing and says so; its tests are skipped, and none fails."""

from collections.abc import Callable

import pytest

import peers
from peers import spf, srs

PEERS: list[Callable[[], peers.Peer | spf.SPFPeer | srs.SRSPeer]] = [
    peers.opendkim,
    peers.maildkim,
    spf.libspf2,
    spf.mail_spf,
    srs.mail_srs,
]


@pytest.mark.parametrize("find", PEERS, ids=lambda find: find.__name__)
def test_a_peer_whose_program_is_not_there(
    find: Callable[[], peers.Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    find_anew = find.__wrapped__  # type: ignore[attr-defined]
    assert "not installed" in find_anew().missing
