"""ARC: its fields, and messages with arbitrary octets among their sets."""

from contextlib import suppress

from mailauth import arc, dkim
from mailauth.authenticate import authenticate
from mailauth.dns import Zone
from mailauth.errors import UnsignableMessage
from mailauth.keys import PrivateKey

NOW = 1_795_000_000
_KEY = PrivateKey.generate("ed25519")
_ZONE = Zone(
    {
        "x._domainkey.example.com": {
            "TXT": [dkim.KeyRecord.for_key(_KEY.public_key).format()],
        }
    }
)


def chain(octets: bytes) -> None:
    """Any message has a verdict on its chain, with a reason; if it passes, it has sealers."""
    for candidate in (octets, b"ARC-Seal: i=1; " + octets, _SEALED[: len(octets)] + octets):
        verdict = _ZONE.run(arc.verify(candidate, now=NOW))
        assert verdict.reason
        assert verdict.result != "pass" or verdict.sealers


def testimony(octets: bytes) -> None:
    """Whatever a trusted sealer reports, our own report can be written."""
    field, _, rest = _SEALED.partition(b"\r\nFrom:")
    told = b"ARC-Authentication-Results: i=1; " + octets.partition(b"\n")[0] + b"\r\n"
    message = told + field.partition(b"\r\nARC-Auth")[0] + b"\r\nFrom:" + rest
    judging = authenticate(message, ip="192.0.2.1", now=NOW, trusted_sealers=["example.com"])
    report = _ZONE.run(judging)
    assert all("\n" not in line for line in report.explain())
    assert report.field("mx.example.com").count(b"\r\n\r\n") == 0


def sealing(octets: bytes) -> None:
    """Any message is unsignable, or is sealed, and its chain then passes or had failed before."""
    for candidate in (octets, b"From: a@example.com\r\n" + octets, _SEALED + octets):
        verdict = _ZONE.run(arc.verify(candidate, now=NOW))
        with suppress(UnsignableMessage):
            fields = _seal(candidate, verdict)
            sealed = _ZONE.run(arc.verify(fields + candidate, now=NOW))
            assert (sealed.result == "pass") == (verdict.result != "fail"), sealed


def _seal(message: bytes, verdict: arc.Verdict) -> bytes:
    return arc.seal(
        message,
        verdict,
        domain="example.com",
        selector="x",
        key=_KEY,
        authserv_id="mx.example.com",
        results=[],
        now=NOW,
    )


_PLAIN = b"From: a@example.com\r\n\r\nHello.\r\n"
_SEALED = _seal(_PLAIN, _ZONE.run(arc.verify(_PLAIN, now=NOW))) + _PLAIN

TARGETS = (chain, testimony, sealing)
