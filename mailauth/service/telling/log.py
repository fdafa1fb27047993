"""The log: one line per event on standard error, as text or JSON; it never blocks or fails.

A line that cannot be written at once, because a pipe or a disk is full, is lost and
counted, and the count is logged once there is room again.  Text from the network is
escaped, so that nobody can forge a line.  Lines of one kind beyond a rate are only
counted too, so that a flood of requests causes no flood of lines.

A log call has a template and its values; a mapping of values becomes fields of the JSON
object.  No value is ever a secret: see `srs.Secrets`.
"""

import json
import logging
import os
import select
import socket
import stat
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

_MAX_LINE: Final = 4000
"""Octets; a write of up to 4096 to a pipe is atomic, whoever else writes to it."""
_MAX_TRACE: Final = 3000
_MAX_TEXT: Final = 1000
_MAX_VALUE: Final = 300
_MAX_ITEMS: Final = 10
_BURST: Final = 20
_WINDOW: Final = 10.0
_PRIORITIES: Final = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}


class Sink:
    """A descriptor that is written to without blocking.

    A pipe, a file or a terminal is reopened, so that other programs that share it keep
    their mode; each send to a socket, such as journald's, says not to block.  If another
    user has made it and we cannot reopen it, it is polled for room before each write.
    """

    def __init__(self, descriptor: int = 2) -> None:
        self._socket: socket.socket | None = None
        self._waits = False  # a write may block
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            self._socket = socket.socket(fileno=os.dup(descriptor))
            self.descriptor = self._socket.fileno()
        else:
            anew = _opened_anew(descriptor)
            self._waits = anew is None
            self.descriptor = os.dup(descriptor) if anew is None else anew
        self._lost = 0
        self._is_broken = False  # only part of the last line was written: the disk is full

    def write(self, line: bytes) -> None:
        """Write a line of a few thousand octets, now or never."""
        if self._lost and self._put(b"mailauth: %d lines of the log were lost\n" % self._lost):
            self._lost = 0
        if not self._put(line):
            self._lost += 1

    def _put(self, line: bytes) -> bool:
        octets = b"\n" + line if self._is_broken else line
        try:
            if self._socket is not None:
                flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
                written = self._socket.send(octets, flags)
            elif self._waits and not _has_room(self.descriptor):
                return False
            else:
                written = os.write(self.descriptor, octets)
        except OSError:
            return False
        self._is_broken = written < len(octets)
        return not self._is_broken


def _opened_anew(descriptor: int) -> int | None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:  # no /proc, or another user's pipe or terminal
        return None


def _has_room(descriptor: int) -> bool:
    """Whether a line can be written now; a pipe then has room for a page, and no line is longer."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


class Handler(logging.Handler):
    """Formats records and gives them to a sink; says so if a record cannot be formatted."""

    def __init__(self, sink: Sink, form: Literal["text", "json"], role: str) -> None:
        super().__init__()
        self.sink = sink
        self._format = _as_json if form == "json" else _as_text
        self.role = role
        self.addFilter(Rate())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            lines = self._format(record, self.role)
        except Exception as fault:  # noqa: BLE001 - the log must never fail
            lines = f"mailauth: a line of the log could not be formatted: {type(fault).__name__}"
        for line in lines.split("\n"):
            self.sink.write(line.encode("ascii", "backslashreplace")[:_MAX_LINE] + b"\n")


def _as_text(record: logging.LogRecord, role: str) -> str:
    priority = f"<{_PRIORITIES.get(record.levelname, 6)}>" if _IS_JOURNAL else ""
    stamp = "" if priority else _stamp(record) + " "
    head = f"{priority}{stamp}mailauth {role}[{record.process}] {record.levelname.lower()}: "
    lines = [head + escape(record.getMessage())]
    if record.exc_info:
        trace = "".join(traceback.format_exception(*record.exc_info))
        lines += [f"{priority}  | {escape(line)}" for line in trace[-_MAX_TRACE:].splitlines()]
    return "\n".join(lines)


def _as_json(record: logging.LogRecord, role: str) -> str:
    entry: dict[str, object] = {
        "time": _stamp(record),
        "level": record.levelname.lower(),
        "role": role,
        "pid": record.process,
        "message": record.getMessage()[:_MAX_VALUE],
    }
    values = record.args if isinstance(record.args, Mapping) else {}
    more: dict[str, object] = {f"{key}": _plain(value) for key, value in values.items()}
    if record.exc_info:
        more["traceback"] = "".join(traceback.format_exception(*record.exc_info))[-_MAX_TRACE:]
    whole = json.dumps(more | entry)
    return whole if len(whole) <= _MAX_LINE else _shortened(entry, more)


def _shortened(entry: Mapping[str, object], more: Mapping[str, object]) -> str:
    """The entry with as many of the further values as fit, the short ones first."""
    line = json.dumps({**entry, "shortened": True})
    room = _MAX_LINE - len(line)
    pairs = (json.dumps({key: value})[1:-1] for key, value in more.items() if key not in entry)
    for pair in sorted(pairs, key=len):
        room -= len(pair) + len(", ")
        if room < 0:
            break
        line = f"{line[:-1]}, {pair}}}"
    return line


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value[:_MAX_ITEMS]]
    if isinstance(value, int | float | bool) or value is None:
        return value
    return str(value)[:_MAX_VALUE]


def _stamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _is_journal() -> bool:
    """Whether standard error is the journal, which adds the time and reads priorities."""
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


_IS_JOURNAL: Final = _is_journal()


def escape(text: str) -> str:
    """The first 1000 characters of a text in printable ASCII, anything else as escapes."""
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}... ({len(text)} characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isascii() and c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


class Rate(logging.Filter):
    """Limits the records of one template in a window; later says how many it held back.

    Templates are constants of our code, so there are few; lines of libraries, no two of
    which may be alike, are of one kind if they come from one place.  Critical lines always
    pass, and so do lines that their caller marks with `every`, because each is about
    something else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        if record.levelno >= logging.CRITICAL or getattr(record, "every", False):
            return True
        is_ours = record.name.startswith("mailauth.")
        kind = str(record.msg) if is_ours else f"{record.pathname}:{record.lineno}"
        key = (record.name, record.levelno, kind)
        now = self._clock()
        since, count = self._seen.get(key, (now, 0))
        if now - since >= _WINDOW:
            if count > _BURST:
                _append(record, f" ({count - _BURST} more like this were held back)")
            since, count = now, 0
        self._seen[key] = (since, count + 1)
        return count < _BURST


def _append(record: logging.LogRecord, note: str) -> None:
    record.msg = str(record.msg) + note.replace("%", "%%")


def start(sink: Sink, form: Literal["text", "json"], level: str, role: str) -> None:
    """Send everything that this process logs to a sink."""
    root = logging.getLogger()
    root.handlers[:] = [Handler(sink, form, role)]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False


def rename(role: str) -> None:
    """After a fork: log under another role from now on, and start counting afresh."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Handler):
            handler.role = role
            handler.filters[:] = [Rate()]
