"""`mailauth serve` with milters that ask a given nameserver, and an MTA that sends to it."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mail as mails
from tree import Tree

from mailauth.milter.client import Answer, BrokenFilter, Client, Envelope
from mailauth.milter.protocol.replies import InsertHeader
from mailauth.service.telling.metrics import exposition

AUTHSERV_ID = "mx.example.org"
SERVE = ("-m", "mailauth", "serve", "--config")
FAULTS = (str(Path(__file__).with_name("milter_faults.py")),)
"""The same, except that messages may ask for faults."""
OURS = Envelope("127.0.0.1", helo="localhost", sender="ada@example.com")
THEIRS = Envelope("192.0.2.7", helo="client.example.com", sender="ada@example.com")


class MilterService(Tree):
    """The service; its `milter` signs and verifies, `sign` and `verify` do one of these."""

    def __init__(self, nameserver: str = "127.0.0.1:9", program: Sequence[str] = SERVE) -> None:
        super().__init__(program)
        self.nameserver = nameserver
        self.key = self.folder / "key.pem"
        mails.key("rsa").write(self.key)
        self.milter = f"unix:{self.folder}/milter"
        self.sign = f"unix:{self.folder}/sign"
        self.verify = f"unix:{self.folder}/verify"
        self.set_up()

    def set_up(
        self,
        text: str = "",
        *,
        signing: str | None = None,
        verifying: str = "",
        log: str = "text",
        **options: Any,
    ) -> None:
        """Write the configuration; `text` goes to its end, the others into their tables."""
        super().configure(**options)
        written = self.file.read_text().partition("[[listen]]")[0]
        written = written.replace("[service]\n", f'[service]\nlog = "{log}"\nlook_again = 0.2\n')
        row = f'[[signing.key]]\ndomain = "example.com"\nselector = "rsa"\nfile = "{self.key}"\n'
        if "[milter]" not in text:
            written += "[milter]\njudging = 10\n"
        written += f'[dns]\nnameservers = ["{self.nameserver}"]\ntimeout = 1\nbudget = 2\n'
        written += f"[signing]\n{row if signing is None else signing}"
        written += f'[verifying]\nauthserv_id = "{AUTHSERV_ID}"\n{verifying}\n'
        for address, role in ((self.milter, "both"), (self.sign, "sign"), (self.verify, "verify")):
            written += f'[[listen]]\nkind = "milter"\nrole = "{role}"\naddress = "{address}"\n'
        self.file.write_text(f"{written}{text}\n")

    def mta(self, address: str = "") -> Client:
        """A connection as an MTA."""
        connected = self.connect(address or self.milter)
        try:
            return Client(connected)
        except BrokenFilter:
            connected.close()
            raise

    def deliver(
        self,
        message: bytes = mails.MESSAGE,
        envelope: Envelope = OURS,
        *,
        address: str = "",
        queue_id: str = "4XqZ",
    ) -> Answer:
        """The answer to one message, on its own connection."""
        mta = self.mta(address)
        try:
            return mta.deliver(envelope, message, queue_id=queue_id)
        finally:
            mta.close()

    def try_to_deliver(self, message: bytes, envelope: Envelope = OURS) -> Answer | None:
        """The same; None if the service does not answer, and an MTA would defer the message."""
        try:
            return self.deliver(message, envelope)
        except (OSError, BrokenFilter):
            return None

    def metrics(self) -> str:
        """The figures of the service, as Prometheus reads them."""
        return exposition(self.status())[1].decode()

    def kill_workers(self) -> None:
        """Send SIGKILL to each worker."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)


def inserted(answer: Answer, name: str) -> str:
    """The value of the first field of this name that the MTA is to insert; empty if none."""
    for change in answer.changes:
        if isinstance(change, InsertHeader) and change.name == name.encode():
            return change.value.decode()
    return ""


def key_file(folder: Path, name: str) -> Path:
    """Make one more key file."""
    path = folder / name
    mails.key("ed25519").write(path)
    return path
