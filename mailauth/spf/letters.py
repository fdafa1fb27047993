"""The values of macro letters in one evaluation, and the names they make (RFC 7208 §7.2)."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from mailauth.errors import SyntaxFault
from mailauth.spf.identity import Subject
from mailauth.spf.macro import MacroString
from mailauth.syntax.domain import MAX_NAME, is_askable, parse_name

_FEW: Final = 8
"""Up to this many macros are expanded whole, however long a local part; of more, what counts."""
_MOST: Final = MAX_NAME + 3
"""Characters of a name that count (§7.3), with its final dot and enough to show it too long."""


class Letters:
    """The values of the letters for one client and sender; d is given for each expansion.

    `client_name` is p, a validated name of the client, once that has been looked up.
    """

    __slots__ = ("_said", "_values", "client_name")

    def __init__(self, subject: Subject) -> None:
        self._said = subject
        self._values: dict[str, str] = {}  # most records have no macros
        self.client_name = "unknown"  # §7.3

    def explained(self, string: MacroString, domain: str, most: int) -> str:
        """The beginning of an explanation (§6.2): its first `most` characters, or some more.

        Empty if it needs a local part that is not ASCII (RFC 8616 §4).
        """
        values = self._for(string, domain)
        if values is None:
            return ""
        few = len(string.macros) <= _FEW
        return string.expand(values) if few else string.first(most, values)

    def target(self, spec: MacroString, domain: str) -> str:
        """target-name (§4.8): the expanded domain-spec; empty if it cannot be asked for."""
        values = self._for(spec, domain)
        if values is None:
            return ""
        name = _expanded(spec, values)
        return name if is_askable(name) else ""

    def _for(self, string: MacroString, domain: str) -> dict[str, str] | None:
        """The values for one expansion; None if it is not allowed (RFC 8616 §4)."""
        if self.is_lacking(string):
            return None
        values = self.values()
        values["d"], values["p"] = domain, self.client_name
        return values

    def is_lacking(self, string: MacroString) -> bool:
        """Whether a string needs a local part that is not ASCII (RFC 8616 §4)."""
        return not self.values()["l"].isascii() and not string.letters.isdisjoint("sl")

    def values(self) -> dict[str, str]:
        """The values by letter; those of d and p are from the last expansion."""
        if self._values:
            return self._values
        client, sender, helo, receiver, now = self._said
        domain = _a_labels(sender.domain)
        self._values = {
            "s": f"{sender.local_part}@{domain}",
            "l": sender.local_part,
            "o": domain,
            "i": client.dotted,
            "v": "in-addr" if client.is_ip4 else "ip6",
            "h": _a_labels(helo),
            "c": client.text,
            "r": receiver,
            "t": str(now),
        }
        return self._values


def _a_labels(name: str) -> str:
    """A name with A-labels for its U-labels (RFC 8616 §4); an invalid one stays as it is."""
    if not name.isascii():
        with suppress(SyntaxFault):
            return parse_name(name)
    return name


OF_THE_RECORD: Final = frozenset("d")
"""Letters with the same value in every evaluation of a record (§7.2)."""


def fixed_target(spec: MacroString | None, domain: str) -> str | None:
    """target-name (§4.8) in the record of `domain`, in lower case, askable or not.

    None: it depends on the client.
    """
    if spec is None:
        return domain
    return _expanded(spec, {"d": domain}).lower() if spec.letters <= OF_THE_RECORD else None


def _expanded(spec: MacroString, values: Mapping[str, str]) -> str:
    few = len(spec.macros) <= _FEW
    name = (spec.expand(values) if few else spec.last(_MOST, values)).removesuffix(".")
    return _shortened(name) if len(name) > MAX_NAME else name


def _shortened(name: str) -> str:
    """The name, with labels dropped from the left until 253 octets remain (§7.3)."""
    while len(name) > MAX_NAME:
        cut = name.find(".", len(name) - MAX_NAME - 1)
        if cut < 0:
            return name
        name = name[cut + 1 :]
    return name
