"""Where a service listens: `inet:127.0.0.1:10001`, `inet:10001@localhost`, `unix:/run/x`.

The forms are those of Postfix, milters and postsrsd.  A host is an address or
`localhost`; no name is looked up.  IPv6 addresses are written in brackets.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from mailauth.errors import SyntaxFault

_MAX_PORT: Final = 65_535
_MAX_PATH: Final = 107
"""The most octets of a path in struct sockaddr_un, without the final NUL."""

_EXAMPLES: Final = "such as inet:127.0.0.1:10001, inet:10001@localhost or unix:/run/mailauth/srs"


@dataclass(frozen=True, slots=True)
class Address:
    """One end point; `str()` is its canonical form."""

    family: socket.AddressFamily
    host: str
    """An IP address, or the path of a Unix socket."""
    port: int = 0

    def __str__(self) -> str:
        if self.family == socket.AF_UNIX:
            return f"unix:{self.host}"
        host = f"[{self.host}]" if self.family == socket.AF_INET6 else self.host
        return f"inet:{host}:{self.port}"

    @property
    def place(self) -> str | tuple[str, int]:
        """What `bind` and `connect` take."""
        return self.host if self.family == socket.AF_UNIX else (self.host, self.port)

    @property
    def is_public(self) -> bool:
        """Whether hosts other than this one may reach it."""
        return self.family != socket.AF_UNIX and not ipaddress.ip_address(self.host).is_loopback


def parse(text: str) -> Address:
    """address = ("unix:" / "local:") path / "inet" ["6"] ":" (host ":" port / port "@" host).

    **Raises** SyntaxFault: another form, a host that is a name, a port over 65535,
    a path that is relative or longer than 107 octets.
    """
    scheme, _, rest = text.partition(":")
    if scheme in {"unix", "local"}:
        return _unix(text, rest)
    if scheme not in {"inet", "inet6"}:
        raise SyntaxFault(f"{text!r} is not an address {_EXAMPLES}", text)
    port, at, host = rest.partition("@")
    if not at:
        host, _, port = rest.rpartition(":")
    return _inet(text, host.removeprefix("[").removesuffix("]"), port, six=scheme == "inet6")


def _unix(text: str, path: str) -> Address:
    if not path.startswith("/") or "\0" in path:
        raise SyntaxFault(f"{text!r} needs the whole path of a socket, from /", text, len("unix:"))
    if len(path.encode(errors="surrogateescape")) > _MAX_PATH:
        raise SyntaxFault(f"the path in {text!r} has over {_MAX_PATH} octets", text, _MAX_PATH)
    return Address(socket.AF_UNIX, path)


def _inet(text: str, host: str, port: str, *, six: bool) -> Address:
    if host == "localhost":
        host = "::1" if six else "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise SyntaxFault(f"{text!r} is not an address {_EXAMPLES}", text) from None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _MAX_PORT):
        raise SyntaxFault(f"{text!r} has no port from 1 to {_MAX_PORT}", text)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    return Address(family, str(address), int(port))
