"""Hundreds of messages while everything fails: each arrives once, rightly signed or marked.

The MTA here keeps what it could not deliver and sends it again, as one does.
"""

import threading
import time
from collections import Counter
from dataclasses import replace

import mail as mails
import pytest
from havoc import DEFERRING, WATCHDOG, Havoc
from milter_service import FAULTS, OURS, THEIRS, MilterService, inserted
from nameserver import from_zone, serve

from mailauth import authres, dkim
from mailauth.dns import Zone
from mailauth.milter.client import Answer
from mailauth.milter.protocol.replies import CONTINUE, InsertHeader

pytestmark = pytest.mark.loopback

MESSAGES = 400
SENDERS = 6
"""Messages under way at a time."""
ROUNDS = 3
"""How often each fault is made at least."""
PATIENCE = 150.0
ZONE = Zone(
    {f"d{number}.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]} for number in range(MESSAGES)}
    | {"rsa._domainkey.example.com": {"TXT": [mails.record("rsa")]}}
)


class Post:
    """What is to be sent, and what became of it."""

    def __init__(self, service: MilterService) -> None:
        self.service = service
        self.left = list(range(MESSAGES))
        self.delivered: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.deferrals = 0
        self._lock = threading.Lock()

    def work(self, until: float) -> None:
        """Send until nothing is left; what is not taken goes back to the queue."""
        while time.monotonic() < until:
            with self._lock:
                if not self.left:
                    return
                number = self.left.pop(0)
            is_ours = number % 2 == 0
            envelope = OURS if is_ours else replace(THEIRS, sender=f"ada@d{number}.example")
            message = mails.MESSAGE.replace(b"<1@", b"<%d@" % number)
            answer = self.service.try_to_deliver(message, envelope)
            taken = answer is not None and not answer.reply.refuses
            with self._lock:
                if taken and answer is not None:
                    self.delivered[number] += 1
                    self.wrong += [
                        f"{number}: {fault}" for fault in _faults(answer, message, is_ours)
                    ]
                else:
                    self.deferrals += 1
                    self.left.append(number)
            if not taken:
                time.sleep(0.05)


def _faults(answer: Answer, message: bytes, is_ours: bool) -> list[str]:
    """What is wrong with what the MTA was told of a message that it took."""
    names = [change.name for change in answer.changes if isinstance(change, InsertHeader)]
    if answer.reply is not CONTINUE or len(names) != len(answer.changes):
        return [f"{answer}"]
    if is_ours:
        if names != [b"DKIM-Signature"]:
            return [f"{names}"]
        field = inserted(answer, "DKIM-Signature").replace("\n", "\r\n").encode()
        signed = b"DKIM-Signature:" + field + b"\r\n" + message
        (verdict,) = ZONE.run(dkim.verify(signed, now=int(time.time())))
        return [] if verdict.result == "pass" else [str(verdict)]
    if names != [b"Authentication-Results"]:
        return [f"{names}"]
    told = authres.parse(inserted(answer, "Authentication-Results").replace("\n", ""))
    found = [f"{each.method}={each.result}" for each in told.results]
    of_helo, *others = found  # that of the HELO name decides nothing, so it may be a temperror
    sound = of_helo in {"spf=none", "spf=temperror"} and others == ["spf=pass", "dkim=none"]
    return [] if sound else [f"{found}"]


def deliver_all(service: MilterService) -> None:
    """All messages once, by several connections at a time."""
    post, until = Post(service), time.monotonic() + PATIENCE
    threads = [threading.Thread(target=post.work, args=(until,)) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert post.left == [], f"in vain\n{service.log()[-5000:]}"
    assert post.wrong == []
    assert sorted(post.delivered) == list(range(MESSAGES)), "none is lost"
    assert set(post.delivered.values()) == {1}, "none came twice"


def test_MIL_12_every_message_arrives_once_and_rightly_marked() -> None:
    with serve(from_zone(ZONE)) as nameserver:
        service = MilterService(nameserver.where, FAULTS)
        try:
            service.set_up(verifying=DEFERRING, workers=2, **WATCHDOG)
            service.start()
            poison = b"X-Fault: header spin\r\n" + mails.MESSAGE
            with Havoc(service, nameserver, lambda: service.try_to_deliver(poison)) as havoc:
                while havoc.rounds < ROUNDS and not havoc.faults:
                    deliver_all(service)
            assert not havoc.faults
            assert service.status()["restarts"]["total"] >= ROUNDS
            assert "is deferred" in service.log()
        finally:
            service.close()
