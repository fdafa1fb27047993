"""Mail through two real instances of Postfix with `mailauth serve` as the milter of both.

`origin` signs for origin.test and sends from 127.0.0.2; `receiver` judges, and so
does opendkim there, as a second milter.  The receiver has a box, and an alias of
it leaves for the sink with an SRS sender, by a second smtpd.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import mail as mails
from nameserver import from_zone, serve
from postfix import Postfix, free_port
from sink import Sink, sink, until
from tree import Tree

from mailauth import authres
from mailauth.dkim.key import name
from mailauth.dns import Zone

SRS_DOMAIN = "srs.test"
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
[dns]
nameservers = ["{nameserver}"]
[signing]
[[signing.key]]
domain = "origin.test"
selector = "rsa"
file = "{key}"
[verifying]
authserv_id = "{authserv_id}"
received_spf = true
[srs]
domain = "{srs}"
secrets = "{folder}/secrets"
own_domains = ["local.test"]
reject_forged = true
"""
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
    """The whole way."""

    origin: Postfix
    receiver: Postfix
    last: Sink
    service: Tree

    def delivered(self, number: int = 1, *, beyond: int = 0) -> list[bytes]:
        """The mails in the receiver's box after the first `beyond`, once there are so many."""
        until(lambda: len(self.receiver.mails()) >= beyond + number, 60)
        return self.receiver.mails()[beyond:]

    def sent(self, octets: bytes, *options: str, sender: str = "ada@origin.test") -> bytes:
        """One mail by both, as it comes to the box."""
        before = len(self.receiver.mails())
        self.origin.send(sender, "box@local.test", octets, *options)
        (arrived,) = self.delivered(beyond=before)
        return arrived


def results(octets: bytes, authserv_id: str = AUTHSERV_ID) -> list[str]:
    """What the one Authentication-Results field of that host says: `spf=pass` and so on."""
    (told,) = claims(octets, authserv_id)
    return [f"{each.method}={each.result}" for each in told.results]


def claims(octets: bytes, authserv_id: str = AUTHSERV_ID) -> list[authres.AuthenticationResults]:
    """All fields of that host."""
    fields = message_from_bytes(octets.partition(b"\n\n")[0] + b"\n\n").get_all(authres.NAME, [])
    parsed = [authres.parse(str(field)) for field in fields]
    return [told for told in parsed if told.authserv_id == authserv_id]


@contextmanager
def route(folder: Path) -> Iterator[Route]:
    """All of it, for as long as the tests need it."""
    milters = {role: free_port() for role in ("sign", "verify", "srs", "opendkim")}
    ports = {host: free_port() for host in ("origin", "receiver", "second")}
    with ExitStack() as stack:
        nameserver = stack.enter_context(serve(from_zone(ZONE)))
        service = Tree(("-m", "mailauth", "serve", "--config"))
        stack.callback(service.close)
        _configure(service, nameserver.where, milters)
        service.start()
        stack.enter_context(_opendkim(folder, milters["opendkim"]))
        last = stack.enter_context(sink())
        origin = Postfix(
            folder / "origin", "mx.origin.test", _origin(milters, ports), ports["origin"]
        )
        receiver = Postfix(
            folder / "receiver",
            "mx.local.test",
            _receiver(milters, ports),
            ports["receiver"],
            more_services=_second(milters, ports, last.port),
        )
        stack.enter_context(origin)
        stack.enter_context(receiver)
        yield Route(origin, receiver, last, service)


def _configure(service: Tree, nameserver: str, milters: dict[str, int]) -> None:
    key, secrets = service.folder / "key.pem", service.folder / "secrets"
    mails.key("rsa").write(key)
    secrets.write_text("a secret for the tests\n")
    secrets.chmod(0o600)
    text = TOML.format(
        folder=service.folder,
        nameserver=nameserver,
        key=key,
        authserv_id=AUTHSERV_ID,
        srs=SRS_DOMAIN,
    )
    for role in ("sign", "verify", "srs"):
        text += (
            f'[[listen]]\nkind = "milter"\nrole = "{role}"\nsrs = {str(role == "verify").lower()}\n'
        )
        text += f'address = "inet:127.0.0.1:{milters[role]}"\n'
    service.file.write_text(text)


@contextmanager
def _opendkim(folder: Path, port: int) -> Iterator[None]:
    keys, conf = folder / "opendkim.keys", folder / "opendkim.conf"
    keys.write_text(f"{name('origin.test', 'rsa')} {mails.record('rsa')}\n")
    conf.write_text(OPENDKIM_CONF.format(port=port, authserv_id=OPENDKIM_ID, keys=keys))
    process = subprocess.Popen([OPENDKIM, "-f", "-x", str(conf)])
    try:
        time.sleep(0.2)
        assert process.poll() is None, "opendkim has ended"
        yield
    finally:
        process.terminate()
        process.wait()


def _hop(port: int) -> str:
    return f"smtp:[127.0.0.1]:{port}"


def _filter(*ports: int) -> dict[str, str]:
    where = ", ".join(f"inet:127.0.0.1:{port}" for port in ports)
    return {"smtpd_milters": where, "milter_default_action": "tempfail"}


def _origin(milters: dict[str, int], ports: dict[str, int]) -> dict[str, str]:
    receiver = _hop(ports["receiver"])
    return {
        **_filter(milters["sign"]),
        "virtual_mailbox_domains": "origin.test",
        "virtual_mailbox_maps": "inline:{ {ada@origin.test=ada/} }",
        "transport_maps": f"inline:{{ {{local.test={receiver}}}, {{{SRS_DOMAIN}={receiver}}} }}",
        "smtp_bind_address": "127.0.0.2",
        "message_size_limit": "60000000",
        "mailbox_size_limit": "0",
        "virtual_mailbox_limit": "0",
    }


def _receiver(milters: dict[str, int], ports: dict[str, int]) -> dict[str, str]:
    return {
        **_filter(milters["verify"], milters["opendkim"]),
        "mynetworks": "127.0.0.9/32",
        "virtual_mailbox_domains": "local.test",
        "virtual_mailbox_maps": "inline:{ {box@local.test=box/} }",
        "virtual_alias_maps": "inline:{ {joe@local.test=joe@last.test} }",
        "relay_domains": SRS_DOMAIN,
        "default_transport": _hop(ports["second"]),
        "transport_maps": f"inline:{{ {{origin.test={_hop(ports['origin'])}}} }}",
        "message_size_limit": "60000000",
        "mailbox_size_limit": "0",
        "virtual_mailbox_limit": "0",
    }


def _second(milters: dict[str, int], ports: dict[str, int], last: int) -> str:
    """Mail that leaves passes here, with its aliases expanded."""
    return (
        f"127.0.0.1:{ports['second']} inet n - n - - smtpd\n"
        f"  -o content_filter={_hop(last)}\n"
        f"  -o smtpd_milters=inet:127.0.0.1:{milters['srs']}\n"
        "  -o mynetworks=127.0.0.0/8\n"
        "  -o receive_override_options=no_unknown_recipient_checks,no_address_mappings\n"
        "  -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
    )
