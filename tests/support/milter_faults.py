"""`mailauth serve` whose milters can be made to fail: `python milter_faults.py FILE`.

The X-Fault field of a message says where and how, as in `header spin`; the program
itself has no such hook.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from mailauth.errors import MailauthError
from mailauth.milter import judging
from mailauth.milter import mail as mails
from mailauth.service import start
from mailauth.syntax.message import Message

honest_header, honest_update, honest_judge = mails.Mail.header, mails.Mail.update, judging.judge


def fail(mail: mails.Mail, place: str) -> None:
    """Do what the message asks for at this place."""
    for line in mail._lines:
        if line.startswith(f"X-Fault: {place} ".encode()):
            match line.split()[2]:
                case b"spin":
                    while True:
                        pass
                case b"kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case b"raise":
                    raise RuntimeError("a fault that was asked for")
                case b"slow":
                    time.sleep(0.2)


def header(mail: mails.Mail) -> Message:
    fail(mail, "header")
    return honest_header(mail)


def update(mail: mails.Mail, octets: bytes) -> None:
    fail(mail, "body")
    honest_update(mail, octets)


def judge(*given: Any, **named: Any) -> Any:
    """The same look-ups; a sender may ask for a fault after their last answer."""
    judgement = yield from honest_judge(*given, **named)
    if given[0].sender.startswith("judge.kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    while given[0].sender.startswith("judge.spin"):
        pass
    return judgement


if __name__ == "__main__":
    with (
        mock.patch.object(mails.Mail, "header", header),
        mock.patch.object(mails.Mail, "update", update),
        mock.patch("mailauth.milter.session.judge", judge),
    ):
        try:
            sys.exit(start.serve(Path(sys.argv[1])))
        except MailauthError as refused:
            sys.stderr.write(f"{refused}\n")
            sys.exit(2)
