"""libspf2 with a zone, and Mail::SPF with a real nameserver, on generated zones."""

import random
from pathlib import Path
from typing import Any

import pytest
from nameserver import from_zone, serve

from mailauth import spf
from mailauth.dns import Zone
from peers.spf import SPFPeer, libspf2, mail_spf

pytestmark = [pytest.mark.oracle, pytest.mark.loopback]

NAMES = ["example.com", "one.example.com", "two.example.org"]
HOSTS = [*NAMES, "host.example.net"]
ADDRESSES = ["192.0.2.1", "192.0.2.77", "203.0.113.5"]
TERMS = [
    "a", "mx", "a/24", "ip4:192.0.2.0/26", "ip4:203.0.113.5", "ip6:2001:db8::/32", "x-y=1",
    "-ip4:192.0.2.77", "?a:host.example.net", "mx:two.example.org/24", "include:one.example.com",
    "include:two.example.org", "a:%{d2}", "a:%{o}", "a:one.%{d2}", "exists:%{d2}", "foo", "ip4:1.2",
]  # fmt: skip
ENDS = ["", " -all", " ~all", " ?all", " redirect=one.example.com"]


def zone_of(dice: random.Random) -> dict[str, dict[str, Any]]:
    """Every name has an address and a mail exchange: who counts void look-ups is another matter."""
    nodes: dict[str, dict[str, Any]] = {}
    for name in HOSTS:
        nodes[name] = {
            "A": [dice.choice(ADDRESSES)],
            "AAAA": [dice.choice(["2001:db8::1", "2001:db9::1"])],
            "MX": [[10, dice.choice(HOSTS)]],
        }
        if name in NAMES and dice.random() < 0.9:
            terms = dice.sample(TERMS, dice.randint(0, 4))
            if name != "example.com":  # no loops: they end differently, and all in permerror
                terms = [each for each in terms if "include" not in each]
            end = dice.choice(ENDS if name == "example.com" else ENDS[:4])
            nodes[name]["TXT"] = [" ".join(["v=spf1", *terms]) + end]
    return nodes


def ours(zone: Zone, question: str) -> str:
    ip, helo, sender = question.split()
    return zone.run(spf.check(ip=ip, helo=helo, sender=sender)).result.value


QUESTIONS = [f"{ip} host.example.net ada@example.com" for ip in (*ADDRESSES, "2001:db8::1")]


def compare(peer: SPFPeer, nodes: dict[str, dict[str, Any]], theirs: list[str]) -> None:
    zone = Zone(nodes)
    wanted = [ours(zone, question) for question in QUESTIONS]
    theirs = ["permerror" if each == "(invalid)" else each for each in theirs]  # libspf2's word
    assert theirs == wanted, f"{peer.name} on {nodes}"


def test_libspf2_comes_to_the_same(tmp_path: Path) -> None:
    """It expands %{d2} of a name of two labels to nothing, which RFC 7208 §7.3 has whole."""
    peer, dice = libspf2(), random.Random(7208)
    if peer.missing:
        pytest.skip(peer.missing)
    for number in range(120):
        nodes = zone_of(dice)
        for node in nodes.values():
            node["TXT"] = [text.replace("%{d2}", "%{d}") for text in node.get("TXT", [])]
        path = tmp_path / f"{number}.zone"
        lines = [
            f"{name} {rrtype} {record[1] if rrtype == 'MX' else record}\n"
            for name, node in nodes.items()
            for rrtype, records in node.items()
            for record in records
        ]
        path.write_text("".join(lines))
        compare(peer, nodes, peer.answers(str(path), QUESTIONS))


def test_mail_spf_comes_to_the_same() -> None:
    peer, dice = mail_spf(), random.Random(4408)
    if peer.missing:
        pytest.skip(peer.missing)
    for _ in range(12):
        nodes = zone_of(dice)
        with serve(from_zone(Zone(nodes))) as server:
            compare(peer, nodes, peer.answers(server.where.rpartition(":")[2], QUESTIONS))
