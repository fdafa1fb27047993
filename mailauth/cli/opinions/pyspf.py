"""A second opinion on SPF: pyspf on the same question, with the same answers of the DNS."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mailauth.dns.lookups import Question, RRType
from mailauth.errors import BadArgument, how_to_get
from mailauth.syntax.mailbox import without_brackets

if TYPE_CHECKING:
    from mailauth.dns import Resolver, Zone


def demand() -> None:
    """**Raises** BadArgument: pyspf is not installed."""
    if find_spec("spf") is None:
        raise BadArgument(
            f"--cross-check asks pyspf, which is not installed: {how_to_get('crosscheck')}"
        )


def ask(ip: str, sender: str, helo: str, where: "Resolver | Zone") -> str:
    """The result of pyspf, or what it raised."""
    import spf

    query = spf.query(ip, without_brackets(sender), helo, strict=True)

    def dns(name: str, rrtype: str, _: object = None, ignore_void: bool = False) -> list[Any]:  # noqa: FBT002 - pyspf's
        """The records as pyspf expects them; its own exceptions for failures and limits."""
        if rrtype not in set(RRType):
            return []
        answer = where.resolve(Question(name.removesuffix("."), RRType(rrtype)))
        if answer.failed:
            raise spf.TempError(f"DNS {answer.status}")
        if not answer.records and not ignore_void:
            query.void_lookups += 1
            if query.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("void look-up limit exceeded")
        if rrtype == "TXT":
            return [(record,) for record in answer.records]
        if rrtype == "MX":
            return [(mx.preference, mx.host) for mx in answer.records]
        return [str(record) for record in answer.records]

    query.dns = dns
    try:
        return str(query.check()[0])
    except Exception as fault:  # noqa: BLE001 - whatever it raises is its opinion
        return f"{type(fault).__name__}: {fault}"
