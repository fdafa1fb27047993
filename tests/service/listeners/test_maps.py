"""The whole service as Postfix meets it, by both protocols, and with faults within it."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import descriptors
import pytest
from program import process
from tree import ECHO, PATIENCE, Tree, talk

from mailauth.errors import MailauthError
from mailauth.postfix import MAPS, Outcome, Reply, Request
from mailauth.service.listeners.maps import LookupWatch
from mailauth.service.settings.configuration import BadConfiguration
from mailauth.service.start import check
from mailauth.service.telling.beat import Figure
from mailauth.service.telling.tally import Tally

pytestmark = pytest.mark.loopback

SECRET = "tops3cret-of-this-test"  # noqa: S105 - it is looked for in the logs
SENDER = "ada@sender.example"


class Service(Tree):
    """`mailauth serve`, or what stands for it, with forward, reverse and a socketmap."""

    def __init__(self, program: tuple[str, ...] = ("-m", "mailauth", "serve", "--config")) -> None:
        super().__init__(program)
        self.forward = f"unix:{self.folder}/forward"
        self.reverse = f"unix:{self.folder}/reverse"
        self.socketmap = f"unix:{self.folder}/map"
        self.secrets = self.folder / "secrets"
        self.secrets.write_text(f"{SECRET}\n")
        self.secrets.chmod(0o600)
        self.configure()

    def configure(self, text: str = "", **options: Any) -> None:
        """Write the configuration, and `text` at its end."""
        super().configure(text, **options)
        echo = f'[[listen]]\nkind = "echo"\naddress = "{self.socket}"\n'
        tables = f'[srs]\ndomain = "fwd.example"\nsecrets = "{self.secrets}"\n'
        for kind, address, name in [
            ("tcp_table", self.forward, 'map = "forward"'),
            ("tcp_table", self.reverse, 'map = "reverse"'),
            ("socketmap", self.socketmap, ""),
        ]:
            tables += f'[[listen]]\nkind = "{kind}"\naddress = "{address}"\n{name}\n'
        self.file.write_text(self.file.read_text().replace(echo, tables))

    def rewritten(self) -> str:
        """The SRS address of the sender."""
        return self.say(f"get {SENDER}", self.forward).removeprefix("200 ")


@pytest.fixture
def service() -> Iterator[Service]:
    one = Service()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def faulty() -> Iterator[Service]:
    """The service with faults that can be asked for."""
    one = Service((str(ECHO.with_name("srs_faults.py")),))
    try:
        yield one
    finally:
        one.close()


def netstring(service: Tree, text: str, address: str) -> str:
    with service.connect(address) as client:
        client.sendall(f"{len(text)}:{text},".encode())
        reply = b""
        while not reply.endswith(b","):
            octets = client.recv(4096)
            if not octets:
                break
            reply += octets
    return reply.decode().partition(":")[2].removesuffix(",")


def test_senders_go_out_and_come_home(service: Service) -> None:
    service.start()
    out = service.rewritten()
    assert out.startswith("SRS0=")
    assert out.endswith("@fwd.example")
    assert service.say(f"get {out}", service.reverse) == f"200 {SENDER}"
    assert service.say("get ada@other.example", service.reverse).startswith("500 ")
    for name in ("forward", "srsencoder"):
        assert netstring(service, f"{name} {SENDER}", service.socketmap) == f"OK {out}"
    for name in ("reverse", "srsdecoder"):
        assert netstring(service, f"{name} {out}", service.socketmap) == f"OK {SENDER}"
    assert netstring(service, "nonsense x@y.example", service.socketmap).startswith("PERM")
    forged = out.replace("SRS0=", "SRS0=x")
    assert service.say(f"get {forged}", service.reverse).startswith("500 ")
    assert service.stop() == 0


def test_every_map_of_the_policy_can_be_configured(service: Service) -> None:
    service.start()
    for name in MAPS:
        assert not netstring(service, f"{name} a@b.example", service.socketmap).startswith("PERM")


@pytest.mark.parametrize("fault", ["spin", "sleep"])
def test_OPS_15_a_worker_that_stands_still(faulty: Service, fault: str) -> None:
    """No answer for the one who asked for it, the right ones for all others."""
    faulty.start()
    before = set(faulty.pids())
    with faulty.connect(faulty.forward) as client:
        assert talk(client, f"get {fault}@x.example") == ""
    log = faulty.log()
    assert "was silent for" in log
    assert "in answer" in log, "the stack"
    faulty.wait_for(lambda: len(faulty.pids()) == 2, "two workers")
    assert len(before - set(faulty.pids())) == 1
    assert faulty.say(f"get {SENDER}", faulty.forward).startswith("200 SRS0=")


def test_PFX_03_a_fault_within_is_a_temporary_failure(faulty: Service) -> None:
    faulty.start()
    with faulty.connect(faulty.forward) as client:
        assert talk(client, "get raise@x.example").startswith("400 ")
        assert talk(client, f"get {SENDER}").startswith("200 "), "and the connection goes on"
    told = "internal error in the map forward; Postfix is told to try again"
    faulty.wait_for_log(told, "a fault that was asked for")
    answer = netstring(faulty, "forward raise@x.example", faulty.socketmap)
    assert answer.startswith("TEMP ")


@pytest.mark.parametrize("sent", ["", "ge", f"get {SENDER}", "get sleep@x.example\n"])
def test_SIGKILL_at_each_step_of_a_lookup(faulty: Service, sent: str) -> None:
    faulty.configure(workers=1, silence=60, restart_delay=0.05)
    faulty.start()
    (victim,) = faulty.pids()
    with faulty.connect(faulty.forward) as client:
        client.sendall(sent.encode())
        time.sleep(0.1)  # for it to arrive
        os.kill(victim, signal.SIGKILL)
        with suppress(ConnectionError):
            assert client.recv(100) == b"", "no answer, and no wrong one"
        assert faulty.say(f"get {SENDER}", faulty.forward).startswith("200 "), "waits for the next"


def test_PFX_08_a_child_of_a_lookup_dies_with_its_worker(faulty: Service) -> None:
    faulty.start()
    before = set(faulty.processes())
    faulty.say("get child@x.example", faulty.forward)
    child = faulty.wait_for(lambda: set(faulty.processes()) - before).pop()
    for pid in faulty.pids():
        os.kill(pid, signal.SIGKILL)
    faulty.wait_for(lambda: child not in faulty.processes(), "the end of the child")


def test_PFX_06_one_octet_at_a_time(service: Service) -> None:
    """Half a request has its limit however often an octet comes; others are not held up."""
    service.start()
    with service.connect(service.forward) as slow:
        with suppress(ConnectionError):
            for _ in range(200):
                slow.sendall(b"g")
                time.sleep(0.1)
                assert service.say(f"get {SENDER}", service.forward).startswith("200 ")
                if "too slow: " in service.log():
                    break
        with suppress(ConnectionError):
            assert slow.recv(10) == b""
    assert "half a request after 1 s" in service.log()


def test_PFX_07_a_thousand_silent_connections(service: Service) -> None:
    text = service.file.read_text().replace("[limits]\n", "[limits]\nconnections = 400\n")
    service.file.write_text(text)
    with descriptors.many(), ExitStack() as silent:
        service.start()
        for _ in range(1000):
            silent.enter_context(service.connect(service.forward))
        service.wait_for(
            lambda: service.say(f"get {SENDER}", service.forward).startswith("200 "),
            "room for one who asks",
        )
        assert service.status()["restarts"]["total"] == 0


def test_OPS_09_no_descriptors_are_left(service: Service) -> None:
    service.configure(workers=1)
    service.start(preexec_fn=partial(descriptors.few, 40))
    silent = [service.connect(service.forward) for _ in range(100)]
    service.wait_for_log("cannot accept: Too many open files")
    for client in silent:
        client.close()
    service.wait_for(
        lambda: service.say(f"get {SENDER}", service.forward).startswith("200 "), "an answer"
    )
    assert service.status()["restarts"]["total"] == 0
    service.wait_for(
        lambda: service.status()["figures"][service.forward][Figure.REFUSED] > 0, "the figure"
    )


# Secrets


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_OPS_01_secrets_that_others_can_read_are_refused(service: Service, mode: int) -> None:
    service.secrets.chmod(mode)
    service.spawn()
    assert service.wait() == 2
    assert "chmod 600" in service.log()
    done = process("check-config", "--config", str(service.file))
    assert done.returncode == 2
    assert not (service.folder / "forward").exists(), "no half of a service is left"


def test_OPS_02_secrets_that_become_readable_are_not_taken_at_a_reload(service: Service) -> None:
    service.start()
    out = service.rewritten()
    service.secrets.write_text("another-secret-that-is-long\n")
    service.secrets.chmod(0o644)
    service.signal(signal.SIGHUP)
    service.wait_for_log("the old configuration and the old secrets stay in force")
    assert service.say(f"get {out}", service.reverse) == f"200 {SENDER}"
    service.secrets.chmod(0o600)
    service.reload()
    assert service.say(f"get {out}", service.reverse).startswith("500 "), "signed by the old one"


@pytest.mark.parametrize("form", ["text", "json"])
def test_OPS_04_no_secret_is_told(faulty: Service, form: str) -> None:
    text = faulty.file.read_text()
    level = f'[service]\nlog = "{form}"\nlog_level = "debug"\n'
    faulty.file.write_text(text.replace("[service]\n", level))
    faulty.start()
    out = faulty.rewritten()
    faulty.say(f"get {out}", faulty.reverse)
    faulty.say("get raise@x.example", faulty.forward)
    faulty.say("nonsense", faulty.forward)
    for pid in faulty.processes():
        assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        # One after another: two stacks at the same time stand in each other's lines.
        before = faulty.log().count("<module>")
        os.kill(pid, signal.SIGQUIT)
        faulty.wait_for(lambda: faulty.log().count("<module>") > before)  # noqa: B023 - at once
    faulty.signal(signal.SIGHUP)
    faulty.wait_for_log("generation 2 serves", "in work", SENDER, "RuntimeError")
    assert SECRET not in str(faulty.status())
    faulty.secrets.chmod(0o644)
    faulty.signal(signal.SIGHUP)
    faulty.wait_for_log("old secrets stay in force")
    assert SECRET not in faulty.log()


def test_PFX_10_what_a_client_sends_forges_no_line(service: Service) -> None:
    service.start()
    told = b"get a%0A2026%20postfix:%20fake%1B[2J@c.example\n"
    plain = (b"get \x1b[2J\r\n", b"\r\n2026 postfix: fake\n", b"get a%0A200%20x\n", b"\x00\n")
    for evil in (*plain, told):
        with service.connect(service.forward) as client:
            client.sendall(evil)
            with suppress(ConnectionError):
                client.recv(4096)
    service.wait_for_log(r"control characters: a\n2026 postfix: fake\x1b[2J@c.example")
    for line in service.log().splitlines():
        assert line.isprintable()
        assert " mailauth " in line, line


def test_PFX_09_MIL_19_a_public_address_is_warned_of(service: Service) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = service.file.read_text()
    service.file.write_text(text.replace(service.forward, f"inet:0.0.0.0:{port}"))
    service.start()
    assert f"inet:0.0.0.0:{port} can be reached from other hosts" in service.log()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        assert talk(client, f"get {SENDER}").startswith("200 ")


# The configuration of the policy

WRONG = {
    "no table": ("[srs]", "[srs_]", "a tcp_table needs a table [srs]"),
    "no domain": ("fwd.example", "a..b", "srs.domain: 'a..b' is not a domain"),
    "no map": ('map = "forward"', "", "listen[1].map: is missing"),
    "unknown map": ('map = "forward"', 'map = "fwd"', "listen[1].map: there is no map 'fwd'"),
    "a domain of a map": (
        'map = "forward"',
        'map = "forward@x.example"',
        "listen[1].map: 'x.example' is not in srs.more_domains",
    ),
    "a map too many": (
        "/map",
        '/map"\nmap = "forward',
        "listen[3].map: a socketmap has all maps; remove",
    ),
    "no domains": ("[srs]\n", '[srs]\nown_domains = ["a b"]\n', "srs.own_domains[1]: 'a b' is no"),
    "a wildcard": (
        "[srs]\n",
        '[srs]\nown_domains = ["*.a.example"]\n',
        (
            "srs.own_domains[1]: '*.a.example' is not a domain: "
            "for all below a.example write .a.example"
        ),
    ),
    "no exclusions": ("[srs]\n", '[srs]\nexclude = ["@"]\n', "srs.exclude[1]: '@' is not a domain"),
    "no file of them": (
        "[srs]\n",
        '[srs]\nexclude_file = "/nonexistent"\n',
        "srs.exclude_file: /nonexistent cannot be read",
    ),
    "no secrets": ("/secrets", "/nowhere", "/nowhere does not exist"),
}


@pytest.mark.parametrize(("old", "new", "error"), WRONG.values(), ids=WRONG)
def test_OPS_13_what_the_policy_cannot_be(service: Service, old: str, new: str, error: str) -> None:
    text = service.file.read_text()
    assert old in text
    service.file.write_text(text.replace(old, new, 1))
    with pytest.raises(BadConfiguration) as refused:
        check(service.file)
    assert any(error in line for line in refused.value.errors)


def complaints(service: Service, srs: str, more: str = "") -> list[str]:
    """What `check-config` says of a table [srs] with these lines first, without the file's name."""
    text = service.file.read_text().replace("[srs]\n", f"[srs]\n{srs}\n") + more
    service.file.write_text(text)
    done = process("check-config", "--config", str(service.file))
    prefix = f"mailauth: {service.file}:"
    told = done.stderr.decode().splitlines()
    lines = [line for line in told if not line.startswith("mailauth: warning: ")]
    assert all(line.startswith(prefix) for line in lines), lines
    first = text.splitlines().index("[srs]") + 2
    placed = [line.removeprefix(prefix).partition(": ") for line in lines]
    return [f"{int(line) - first}: {sentence}" for line, _, sentence in placed]


def test_the_domain_of_a_map_is_one_of_ours_however_it_is_written(service: Service) -> None:
    text = service.file.read_text().replace('map = "forward"', 'map = "forward@Lists.EXAMPLE"', 1)
    text = text.replace('map = "reverse"', 'map = "forward@b\u00fccher.example"')
    more = '[srs]\nmore_domains = ["lists.example", "xn--bcher-kva.example"]\n'
    service.file.write_text(text.replace("[srs]\n", more))
    service.start()
    asked = f"get {SENDER}"
    assert service.say(asked, service.forward).endswith("@lists.example")
    assert service.say(asked, service.reverse).endswith("@xn--bcher-kva.example")


def test_OPS_13_every_entry_that_is_none_is_named(service: Service) -> None:
    wrong = 'exclude = ["a@", "a.example", "@", "*.de"]\nmore_domains = ["..", "b.example", "x y"]'
    found = complaints(service, wrong)
    assert [line.partition(" is not a domain")[0] for line in found] == [
        "0: srs.exclude[1]: 'a@'",
        "0: srs.exclude[3]: '@'",
        "0: srs.exclude[4]: '*.de'",
        "1: srs.more_domains[1]: '..'",
        "1: srs.more_domains[3]: 'x y'",
    ]


@pytest.mark.parametrize("more", ["", "srs = true"], ids=["look-ups", "a milter too"])
def test_OPS_13_every_file_that_cannot_be_used_is_named(service: Service, more: str) -> None:
    service.configure(request=60)
    service.secrets.unlink()
    if more:
        more = f'[[listen]]\nkind = "milter"\naddress = "{service.socket}"\n{more}\n'
    assert complaints(service, 'exclude_file = "/nonexistent/x"', more) == [
        "0: srs.exclude_file: /nonexistent/x cannot be read: No such file or directory",
        f"2: srs.secrets: the secrets file {service.secrets} does not exist; check its name",
    ]


def test_OPS_13_every_wrong_line_of_a_list_is_named(service: Service) -> None:
    listed = service.folder / "exclude"
    listed.write_text("# ours\na@\n\nb.example OK\n*.de # all\n")
    found = complaints(service, f'exclude_file = "{listed}"')
    assert [line.partition(" is not a domain")[0] for line in found] == [
        f"0: srs.exclude_file: {listed}:2: 'a@'",
        f"0: srs.exclude_file: {listed}:5: '*.de'",
    ]
    listed.write_text("@\n" * 30)
    assert complaints(service, "")[20:] == [f"1: srs.exclude_file: {listed}: and more lines"]


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (b"\xff", "is not UTF-8"),
        (b"a" * 16_777_217, "has more than 16777216 octets, and so it is not read"),
    ],
    ids=["no text", "too large"],
)
def test_OPS_13_a_list_that_is_none(service: Service, octets: bytes, sentence: str) -> None:
    listed = service.folder / "exclude"
    listed.write_bytes(octets)
    assert complaints(service, f'exclude_file = "{listed}"') == [
        f"0: srs.exclude_file: {listed} {sentence}"
    ]


@pytest.mark.parametrize("more", ["", "srs = true"], ids=["look-ups", "a milter too"])
@pytest.mark.parametrize("kind", ["no folder", "no store"])
def test_OPS_13_a_store_of_aliases_that_cannot_be(service: Service, kind: str, more: str) -> None:
    service.configure(request=60)
    store = service.folder / "store" / "aliases"
    if kind == "no store":
        store.parent.mkdir()
        store.write_text("precious")
        store.chmod(0o600)
    if more:
        more = f'[[listen]]\nkind = "milter"\naddress = "{service.socket}"\n{more}\n'
    wrong = f'long_senders = "store"\naliases = "{store}"'
    (found,) = complaints(service, wrong, more)
    assert found.startswith(f"1: srs.aliases: {store} cannot be ")
    service.spawn()
    assert service.wait() == 2
    assert f"srs.aliases: {store} cannot be " in service.log()
    assert "Traceback" not in service.log()


def test_OPS_13_a_store_of_aliases_that_can_be_is_not_made_by_a_look(service: Service) -> None:
    before = set(service.folder.iterdir())
    store = f'long_senders = "store"\naliases = "{service.folder}/aliases"'
    assert complaints(service, f'{store}\nown_domains = ["fwd.example"]') == []
    assert set(service.folder.iterdir()) == before


def test_OPS_02_a_reload_with_a_store_of_aliases_that_cannot_be(service: Service) -> None:
    service.start()
    before = set(service.pids())
    complaints(service, 'long_senders = "store"\naliases = "/nonexistent/x"')
    service.signal(signal.SIGHUP)
    service.wait_for_log("not reloaded: ", "srs.aliases: /nonexistent/x", "stay in force")
    assert set(service.pids()) == before
    assert service.rewritten().startswith("SRS0=")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_OPS_03_the_store_of_aliases_is_for_the_user_of_the_service(service: Service) -> None:
    """Secrets may be read as root at the start; what the workers open is opened by their user."""
    text = service.file.read_text().replace("[service]\n", '[service]\nuser = "nobody"\n')
    store = f'long_senders = "store"\naliases = "{service.folder}/store/aliases"\n'
    service.file.write_text(text.replace("[srs]\n", f"[srs]\n{store}"))
    (service.folder / "store").mkdir()
    service.folder.chmod(0o755)
    service.spawn()
    assert service.wait() == 2
    assert f"this user may not write in {service.folder}/store" in service.log()
    shutil.chown(service.folder / "store", "nobody")
    service.start()
    assert "read as root, so SIGHUP cannot read it again" in service.log()


def test_a_sound_configuration_is_said_to_be_sound(service: Service) -> None:
    done = process("check-config", "--config", str(service.file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == f"{service.file}: sound, 3 listeners, 2 workers\n"


def test_the_figures_of_a_watch() -> None:
    tally = Tally()
    watch = LookupWatch(tally, "unix:/x")
    request = Request("forward", SENDER)
    watch.opened()
    for outcome in Outcome:
        watch.started(request)
        watch.ended(request, Reply(outcome, "x"))
    watch.failed(request, MailauthError("x"))
    for tell in (watch.refused, watch.violated, watch.overdue):
        tell("x")
    watch.closed()
    wanted = {figure: int(figure <= Figure.OVERDUE) for figure in Figure} | {Figure.OPEN: 0}
    assert dict(zip(Figure, tally.figures, strict=True)) == wanted
    assert tally.oldest() == 0


def test_SRS_01_forgeries_and_what_is_no_address_are_logged_and_counted(service: Service) -> None:
    service.start()
    forged = "SRS0=AAAA=AA=b.cd=eve@fwd.example"
    assert service.say(f"get {forged}", service.reverse).startswith("500 ")
    assert netstring(service, f"exists {forged}", service.socketmap) == "NOTFOUND "
    assert service.say("get a@b@c.example", service.forward).startswith("500 ")
    for ordinary in ("ada@fwd.example", "ada", "@c.example"):
        assert service.say(f"get {ordinary}", service.forward).startswith("500 ")
        assert service.say(f"get {ordinary}", service.reverse).startswith("500 ")
    why = "its hash was made with none of the secrets"
    service.wait_for_log(
        f"info: {service.reverse}: reverse: forged or expired, {why}: {forged}",
        f"info: {service.socketmap}: exists: forged or expired, {why}: {forged}",
        f"info: {service.forward}: forward: not rewritten, an address with two @: a@b@c.example",
    )
    assert service.log().count(" info: unix:") == 3
    assert SECRET not in service.log()

    def counted(address: str) -> int:
        return int(service.status()["figures"][address][Figure.BOUNCES_FORGED])

    service.wait_for(lambda: (counted(service.reverse), counted(service.socketmap)) == (1, 1))


def test_OPS_05_a_flood_of_forgeries_is_no_flood_of_lines(service: Service) -> None:
    service.configure(workers=1)
    service.start()
    with service.connect(service.reverse) as client:
        for number in range(200):
            talk(client, f"get SRS0=AAAA=AA=b.example=u{number}@fwd.example")
    assert 0 < service.log().count("forged or expired") <= 40


def test_SRS_15_a_sender_whose_mail_waits_is_logged(service: Service) -> None:
    text = service.file.read_text()
    service.file.write_text(text.replace("[srs]\n", '[srs]\nlong_senders = "refuse"\n'))
    service.start()
    sender = "x" * 60 + "@sender.example"
    assert service.say(f"get {sender}", service.forward).startswith("400 ")
    service.wait_for_log("warning: ", "forward: the mail must wait, ", "64 octets: xxx")
    assert "internal error" not in service.log()


def test_SRS_15_a_long_sender_is_stored_for_all_workers(service: Service) -> None:
    text = service.file.read_text()
    store = f'long_senders = "store"\naliases = "{service.folder}/aliases"\n'
    service.file.write_text(text.replace("[srs]\n", f"[srs]\n{store}"))
    service.start()
    sender = "x" * 60 + "@sender.example"
    address = service.say(f"get {sender}", service.forward).removeprefix("200 ")
    assert "=1=" in address
    for _ in range(8):  # whichever worker is asked
        assert service.say(f"get {address}", service.reverse) == f"200 {sender}"


def test_PFX_03_a_store_that_fails_is_told_in_one_line(service: Service) -> None:
    """The file is spoiled while it is used; a full disk is told in the same way."""
    service.configure(workers=1)
    aliases = service.folder / "aliases"
    text = service.file.read_text()
    store = f'long_senders = "store"\naliases = "{aliases}"\n'
    service.file.write_text(text.replace("[srs]\n", f"[srs]\n{store}"))
    service.start()
    with closing(sqlite3.connect(aliases)) as other:
        other.execute("DROP TABLE senders")
    assert service.say(f"get {'x' * 60}@sender.example", service.forward).startswith("400 ")
    told = f"forward: {aliases} cannot be used: no such table: senders; Postfix is told to try agai"
    assert "Traceback" not in service.wait_for_log(told)


def test_a_service_of_lookups_does_not_import_the_milter() -> None:
    code = (
        "import sys; from mailauth.service.start import kinds_of_listeners\n"
        "def milter(): return {name.split('.')[1] for name in sys.modules"
        " if name.startswith(('mailauth.milter', 'mailauth.dmarc', 'mailauth.spf'))}\n"
        "kinds = kinds_of_listeners()\n"
        "assert sorted(kinds) == ['milter', 'socketmap', 'tcp_table'], list(kinds)\n"
        "assert 'milter' in kinds and 'mill' not in kinds and kinds['socketmap']\n"
        "assert not milter(), milter()\n"
        "assert kinds['milter'] is kinds['milter'] and milter()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_PFX_03_a_store_that_another_process_keeps_locked_ends_no_worker(service: Service) -> None:
    """Who has waited for it in vain waits no more, until it is free again."""
    service.configure(workers=1, silence=6)
    store = service.folder / "aliases"
    text = service.file.read_text()
    table = f'[srs]\nlong_senders = "store"\naliases = "{store}"\n'
    service.file.write_text(text.replace("[srs]\n", table))
    service.start()
    senders = [f"{'x' * 60}{number}@sender.example" for number in range(20)]
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with service.connect(service.forward) as client:
            client.sendall("".join(f"get {sender}\n" for sender in senders).encode())
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as answers:
                assert [line[:4] for line in answers] == [b"400 "] * len(senders)
    assert service.say(f"get {senders[0]}", service.forward).startswith("200 ")
    assert service.status()["restarts"]["total"] == 0
