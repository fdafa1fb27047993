"""A second opinion: dkimpy on the same octets, with the same answers of the DNS.

With a run of blanks or many names in h=, the time that dkimpy takes may grow with the
square of the message's size.  So it works in a process of its own, for a limited time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mailauth.dkim import Verdict
from mailauth.dkim.signature import FIELD_KEY
from mailauth.dns.lookups import Question, RRType
from mailauth.errors import BadArgument, how_to_get
from mailauth.syntax.message import Message

if TYPE_CHECKING:
    from mailauth.dns import Resolver, Zone


@dataclass(frozen=True, slots=True)
class Opinion:
    """What dkimpy says of one signature, beside our own result."""

    index: int
    ours: str
    passes: bool | None
    """None: it has no opinion."""
    remark: str

    @property
    def differs(self) -> bool:
        """Whether one says pass, and the other does not."""
        return self.passes is not None and self.passes != (self.ours == "pass")

    @property
    def word(self) -> str:
        """The opinion in a word."""
        return {True: "pass", False: "fail", None: "none"}[self.passes]

    @property
    def relation(self) -> str:
        """How it relates to our result, in words."""
        if self.differs:
            reason = self.remark or "it gives no reason"
            return f"DIFFERENT from our {self.ours} on signature {self.index + 1}: {reason}"
        if self.passes is None:
            return self.remark
        return "the same" if self.word == self.ours else f"and our {self.ours} is not a pass either"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The opinions on the signatures that both judged, from top to bottom."""

    opinions: tuple[Opinion, ...]

    def as_dict(self) -> dict[str, Any]:
        """The comparison for JSON."""
        return {
            "program": "dkimpy",
            "agrees": not any(opinion.differs for opinion in self.opinions),
            "signatures": [
                {
                    "index": opinion.index,
                    "result": opinion.word,
                    "remark": opinion.remark,
                    "differs": opinion.differs,
                }
                for opinion in self.opinions
            ],
        }

    def lines(self) -> list[str]:
        """The comparison for people."""
        return [f"dkimpy: {opinion.word}, {opinion.relation}" for opinion in self.opinions]


def is_installed() -> bool:
    """Whether dkimpy can be asked."""
    from importlib.util import find_spec

    return find_spec("dkim") is not None


def demand() -> None:
    """**Raises** BadArgument: dkimpy is not installed."""
    if not is_installed():
        raise BadArgument(
            f"--cross-check asks dkimpy, which is not installed: {how_to_get('crosscheck')}"
        )


def compare(
    octets: bytes, verdicts: Sequence[Verdict], ask: "Resolver | Zone", *, now: int
) -> Comparison:
    """Let dkimpy verify the signatures on which our `verdicts` are: the first ones.

    It judges as of `now`, in seconds since the epoch.
    """
    count = sum(field.key == FIELD_KEY for field in Message.parse(octets).fields)
    judged = verdicts[:count]
    given = _opinions(octets, len(judged), ask, now)
    return Comparison(
        tuple(
            Opinion(index, verdict.result.value, *each)
            for index, (verdict, each) in enumerate(zip(judged, given, strict=True))
        )
    )


MOST_SECONDS = 5.0
"""How long dkimpy may work on one message; waiting for the DNS does not count."""


def _opinions(
    octets: bytes, count: int, ask: "Resolver | Zone", now: int
) -> list[tuple[bool | None, str]]:
    """The opinions on the first `count` signatures, from a process that is stopped in time."""
    import json
    import os
    import signal

    import dkim  # once, and not in each process

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            dkim.time = SimpleNamespace(time=lambda: now)  # all that it needs of the module
            _tell_opinions(writer, octets, count, ask)
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="ascii") as file:  # noqa: PTH123 - a descriptor
        told = [json.loads(line) for line in file if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    why = "its process has ended"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        why = f"it was stopped after {MOST_SECONDS:g} seconds of work"
    given = [(passes, remark) for passes, remark in told]
    return given + [(None, f"no opinion: {why}")] * (count - len(given))


def _tell_opinions(writer: int, octets: bytes, count: int, ask: "Resolver | Zone") -> None:
    """Write a line for each opinion; after `MOST_SECONDS` of work, a signal ends it."""
    import json
    import signal

    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    with open(writer, "w", encoding="ascii") as file:
        for index in range(count):
            print(json.dumps(opinion(octets, index, ask)), file=file, flush=True)


def opinion(octets: bytes, index: int, ask: "Resolver | Zone") -> tuple[bool | None, str]:
    """Whether the signature passes with dkimpy (None: no opinion), and a remark."""
    import dkim

    failures: list[str] = []

    def txt(name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - dkimpy's
        """The first TXT record, as dkimpy takes it; its own exception for a failure."""
        answer = ask.resolve(Question(name.decode("latin-1").removesuffix("."), RRType.TXT))
        if answer.failed:
            failures.append(f"the DNS failed: {answer.status}")
            raise dkim.DnsTimeoutError(answer.status.value)
        return answer.records[0] if answer.records else None

    try:
        passes = bool(dkim.DKIM(octets).verify(index, dnsfunc=txt))
    except dkim.NaClNotFoundError:
        return None, "Ed25519 needs its extra: pip install pynacl"
    except Exception as fault:  # noqa: BLE001 - whatever it raises is its opinion
        return False, f"{type(fault).__name__}: {fault}"
    return passes, "".join(failures)
