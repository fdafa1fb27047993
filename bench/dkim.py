"""DKIM and ARC: the cells, what each contestant does in them, and our goals."""

import hashlib
import re
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

import dkim as dkimpy

from bench import corpus
from bench.measure import Cell, Contestant, Goal, contestant
from mailauth import arc, dkim
from mailauth.authres import MethodResult
from mailauth.dns import Answer, Question, Status, run
from mailauth.keys import PrivateKey
from mailauth.syntax.message import Message
from peers import Answer as PeersAnswer
from peers import Peer, Work, maildkim, msgauth, opendkim

LIMIT = "limit"
OPENSSL = "openssl speed"
NOW = 1_795_000_000
DOMAIN, SELECTOR = "example.com", "x"


def cells(folder: Path) -> Iterator[Cell]:
    """All cells, in the order of the table; peers read their files from `folder`."""
    text, html = corpus.text(), corpus.html()
    five, twenty_five = corpus.attachment(5_000_000), corpus.attachment(25_000_000)
    rsa, ed25519 = Bench(folder, "rsa"), Bench(folder, "ed25519")
    yield Cell(
        "verify RSA, 2 KB text",
        rsa.verifying(text),
        [Goal("dkimpy", 8), Goal("OpenDKIM", 2), Goal("go-msgauth", 1.3)],
    )
    yield Cell(
        "verify RSA, 50 KB HTML", rsa.verifying(html), [Goal("dkimpy", 10), Goal("OpenDKIM", 1.8)]
    )
    yield Cell(
        "verify RSA, 5 MB base64", rsa.verifying(five), [Goal("dkimpy", 50), Goal("OpenDKIM", 7)]
    )
    yield Cell("verify RSA, 25 MB base64", rsa.verifying(twenty_five))
    yield Cell("verify Ed25519, 2 KB text", ed25519.verifying(text))
    yield Cell("verify an ARC chain of three, 2 KB", rsa.chain(text, 3))
    yield Cell("hash a body, 5 MB base64", hashing(five), [Goal(LIMIT, 0.8)])
    yield Cell("sign RSA, 2 KB text", rsa.signing(text), [Goal(OPENSSL, 0.85)])
    yield Cell("sign RSA, 50 KB HTML", rsa.signing(html))
    yield Cell("sign RSA, 5 MB base64", rsa.signing(five))
    yield Cell("sign Ed25519, 2 KB text", ed25519.signing(text))
    # dkimpy takes quadratic time for these; OpenDKIM refuses such a header.
    yield Cell("verify 1 MB of blanks", rsa.verifying(corpus.blanks(), {"dkimpy"}))
    yield Cell("verify 20,000 folds", rsa.verifying(corpus.folds(), {"dkimpy", "OpenDKIM"}))


class Bench:
    """A key of one type, and what the contestants do with it."""

    def __init__(self, folder: Path, key_type: str) -> None:
        self._folder = folder
        self._key = PrivateKey.generate(key_type)
        self._record = dkim.KeyRecord.for_key(self._key.public_key).format().encode()
        self._algorithm = self._key.algorithm.value
        ed25519 = key_type == "ed25519"
        # Debian's Mail::DKIM does not know Ed25519.
        peers = [opendkim(), msgauth(), *([] if ed25519 else [maildkim()])]
        self._peers = [peer for peer in peers if not peer.missing]
        # dkimpy reads an Ed25519 key as its seed, the last 32 octets of PKCS#8.
        pem = self._key.pem()
        octets = b64decode(b"".join(pem.splitlines()[1:-1]))
        self._dkimpy_key = b64encode(octets[-32:]) if ed25519 else pem

    def verifying(self, message: bytes, left_out: Container[str] = ()) -> list[Contestant]:
        """Verify `message`; the key record and the key are remembered where possible."""
        signed = signed_by(self._key, message)
        answer = Answer(Status.EXISTS, (self._record,))

        def resolve(_: Question) -> Answer[Any]:
            return answer

        def ours() -> None:
            assert run(dkim.verify(signed, now=NOW), resolve)[0].result == "pass"

        def theirs() -> None:
            assert dkimpy.verify(signed, dnsfunc=lambda _, **__: self._record)

        work = Work(self._file(signed), self._file(self._record))
        contestants = [
            contestant("mailauth", ours),
            contestant("dkimpy", theirs),
            *(_peer(peer, peer.verify, work) for peer in self._peers),
            contestant(LIMIT, self._limit(signed)),
        ]
        return [each for each in contestants if each.name not in left_out]

    def signing(self, message: bytes) -> list[Contestant]:
        """Sign `message`, relaxed/relaxed; the key is loaded in advance where possible."""

        def ours() -> None:
            dkim.sign(message, domain=DOMAIN, selector=SELECTOR, key=self._key)

        def theirs() -> None:
            dkimpy.sign(
                message,
                SELECTOR.encode(),
                DOMAIN.encode(),
                self._dkimpy_key,
                canonicalize=(b"relaxed", b"relaxed"),
                signature_algorithm=self._algorithm.encode(),
            )

        work = Work(self._file(message), self._file(self._key.pem()), algorithm=self._algorithm)
        contestants = [contestant("mailauth", ours), contestant("dkimpy", theirs)]
        contestants += [_peer(peer, peer.sign, work) for peer in self._peers]
        if self._algorithm == "rsa-sha256":
            contestants.append(Contestant(OPENSSL, openssl_speed))
        return contestants

    def chain(self, message: bytes, sets: int) -> list[Contestant]:
        """Verify the ARC chain of `message`, sealed so many times."""
        answer = Answer(Status.EXISTS, (self._record,))

        def judge(octets: bytes) -> arc.Verdict:
            return run(arc.verify(octets, now=NOW), lambda _: answer)

        sealed = message
        for _ in range(sets):
            fields = arc.seal(
                sealed,
                judge(sealed),
                domain=DOMAIN,
                selector=SELECTOR,
                key=self._key,
                authserv_id="mx.example.com",
                results=[MethodResult("spf", "pass")],
                now=NOW,
            )
            sealed = fields + sealed

        def ours() -> None:
            assert judge(sealed).result == "pass"

        def theirs() -> None:
            assert dkimpy.arc_verify(sealed, dnsfunc=lambda _, **__: self._record)[0] == b"pass"

        return [contestant("mailauth", ours), contestant("dkimpy", theirs)]

    def _limit(self, signed: bytes) -> Callable[[], None]:
        """What nobody can do without: hashing the octets, and one operation with the key."""
        body = signed[Message.parse(signed).body_start :]
        digest = hashlib.sha256(b"").digest()
        value = self._key.sign(digest)
        public_key = self._key.public_key

        def limit() -> None:
            hashlib.sha256(body).digest()
            public_key.verify(value, digest)

        return limit

    def _file(self, octets: bytes) -> Path:
        path = self._folder / hashlib.sha256(octets).hexdigest()
        path.write_bytes(octets)
        return path


def signed_by(key: PrivateKey, message: bytes, *, now: int | None = None) -> bytes:
    """The message with a signature by the domain that all cells use."""
    return dkim.sign(message, domain=DOMAIN, selector=SELECTOR, key=key, now=now) + message


def hashing(message: bytes) -> list[Contestant]:
    """The body hash of `message`, relaxed, and SHA-256 alone."""
    body = message[Message.parse(message).body_start :]

    def ours() -> None:
        hasher = dkim.BodyHasher("relaxed")
        hasher.update(body)
        hasher.digest()

    return [
        contestant("mailauth", ours),
        contestant(LIMIT, lambda: hashlib.sha256(body).digest()),
    ]


def _peer(peer: Peer, act: Callable[[Work], PeersAnswer], work: Work) -> Contestant:
    def turns(count: int) -> float:
        answer = act(work.times(count))
        if answer.result != "pass":
            raise AssertionError(f"{peer.name} says {answer.result}")
        return answer.seconds

    return Contestant(peer.name, turns)


def openssl_speed(count: int) -> float:
    """CPU seconds for so many RSA-2048 private operations, at the rate of `openssl speed`."""
    done = subprocess.run(
        ["openssl", "speed", "-seconds", "1", "-mr", "rsa2048"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"^\+F2:\d+:2048:([\d.]+):", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return count / float(found[1])
