"""The milter under load: how long an MTA waits, what a second worker adds, what memory it takes.

`python -m bench.milterload [MESSAGES]` measures only this, and watches the memory over so
many messages.  The load is due at fixed times whatever the filter does: a message that
must wait for its turn counts as waiting.  The best of several rounds counts: interference
makes a measurement slower, never faster.
"""

import select
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import corpus, report
from bench.dkim import DOMAIN, SELECTOR, signed_by
from bench.measure import cpu_seconds
from bench.milter import AT_ONCE, Filter, Mta, connected
from bench.service import serving
from mailauth import dkim
from mailauth.keys import PrivateKey

ROUNDS = 4
SECONDS = 1.5
"""How long half a load is sent in each round."""
SESSIONS = 20
"""How often connections are made anew, since workers share the load by connection."""
MESSAGES = 100_000
"""How many messages the memory is watched over."""
LATENCY_GOAL = 10  # milliseconds
WORKERS_GOAL = 1.7
MEMORY_GOAL = 60  # megabytes
TOML = """
[signing]
[[signing.key]]
domain = "{domain}"
selector = "{selector}"
file = "{key}"
[[listen]]
kind = "milter"
address = "unix:{folder}/milter"
"""


def sentences(folder: Path, messages: int = MESSAGES) -> Iterator[str]:
    """What was measured, one sentence each."""
    key = PrivateKey.generate()
    pem, record = folder / "load.pem", folder / "load.txt"
    key.write(pem)
    record.write_text(dkim.KeyRecord.for_key(key.public_key).format())
    message = corpus.text()
    signed = signed_by(key, message)
    for name, tcp in (("a Unix socket", False), ("TCP", True)):
        with Filter("mailauth", folder, "verify", pem, record, tcp=tcp) as filtering:
            mtas = filtering.mtas(signed)
            slowest = min(_slowest(mtas) for _ in range(ROUNDS))
        goal = report.goal(f"{LATENCY_GOAL} ms", met=slowest < LATENCY_GOAL)
        yield (
            f"By {name} and at half of the greatest load 99 of 100 messages of 2 KB are judged "
            f"within {slowest:.1f} ms {goal}."
        )
    rates = [[_rate(folder, pem, message, workers) for workers in (1, 2)] for _ in range(ROUNDS)]
    times = max(two for _, two in rates) / max(one for one, _ in rates)
    goal = report.goal(f"{WORKERS_GOAL}", met=times >= WORKERS_GOAL)
    yield (
        f"Two workers sign {times:.2f} times as many messages as one, by the CPU time of the "
        f"busiest {goal}."
    )
    with Filter("mailauth", folder, "verify", pem, record) as filtering:
        mtas = filtering.mtas(signed)
        _send(mtas, 2000)
        before = filtering.resident()
        _send(mtas, messages)
        after = filtering.resident()
    goal = report.goal(f"{MEMORY_GOAL} MB", met=after < MEMORY_GOAL)
    flat = report.goal("flat", met=after - before < 1)
    yield (
        f"A worker takes {after:.0f} MB under load {goal}, {after - before:+.1f} MB after "
        f"{messages:,} more messages {flat}."
    )


def _send(mtas: list[Mta], count: int) -> float:
    """Seconds for so many messages, one at a time on each connection."""
    begin = time.perf_counter()
    for _ in range(-(-count // len(mtas))):
        for mta in mtas:
            mta.say(0)
        for mta in mtas:
            mta.read()
    return time.perf_counter() - begin


def _slowest(mtas: list[Mta]) -> float:
    """Milliseconds within which 99 of 100 messages are answered, at half the maximum load."""
    _send(mtas, 400)
    rate = 1200 / _send(mtas, 1200) / 2
    poll = select.epoll()
    busy: dict[int, tuple[Mta, float]] = {}
    free = list(mtas)
    for mta in mtas:
        poll.register(mta.fileno(), select.EPOLLIN)
    taken: list[float] = []
    number, sent, begin = int(rate * SECONDS), 0, time.perf_counter()
    while len(taken) < number:
        now = time.perf_counter() - begin
        while sent < number and free and sent / rate <= now:
            mta = free.pop()
            busy[mta.fileno()] = (mta, sent / rate)
            mta.say(0)
            sent += 1
        wait = max(0.0, sent / rate - now) if free and sent < number else 1.0
        for descriptor, _ in poll.poll(wait):
            mta, due = busy.pop(descriptor)
            mta.read()
            taken.append(time.perf_counter() - begin - due)
            free.append(mta)
    return sorted(taken)[len(taken) * 99 // 100] * 1000


def _rate(folder: Path, key: Path, message: bytes, workers: int) -> float:
    """Messages signed per CPU second of the busiest worker of the service."""
    toml = TOML.format(folder=folder, domain=DOMAIN, selector=SELECTOR, key=key)
    with serving(folder, toml, workers) as pids:
        before = [cpu_seconds(pid) for pid in pids]
        for _ in range(SESSIONS):
            with ExitStack() as stack:
                ends = [connected(f"{folder}/milter") for _ in range(2 * AT_ONCE)]
                mtas = [Mta(stack.enter_context(end), "127.0.0.1", message) for end in ends]
                _send(mtas, 5 * len(mtas))
        spent = [cpu_seconds(pid) - began for pid, began in zip(pids, before, strict=True)]
    return SESSIONS * 10 * AT_ONCE / max(spent)


def main(arguments: list[str]) -> None:
    """See the module."""
    messages = int(arguments[0]) if arguments else MESSAGES
    with tempfile.TemporaryDirectory() as name:
        for sentence in sentences(Path(name), messages):
            print(sentence, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
