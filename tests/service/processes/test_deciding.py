"""What decides, without processes: the watchdog, the restarts, the beats, the log's lines."""

import ast
import fcntl
import json
import logging
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from program import ROOT

from mailauth.service.processes.restarts import Restarts
from mailauth.service.processes.watchdog import Order, Phase, Watched
from mailauth.service.settings.tables import Watchdog
from mailauth.service.telling import beat, log
from mailauth.service.telling.beat import Beat, Figure
from mailauth.service.telling.tally import Tally, oldest

LIMITS = Watchdog(start=10, beat=1, silence=5, request=20, backtrace=1, terminate=2, stop=30)


def orders(watched: Watched, *times: float) -> list[Order | None]:
    return [watched.order(now) for now in times]


def test_a_process_that_is_late() -> None:
    watched = Watched(LIMITS, 100)
    assert orders(watched, 109.9, 110.1) == [None, Order.BACKTRACE]
    assert watched.reason == "was not ready within 10 s"


def test_a_process_that_falls_silent_is_asked_then_ended_then_killed() -> None:
    watched = Watched(LIMITS, 0)
    watched.beat(1, 0)
    assert watched.phase is Phase.WORKING
    assert orders(watched, 5.9, 6.1) == [None, Order.BACKTRACE]
    assert orders(watched, 6.2, 7.2, 8.0) == [None, Order.TERMINATE, None]
    assert orders(watched, 9.3, 9.4, 99) == [Order.KILL, None, None]


def test_the_condemned_are_not_pardoned() -> None:
    watched = Watched(LIMITS, 0)
    watched.beat(1, 0)
    assert watched.order(7) is Order.BACKTRACE
    watched.beat(7.5, 0)
    assert watched.order(8.1) is Order.TERMINATE


def test_none_was_silent_or_late_while_its_watcher_stood_still() -> None:
    late, silent, leaving = (Watched(LIMITS, 0) for _ in range(3))
    for each in (silent, leaving):
        each.beat(1, 0)
    leaving.leave(1)
    for each in (late, silent, leaving):
        each.excuse(101, 100)
    assert orders(late, 109.9, 110.1) == [None, Order.BACKTRACE]
    assert orders(silent, 105.9, 106.1) == [None, Order.BACKTRACE]
    leaving.beat(132, 0)
    assert orders(leaving, 132.9, 133.1) == [None, Order.BACKTRACE]


def test_no_request_took_long_while_its_watcher_stood_still() -> None:
    old, new = (Watched(LIMITS, 0) for _ in range(2))
    for each in (old, new):
        each.beat(1, 0.5)
        each.excuse(101, 100)
        each.beat(101, 0.5)  # this one was sent before
        assert each.order(101) is None
    old.beat(105, 104.5)
    assert (old.oldest, old.order(105)) == (4.5, None)
    old.beat(121, 120.5)
    assert old.order(121) is Order.BACKTRACE
    new.beat(118, 16.9)
    assert (new.oldest, new.order(118)) == (16.9, None)
    new.beat(122, 20.9)
    assert new.order(122) is Order.BACKTRACE


def test_a_request_that_takes_too_long() -> None:
    watched = Watched(LIMITS, 0)
    watched.beat(1, 17)
    assert orders(watched, 3.9, 4.1) == [None, Order.BACKTRACE]
    assert watched.reason == "has been working on one request for 20.1 s"


def test_a_process_that_does_not_leave() -> None:
    watched = Watched(LIMITS, 0)
    watched.beat(1, 0)
    watched.leave(2)
    for now in range(3, 34):
        watched.beat(now, 0)
        assert watched.order(now) is None
    watched.beat(35, 0)
    assert watched.order(35) is Order.BACKTRACE


@given(
    st.lists(
        st.tuples(st.sampled_from(["beat", "old", "leave", "condemn", "order"]), st.floats(0, 9))
    )
)
def test_a_process_gets_each_order_once_and_in_turn(steps: list[tuple[str, float]]) -> None:
    watched = Watched(LIMITS, 0)
    now = 0.0
    given_orders: list[Order | None] = []
    for step, passed in steps:
        now += passed
        if step == "leave":
            watched.leave(now)
        elif step == "condemn":
            given_orders.append(watched.condemn(now, "why"))
        elif step == "order":
            given_orders.append(watched.order(now))
        else:
            watched.beat(now, 30 if step == "old" else 0)
    whole = [Order.BACKTRACE, Order.TERMINATE, Order.KILL]
    found = [order for order in given_orders if order is not None]
    assert found == whole[: len(found)]
    assert watched.is_condemned is bool(found)


# Restarts


def test_each_restart_waits_twice_as_long() -> None:
    limits = Watchdog(restart_delay=1, restart_delay_most=5, storm_restarts=10, storm_window=60)
    restarts = Restarts(limits)
    now, waits = 0.0, []
    for _ in range(5):
        restarts.ended(now, "x")
        began = now
        while not restarts.may_start(now):
            now += 0.5
        waits.append(now - began)
    assert waits == [1, 2, 4, 5, 5]
    assert restarts.may_start(now + 61)
    assert restarts.recent(now + 61) == 0
    assert restarts.total == 5


def test_one_end_too_many_is_a_storm() -> None:
    restarts = Restarts(Watchdog(storm_restarts=3, storm_window=60))
    for now in range(3):
        restarts.ended(now, "x")
    assert not restarts.is_storm(3)
    restarts.ended(3, "x")
    assert restarts.is_storm(3)
    assert not restarts.is_storm(62)


@given(st.integers(1, 5000))
def test_many_ends_do_not_overflow(ends: int) -> None:
    restarts = Restarts(Watchdog(storm_restarts=100_000))
    for _ in range(ends):
        restarts.ended(1, "x")
    assert restarts.may_start(12)


# Beats


FIGURES = st.lists(st.integers(0, 2**64 - 1), min_size=len(Figure), max_size=len(Figure))


@given(st.floats(0, 1e6), st.lists(FIGURES, max_size=5))
def test_a_beat_survives_the_channel(age: float, figures: list[list[int]]) -> None:
    said = Beat(age, min(1, len(figures)), tuple(figures))
    assert beat.unpack(said.pack(), len(figures)) == said


@given(st.binary(max_size=400), st.integers(0, 5))
def test_any_datagram_is_a_beat_or_nothing(octets: bytes, listeners: int) -> None:
    said = beat.unpack(octets, listeners)
    assert said is None or (len(said.figures) == listeners and 0 <= said.oldest < float("inf"))


def test_a_beat_of_nonsense_is_dropped() -> None:
    assert beat.unpack(Beat(float("nan"), 0, ()).pack(), 0) is None
    assert beat.unpack(Beat(float("inf"), 0, ()).pack(), 0) is None
    assert beat.unpack(Beat(0, 1, ()).pack(), 0) is None


def test_a_tally_knows_its_oldest_request() -> None:
    now = 0.0
    tally = Tally(clock=lambda: now)
    first = tally.begin()
    now = 3.0
    second = tally.begin()
    assert tally.oldest() == 3.0
    tally.end(first)
    assert 0 < tally.oldest() < 0.1
    tally.end(second)
    tally.end(second)
    assert tally.oldest() == 0
    assert oldest([]) == 0


# The log


class Lines(log.Sink):
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep it."""
        self.lines.append(line)


def record(template: str, *values: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("mailauth.x", level, __file__, 1, template, values, None)


def written(form: str, *records: logging.LogRecord) -> list[bytes]:
    sink = Lines()
    handler = log.Handler(sink, "json" if form == "json" else "text", "worker")
    for one in records:
        handler.handle(one)
    return sink.lines


EVIL = "\r\n2026-01-01 postfix/smtpd: fake\x1b[2J\u202e\u0085\udcff é"


@pytest.mark.parametrize("form", ["text", "json"])
def test_PFX_10_a_line_cannot_be_forged(form: str) -> None:
    (line,) = written(form, record("from %s", EVIL))
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert not any(octet < 32 for octet in line[:-1])
    if form == "json":
        assert json.loads(line)["message"] == f"from {EVIL}"
        assert json.loads(line)["level"] == "warning"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("character", ["x", "\n", "\U0001f4a9"])
def test_PFX_10_a_line_fits_a_pipe(form: str, character: str) -> None:
    (line,) = written(form, record("from %(who)s", {"who": character * 100_000}))
    assert len(line) <= 4096
    if form == "text" and character == "x":
        assert line.endswith(b"... (100005 characters)\n")
    if form == "json":
        assert json.loads(line)["role"] == "worker"


def test_values_are_fields_in_json() -> None:
    (line,) = written("json", record("from %(who)s, %(n)d", {"who": "ada", "n": 3}))
    entry = json.loads(line)
    assert (entry["who"], entry["n"], entry["message"]) == ("ada", 3, "from ada, 3")


def test_short_values_stay_in_a_line_that_is_shortened() -> None:
    values = {"results": ["\U0001f4a9" * 300] * 10, "who": "ada", "level": "forged"}
    (line,) = written("json", record("%(who)s", values))
    entry = json.loads(line)
    assert (entry["who"], entry["level"], entry["shortened"]) == ("ada", "warning", True)
    assert "results" not in entry


@pytest.mark.parametrize("form", ["text", "json"])
def test_values_cannot_overwrite_what_the_log_says(form: str) -> None:
    (line,) = written(form, record("x %(level)s", {"level": "forged", "pid": 1}))
    if form == "json":
        assert json.loads(line)["level"] == "warning"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_that_cannot_be_formatted_is_told_of(form: str) -> None:
    (line,) = written(form, record("%d", "x"))
    assert b"could not be formatted: TypeError" in line


def test_OPS_05_a_flood_is_counted() -> None:
    now = 0.0
    rate = log.Rate(clock=lambda: now)
    passed = [rate.filter(record("refused %s", number)) for number in range(1000)]
    assert sum(passed) == 20
    assert rate.filter(record("another %s", 1)), "other lines pass"
    assert all(rate.filter(record("x", level=logging.CRITICAL)) for _ in range(100))
    now = 11.0
    late = record("refused %s", "x")
    assert rate.filter(late)
    assert late.getMessage() == "refused x (980 more like this were held back)"


def test_OPS_05_a_flood_of_what_libraries_make_up_is_counted_too() -> None:
    """asyncio puts the addresses of objects into its lines: no two are alike."""
    rate = log.Rate(clock=lambda: 0.0)
    logger = logging.getLogger("asyncio")
    lines = [
        logger.makeRecord(logger.name, logging.ERROR, "base_events.py", 1, f"at {n:#x}", (), None)
        for n in range(1000)
    ]
    assert sum(map(rate.filter, lines)) == 20
    other = logger.makeRecord(logger.name, logging.ERROR, "base_events.py", 2, "x", (), None)
    assert rate.filter(other), "another place passes"


def test_OPS_05_a_traceback_is_escaped_too() -> None:
    try:
        raise ValueError(EVIL)  # noqa: TRY301 - it is to have a traceback
    except ValueError as fault:
        one = record("failed")
        one.exc_info = (ValueError, fault, None)
    for form in ("text", "json"):
        for line in written(form, one):
            assert line.isascii()
            assert b"\x1b" not in line


def test_OPS_07_only_the_log_reads_the_clock_on_the_wall() -> None:
    """Deadlines are of a clock that never goes back."""
    for path in (ROOT / "mailauth" / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                allowed = {"maps.py"} if called == "time.time" else set()
                if called in {"time.time", "datetime.now", "time.localtime"}:
                    assert path.name in allowed, f"{path.name} reads {called}"


def test_OPS_08_the_full_pipe_of_another_user_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As runit and containers have it: root has made the pipe, and this user cannot open it."""

    def closed(*_: object) -> int:
        raise PermissionError

    reading, writing = os.pipe()
    os.write(writing, b"x" * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", closed)
        sink = log.Sink(writing)
    sink.write(b"lost\n")
    os.read(reading, 1 << 20)
    sink.write(b"later\n")
    assert os.read(reading, 1 << 20) == b"mailauth: 1 lines of the log were lost\nlater\n"
    assert os.get_blocking(writing), "its mode is that of its owner"
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_OPS_08_no_line_goes_on_where_a_full_disk_ended_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("wb") as file:
        sink = log.Sink(file.fileno())
    sink.write(b"whole\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        sink.write(b"from='x does not fit'\n")
        sink.write(b"nor does this\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    sink.write(b"later\n")
    lost = b"mailauth: 2 lines of the log were lost"
    assert path.read_bytes().splitlines() == [b"whole", b"from='x do", lost, b"later"]


def test_OPS_08_a_sink_survives_its_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        sink = log.Sink(file.fileno())
    sink.write(b"still open, for it was opened anew\n")
    assert (tmp_path / "log").read_bytes().startswith(b"still")
    with Path("/dev/full").open("wb") as file:
        sink = log.Sink(file.fileno())
    sink.write(b"lost\n")
