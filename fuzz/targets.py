"""The targets, one for each parser, and one for verification with a hostile zone.

Each takes octets and raises only if the invariant in its first line is broken.
"""

import hashlib
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mailauth import authres, dkim, spf, srs
from mailauth.dkim import key as key_records
from mailauth.dkim import signature as signatures
from mailauth.dkim.autopsy import autopsy
from mailauth.dkim.canonical import Canonicalization, body
from mailauth.dns import Answer, Question, RRType, Status, Zone, run
from mailauth.errors import BadArgument, SyntaxFault, UnsignableMessage, UnusableKey
from mailauth.keys import PrivateKey, PublicKey
from mailauth.milter import wire as milter
from mailauth.milter.events import Event, ProtocolViolation
from mailauth.milter.options import Offer, Wanted, negotiate
from mailauth.milter.replies import CONTINUE
from mailauth.postfix import (
    Outcome,
    Request,
    Rewriting,
    Socketmap,
    TcpTable,
    Wire,
    WireFault,
)
from mailauth.postfix.tcptable import MAX_REPLY
from mailauth.spf import received
from mailauth.spf import record as records
from mailauth.syntax import domain, mailbox, taglist
from mailauth.syntax.message import Message, normalize_line_endings

NOW = 1_795_000_000
_KEY = PrivateKey.generate("ed25519")
_SECRETS = srs.Secrets.parse(b"a secret for fuzzing\n")
_REWRITING = Rewriting(domain="srs.example", secrets=_SECRETS)
_SCHEMES = (srs.CLASSIC, srs.POSTSRSD, srs.SEPARATED, srs.Scheme("+", always_rewrite=True))


def message(octets: bytes) -> None:
    """Any octets are a message, and none of them is lost."""
    parsed = Message.parse(octets)
    assert parsed.octets == octets
    assert bytes(parsed.body) == octets[parsed.body_start :]
    once = normalize_line_endings(octets)
    assert normalize_line_endings(once) == once


def tag_list(octets: bytes) -> None:
    """Any octets are a tag list, which formats and parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        tags = taglist.parse(octets)
        assert taglist.parse(taglist.format(tags).encode()) == tags


def domain_name(octets: bytes) -> None:
    """Any text is a domain, which parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        name = domain.parse(octets.decode("utf-8", "replace"))
        assert domain.parse(name) == name


def mailboxes(octets: bytes) -> None:
    """Any text is a list of addresses, each of which parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        for address in mailbox.parse_addresses(octets.decode("utf-8", "replace")):
            assert mailbox.parse(str(address)) == address


def signature(octets: bytes) -> None:
    """Any field is a signature, a SyntaxFault, or a Refusal."""
    for field in Message.parse(b"DKIM-Signature: " + octets).fields[:1]:
        with suppress(SyntaxFault, dkim.Refusal):
            signatures.parse(field.octets, taglist.parse(field.value))


def key_record(octets: bytes) -> None:
    """Any octets are a key record, which formats and parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        record = key_records.parse(octets)
        assert key_records.parse(record.format().encode()).key == record.key
        with suppress(UnusableKey):
            record.public_key()


def canonical_body(octets: bytes) -> None:
    """The hash of a body is that of its canonical form, however it is cut."""
    for canonicalization in Canonicalization:
        want = hashlib.sha256(body(octets, canonicalization)).digest()
        hasher = dkim.BodyHasher(canonicalization)
        step = 1 + octets.count(b"\n") % 7
        for start in range(0, len(octets), step):
            hasher.update(octets, start, min(start + step, len(octets)))
        assert hasher.digest() == want


def verification(octets: bytes) -> None:
    """Any message against any key record comes to verdicts."""
    head, _, rest = octets.partition(b"\0")
    zone = Zone({"x._domainkey.example.com": {"TXT": [head]}})
    for candidate in (octets, rest, b"DKIM-Signature: " + octets):
        verdicts = zone.run(dkim.verify(candidate, now=NOW))
        assert verdicts
        assert all(verdict.reason for verdict in verdicts)


def signing(octets: bytes) -> None:
    """Any message is signed, and then verifies, or is an UnsignableMessage."""
    record = dkim.KeyRecord.for_key(_KEY.public_key).format()
    zone = Zone({"x._domainkey.example.com": {"TXT": [record]}})
    for candidate in (octets, b"From: a@example.com\r\n" + octets):
        with suppress(UnsignableMessage):
            field = dkim.sign(candidate, domain="example.com", selector="x", key=_KEY, now=NOW)
            (verdict, *_) = zone.run(dkim.verify(field + candidate, now=NOW))
            assert verdict.result == "pass", verdict


def srs_address(octets: bytes) -> None:
    """Any line is rewritten and comes back, or is an SRSError; and so if it is reversed at once."""
    for line in octets.splitlines()[:50]:
        address = line[:100].decode("utf-8", "surrogateescape")
        for scheme in _SCHEMES:
            with suppress(srs.SRSError):
                srs.reverse(address, secrets=_SECRETS, now=NOW, scheme=scheme)
            with suppress(srs.SRSError):
                _there_and_back(address, scheme)


def _there_and_back(address: str, scheme: srs.Scheme) -> None:
    there = _forwarded(address, scheme)
    if there == address:  # the null sender, one of the domain itself
        return
    back = srs.reverse(there, secrets=_SECRETS, now=NOW, scheme=scheme)
    assert _forwarded(back, scheme) == there
    assert len(there.encode("utf-8", "surrogateescape")) <= 64 + len("@srs.example")


def _forwarded(address: str, scheme: srs.Scheme) -> str:
    return srs.forward(address, domain="srs.example", secrets=_SECRETS, now=NOW, scheme=scheme)


def srs_secrets(octets: bytes) -> None:
    """Any octets are secrets, of which no line is lost, or UnusableSecrets."""
    with suppress(srs.UnusableSecrets):
        found = list(srs.entries(octets))
        assert octets.startswith(b"".join(entry.lines for entry in found)[:-1])
        assert repr(srs.Secrets(*(entry.secret for entry in found))).startswith("Secrets(")


def zone_file(octets: bytes) -> None:
    """Any JSON is a zone that answers, or a BadArgument."""
    with suppress(BadArgument):
        zone = Zone.from_json(octets)
        for rrtype in RRType:
            zone.resolve(Question("example.com", rrtype))


def private_key(octets: bytes) -> None:
    """Any octets are a private key or an UnusableKey, and likewise a public one."""
    with suppress(UnusableKey):
        PrivateKey.load(octets)
    for key_type in ("rsa", "ed25519"):
        with suppress(UnusableKey):
            assert not PublicKey.load(key_type, octets).verify(octets, b"\0" * 32)


def look_ups(octets: bytes) -> None:
    """Any octets are look-ups or a WireFault, the same however they are cut; all are answered."""
    for make in (lambda: TcpTable("reverse"), Socketmap):
        whole = _requests(make(), [octets])
        step = 1 + len(octets) % 13
        cut = [octets[at : at + step] for at in range(0, len(octets), step)]
        assert _requests(make(), cut) == whole
        for request in whole[:50]:
            reply = _REWRITING.answer(request, now=NOW)
            sent = make().send(reply)
            assert sent.endswith((b"\n", b","))
            assert len(sent) <= MAX_REPLY


def _requests(wire: Wire, chunks: list[bytes]) -> list[Request]:
    found = []
    with suppress(WireFault):
        for chunk in chunks:
            wire.receive(chunk)
            while (request := wire.next_request()) is not None:
                found.append(request)
    return found


def rewriting(octets: bytes) -> None:
    """Any key of any map is answered, and what is found is not found again."""
    key = octets.decode("utf-8", "surrogateescape")
    for map_name in ("forward", "reverse", "exists", "access", key):
        _REWRITING.answer(Request(map_name, key), now=NOW)
    for address in (key, f"{key}@a.example"):
        reply = _REWRITING.answer(Request("forward", address), now=NOW)
        if reply.outcome is Outcome.FOUND:
            again = _REWRITING.answer(Request("forward", reply.text), now=NOW)
            assert again.outcome is Outcome.NOT_FOUND
            back = _REWRITING.answer(Request("reverse", reply.text), now=NOW)
            assert back.outcome is Outcome.FOUND


def spf_record(octets: bytes) -> None:
    """Any octets are an SPF record, which formats and parses to itself, or a SyntaxFault."""
    spf.lint_record(octets)
    with suppress(SyntaxFault):
        record = records.parse(octets)
        assert records.format(records.parse(records.format(record).encode())) == (
            records.format(record)
        )


def spf_check(octets: bytes) -> None:
    """Any zone and any identity come to a verdict, within the limits of look-ups."""
    texts = octets.split(b"\r\n")
    words = octets[:200].decode("latin-1").split(" ")

    def resolve(question: Question) -> Answer[Any]:
        if question.rrtype is RRType.TXT:
            return Answer(Status.EXISTS, tuple(texts[len(question.name) % len(texts) :][:3]))
        return Answer(list(Status)[len(question.name) % len(Status)])

    checked = spf.check(ip="192.0.2.1", helo=words[0], sender=words[-1])
    assert run(checked, resolve).lookups <= spf.RFC7208.max_lookups + 1


def trace_fields(octets: bytes) -> None:
    """Any field is Received-SPF and Authentication-Results, or a SyntaxFault."""
    text = octets.decode("utf-8", "surrogateescape")
    with suppress(SyntaxFault):
        received.parse(text)
    with suppress(SyntaxFault):
        authres.parse(text)
    assert authres.is_claimed(text, "mx.example.com") in (True, False)


def damaged(octets: bytes) -> None:
    """Any signed message that was damaged by anything can be looked into."""
    signed = dkim.sign(b"From: a@b.example\r\n\r\n", domain="b.example", selector="x", key=_KEY)
    run(autopsy(signed + b"From: a@b.example\r\n" + octets[:2000]), _no_answer)


def _no_answer(_: Question) -> Answer[Any]:
    return Answer(Status.NO_DATA)


def milter_frames(octets: bytes) -> None:
    """Any octets of an MTA are events, the same however they are cut, or a ProtocolViolation."""
    command = octets[:1] or b"M"
    framed = struct.pack(">I", len(octets) or 1) + command + octets[1:]
    for start in (b"", _OFFER, _OFFER + _MAIL):
        for rest in (octets, framed):
            assert _events(start + rest, 1 + len(octets) % 7) == _events(start + rest, 1_000_000)


_OFFER = bytes.fromhex("0000000d4f00000006000001ff001fffff")
_MAIL = b"\0\0\0\x05M<a@\0" + b"\0\0\0\x05L\0 x\0"


def _events(octets: bytes, step: int) -> list[Event | str]:
    """What a milter connection makes of the octets, given to it in steps."""
    connection = milter.Connection()
    found: list[Event | str] = []
    for at in range(0, len(octets), step):
        connection.receive(octets[at : at + step])
        try:
            while (event := connection.next_event()) is not None:
                found.append(event)
                if connection.owed:
                    agreed = negotiate(event, Wanted()) if isinstance(event, Offer) else CONTINUE
                    connection.send(agreed)
        except ProtocolViolation as violation:
            return [*found, str(violation)]
    return found


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (
        message,
        tag_list,
        domain_name,
        mailboxes,
        signature,
        key_record,
        canonical_body,
        verification,
        signing,
        srs_address,
        srs_secrets,
        zone_file,
        private_key,
        look_ups,
        rewriting,
        spf_record,
        spf_check,
        trace_fields,
        damaged,
        milter_frames,
    )
}
