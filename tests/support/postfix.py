"""Instances of Debian's Postfix on loopback, each with its own directories under one root.

`Postfix(...)` is a context manager: on entry it writes main.cf and master.cf, starts
`master` and waits until it answers; on exit it stops `master`.  The system's own
configuration and queue are never touched.  It needs root, as Postfix does.
"""

import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MASTER = Path("/usr/lib/postfix/sbin/master")
LONGEST = 300
"""Seconds after which an instance ends by itself, in case a test is killed."""
_OF_POSTFIX = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"]
_OF_POSTFIX += ["private", "saved", "trace"]

MAIN = {
    "compatibility_level": "3.6",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "inet_protocols": "ipv4",
    "mynetworks": "127.0.0.0/8",
    "biff": "no",
    "notify_classes": "",
    "alias_maps": "",
    "alias_database": "",
    "smtp_dns_support_level": "disabled",
    "smtp_host_lookup": "native",
    "smtpd_peername_lookup": "no",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "local_recipient_maps": "",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "1s",
    "queue_run_delay": "1s",
    "in_flow_delay": "0",
    "address_verify_map": "",
}
# A mail that is retried while its last attempt is ending waits until qmgr next scans the
# "incoming" queue, when master wakes it: every second here, not every 300.
MASTER_CF = """\
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Why no Postfix can be started here; "" if one can."""
    if not MASTER.exists():
        return "postfix is not installed"
    return "" if os.geteuid() == 0 else "Postfix starts as root only"


_PORTS = iter(random.sample(range(10_100, 30_000), 19_900))  # below the ephemeral ports


def free_port() -> int:
    """A port on loopback that nobody uses, and nobody else will get: none is returned twice."""
    for port in _PORTS:
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port of loopback is free")


def hop(port: int) -> str:
    """The next hop that listens at this port, as transport(5) writes it."""
    return f"smtp:[127.0.0.1]:{port}"


@dataclass
class Postfix:
    """One instance: where it lives, who it is, and what its main.cf says beyond `MAIN`."""

    root: Path
    hostname: str
    main: Mapping[str, str]
    port: int = field(default_factory=free_port)
    more_services: str = ""
    """Further lines of master.cf."""
    _master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._make()
        command = [str(MASTER), "-c", f"{self._etc}", "-s", "-e", str(LONGEST)]
        self._master = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, start_new_session=True, env={"PATH": os.defpath}
        )
        self._until_it_answers()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        master = self._master
        if master is None:
            return
        master.terminate()
        try:
            master.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(master.pid, signal.SIGKILL)
            master.wait()

    def send(
        self, sender: str, recipient: str, octets: bytes, *options: str, source: str = "127.0.0.1"
    ) -> None:
        """Send one mail by SMTP, from the address `source`.  **Raises** smtplib's exceptions."""
        import smtplib

        place = (source, 0)
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30, source_address=place) as client:
            client.sendmail(sender, [recipient], octets, mail_options=options)

    def send_to_many(self, sender: str, recipients: Iterable[str], octets: bytes) -> None:
        """Send one mail to several recipients, likewise."""
        import smtplib

        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            client.sendmail(sender, list(recipients), octets)

    def queue(self) -> list[dict[str, Any]]:
        """What is in the queue, as postqueue reports it."""
        command = ["postqueue", "-c", f"{self._etc}", "-j"]
        done = subprocess.run(command, capture_output=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def flush(self) -> None:
        """Try all deferred mail now."""
        command = ["postqueue", "-c", f"{self._etc}", "-f"]
        subprocess.run(command, check=True)

    def look_up(self, key: str, table: str) -> str | None:
        """What `postmap -q` finds; None if it finds nothing."""
        command = ["postmap", "-c", f"{self._etc}", "-q", key, table]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and done.stderr:
            raise LookupError(done.stderr)
        return None if done.returncode else done.stdout.rstrip("\n")

    def mails(self) -> list[bytes]:
        """The mails in the virtual mailboxes, the oldest first."""
        files = (self.root / "mail").glob("*/new/*")
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime)]

    @property
    def log(self) -> str:
        """What the instance has logged."""
        path = self.root / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _etc(self) -> Path:
        return self.root / "etc"

    def _make(self) -> None:
        _folder(self.root, 0o755)
        for parent in (self.root, *self.root.parents):  # Postfix's users must be able to pass
            if parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
        uid, gid = pwd.getpwnam("postfix")[2:4]
        queue = self.root / "queue"
        for name, mode in [*((each, 0o700) for each in _OF_POSTFIX), ("pid", 0o755)]:
            _folder(queue / name, mode)
            if name != "pid":
                os.chown(queue / name, uid, gid)
        for name, mode in (("public", 0o710), ("maildrop", 0o730)):
            _folder(queue / name, mode)
            shutil.chown(queue / name, "postfix", "postdrop")
        _folder(self.root / "data", 0o700)
        os.chown(self.root / "data", uid, gid)
        _folder(self.root / "mail", 0o755)
        shutil.chown(self.root / "mail", "nobody")
        self._write_configuration()

    def _write_configuration(self) -> None:
        etc = self._etc
        _folder(etc, 0o755)
        nobody = pwd.getpwnam("nobody")
        settings = {
            **MAIN,
            "myhostname": self.hostname,
            "mydestination": self.hostname,
            "queue_directory": f"{self.root / 'queue'}",
            "data_directory": f"{self.root / 'data'}",
            "maillog_file": f"{self.root / 'maillog'}",
            "maillog_file_prefixes": f"{self.root}",
            "inet_interfaces": "127.0.0.1",
            "virtual_mailbox_base": f"{self.root / 'mail'}",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            **self.main,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (etc / "main.cf").write_text(lines)
        services = MASTER_CF.format(address="127.0.0.1", port=self.port) + self.more_services
        (etc / "master.cf").write_text(services)
        before = time.time() - 60  # Postfix keeps rereading a file that has just changed
        for path in etc.iterdir():
            os.utime(path, (before, before))

    def _until_it_answers(self) -> None:
        for _ in range(400):
            if self._says() == b"220":
                return
            assert self._master is not None
            assert self._master.poll() is None, f"Postfix has ended: {self.log}"
            time.sleep(0.02)
        raise TimeoutError(f"Postfix does not answer: {self.log}")

    def _says(self) -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                return client.recv(3)
        except OSError:
            return b""  # it is not listening yet


def _folder(path: Path, mode: int) -> None:
    path.mkdir(parents=True)
    path.chmod(mode)
