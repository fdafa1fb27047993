"""OpenDKIM and Mail::DKIM as oracles, both ways, with every pair of canonicalizations."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mail import DOMAIN, key
from odd import PAIRS, messages

from mailauth import dkim
from mailauth.dns import Zone
from peers import Peer, Work, maildkim, opendkim

pytestmark = pytest.mark.oracle

SELECTOR = "x"
# Debian's Mail::DKIM does not know Ed25519.
CONTESTS = [(opendkim, "rsa"), (opendkim, "ed25519"), (maildkim, "rsa")]
contests = pytest.mark.parametrize(
    ("find", "key_type"), CONTESTS, ids=[f"{find.__name__}-{kind}" for find, kind in CONTESTS]
)
few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _present(find: Callable[[], Peer]) -> Peer:
    peer = find()
    if peer.missing:
        pytest.skip(f"{peer.name}: {peer.missing}")
    return peer


def _work(folder: Path, message: bytes, secret: bytes, pair: tuple[str, str], kind: str) -> Work:
    (folder / "mail").write_bytes(message)
    (folder / "key").write_bytes(secret)
    header, body = pair
    return Work(
        folder / "mail", folder / "key", header=header, body=body, algorithm=f"{kind}-sha256"
    )


@contests
@few
@given(message=messages(), pair=st.sampled_from(PAIRS))
def test_it_verifies_what_we_sign(
    tmp_path: Path, find: Callable[[], Peer], key_type: str, message: bytes, pair: tuple[str, str]
) -> None:
    private = key(key_type)
    field = dkim.sign(
        message, domain=DOMAIN, selector=SELECTOR, key=private, canonicalization="/".join(pair)
    )
    record = dkim.KeyRecord.for_key(private.public_key).format().encode()
    work = _work(tmp_path, field + message, record, pair, key_type)
    assert _present(find).verify(work).result == "pass"


@contests
@few
@given(message=messages(), pair=st.sampled_from(PAIRS))
def test_we_verify_what_it_signs(
    tmp_path: Path, find: Callable[[], Peer], key_type: str, message: bytes, pair: tuple[str, str]
) -> None:
    if find is opendkim and key_type == "ed25519":
        # It folds the field anew when b= is short, and then cannot verify it itself.
        assume(pair[0] == "relaxed")
    private = key(key_type)
    answer = _present(find).sign(_work(tmp_path, message, private.pem(), pair, key_type))
    assert answer.result == "pass"
    field = answer.field.rstrip().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    record = dkim.KeyRecord.for_key(private.public_key).format()
    zone = Zone({f"{SELECTOR}._domainkey.{DOMAIN}": {"TXT": [[record]]}})
    (got,) = zone.run(dkim.verify(field + message, now=int(time.time())))
    duplicates = "not all are signed" in got.reason  # it does not sign each instance
    assert got.result == ("policy" if duplicates else "pass"), got.reason
