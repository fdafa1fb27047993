"""A case from a file that anybody may have written: each value is checked before it is used."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeVar

from mailauth import dkim, reading, spf
from mailauth.authenticate import METHODS, Envelope
from mailauth.case.keeping import Case
from mailauth.case.located import BadCase, Item, Object, as_octets
from mailauth.case.writing import SCHEMA
from mailauth.dkim.canonical import Canonicalization
from mailauth.dkim.hashing import BodyWay, HashedBody
from mailauth.dns.lookups import MX, Answer, Question, RRType, Status
from mailauth.errors import BadArgument
from mailauth.spf.identity import client
from mailauth.spf.policy import networks

MAX_CHARACTERS: Final = reading.MAX_MESSAGE
"""The most characters of a file that is read."""
LATEST: Final = 253_402_300_799
"""The last second that a date of four digits can name."""

Policy = TypeVar("Policy", dkim.Policy, spf.Policy)
Word = TypeVar("Word", bound=StrEnum)


def loads(text: str) -> Case:
    """The case in a file.  **Raises** BadCase."""
    if len(text) > MAX_CHARACTERS:
        raise BadCase(f"it has {len(text)} characters; a case may have at most {MAX_CHARACTERS}")
    try:
        value = json.loads(text)
    except ValueError as fault:
        raise BadCase(f"it is not JSON: {fault}") from None
    except RecursionError:
        raise BadCase("its JSON is nested too deeply") from None
    whole = Object("", value)
    schema = whole.get("mailauth_case", int)
    if schema > SCHEMA:
        made_by = whole.get("version", str, "(a newer version)")
        raise BadCase(
            f"it has schema {schema}, made by mailauth {made_by}; this version reads up to {SCHEMA}"
        )
    if schema != SCHEMA:
        raise whole.fault("mailauth_case", f"there is no schema {schema}")
    return _case(whole)


def _case(whole: Object) -> Case:
    envelope = whole.object("envelope")
    ip = envelope.get("ip", str)
    if ip:
        _address(envelope, ip)
    lines = [as_octets(each.path, each.text()) for each in whole.list("message")]
    private = whole.value.get("bodies") is not None
    return Case(
        b"\r\n".join(lines),
        Envelope(ip, envelope.get("helo", str), envelope.get("mail_from", str)),
        _now(whole),
        whole.get("receiver", str),
        _methods(whole),
        _policy(dkim.Policy, whole.object("dkim_policy")),
        _policy(spf.Policy, whole.object("spf_policy")),
        dict(_body(each.as_object()) for each in whole.list("bodies")) if private else None,
        dict(_answer(each.as_object()) for each in whole.list("dns")),
        tuple(each.text() for each in whole.list("verdicts")),
        _trusted_sealers(whole),
        whole.get("version", str),
        _listed(whole),
    )


def _now(whole: Object) -> int:
    now = whole.get("now", int)
    if not 0 <= now <= LATEST:
        raise whole.fault("now", "this is not a time between 1970 and 9999")
    return now


def _address(envelope: Object, ip: str) -> None:
    """**Raises** BadCase: SPF cannot judge this address, so the case cannot be judged again."""
    try:
        client(ip)
    except BadArgument:
        raise envelope.fault("ip", f"{ip[:60]!r} is not an IP address") from None


def _methods(whole: Object) -> frozenset[str]:
    methods = frozenset(each.text() for each in whole.list("methods"))
    for unknown in sorted(methods - METHODS):
        raise whole.fault("methods", f"there is no method {unknown[:40]!r}")
    return methods


def _trusted_sealers(whole: Object) -> tuple[str, ...]:
    """The sealers that were trusted; a case from before mailauth judged ARC has none."""
    given = whole.list("trusted_sealers") if "trusted_sealers" in whole.value else ()
    return tuple(each.text() for each in given)


def _listed(whole: Object) -> dict[str, str]:
    """What the public suffix list said; empty in a case without a list."""
    if "listed_domains" not in whole.value:
        return {}
    given = whole.object("listed_domains")
    return {domain: given.get(domain, str) for domain in given.value}


def _policy(kind: type[Policy], given: Object) -> Policy:
    """The default policy, with the changes that the case has."""
    default = kind()
    known = {each.name: getattr(default, each.name) for each in fields(kind)}
    changed: dict[str, Any] = {}
    for name in given.value:
        if name not in known:
            raise given.fault(name, "there is no such setting")
        if isinstance(known[name], tuple):
            changed[name] = _networks(given, name)
        else:
            changed[name] = given.get(name, type(known[name]))
    try:
        return kind(**changed)
    except BadArgument as fault:
        raise BadCase(f"{given.path}: {fault}") from None


def _networks(given: Object, name: str) -> tuple[Any, ...]:
    try:
        return networks(each.text() for each in given.list(name))
    except BadArgument as fault:
        raise given.fault(name, str(fault)) from None


def _answer(given: Object) -> tuple[Question, Answer[Any]]:
    rrtype = _one_of(given, "type", RRType)
    records = tuple(
        _record(each, rrtype)
        for each in (given.list("records") if "records" in given.value else ())
    )
    answer: Answer[Any] = Answer(
        _one_of(given, "status", Status),
        records,
        secure=given.get("secure", bool, False),
        reason=given.get("reason", str, ""),
    )
    return Question(given.get("name", str), rrtype), answer


def _one_of(given: Object, name: str, kind: type[Word]) -> Word:
    text = given.get(name, str)
    try:
        return kind(text)
    except ValueError:
        raise given.fault(name, f"{text[:40]!r} is not a known value") from None


def _record(item: Item, rrtype: RRType) -> object:
    if rrtype is RRType.MX:
        match item.value:
            case [int(preference), str(host)]:
                return MX(preference, host)
        raise BadCase(f"{item.path}: this is not a pair of preference and host")
    text = item.text()
    if rrtype is RRType.TXT:
        return as_octets(item.path, text)
    read = _READ.get(rrtype, str)
    try:
        return read(text)
    except ValueError:
        raise BadCase(
            f"{item.path}: {text[:60]!r} is not an address for an {rrtype} record"
        ) from None


_READ: Final[Mapping[RRType, Callable[[str], object]]] = {
    RRType.A: IPv4Address,
    RRType.AAAA: IPv6Address,
}


def _body(given: Object) -> tuple[BodyWay, HashedBody]:
    canonicalization = _one_of(given, "canonicalization", Canonicalization)
    length = None if given.value.get("length") is None else given.get("length", int)
    try:
        hashed = b64decode(given.get("sha256", str), validate=True)
    except ValueError:
        raise given.fault("sha256", "this is not base64") from None
    body = HashedBody(hashed, given.get("missing", int), given.get("unsigned", int))
    return (canonicalization, length), body
