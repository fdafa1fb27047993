"""A program that answers look-ups on four ports until it is killed; `Lookups` starts and stops it.

    lookup_program.py FORWARD REVERSE EXISTS SOCKETMAP

The first three ports are tcp_tables of these maps.
"""

import asyncio
import logging
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field

from mailauth import srs
from mailauth.postfix import (
    DomainList,
    Limits,
    LookupProtocol,
    LookupServer,
    Reply,
    Request,
    Rewriting,
)

SECRETS = b"a secret for the tests\n"
SRS_DOMAIN = "srs.test"
OWN = ["fwd.test", "local.test", ".fwd.test"]
LOG = logging.getLogger("lookups")
MAPS = ("forward", "reverse", "exists", "")


@dataclass
class Lookups:
    """The running program and its ports."""

    ports: list[int]
    _program: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, __file__, *map(str, self.ports)]
        self._program = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._program.stdout is not None
        assert self._program.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        """Kill it, in the middle of whatever it does."""
        if self._program is not None:
            self._program.kill()
            self._program.communicate()
            self._program = None

    def tables(self, protocol: LookupProtocol) -> dict[str, str]:
        """The tables of main.cf, by the name of the map."""
        if protocol is LookupProtocol.SOCKETMAP:
            where = f"socketmap:inet:127.0.0.1:{self.ports[-1]}"
            return {name: f"{where}:{name}" for name in (*MAPS[:-1], "access")}
        return {
            name: f"tcp:127.0.0.1:{port}"
            for name, port in zip(MAPS, self.ports, strict=True)
            if name
        }


class _Log:
    """A watch that logs what is wrong."""

    def opened(self) -> None:
        """Not logged."""

    def closed(self) -> None:
        """Not logged."""

    def started(self, request: Request) -> None:
        """Not logged."""

    def ended(self, request: Request, reply: Reply) -> None:
        """Logged, for whoever looks why a test fails."""
        LOG.info("%s -> %s", request, reply)

    def failed(self, request: Request, fault: Exception) -> None:
        """Logged."""
        LOG.error("%s: %r", request, fault)

    def refused(self, line: str) -> None:
        """Logged."""
        LOG.error(line)

    violated = overdue = refused


async def _serve(ports: list[int]) -> None:
    rewriting = Rewriting(
        domain=SRS_DOMAIN,
        secrets=srs.Secrets.parse(SECRETS),
        more_domains=frozenset({"lists.test"}),
        left_alone=DomainList.of(OWN),
    )
    serving = []
    for name, port in zip(MAPS, ports, strict=True):
        server = LookupServer(
            LookupProtocol.TCP_TABLE if name else LookupProtocol.SOCKETMAP,
            lambda request: rewriting.answer(request, now=int(time.time())),
            map_name=name,
            limits=Limits(),
            watch=_Log(),
        )
        serving.append(server.serve(socket.create_server(("127.0.0.1", port))))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*serving)


if __name__ == "__main__":
    asyncio.run(_serve([int(port) for port in sys.argv[1:]]))
