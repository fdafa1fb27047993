"""A zone in memory: the DNS of tests, of offline use, and of replayed conversations.

It answers as an authoritative server would: CNAMEs are followed, a name above an
existing one exists without data, and wildcards match names that do not exist
(RFC 1034 §4.3.2, RFC 4592).  Unlike a server, it can be told to fail.
"""

import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

from mailauth import reading
from mailauth.dns.lookups import (
    MAX_CHAIN,
    MX,
    Answer,
    Lookups,
    Question,
    RRType,
    Status,
    run,
    run_all,
)
from mailauth.dns.names import labels
from mailauth.errors import BadArgument

T = TypeVar("T")

Records: TypeAlias = Mapping[str, Mapping[str, Any]]
"""`{"name": {"TXT": [["string", ...]], "A": ["192.0.2.1"], "MX": [[10, "host"]], ...}}`"""

_FAIL = "FAIL"


class Zone:
    """Records by name, and the answers that follow from them."""

    def __init__(self, records: Records, *, ttl: int = 3600, secure: bool = False) -> None:
        """Take the records of a mapping of names to mappings of types to lists.

        A TXT record is a list of character-strings, or one string or `bytes`; an
        MX is a pair, or Node mailauth's `{"priority": 10, "exchange": "host"}`.
        `FAIL` lists the types that answer with a server failure, whether they have
        records or not; `"*"` is every type without records.  A name that is absent
        does not exist.

        **Raises** BadArgument: a record is malformed, or a name has the same type twice,
        in two spellings; the text says which.
        """
        self._ttl = ttl
        self._secure = secure
        self._nodes: dict[str, dict[str, Any]] = {}
        self._answers: dict[Question, Answer[Any]] = {}
        self.add(records)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Zone":
        """The zone in a JSON object of the form `Records`.  **Raises** BadArgument."""
        return cls(_of_json(text))

    @classmethod
    def from_master_file(cls, text: str, *, origin: str = "") -> "Zone":
        """The zone in a master file (RFC 1035 §5), with $ORIGIN and $TTL, without $INCLUDE.

        `origin` is what names before the first $ORIGIN are relative to; without it, those
        must be absolute.  **Raises** BadArgument.
        """
        return cls(_of_master_file(text, origin))

    @classmethod
    def read(cls, *paths: str | Path) -> "Zone":
        """The zone in files, each JSON if it begins with a brace, else a master file.

        **Raises** BadArgument: a file or its content cannot be read, or two files have
        records of the same name and type.
        """
        zone = cls({})
        for path in paths:
            text = reading.text(path, reading.MAX_TEXT)
            in_json = text.lstrip().startswith("{")
            try:
                zone.add(_of_json(text) if in_json else _of_master_file(text))
            except BadArgument as fault:
                msg = f"{path}: {fault}"
                raise BadArgument(msg) from None
        return zone

    def add(self, records: Records) -> None:
        """Take more records, in the form that the constructor takes.

        **Raises** BadArgument: a record is malformed, or there are already records of its
        name and type.
        """
        self._answers.clear()
        for name, node in records.items():
            self._add(name, node)

    def resolve(self, question: Question) -> Answer[Any]:
        """The answer to one question."""
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answer(question)
            if len(self._answers) < _MAX_REMEMBERED:
                self._answers[question] = answer
        return answer

    def run(self, lookups: Lookups[T]) -> T:
        """The result of `lookups`."""
        return run(lookups, self.resolve)

    def run_all(self, batch: Iterable[Lookups[T]]) -> list[T]:
        """The results of many, in order."""
        return run_all(batch, self.resolve)

    def _add(self, name: str, node: object) -> None:
        parts = labels(name.removesuffix("."))
        if parts is None:
            _refuse(repr(name), "a domain name in ASCII")
        if not isinstance(node, Mapping):
            _refuse(name, "an object of record types")
        key = b".".join(parts).decode()
        read = self._nodes.setdefault(key, {})
        for rrtype, records in node.items():
            kind = str(rrtype).upper()
            reader = _READERS.get(kind)
            if reader is None:
                continue  # a type that mail authentication does not ask for
            where = f"{name} {rrtype}"
            if kind in read:
                msg = f"{where}: there are such records already; put them all in one place"
                raise BadArgument(msg)
            many = records if isinstance(records, list | tuple) else [records]
            read[kind] = tuple(reader(where, record) for record in many)
        while key:  # names above exist (RFC 4592 §2.2.2), up to the root
            key = key.partition(".")[2]
            self._nodes.setdefault(key, {})

    def _answer(self, question: Question) -> Answer[Any]:
        parts = labels(question.name)
        if parts is None:
            return Answer(Status.MALFORMED_NAME)
        name = b".".join(parts).decode()
        for _ in range(MAX_CHAIN + 1):
            node = self._node(name)
            if node is None:
                return self._of(Status.NO_SUCH_NAME)
            records = node.get(question.rrtype)
            failing = node.get(_FAIL, ())
            if question.rrtype in failing or ("*" in failing and not records):
                return Answer(Status.SERVER_FAILURE, reason="the zone says FAIL")
            if records:
                return self._of(Status.EXISTS, records)
            alias = node.get("CNAME")
            if not alias:
                return self._of(Status.NO_DATA)
            name = alias[0]
        return Answer(Status.SERVER_FAILURE, reason=f"more than {MAX_CHAIN} aliases in a chain")

    def _node(self, name: str) -> dict[str, Any] | None:
        node = self._nodes.get(name)
        above = name
        while node is None and above:
            above = above.partition(".")[2]
            if above in self._nodes:
                return self._nodes.get(f"*.{above}" if above else "*")
        return node

    def _of(self, status: Status, records: tuple[Any, ...] = ()) -> Answer[Any]:
        return Answer(status, records, self._ttl, self._secure)


_MAX_REMEMBERED = 100_000


def _of_json(text: str | bytes) -> Records:
    try:
        records = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as fault:
        msg = f"the zone cannot be read as JSON: {fault}"
        raise BadArgument(msg) from None
    if not isinstance(records, dict):
        _refuse("the zone", "an object")
    return records


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no key may occur twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            msg = f"{key!r} is there twice; put all of it in one place"
            raise BadArgument(msg)
        found[key] = value
    return found


def _of_master_file(text: str, origin: str = "") -> Records:
    from mailauth.dns.masterfile import parse  # noqa: PLC0415 - it loads dnspython

    return parse(text, origin)


def _refuse(where: str, form: str) -> NoReturn:
    msg = f"{where}: this is not {form}"
    raise BadArgument(msg)


def _txt(where: str, record: object) -> bytes:
    strings = record if isinstance(record, list | tuple) else [record]
    octets = b""
    for string in strings:
        if isinstance(string, bytes):
            octets += string
        elif isinstance(string, str):
            octets += _encoded(where, string)
        else:
            _refuse(where, "a string or a list of strings")
    return octets


def _encoded(where: str, string: str) -> bytes:
    try:
        return string.encode("utf-8", "surrogateescape")  # as `present.as_json` writes octets
    except UnicodeEncodeError:
        _refuse(where, "text: it holds half a character (a lone surrogate)")


def _a(where: str, record: object) -> IPv4Address:
    try:
        return IPv4Address(record if isinstance(record, str | IPv4Address) else "")
    except ValueError:
        _refuse(f"{where} {record!r}", "an IPv4 address")


def _aaaa(where: str, record: object) -> IPv6Address:
    try:
        return IPv6Address(record if isinstance(record, str | IPv6Address) else "")
    except ValueError:
        _refuse(f"{where} {record!r}", "an IPv6 address")


def _mx(where: str, record: object) -> MX:
    match record:
        case MX():
            return record
        case [int(preference), str(host)]:
            pass
        case {"priority": int(preference), "exchange": str(host)}:
            pass  # as Node's mailauth, and Node itself, spell it
        case _:
            _refuse(f"{where} {record!r}", "a pair of preference and host")
    return MX(preference, _name(where, host))


def _name(where: str, record: object) -> str:
    if not isinstance(record, str):
        _refuse(f"{where} {record!r}", "a name")
    return record.removesuffix(".").lower()


def _type(where: str, record: object) -> str:
    if not isinstance(record, str) or (record != "*" and record.upper() not in RRType.__members__):
        _refuse(f"{where} {record!r}", "a record type or *")
    return record.upper()


_READERS = {
    "TXT": _txt,
    "A": _a,
    "AAAA": _aaaa,
    "MX": _mx,
    "PTR": _name,
    "CNAME": _name,
    _FAIL: _type,
}
