"""postsrsd 1.x as a peer: see `peers.srs`.  It is a daemon, which is asked by tcp_table(5)."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from urllib.parse import quote_from_bytes, unquote_to_bytes

PROGRAM = shutil.which("postsrsd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
SECONDS = 10.0  # to start, and for one answer
MAPS = ("forward", "reverse")


@contextmanager
def daemon(secret: str, domain: str) -> Iterator[dict[str, socket.socket]]:
    """A postsrsd that forwards from this domain, and a connection to each of its maps."""
    ports = free_ports()
    options = [f"-s{secret}", f"-d{domain}", "-4", "-l127.0.0.1"]
    running = subprocess.Popen([str(PROGRAM), *options, f"-f{ports[0]}", f"-r{ports[1]}"])
    try:
        with connected(ports[0]) as forward, connected(ports[1]) as reverse:
            yield dict(zip(MAPS, (forward, reverse), strict=True))
    finally:
        running.terminate()
        running.wait()


def free_ports() -> list[int]:
    """Two ports of the loopback interface that nobody uses at this moment."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return [one.getsockname()[1], other.getsockname()[1]]


def connected(port: int) -> socket.socket:
    """A connection to a daemon that may still be starting."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), SECONDS)
        time.sleep(0.02)
    raise TimeoutError("postsrsd does not start")


def answer(connection: socket.socket, address: bytes) -> bytes:
    """The address that postsrsd returns for this one, or a line that begins with `!`."""
    connection.sendall(b"get %b\n" % quote_from_bytes(address, safe="@=+-.").encode())
    line = b""
    while not line.endswith(b"\n"):
        octets = connection.recv(4096)
        if not octets:
            return b"!it closed the connection"
        line += octets
    status, _, text = line.rstrip(b"\n").partition(b" ")
    return unquote_to_bytes(text) if status == b"200" else b"!" + text


def main(secret: str, what: str = "") -> int:
    """Answer lines, with a daemon for each domain that is forwarded from."""
    if what == "check":
        return 0 if PROGRAM else 1
    with ExitStack() as stack:
        daemons: dict[bytes, dict[str, socket.socket]] = {}
        for line in sys.stdin.buffer:
            name, address, *domain = line.rstrip(b"\n").split(b" ")
            wanted = domain[0] if domain else next(chain(daemons, [b"forwarder.example"]))
            if wanted not in daemons:
                daemons[wanted] = stack.enter_context(daemon(secret, wanted.decode()))
            reply = answer(daemons[wanted][name.decode()], address)
            sys.stdout.buffer.write(reply + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
