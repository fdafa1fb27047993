"""SRS: addresses, secrets, and Postfix's look-ups about them."""

from contextlib import suppress

from mailauth import srs
from mailauth.postfix import Outcome, Request, Rewriting, Socketmap, TcpTable, Wire, WireFault
from mailauth.postfix.tcptable import MAX_REPLY

NOW = 1_795_000_000
_SECRETS = srs.Secrets.parse(b"a secret for fuzzing\n")
_REWRITING = Rewriting(domain="srs.example", secrets=_SECRETS)
_SCHEMES = (srs.CLASSIC, srs.POSTSRSD, srs.SEPARATED, srs.Scheme("+", always_rewrite=True))


def srs_address(octets: bytes) -> None:
    """Any line, forwarded and reversed, comes back, or is an SRSError; also if only reversed."""
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
    """Any octets are secrets, with no line lost, or UnusableSecrets."""
    with suppress(srs.UnusableSecrets):
        found = list(srs.entries(octets))
        assert octets.startswith(b"".join(entry.lines for entry in found)[:-1])
        assert repr(srs.Secrets(*(entry.secret for entry in found))).startswith("Secrets(")


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
    """Any key of any map gets an answer; what is forwarded is not forwarded again, and reverses."""
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


TARGETS = (srs_address, srs_secrets, look_ups, rewriting)
