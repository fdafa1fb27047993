"""The messages that are measured, generated at random from a fixed seed."""

import base64
import random
from collections.abc import Callable

WORDS = (
    b"the quick brown fox jumps over a lazy dog and then both of them sit down to have "
    b"some tea with biscuits until somebody calls from far away"
).split()

HEADER = (
    b"".join(
        b"Received: from mx%d.example.net (mx%d.example.net [192.0.2.%d])\r\n"
        b"\tby mail.example.com with ESMTPS id 4Xk9f%dz2Qh;\r\n"
        b"\tMon, 23 Nov 2026 09:0%d:00 +0000\r\n" % (hop, hop, hop, hop, hop)
        for hop in range(1, 4)
    )
    + b"Return-Path: <sender@example.com>\r\n"
    b"Message-ID: <20261123090000.4Xk9f1z2Qh@mail.example.com>\r\n"
    b"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b"MIME-Version: 1.0\r\n"
    b"User-Agent: Example Mailer 1.0\r\n"
    b"Subject: =?UTF-8?Q?Minutes_of_the_meeting?= and what is left to do\r\n"
    b" before Friday\r\n"
    b"To: Some Reader <reader@example.org>\r\n"
    b"Cc: Another Reader <another@example.org>\r\n"
    b"References: <20261122080000.1@example.org> <20261122090000.2@example.com>\r\n"
    b"In-Reply-To: <20261122090000.2@example.com>\r\n"
    b"From: Some Sender <sender@example.com>\r\n"
    b"Content-Type: text/plain; charset=UTF-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
)


def text(size: int = 2_000) -> bytes:
    """A letter in lines of twelve words, `size` octets including its header."""
    dice = random.Random(1)
    return _fill(HEADER, size, lambda: b" ".join(dice.choices(WORDS, k=12)))


def html() -> bytes:
    """A newsletter of 50 KB: indented nested tables, with stray blanks at the end of some lines."""
    dice = random.Random(2)

    def line() -> bytes:
        words = b" ".join(dice.choices(WORDS, k=dice.randrange(2, 9)))
        return b'%b<td style="padding:0 24px;font:14px Arial,sans-serif">%b</td>%b' % (
            b"  " * dice.randrange(9) if dice.random() < 0.9 else b"\t\t",
            words,
            b" " * dice.randrange(1, 4) if dice.random() < 0.1 else b"",
        )

    return _fill(HEADER, 50_000, line)


def attachment(size: int) -> bytes:
    """Half a kilobyte of text, then base64 in lines of 76."""
    dice = random.Random(3)
    octets = base64.encodebytes(dice.randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    return (text(len(HEADER) + 500) + octets)[:size] + b"\r\n"


def blanks() -> bytes:
    """Hostile: a body of one line, with a million blanks that do not end it."""
    return HEADER + b" " * 1_000_000 + b"x\r\n"


def folds() -> bytes:
    """Hostile: a Subject folded 20,000 times."""
    head, _, rest = HEADER.partition(b"Subject:")
    return head + b"Subject:" + b"\r\n x" * 20_000 + b"\r\nX-Old-Subject:" + rest


def _fill(octets: bytes, size: int, line: Callable[[], bytes]) -> bytes:
    lines = [octets]
    length = len(octets)
    while length < size:
        lines.append(line() + b"\r\n")
        length += len(lines[-1])
    return b"".join(lines)
