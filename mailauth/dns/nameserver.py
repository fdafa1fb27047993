"""Nameservers: where a resolver asks, and how its questions travel.

Only addresses are accepted, because a name would have to be looked up first; but the
URL of DNS over HTTPS may contain a name, which the system resolves.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from mailauth.errors import BadArgument


class Transport(Enum):
    """How a question travels."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"  # RFC 7858
    HTTPS = "https"  # RFC 8484


@dataclass(frozen=True, slots=True)
class Nameserver:
    """Where to ask: an address and port, or for DoH a URL in `where`."""

    where: str
    port: int = 53
    transport: Transport = Transport.UDP
    hostname: str | None = None
    """What the certificate must be for (RFC 8310 §8.1): a name, or the address."""

    @property
    def trusted(self) -> bool:
        """Whether its AD bit reaches us unaltered: over loopback or TLS (RFC 4035 §4.9.3)."""
        encrypted = self.transport in (Transport.TLS, Transport.HTTPS)
        return encrypted or ip_address(self.where).is_loopback

    @classmethod
    def parse(cls, spec: str) -> "Nameserver":
        """A server: `192.0.2.1:5353`, `2001:db8::1`, `tls://192.0.2.1#dns.example`, `https://...`.

        **Raises** BadArgument.
        """
        tls = spec.startswith("tls://")
        bare = spec.count(":") > 1 and not spec.startswith(("[", "tls://", "https://"))
        try:
            parts = urlsplit(f"//[{spec}]" if bare else spec if "://" in spec else f"//{spec}")
            host, port = parts.hostname or "", parts.port
            https = parts.scheme == "https" and bool(host)
            address = spec if https else str(ip_address(host))
        except ValueError:
            raise BadArgument(_not_a_nameserver(spec)) from None
        if port == 0:  # on which nothing can listen
            raise BadArgument(_not_a_nameserver(spec))
        if https:
            return cls(spec, port or 443, Transport.HTTPS)
        if parts.scheme not in ("", "tls") or parts.path or parts.query or parts.username:
            raise BadArgument(_not_a_nameserver(spec))
        if tls:
            return cls(address, port or 853, Transport.TLS, parts.fragment or address)
        return cls(address, port or 53)


def _not_a_nameserver(spec: str) -> str:
    return (
        f"{spec!r} is not a nameserver: give an address, 192.0.2.1, 192.0.2.1:5353 or"
        " [2001:db8::1]:53, or tls://192.0.2.1#dns.example, or https://dns.example/dns-query"
    )


def of_the_system(configuration: str = "/etc/resolv.conf") -> tuple[str, ...]:
    """The system's nameservers; none if they cannot be read, so that a service can start.

    A line without an address is skipped, as the system does.
    """
    try:
        text = Path(configuration).read_text(encoding="latin-1")
    except OSError:
        return ()
    lines = (line.split() for line in text.splitlines())
    named = (words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1)
    return tuple(filter(_is_address, named))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
