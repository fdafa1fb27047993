"""SPF: a simple record, a typical company's, and one at the limits; zones in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import spf as pyspf

from bench.measure import Cell, Contestant, Goal, contestant
from mailauth import spf
from mailauth.dns import Question, RRType, Zone
from peers.spf import SPFPeer, blitiri, libspf2

HELO = "mx.client.example"
CLIENT = "203.0.113.77"
NETBLOCKS = [
    [f"ip4:35.{190 + n}.{16 * n}.0/20" for n in range(8)],
    [f"ip6:2001:4860:{n:x}000::/36" for n in range(6)],
    [f"ip4:172.{217 + n}.{32 * n}.0/19" for n in range(7)],
]
MAILSERVERS = [f"ip4:40.{92 + n}.0.0/15" for n in range(0, 16, 2)]
MACROS = {
    "%{ir}.%{v}": "77.113.0.203.in-addr",
    "%{l}.%{d}": "ada.heavy.example",
    "%{l1r-}.%{o}": "ada.heavy.example",
    "%{h2}": "client.example",
    "%{ir}.%{l1r+-}": "77.113.0.203.ada",
    "%{i}._h.%{h}": "203.0.113.77._h.mx.client.example",
}
"""Names in the heavy record, and what they expand to."""


def cells(folder: Path) -> Iterator[Cell]:
    """The three cells; peers read their zones from `folder`."""
    yield _cell(folder, "simple", _simple(), [Goal("pyspf", 10), Goal("libspf2", 0.45)])
    typical = [Goal("pyspf", 25), Goal("libspf2", 1), Goal("blitiri", 1)]
    yield _cell(folder, "typical", _typical(), typical)
    yield _cell(folder, "heavy", _heavy(), [Goal("pyspf", 10), Goal("libspf2", 0.45)])


def _simple() -> list[str]:
    networks = " ".join(f"ip4:198.51.100.{16 * n}/28" for n in range(6))
    return [f"simple.example TXT v=spf1 {networks} ip4:{CLIENT} -all"]


def _typical() -> list[str]:
    """Two includes and six look-ups: the MX, a suite of netblocks, and a provider."""
    ends = [f"_netblocks{n}.suite.example" for n in range(3)]
    return [
        "typical.example TXT v=spf1 mx include:_spf.suite.example include:provider.example ~all",
        "typical.example MX mx.typical.example",
        "mx.typical.example A 192.0.2.1",
        f"_spf.suite.example TXT v=spf1 {' '.join(f'include:{end}' for end in ends)} ~all",
        *[
            f"{end} TXT v=spf1 {' '.join(block)} ~all"
            for end, block in zip(ends, NETBLOCKS, strict=True)
        ],
        f"provider.example TXT v=spf1 {' '.join(MAILSERVERS)} ip4:203.0.113.0/24 -all",
    ]


def _heavy() -> list[str]:
    """Ten look-ups, most of them of names with macros, and none of them void."""
    terms = [f"a:{each}._{n}.heavy.example" for n, each in enumerate(MACROS)]
    names = [f"{each}._{n}.heavy.example" for n, each in enumerate(MACROS.values())]
    terms += ["a:a.heavy.example", "a:b.heavy.example", "include:_spf.%{d}", "a:c.heavy.example"]
    names += ["a.heavy.example", "b.heavy.example"]
    return [
        f"heavy.example TXT v=spf1 {' '.join(terms)} -all",
        "_spf.heavy.example TXT v=spf1 ip4:192.0.2.0/28 ~all",
        *[f"{name} A 192.0.2.9" for name in names],
        f"c.heavy.example A {CLIENT}",
    ]


def _cell(folder: Path, name: str, lines: list[str], goals: list[Goal]) -> Cell:
    path = folder / f"{name}.zone"
    path.write_text("".join(f"{line}\n" for line in lines))
    sender = f"ada@{name}.example"
    question = f"{CLIENT} {HELO} {sender}"
    zone = read_zone(lines)
    ours = zone.run(spf.check(ip=CLIENT, helo=HELO, sender=sender))
    assert ours.result is spf.Result.PASS, ours.reason
    for peer in (libspf2(), blitiri()):
        assert peer.missing or peer.answers(str(path), [question]) == ["pass"], peer.name
    contestants = [
        contestant("mailauth", _ours(zone, sender)),
        contestant("pyspf", _pyspf(zone, sender)),
        *[_peer(peer, path, question) for peer in (libspf2(), blitiri()) if not peer.missing],
    ]
    return Cell(f"SPF, {name} record", contestants, goals)


def _ours(zone: Zone, sender: str) -> Callable[[], object]:
    return lambda: zone.run(spf.check(ip=CLIENT, helo=HELO, sender=sender))


def _pyspf(zone: Zone, sender: str) -> Callable[[], object]:
    class Query(pyspf.query):  # type: ignore[misc]
        def dns(self, name: str, rrtype: str, *_: object, **__: object) -> list[Any]:
            if rrtype not in _TYPES:
                return []
            answer = zone.resolve(Question(name.rstrip("."), RRType(rrtype)))
            if rrtype == "TXT":
                return [(record,) for record in answer.records]
            if rrtype == "MX":
                return [(mx.preference, mx.host) for mx in answer.records]
            return [str(record) for record in answer.records]

    return lambda: Query(CLIENT, sender, HELO, strict=True).check()


_TYPES = {str(rrtype) for rrtype in RRType}


def _peer(peer: SPFPeer, zone: Path, question: str) -> Contestant:
    return Contestant(peer.name, lambda count: peer.seconds(str(zone), question, count))


def read_zone(lines: list[str]) -> Zone:
    """The zone of these lines, each `NAME TYPE DATA`."""
    nodes: dict[str, dict[str, list[Any]]] = {}
    for line in lines:
        name, rrtype, data = line.split(" ", 2)
        record = [10, data] if rrtype == "MX" else data
        nodes.setdefault(name, {}).setdefault(rrtype, []).append(record)
    return Zone(nodes)
