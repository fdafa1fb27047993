"""A second opinion: dkimpy on the same octets, with the same answers of the DNS."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailauth.dkim import Verdict
from mailauth.dkim.signature import FIELD_KEY
from mailauth.dns.lookups import Question, RRType
from mailauth.errors import BadArgument
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
        """One says pass, and the other does not."""
        return self.passes is not None and self.passes != (self.ours == "pass")

    @property
    def word(self) -> str:
        """The opinion in a word."""
        return {True: "pass", False: "fail", None: "none"}[self.passes]

    @property
    def relation(self) -> str:
        """How it stands to our result."""
        if self.differs:
            reason = self.remark or "it gives no reason"
            return f"DIFFERENT from our {self.ours} on signature {self.index + 1}: {reason}"
        if self.passes is None:
            return self.remark
        return "the same" if self.word == self.ours else f"and our {self.ours} is no pass either"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The opinions on the signatures that both have judged, from top to bottom."""

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
            "--cross-check asks dkimpy, which is not installed: pip install 'mailauth[crosscheck]'"
        )


def compare(octets: bytes, verdicts: Sequence[Verdict], ask: "Resolver | Zone") -> Comparison:
    """Let dkimpy verify the signatures of our `verdicts`, which are those on the first ones."""
    count = sum(field.key == FIELD_KEY for field in Message.parse(octets).fields)
    return Comparison(
        tuple(
            Opinion(index, verdict.result.value, *_opinion(octets, index, ask))
            for index, verdict in enumerate(verdicts[:count])
        )
    )


def _opinion(octets: bytes, index: int, ask: "Resolver | Zone") -> tuple[bool | None, str]:
    """Whether dkimpy lets the signature pass, and what it remarks."""
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
