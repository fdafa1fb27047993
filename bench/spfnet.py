"""SPF over the network: a thousand clients of a hundred domains, asked of a real nameserver.

Here wall-clock time counts, because waiting is what is saved; every round begins with an
empty cache.
"""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.resolver
import spf as pyspf

from bench.measure import Cell, Contestant, Goal
from mailauth import spf
from mailauth.dns import AsyncResolver

HELO = "mx.client.example"
CHECKS, DOMAINS = 1000, 100
CLIENTS = [(f"203.0.113.{n % 200 + 1}", f"ada@d{n % DOMAINS}.example") for n in range(CHECKS)]


def cells(folder: Path) -> Iterator[Cell]:
    """The one cell, if Debian's knot is installed."""
    if shutil.which("knotd") is None:
        print("without the cell of SPF over the network: knotd is not installed")
        return
    with _nameserver(folder) as port:
        yield Cell(
            f"SPF over the network, {CHECKS} checks",
            [Contestant("mailauth", lambda n: _ours(port, n)),
             Contestant("pyspf", lambda n: _pyspf(port, n))],
            [Goal("pyspf", 10)],
        )  # fmt: skip


def _ours(port: int, count: int) -> float:
    async def check() -> None:
        resolver = AsyncResolver([f"127.0.0.1:{port}"])
        checks = [spf.check(ip=ip, helo=HELO, sender=sender) for ip, sender in CLIENTS]
        verdicts = await resolver.run_all(checks)
        assert all(verdict.result is spf.Result.PASS for verdict in verdicts)

    begin = time.perf_counter()
    for _ in range(count):
        asyncio.run(check())
    return time.perf_counter() - begin


def _pyspf(port: int, count: int) -> float:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    dns.resolver.default_resolver = resolver
    begin = time.perf_counter()
    for _ in range(count):
        for ip, sender in CLIENTS:
            assert pyspf.query(ip, sender, HELO, strict=True).check()[0] == "pass"
    return time.perf_counter() - begin


@contextmanager
def _nameserver(folder: Path) -> Iterator[int]:
    """Knot with the zone `example`, on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "example.zone").write_text("\n".join(_zone()) + "\n")
    (folder / "knot.conf").write_text(
        f"server:\n    listen: 127.0.0.1@{port}\n    rundir: {folder}\n    udp-workers: 1\n"
        f"database:\n    storage: {folder}\n"
        f"zone:\n  - domain: example\n    file: {folder}/example.zone\n"
    )
    knot = subprocess.Popen(
        ["knotd", "-c", str(folder / "knot.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        knot.terminate()
        knot.wait()


def _wait_for(port: int) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    for _ in range(100):
        try:
            resolver.resolve("ns.example", "A", lifetime=0.2)
        except (dns.resolver.NoNameservers, dns.resolver.LifetimeTimeout):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("knotd does not answer")


def _zone() -> Iterator[str]:
    yield "$ORIGIN example."
    yield "$TTL 3600"
    yield "@ SOA ns hostmaster 1 3600 600 86400 300"
    yield "@ NS ns"
    yield "ns A 127.0.0.1"
    yield '_spf.suite TXT "v=spf1 include:_n1.suite.example include:_n2.suite.example ~all"'
    yield '_n1.suite TXT "v=spf1 ip4:35.190.0.0/20 ip4:64.233.160.0/19 ~all"'
    yield '_n2.suite TXT "v=spf1 ip4:172.217.0.0/19 ~all"'
    for number in range(DOMAINS):
        record = "v=spf1 mx include:_spf.suite.example ip4:203.0.113.0/24 -all"
        yield f'd{number} TXT "{record}"'
        yield f"d{number} MX 10 mx.d{number}"
        yield f"mx.d{number} A 192.0.2.1"
