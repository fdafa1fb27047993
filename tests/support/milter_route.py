"""Mail through two real instances of Postfix with `mailauth serve` as the milter of both.

`origin` signs for origin.test and sends from 127.0.0.2; `receiver` judges, and so does
opendkim there, as a second milter.  The receiver has a mailbox, and an alias whose mail
leaves for the sink with an SRS sender, configured as in the guide to SRS by the milter.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import guide
import mail as mails
from nameserver import from_zone, serve
from postfix import Postfix, free_port, hop
from sink import Sink, sink, until
from tree import Tree

from mailauth import authres
from mailauth.dkim.key import name
from mailauth.dns import Zone

SRS_DOMAIN = "srs.local.test"
UNKNOWN = "nobody@last.test"
"""A recipient that the last hop refuses."""
AUTHSERV_ID = "mx.local.test"
OPENDKIM_ID = "opendkim.local.test"
OPENDKIM = "/usr/sbin/opendkim"
ZONE = Zone(
    {
        name("origin.test", "rsa"): {"TXT": [mails.record("rsa")]},
        "origin.test": {"TXT": ["v=spf1 ip4:127.0.0.2 -all"]},
        "_dmarc.origin.test": {"TXT": ["v=DMARC1; p=reject"]},
    }
)
TOML = """
[service]
workers = 2
status = "unix:{folder}/status"
[signing]
[[signing.key]]
domain = "origin.test"
selector = "rsa"
file = "{key}"
[[listen]]
kind = "milter"
role = "sign"
address = "inet:127.0.0.1:{sign}"
{guide}
"""
WITHOUT_LIMITS = {
    "message_size_limit": "60000000",
    "mailbox_size_limit": "0",
    "virtual_mailbox_limit": "0",
}
STRICT = ("client", "helo", "data", "end_of_data")
"""The stages at which the receiver refuses mail; its second smtpd must not."""
OPENDKIM_CONF = """
Socket inet:{port}@127.0.0.1
Mode v
AuthservID {authserv_id}
TestPublicKeys {keys}
RequireSafeKeys no
Syslog no
"""


@dataclass
class Route:
    """The whole route."""

    origin: Postfix
    receiver: Postfix
    last: Sink
    service: Tree
    srs: int
    """The port of the milter that does SRS alone."""

    def delivered(self, number: int = 1, *, beyond: int = 0) -> list[bytes]:
        """The mails in the receiver's mailbox after the first `beyond`, once there are enough."""
        until(lambda: len(self.receiver.mails()) >= beyond + number, 60)
        return self.receiver.mails()[beyond:]

    def sent(self, octets: bytes, *options: str, sender: str = "ada@origin.test") -> bytes:
        """Send one mail through both; returns it as it arrives in the mailbox."""
        before = len(self.receiver.mails())
        self.origin.send(sender, "box@local.test", octets, *options)
        (arrived,) = self.delivered(beyond=before)
        return arrived


def results(octets: bytes, authserv_id: str = AUTHSERV_ID) -> list[str]:
    """The results in the one Authentication-Results field of that host: `spf=pass` and so on."""
    (told,) = claims(octets, authserv_id)
    return [f"{each.method}={each.result}" for each in told.results]


def claims(octets: bytes, authserv_id: str = AUTHSERV_ID) -> list[authres.AuthenticationResults]:
    """All Authentication-Results fields of that host."""
    fields = message_from_bytes(octets.partition(b"\n\n")[0] + b"\n\n").get_all(authres.NAME, [])
    parsed = [authres.parse(str(field)) for field in fields]
    return [told for told in parsed if told.authserv_id == authserv_id]


@contextmanager
def route(folder: Path) -> Iterator[Route]:
    """The whole route, running within the context."""
    names = ("sign", "verify", "srs", "opendkim", "reverse", "origin", "receiver", "second")
    ports = {name: free_port() for name in names}
    with ExitStack() as stack:
        nameserver = stack.enter_context(serve(from_zone(ZONE)))
        service = Tree(("-m", "mailauth", "serve", "--config"))
        stack.callback(service.close)
        last = stack.enter_context(sink([UNKNOWN]))
        instead = _instead(service.folder, ports, last.port)
        _configure(service, nameserver.where, ports["sign"], instead)
        service.start()
        stack.enter_context(_opendkim(folder, ports["opendkim"]))
        origin = Postfix(folder / "origin", "mx.origin.test", _origin(ports), ports["origin"])
        receiver = Postfix(
            folder / "receiver",
            "mx.local.test",
            _receiver(ports, guide.block(guide.MILTER, "smtpd_milters = ", instead)),
            ports["receiver"],
            more_services=guide.block(guide.MILTER, "127.0.0.1:10026 ", instead),
        )
        stack.enter_context(origin)
        stack.enter_context(receiver)
        yield Route(origin, receiver, last, service, ports["srs"])


def _instead(folder: Path, ports: dict[str, int], last: int) -> dict[str, str]:
    """What replaces the names, sockets and ports of the guide here."""
    of_unix = 'unix:/var/spool/postfix/mailauth/{}"\ngroup = "postfix"'
    here = {name: f"inet:127.0.0.1:{port}" for name, port in ports.items()}
    return {
        "srs.example.com": SRS_DOMAIN,
        "example.com": "local.test",
        "/etc/mailauth": f"{folder}",
        of_unix.format("milter"): here["verify"] + '"',
        of_unix.format("srs"): here["srs"] + '"',
        "unix:mailauth/milter": here["verify"],
        "unix:mailauth/srs": here["srs"],
        "inet:127.0.0.1:10003": here["reverse"],
        "127.0.0.1:10026 ": f"127.0.0.1:{ports['second']} ",
        "smtp:[127.0.0.1]:10026": hop(ports["second"]),
        "content_filter=smtp:": f"content_filter={hop(last)}",
        "[srs]\n": "[srs]\nreject_forged = true\n",
        "[verifying]\n": '[verifying]\nreceived_spf = true\nrelays = ["127.0.0.1"]\n',
    }


def _configure(service: Tree, nameserver: str, sign: int, instead: dict[str, str]) -> None:
    key, secrets = service.folder / "key.pem", service.folder / "secrets"
    mails.key("rsa").write(key)
    secrets.write_text("a secret for the tests\n")
    secrets.chmod(0o600)
    here = f'{nameserver}"]'
    text = TOML.format(
        folder=service.folder,
        key=key,
        sign=sign,
        guide=guide.block(guide.MILTER, "[dns]", instead | {'127.0.0.1"]     # unbound': here}),
    )
    service.file.write_text(text)


@contextmanager
def _opendkim(folder: Path, port: int) -> Iterator[None]:
    keys, conf = folder / "opendkim.keys", folder / "opendkim.conf"
    keys.write_text(f"{name('origin.test', 'rsa')} {mails.record('rsa')}\n")
    conf.write_text(OPENDKIM_CONF.format(port=port, authserv_id=OPENDKIM_ID, keys=keys))
    process = subprocess.Popen([OPENDKIM, "-f", "-x", str(conf)])
    try:
        until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, "opendkim has ended"
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _filter(*ports: int) -> dict[str, str]:
    where = ", ".join(f"inet:127.0.0.1:{port}" for port in ports)
    return {"smtpd_milters": where, "milter_default_action": "tempfail"}


def _origin(ports: dict[str, int]) -> dict[str, str]:
    receiver = hop(ports["receiver"])
    return {
        **_filter(ports["sign"]),
        **WITHOUT_LIMITS,
        "virtual_mailbox_domains": "origin.test",
        "virtual_mailbox_maps": "inline:{ {ada@origin.test=ada/} }",
        "transport_maps": f"inline:{{ {{local.test={receiver}}}, {{{SRS_DOMAIN}={receiver}}} }}",
        "smtp_bind_address": "127.0.0.2",
    }


def _receiver(ports: dict[str, int], lines: str) -> dict[str, str]:
    """The settings of the guide, on a host whose port 25 admits nobody from 127.0.0.1."""
    origin = hop(ports["origin"])
    strict = "check_client_access inline:{{127.0.0.1 = REJECT}}"
    return {
        **guide.settings(lines),
        **_filter(ports["verify"], ports["opendkim"]),
        **WITHOUT_LIMITS,
        "mynetworks": "127.0.0.9/32",
        "smtpd_relay_restrictions": "reject_unauth_destination",
        **{f"smtpd_{stage}_restrictions": strict for stage in STRICT},
        "smtpd_milter_maps": "inline:{{127.0.0.1 = DISABLE}}",  # not for the second smtpd
        "virtual_mailbox_domains": "local.test",
        "virtual_mailbox_maps": "inline:{ {box@local.test=box/} }",
        "virtual_alias_maps": (
            "inline:{ {joe@local.test=joe@last.test}, {gone@local.test=" + UNKNOWN + "},"
            f" {{postmaster@{SRS_DOMAIN}=box@local.test}} }}"
        ),
        "relay_domains": "backup.test",  # as on a backup MX, without a list of recipients
        "transport_maps": f"inline:{{ {{origin.test={origin}}}, {{backup.test={origin}}} }}",
    }
