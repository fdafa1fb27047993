"""A message as a whole: one signature, SPF with two includes, DMARC.

First with every answer remembered; then with none, where wall-clock time counts,
because waiting is what is saved.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Any

import authheaders
import dns.resolver
import spf as pyspf

from bench import corpus, slowdns
from bench.dkim import DOMAIN, NOW, SELECTOR, signed_by
from bench.measure import Cell, Contestant, Goal, contestant
from bench.spf import read_zone
from mailauth import dkim
from mailauth.authenticate import METHODS, authenticate
from mailauth.dns import AsyncResolver, Question, Resolver, RRType, Zone
from mailauth.keys import PrivateKey
from peers.messages import Arrival, node_mailauth

AUTHSERV_ID = "mx.example.net"
SPF_ALONE = "mailauth, SPF alone"
WITH_SUFFIXES = "authheaders, suffixes remembered"
CLIENT, HELO, SENDER = "203.0.113.77", f"mx.{DOMAIN}", f"sender@{DOMAIN}"
RECORDS = [
    f"{DOMAIN} TXT v=spf1 include:_spf.suite.example include:_spf.provider.example -all",
    "_spf.suite.example TXT v=spf1 ip4:35.190.247.0/24 ip4:64.233.160.0/19 ip6:2001:4860::/36 ~all",
    "_spf.provider.example TXT v=spf1 ip4:198.51.100.0/25 ip4:203.0.113.0/24 ~all",
    f"{HELO} TXT v=spf1 ip4:{CLIENT} -all",
    f"_dmarc.{DOMAIN} TXT v=DMARC1; p=reject; rua=mailto:reports@{DOMAIN}",
]
WAITING = time.perf_counter
"""The clock of those that wait for the DNS."""
ARRIVAL: dict[str, Any] = {"ip": CLIENT, "helo": HELO, "mail_from": SENDER}
WAIT = 0.05
"""Seconds that the nameserver of the second cell takes for each answer."""
_LOOKUP = pyspf.DNSLookup


def cells(folder: Path) -> Iterator[Cell]:
    """The two cells; a peer reads its files from `folder`."""
    key = PrivateKey.generate()
    signed = signed_by(key, corpus.text(), now=NOW)
    record = dkim.KeyRecord.for_key(key.public_key).format()
    lines = [*RECORDS, f"{SELECTOR}._domainkey.{DOMAIN} TXT {record}"]
    zone_file, message = folder / "message.zone", folder / "message.eml"
    zone_file.write_text("".join(f"{line}\n" for line in lines))
    message.write_bytes(signed)
    zone = read_zone(lines)
    contestants = [
        contestant("mailauth", _checked(_ours(zone, signed))),
        contestant("authheaders", _checked(_authheaders(zone, signed))),
        contestant(WITH_SUFFIXES, _checked(_with_suffixes(_authheaders(zone, signed)))),
    ]
    peer = node_mailauth()
    if not peer.missing:
        arrival = Arrival(zone_file, message, CLIENT, HELO, SENDER)
        assert peer.results(arrival) == ["pass", "pass", "pass"]
        contestants.append(Contestant(peer.name, lambda count: peer.seconds(arrival, count)))
    goals = [Goal("authheaders", 5), Goal(peer.name, 3)]
    yield Cell("judge a message, 2 KB text", contestants, goals)
    with slowdns.serve(zone, WAIT) as port:
        yield Cell(
            f"judge a message, answers in {WAIT * 1000:.0f} ms, none remembered",
            [
                contestant("mailauth", _checked(_by_thread(port, signed, METHODS)), WAITING),
                contestant("mailauth, asyncio", _checked(_by_task(port, signed)), WAITING),
                contestant(SPF_ALONE, _by_thread(port, signed, {"spf"}), WAITING),
                contestant("authheaders", _checked(_authheaders_asking(port, signed)), WAITING),
            ],
            [Goal(SPF_ALONE, 0.9)],
        )


def _checked(work: Callable[[], str]) -> Callable[[], object]:
    """The same work, once it has been seen to give the right result."""
    told = work()
    assert all(word in told for word in ("spf=pass", "dkim=pass", "dmarc=pass")), told
    return work


def _ours(zone: Zone, message: bytes) -> Callable[[], str]:
    def work() -> str:
        report = zone.run(authenticate(message, now=NOW, **ARRIVAL))
        return report.field(AUTHSERV_ID).decode()

    return work


def _authheaders(zone: Zone, message: bytes) -> Callable[[], str]:
    """The package authheaders with pyspf and dkimpy, whose questions go to the zone."""

    def ask_txt(name: str | bytes, timeout: int = 5) -> str | None:
        del timeout
        text = name.decode() if isinstance(name, bytes) else name
        records = zone.resolve(Question(text.rstrip("."), RRType.TXT)).records
        return records[0].decode() if records else None

    def ask(name: str, rrtype: str, *_: object, **__: object) -> list[Any]:
        found = ask_txt(name) if rrtype == "TXT" else None
        return [((name, rrtype), (found.encode(),))] if found else []

    pyspf.DNSLookup = ask
    return lambda: str(
        authheaders.authenticate_message(
            message, AUTHSERV_ID, spf=True, ip=CLIENT, mail_from=SENDER, helo=HELO, dnsfunc=ask_txt
        )
    )


def _with_suffixes(work: Callable[[], str]) -> Callable[[], str]:
    """The same work, with results from the public suffix list remembered.

    Otherwise it reads the list three times for each message, which dwarfs everything else.
    """
    find = authheaders.get_org_domain
    remembered = cache(find)

    def remembering() -> str:
        authheaders.get_org_domain = remembered
        try:
            return work()
        finally:
            authheaders.get_org_domain = find

    return remembering


def _by_thread(port: int, message: bytes, methods: AbstractSet[str]) -> Callable[[], str]:
    def work() -> str:
        resolver = Resolver([f"127.0.0.1:{port}"])
        report = resolver.run(authenticate(message, now=NOW, methods=methods, **ARRIVAL))
        return report.field(AUTHSERV_ID).decode()

    return work


def _by_task(port: int, message: bytes) -> Callable[[], str]:
    async def judge() -> str:
        resolver = AsyncResolver([f"127.0.0.1:{port}"])
        report = await resolver.run(authenticate(message, now=NOW, **ARRIVAL))
        return report.field(AUTHSERV_ID).decode()

    return lambda: asyncio.run(judge())


def _authheaders_asking(port: int, message: bytes) -> Callable[[], str]:
    """The package authheaders, which asks one question after another."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port

    def work() -> str:
        dns.resolver.default_resolver, pyspf.DNSLookup = resolver, _LOOKUP
        return str(authheaders.authenticate_message(message, AUTHSERV_ID, spf=True, **ARRIVAL))

    return _with_suffixes(work)
