"""Case files, which anybody may write."""

import json
from contextlib import suppress
from typing import Any

from mailauth.case import BadCase, dumps, loads, record
from mailauth.dns import Answer, Status, run


def case_file(octets: bytes) -> None:
    """Any text is a case that can be replayed and written, or a BadCase."""
    texts = [octets.decode("utf-8", "replace")]
    whole = json.loads(_CASE)
    names = list(whole)
    with suppress(ValueError, RecursionError):
        whole[names[len(octets) % len(names)]] = json.loads(octets)
    whole["message"] = texts[0].split("\n")
    texts.append(json.dumps(whole))
    for text in texts:
        with suppress(BadCase):
            case = loads(text)
            case.replay()
            assert dumps(loads(dumps(case))) == dumps(case)


_ARRIVAL: dict[str, Any] = {
    "ip": "192.0.2.1",
    "helo": "mx.example.com",
    "mail_from": "ada@example.com",
}
_CASE = dumps(
    run(
        record(b"From: ada@example.com\r\n\r\n", now=1_795_000_000, **_ARRIVAL),
        lambda _: Answer(Status.NO_DATA),
    )[1]
)

TARGETS = (case_file,)
