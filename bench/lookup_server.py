"""`python -m bench.lookup_server KIND`: a server of one kind on a free port, which it prints.

KIND is tcp_table or socketmap, which run our server as a worker does; or echo, an asyncio
protocol that returns what it receives: the limit for any server of this sort.
"""

import asyncio
import socket
import sys
import time

from mailauth import srs
from mailauth.postfix import (
    DomainList,
    Limits,
    LookupProtocol,
    LookupServer,
    Rewriting,
    answering,
)
from mailauth.service.processes.worker import settle

SECRETS = b"a secret of the bench\n"
DOMAIN = "srs.example.net"


def _nothing(*_: object) -> None:
    pass


class Quiet:
    """A watch that ignores everything."""

    opened = closed = refused = started = ended = failed = violated = overdue = _nothing


class Echo(asyncio.Protocol):
    """Returns what it receives, the least that a protocol can do."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._write(data)


async def serve(kind: str, listening: socket.socket) -> None:
    settle()
    if kind == "echo":
        server = await asyncio.get_running_loop().create_server(Echo, sock=listening)
        await server.serve_forever()
    rewriting = Rewriting(
        domain=DOMAIN,
        secrets=srs.Secrets.parse(SECRETS),
        left_alone=DomainList.of(["example.net", ".example.net"]),
    )
    protocol = LookupProtocol(kind)
    await LookupServer(
        protocol,
        answering(rewriting, time.time),
        map_name="forward" if protocol is LookupProtocol.TCP_TABLE else "",
        limits=Limits(),
        watch=Quiet(),
    ).serve(listening)


def main(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        asyncio.run(serve(kind, listening))


if __name__ == "__main__":
    main(sys.argv[1])
