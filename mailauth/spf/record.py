"""The record: version, directives and modifiers (RFC 7208 §3, §4.6.1, §12).

A record is read whole before any of it is evaluated (§4.6), so that a fault at
its end is a fault of the record; `format` is the inverse of `parse`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from mailauth.errors import SyntaxFault
from mailauth.spf import macro
from mailauth.spf.macro import MacroString
from mailauth.spf.result import Result
from mailauth.syntax.abnf import DUAL_CIDR_LENGTH, IP4_NETWORK, IP6_NETWORK, MODIFIER_NAME

MAX_OCTETS: Final = 65_535
MAX_TERMS: Final = 2_000
VERSION: Final = "v=spf1"


class Qualifier(StrEnum):
    """What a match of a mechanism means (§4.6.2)."""

    PASS = "+"  # noqa: S105 - a sign of the RFC, no secret
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"

    result: Result
    """The result of a match."""


for _qualifier in Qualifier:
    _qualifier.result = Result[_qualifier.name]


@dataclass(frozen=True, slots=True)
class All:
    """all (§5.1): it always matches."""


@dataclass(frozen=True, slots=True)
class Include:
    """include ":" domain-spec (§5.2): the record of another domain passes."""

    domain_spec: MacroString


@dataclass(frozen=True, slots=True)
class A:
    """a [ ":" domain-spec ] [ dual-cidr-length ] (§5.3): the client is an address of the name."""

    domain_spec: MacroString | None
    ip4_length: int = 32
    ip6_length: int = 128


@dataclass(frozen=True, slots=True)
class MX:
    """mx [ ":" domain-spec ] [ dual-cidr-length ] (§5.4): an address of a mail exchange."""

    domain_spec: MacroString | None
    ip4_length: int = 32
    ip6_length: int = 128


@dataclass(frozen=True, slots=True)
class PTR:
    """ptr [ ":" domain-spec ] (§5.5): a validated name of the client is in the domain."""

    domain_spec: MacroString | None


@dataclass(frozen=True, slots=True)
class IP4:
    """ip4 ":" ip4-network [ ip4-cidr-length ] (§5.6)."""

    address: IPv4Address
    length: int = 32


@dataclass(frozen=True, slots=True)
class IP6:
    """ip6 ":" ip6-network [ ip6-cidr-length ] (§5.6)."""

    address: IPv6Address
    length: int = 128


@dataclass(frozen=True, slots=True)
class Exists:
    """exists ":" domain-spec (§5.7): the name has an A record."""

    domain_spec: MacroString


Mechanism: TypeAlias = All | Include | A | MX | PTR | IP4 | IP6 | Exists


@dataclass(frozen=True, slots=True)
class Directive:
    """A mechanism, and what its match means (§4.6.1)."""

    qualifier: Qualifier
    mechanism: Mechanism
    text: str
    """As the record has it."""


@dataclass(frozen=True, slots=True)
class Record:
    """The directives in their order, and the modifiers."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    """redirect= (§6.1)."""
    exp: MacroString | None = None
    """exp= (§6.2)."""
    unknown_modifiers: tuple[tuple[str, str], ...] = ()
    """Names and values of modifiers that are not known (§6)."""
    text: str = ""


def is_record(octets: bytes) -> bool:
    """Whether a TXT record is an SPF record: the version, alone or before a space (§4.5)."""
    return octets[:6].lower() == b"v=spf1" and octets[6:7] in (b"", b" ")


def parse(octets: bytes) -> Record:
    """record = version terms *SP (§12).  **Raises** SyntaxFault."""
    if len(octets) > MAX_OCTETS:
        raise SyntaxFault(f"a record of {len(octets)} octets, over {MAX_OCTETS}")
    text = octets.decode("latin-1")
    if not text.isascii():
        at = next(place for place, character in enumerate(text) if not character.isascii())
        raise SyntaxFault("a record that is not ASCII", text, at)
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    unknown: list[tuple[str, str]] = []
    for count, found in enumerate(_TERM.finditer(text, len(VERSION))):
        term = found.group()
        if count == MAX_TERMS:
            raise SyntaxFault(f"a record of more than {MAX_TERMS} terms", text, found.start())
        try:
            _read_term(term, directives, modifiers, unknown)
        except SyntaxFault as fault:
            raise SyntaxFault(f"{fault.message}: {term[:60]!r}", text, found.start()) from None
    return Record(
        tuple(directives),
        modifiers.get("redirect"),
        modifiers.get("exp"),
        tuple(unknown),
        text,
    )


def format(record: Record) -> str:  # noqa: A001 - the inverse of parse
    """The text of the record, its terms in one order: directives, redirect, exp, others."""
    words = [VERSION, *(_format_directive(directive) for directive in record.directives)]
    if record.redirect is not None:
        words.append(f"redirect={record.redirect.text}")
    if record.exp is not None:
        words.append(f"exp={record.exp.text}")
    words += [f"{name}={value}" for name, value in record.unknown_modifiers]
    return " ".join(words)


def reached(record: Record) -> tuple[Directive, ...]:
    """The directives up to the first all; those after it are never read (§5.1)."""
    for place, directive in enumerate(record.directives):
        if isinstance(directive.mechanism, All):
            return record.directives[: place + 1]
    return record.directives


def end_of(record: Record) -> Directive | None:
    """The all at which its evaluation ends, if there is one (§5.1)."""
    last = reached(record)[-1:]
    return last[0] if last and isinstance(last[0].mechanism, All) else None


def redirect_of(record: Record) -> MacroString | None:
    """Its redirect=, unless an all makes that unused (§6.1)."""
    return record.redirect if end_of(record) is None else None


_TERM = re.compile(r"[^ ]+")
_MODIFIERS = ("redirect", "exp")
_QUALIFIERS = frozenset(Qualifier)
_IP4_LENGTH, _IP6_LENGTH = 32, 128


def _read_term(
    term: str,
    directives: list[Directive],
    modifiers: dict[str, MacroString],
    unknown: list[tuple[str, str]],
) -> None:
    name, equals, value = term.partition("=")
    if equals and MODIFIER_NAME.fullmatch(name):
        name = name.lower()
        if name not in _MODIFIERS:
            macro.parse(value)
            unknown.append((name, value))
        elif name in modifiers:
            raise SyntaxFault(f"{name}= appears twice")  # §6
        else:
            modifiers[name] = macro.parse_domain_spec(value)
        return
    qualifier, text = (term[0], term[1:]) if term[0] in _QUALIFIERS else ("+", term)
    directives.append(Directive(Qualifier(qualifier), _mechanism(text), term))


def _mechanism(text: str) -> Mechanism:
    cut = _NAME_END.search(text)
    name = text[: cut.start()].lower() if cut else text.lower()
    rest = text[len(name) :]
    if name == "a":
        return A(*_target(rest))
    if name == "mx":
        return MX(*_target(rest))
    if not rest and name in _ALONE:
        return _ALONE[name]
    if not rest.startswith(":") or name not in _WITH_VALUE:
        raise SyntaxFault("not a mechanism with its arguments")
    return _WITH_VALUE[name](rest[1:])


def _target(rest: str) -> tuple[MacroString | None, int, int]:
    """[ ":" domain-spec ] [ dual-cidr-length ] (§5.3, §5.4)."""
    found = DUAL_CIDR_LENGTH.search(rest)
    assert found is not None  # noqa: S101 - it matches the end of any text
    ip4, ip6 = _length(found[1], _IP4_LENGTH), _length(found[2], _IP6_LENGTH)
    spec = rest[: found.start()]
    if not spec:
        return None, ip4, ip6
    if not spec.startswith(":"):
        raise SyntaxFault("not a prefix length")
    return macro.parse_domain_spec(spec[1:]), ip4, ip6


def _ip4(value: str) -> IP4:
    address, slash, length = value.partition("/")
    if not IP4_NETWORK.fullmatch(address):
        raise SyntaxFault("not an IPv4 address")
    return IP4(IPv4Address(address), _single_length(slash, length, _IP4_LENGTH))


def _ip6(value: str) -> IP6:
    address, slash, length = value.partition("/")
    if not IP6_NETWORK.fullmatch(address):
        raise SyntaxFault("not an IPv6 address")
    try:
        parsed = IPv6Address(address)
    except ValueError:
        raise SyntaxFault("not an IPv6 address") from None
    return IP6(parsed, _single_length(slash, length, _IP6_LENGTH))


_NAME_END = re.compile("[:/]")
_ALONE: Final[dict[str, Mechanism]] = {"all": All(), "ptr": PTR(None)}
_WITH_VALUE: Final[dict[str, Callable[[str], Mechanism]]] = {
    "include": lambda value: Include(macro.parse_domain_spec(value)),
    "exists": lambda value: Exists(macro.parse_domain_spec(value)),
    "ptr": lambda value: PTR(macro.parse_domain_spec(value)),
    "ip4": _ip4,
    "ip6": _ip6,
}


def _single_length(slash: str, digits: str, most: int) -> int:
    if not slash:
        return most
    if not re.fullmatch("0|[1-9][0-9]{0,2}", digits):
        raise SyntaxFault("not a prefix length")
    return _length(digits, most)


def _length(digits: str | None, most: int) -> int:
    length = most if digits is None else int(digits)
    if length > most:
        raise SyntaxFault(f"a prefix length over {most}")
    return length


def _format_directive(directive: Directive) -> str:
    sign = "" if directive.qualifier is Qualifier.PASS else directive.qualifier.value
    return sign + _format_mechanism(directive.mechanism)


def _format_mechanism(mechanism: Mechanism) -> str:
    name = type(mechanism).__name__.lower()
    if isinstance(mechanism, IP4 | IP6):
        most = _IP4_LENGTH if isinstance(mechanism, IP4) else _IP6_LENGTH
        length = "" if mechanism.length == most else f"/{mechanism.length}"
        return f"{name}:{mechanism.address}{length}"
    if isinstance(mechanism, All):
        return name
    spec = "" if mechanism.domain_spec is None else f":{mechanism.domain_spec.text}"
    if isinstance(mechanism, A | MX):
        spec += "" if mechanism.ip4_length == _IP4_LENGTH else f"/{mechanism.ip4_length}"
        spec += "" if mechanism.ip6_length == _IP6_LENGTH else f"//{mechanism.ip6_length}"
    return name + spec
