"""A case as JSON, of a numbered schema (docs/case.md).

Octets are written as text, those that are not UTF-8 as the lone surrogates of
Python's `surrogateescape`, so that people can read, compare and edit a case.
"""

import json
from base64 import b64encode
from dataclasses import asdict
from typing import Any, Final

from mailauth import dkim, spf
from mailauth.case.keeping import Case
from mailauth.dkim.hashing import BodyWay, HashedBody
from mailauth.dns.lookups import MX, Answer, Question

SCHEMA: Final = 1
"""The version of the JSON; within one, a value keeps its name and meaning."""


def dumps(case: Case) -> str:
    """The case as JSON, with a line end after it."""
    return json.dumps(_as_json(case), indent=1) + "\n"


def _as_json(case: Case) -> dict[str, Any]:
    told = {
        "mailauth_case": SCHEMA,
        "version": case.version,
        "verdicts": list(case.verdicts),
        "envelope": case.envelope._asdict(),
        "now": case.now,
        "receiver": case.receiver,
        "methods": sorted(case.methods),
        "dkim_policy": _changed(case.dkim_policy, dkim.RFC8301),
        "spf_policy": _changed(case.spf_policy, spf.RFC7208),
        "dns": [_answer_as_json(*each) for each in case.answers.items()],
        "message": _text(case.octets).split("\r\n"),
        "bodies": None if case.bodies is None else [*map(_body_as_json, case.bodies.items())],
    }
    if case.trusted_sealers:
        told["trusted_sealers"] = list(case.trusted_sealers)
    if case.listed:
        told["listed_domains"] = dict(case.listed)
    return told


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _changed(policy: dkim.Policy | spf.Policy, default: dkim.Policy | spf.Policy) -> dict[str, Any]:
    """The values that differ from the default."""
    usual = asdict(default)
    return {
        name: list(map(str, value)) if isinstance(value, tuple) else value
        for name, value in asdict(policy).items()
        if value != usual[name]
    }


def _answer_as_json(question: Question, answer: Answer[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": question.name,
        "type": str(question.rrtype),
        "status": str(answer.status),
    }
    if answer.records:
        told["records"] = [_record_as_json(each) for each in answer.records]
    if answer.secure:
        told["secure"] = True
    if answer.reason:
        told["reason"] = answer.reason
    return told


def _record_as_json(record: object) -> object:
    if isinstance(record, bytes):
        return _text(record)
    return [record.preference, record.host] if isinstance(record, MX) else str(record)


def _body_as_json(item: tuple[BodyWay, HashedBody]) -> dict[str, Any]:
    (canonicalization, length), body = item
    return {
        "canonicalization": str(canonicalization),
        "length": length,
        "sha256": b64encode(body.hashed).decode(),
        "missing": body.missing,
        "unsigned": body.unsigned,
    }
