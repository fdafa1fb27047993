"""DNS over TLS and over HTTPS: answers come, and only from who has the certificate."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer
from typing import Any, TypeAlias

import dns.query
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nameserver import Nameserver, answer

from mailauth.dns import Answer, AsyncResolver, Question, Resolver, RRType, Status
from mailauth.errors import BadArgument

pytestmark = [pytest.mark.loopback]

NAME = "key.example"
TXT = Question(NAME, RRType.TXT)
FOUND = Answer(Status.EXISTS, (b"v=DKIM1; p=abc",), 300)
SERVER = Nameserver(answer(f'{NAME} 300 IN TXT "v=DKIM1; p=abc"'))
CERTIFIED = "dns.example"
"""The name in the certificate, beside the address."""

ResolveType: TypeAlias = Callable[[str], Answer[Any]]


class OverTLS(StreamRequestHandler):
    """RFC 7858: as by TCP."""

    def handle(self) -> None:
        """Answer one question."""
        length = int.from_bytes(self.rfile.read(2), "big")
        for reply in SERVER.replies(self.rfile.read(length), "tls"):
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


class OverHTTPS(BaseHTTPRequestHandler):
    """RFC 8484: a POST of the question."""

    def do_POST(self) -> None:
        """Answer one question."""
        length = int(self.headers["content-length"])
        for reply in SERVER.replies(self.rfile.read(length), "https"):
            self.send_response(200)
            self.send_header("content-type", "application/dns-message")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of a certificate that nobody has signed, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nameserver")])
    names = [x509.DNSName(CERTIFIED), x509.IPAddress(IPv4Address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert").write_bytes(made.public_bytes(pem))
    (folder / "key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert", folder / "key"


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is one that this system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@contextmanager
def serving(server: TCPServer, certificate: tuple[Path, Path]) -> Iterator[str]:
    """A running server that speaks TLS; its address and port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # who goes away is no news
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def over_tls(certificate: tuple[Path, Path]) -> Iterator[str]:
    """Where a server answers by DNS over TLS."""
    with serving(ThreadingTCPServer(("127.0.0.1", 0), OverTLS), certificate) as where:
        yield where


@pytest.fixture
def over_https(certificate: tuple[Path, Path]) -> Iterator[str]:
    """Where a server answers by DNS over HTTPS."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), OverHTTPS), certificate) as where:
        yield where


def blocking(nameserver: str) -> Answer[Any]:
    return Resolver([nameserver]).resolve(TXT)


def awaiting(nameserver: str) -> Answer[Any]:
    return asyncio.run(AsyncResolver([nameserver]).resolve(TXT))


@pytest.fixture(params=[blocking, awaiting])
def resolve(request: pytest.FixtureRequest) -> ResolveType:
    """The answer of a fresh resolver."""
    resolve: ResolveType = request.param
    return resolve


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("name", ["", f"#{CERTIFIED}"])
def test_an_answer_by_TLS(resolve: ResolveType, over_tls: str, name: str) -> None:
    assert resolve(f"tls://{over_tls}{name}") == FOUND


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name(resolve: ResolveType, over_tls: str) -> None:
    assert resolve(f"tls://{over_tls}#other.example").status is Status.SERVER_FAILURE


@pytest.mark.usefixtures("trusted")
def test_an_answer_by_HTTPS(resolve: ResolveType, over_https: str) -> None:
    assert resolve(f"https://{over_https}/dns-query") == FOUND


def test_a_certificate_that_nobody_vouches_for(
    resolve: ResolveType, over_tls: str, over_https: str
) -> None:
    for url in (f"tls://{over_tls}", f"https://{over_https}/dns-query"):
        assert resolve(url).status is Status.SERVER_FAILURE


@pytest.mark.parametrize("kind", [Resolver, AsyncResolver])
def test_without_its_packages_HTTPS_says_how_to_get_them(
    kind: type[Resolver | AsyncResolver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns.query, "have_doh", False)
    with pytest.raises(BadArgument, match=r"DNS over HTTPS needs more packages: .*doh"):
        kind(["https://127.0.0.1/dns-query"])
