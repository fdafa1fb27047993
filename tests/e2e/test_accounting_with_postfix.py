"""Hundreds of messages through two real instances of Postfix while everything fails.

The first signs and the second judges, both by one service whose workers are killed,
stopped and hung.  What was deferred comes later; at the end each message is in the
box once, signed once and rightly marked.
"""

import re
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import mail as mails
import postfix
import pytest
from havoc import DEFERRING, WATCHDOG, Havoc
from milter_service import AUTHSERV_ID, FAULTS, MilterService
from nameserver import Nameserver, from_zone, serve
from postfix import Postfix, free_port
from sink import until

from mailauth import authres
from mailauth.dns import Zone

pytestmark = [pytest.mark.e2e, pytest.mark.loopback]

MESSAGES = 240
SENDERS = 4
ROUNDS = 2
"""How often each fault is made at least while mail is injected."""
PATIENCE = 120.0
ZONE = Zone(
    {f"d{number}.example": {"TXT": ["v=spf1 ip4:127.0.0.2 -all"]} for number in range(MESSAGES)}
    | {"rsa._domainkey.example.com": {"TXT": [mails.record("rsa")]}}
)


@dataclass
class Way:
    """Both instances and what filters for them."""

    origin: Postfix
    receiver: Postfix
    service: MilterService
    nameserver: Nameserver

    def inject(self, number: int) -> None:
        """One mail, again until it is taken: what is refused for now is the client's still."""
        message = mails.MESSAGE.replace(b"<1@", b"<%d@" % number)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                self.origin.send(f"ada@d{number}.example", "box@local.test", message)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"the mail {number} is not taken")


@contextmanager
def way(folder: Path) -> Iterator[Way]:
    sign, verify = free_port(), free_port()
    to_receiver = free_port()
    with ExitStack() as stack:
        nameserver = stack.enter_context(serve(from_zone(ZONE)))
        service = MilterService(nameserver.where, FAULTS)
        stack.callback(service.close)
        service.sign, service.verify = f"inet:127.0.0.1:{sign}", f"inet:127.0.0.1:{verify}"
        service.set_up(verifying=DEFERRING, workers=2, **WATCHDOG)
        service.start()
        origin = Postfix(
            folder / "origin",
            "mx.origin.test",
            {
                "smtpd_milters": f"inet:127.0.0.1:{sign}",
                "milter_default_action": "tempfail",
                "transport_maps": f"inline:{{ {{local.test=smtp:[127.0.0.1]:{to_receiver}}} }}",
                "smtp_bind_address": "127.0.0.2",
            },
        )
        receiver = Postfix(
            folder / "receiver",
            "mx.local.test",
            {
                "smtpd_milters": f"inet:127.0.0.1:{verify}",
                "milter_default_action": "tempfail",
                "virtual_mailbox_domains": "local.test",
                "virtual_mailbox_maps": "inline:{ {box@local.test=box/} }",
            },
            to_receiver,
        )
        stack.enter_context(origin)
        stack.enter_context(receiver)
        yield Way(origin, receiver, service, nameserver)


def inject_all(through: Way) -> None:
    """All mails, by several clients."""
    numbers = iter(range(MESSAGES))
    faults: list[Exception] = []
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                through.inject(number)
            except TimeoutError as fault:
                faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def wrongs(octets: bytes) -> list[str]:
    """What is wrong with a mail in the box."""
    found = message_from_bytes(octets)
    told = [authres.parse(str(field)) for field in found.get_all(authres.NAME, [])]
    told = [each for each in told if each.authserv_id == AUTHSERV_ID]
    signatures = len(found.get_all("DKIM-Signature", []))
    if len(told) != 1 or signatures != 1:
        return [f"{found['Message-ID']}: {len(told)} results, {signatures} signatures"]
    _, *rest = [f"{each.method}={each.result}" for each in told[0].results]
    return [] if rest == ["spf=pass", "dkim=pass"] else [f"{found['Message-ID']}: {rest}"]


def test_MIL_12_none_is_lost_none_comes_twice_none_is_wrongly_marked(tmp_path: Path) -> None:
    if postfix.missing():
        pytest.skip(postfix.missing())
    with way(tmp_path) as through:
        poison = b"X-Fault: header spin\r\n" + mails.MESSAGE

        def hang() -> None:
            through.service.try_to_deliver(poison)

        with Havoc(through.service, through.nameserver, hang) as havoc:
            inject_all(through)
            until(lambda: havoc.rounds >= ROUNDS or havoc.faults, PATIENCE)
        assert not havoc.faults
        until(lambda: not through.origin.queue(), PATIENCE)
        until(lambda: len(through.receiver.mails()) >= MESSAGES, PATIENCE)
        boxes = through.receiver.mails()
        numbers = Counter(int(re.findall(rb"Message-ID: <(\d+)@", each)[0]) for each in boxes)
        assert sorted(numbers) == list(range(MESSAGES)), "none is lost"
        assert set(numbers.values()) == {1}, "none came twice"
        assert [wrong for each in boxes for wrong in wrongs(each)] == []
        assert through.service.status()["restarts"]["total"] >= ROUNDS
        assert "status=deferred" in through.origin.log, "the faults were felt"
