"""DKIM: its fields and records, and messages against hostile zones."""

import hashlib
from contextlib import suppress
from typing import Any

from mailauth import dkim
from mailauth.dkim import key as key_records
from mailauth.dkim import signature as signatures
from mailauth.dkim.autopsy import autopsy
from mailauth.dkim.canonical import Canonicalization, body
from mailauth.dns import Answer, Question, Status, Zone, run
from mailauth.errors import SyntaxFault, UnsignableMessage, UnusableKey
from mailauth.keys import PrivateKey
from mailauth.syntax import taglist
from mailauth.syntax.message import Message

NOW = 1_795_000_000
_KEY = PrivateKey.generate("ed25519")


def signature(octets: bytes) -> None:
    """Any field is a signature, a SyntaxFault, or a Refusal."""
    for field in Message.parse(b"DKIM-Signature: " + octets).fields[:1]:
        with suppress(SyntaxFault, dkim.Refusal):
            signatures.parse(field.octets, taglist.parse(field.value))


def key_record(octets: bytes) -> None:
    """Any octets are a key record, which formats and parses to itself, or a SyntaxFault.

    What is wrong with a record is a finding.
    """
    dkim.lint_record(octets)
    with suppress(SyntaxFault):
        record = key_records.parse(octets)
        assert key_records.parse(record.format().encode()).key == record.key
        with suppress(UnusableKey):
            record.public_key()


def canonical_body(octets: bytes) -> None:
    """The hash of a body is that of its canonical form, however the body is cut."""
    for canonicalization in Canonicalization:
        want = hashlib.sha256(body(octets, canonicalization)).digest()
        hasher = dkim.BodyHasher(canonicalization)
        step = 1 + octets.count(b"\n") % 7
        for start in range(0, len(octets), step):
            hasher.update(octets, start, min(start + step, len(octets)))
        assert hasher.digest() == want


def verification(octets: bytes) -> None:
    """Any message gets verdicts with any key record."""
    head, _, rest = octets.partition(b"\0")
    zone = Zone({"x._domainkey.example.com": {"TXT": [head]}})
    for candidate in (octets, rest, b"DKIM-Signature: " + octets):
        verdicts = zone.run(dkim.verify(candidate, now=NOW))
        assert len(verdicts) > 0
        assert all(verdict.reason for verdict in verdicts)


def signing(octets: bytes) -> None:
    """Any message is an UnsignableMessage, or is signed and then verifies."""
    record = dkim.KeyRecord.for_key(_KEY.public_key).format()
    zone = Zone({"x._domainkey.example.com": {"TXT": [record]}})
    for candidate in (octets, b"From: a@example.com\r\n" + octets):
        with suppress(UnsignableMessage):
            field = dkim.sign(candidate, domain="example.com", selector="x", key=_KEY, now=NOW)
            (verdict, *_) = zone.run(dkim.verify(field + candidate, now=NOW))
            assert verdict.result == "pass", verdict


def damaged(octets: bytes) -> None:
    """Any signed message, however damaged, can be examined."""
    signed = dkim.sign(b"From: a@b.example\r\n\r\n", domain="b.example", selector="x", key=_KEY)
    run(autopsy(signed + b"From: a@b.example\r\n" + octets[:2000]), _no_answer)


def _no_answer(_: Question) -> Answer[Any]:
    return Answer(Status.NO_DATA)


TARGETS = (signature, key_record, canonical_body, verification, signing, damaged)
