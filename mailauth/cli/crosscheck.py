"""A second opinion: dkimpy on the same octets, with the same answers of the DNS."""

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
            return f"DIFFERENT from our {self.ours}: {self.remark or 'it gives no reason'}"
        return "the same" if self.passes is not None else self.remark


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


def compare(octets: bytes, verdicts: list[Verdict], ask: "Resolver | Zone") -> Comparison:
    """Let dkimpy verify each signature that we examined.

    **Raises** BadArgument: dkimpy is not installed.
    """
    if not is_installed():
        msg = "--cross-check asks dkimpy, not installed: pip install 'mailauth[crosscheck]'"
        raise BadArgument(msg)
    count = sum(field.key == FIELD_KEY for field in Message.parse(octets).fields)
    judged = verdicts[: min(count, len(verdicts))]
    return Comparison(
        tuple(
            Opinion(index, verdict.result.value, *_opinion(octets, index, ask))
            for index, verdict in enumerate(judged)
        )
    )


def _opinion(octets: bytes, index: int, ask: "Resolver | Zone") -> tuple[bool | None, str]:
    import dkim

    def txt(name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - dkimpy's
        question = Question(name.decode("ascii", "replace").removesuffix("."), RRType.TXT)
        answer = ask.resolve(question)
        return answer.records[0] if answer.records else None

    try:
        passes = bool(dkim.DKIM(octets).verify(index, dnsfunc=txt))
    except dkim.NaClNotFoundError:
        return None, "Ed25519 needs its extra: pip install pynacl"
    except Exception as fault:  # noqa: BLE001 - whatever it raises is its opinion
        return False, f"{type(fault).__name__}: {fault}"
    return passes, ""
