"""dkimpy as an oracle for ARC, both ways: it verifies what we seal, and we verify what it seals."""

from typing import Any

import dkim as dkimpy
import pytest
from chains import Sealer, sealed, verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from mail import DOMAIN, MESSAGE, NOW, key, record, signed
from odd import messages

pytestmark = pytest.mark.oracle

RESULTS = b"Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=a@b.example\r\n"


def _txt(name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - dkimpy's
    selector = name.decode().split(".")[0]
    return record(selector).encode() if selector == "rsa" else None


def its_verdict(message: bytes) -> str:
    status, _, _ = dkimpy.arc_verify(message, dnsfunc=_txt)
    return "fail" if status is None else str(status.decode())  # None: the newest says cv=fail


def its_seal(message: bytes) -> bytes:
    """The message sealed by dkimpy, which takes the results from a field of that name."""
    given = RESULTS + message
    chain = its_verdict(message)
    told = given.replace(b"spf=pass", f"arc={chain}; spf=pass".encode(), 1)
    fields = dkimpy.arc_sign(
        told, b"rsa", DOMAIN.encode(), key().pem(), b"mx.example.com", timestamp=NOW
    )
    assert len(fields) == 3, "it sealed nothing"
    return b"".join(fields) + message


@settings(max_examples=30)
@given(message=messages(), times=st.integers(1, 3))
def test_it_verifies_what_we_seal(message: bytes, times: int) -> None:
    assert its_verdict(sealed(message, times)) == "pass"


@settings(max_examples=30)
@given(message=messages(), times=st.integers(1, 3))
def test_we_verify_what_it_seals(message: bytes, times: int) -> None:
    for _ in range(times):
        message = its_seal(message)
    got = verdict(message)
    assert got.result == "pass", got.reason
    assert len(got.sealers) == times


@settings(max_examples=30)
@given(who=st.lists(st.sampled_from([sealed, its_seal]), min_size=2, max_size=5))
def test_a_chain_of_both(who: list[Any]) -> None:
    message = signed(now=NOW)
    for each in who:
        message = each(message)
    assert verdict(message).result == its_verdict(message) == "pass"


CHANGES: dict[str, bytes] = {
    "as it was": sealed(times=2),
    "the body": sealed(times=2) + b"x\r\n",
    "From": sealed(times=2).replace(b"Ada <", b"Eve <"),
    "the newest results": sealed(times=2).replace(b"i=2; mx", b"i=2; my"),
    "the oldest results": sealed(times=2).replace(b"i=1; mx", b"i=1; my"),
    "a field that is not signed": b"X-A: b\r\n" + sealed(times=2),
    "cv=none twice": Sealer().add().add(seal={"cv": "none"}).message,
    "cv=pass first": Sealer().add(seal={"cv": "pass"}).message,
    "cv=fail": Sealer().add().add(seal={"cv": "fail"}).message,
    "h= in a seal": Sealer().add(seal={"h": "from"}).message,
    "a gap": Sealer().add().add(signature={"i": "3"}, seal={"i": "3"}).message,
    "i=0": Sealer().add(signature={"i": "0"}, seal={"i": "0"}).message,
    "a signed seal": Sealer().add().add(signature={"h": "from:arc-seal"}).message,
    "no key": Sealer().add(seal={"s": "nobody"}).message,
    "an old signature broken, its seal sound": Sealer()
    .add(signature={"bh": "A" * 43 + "="})
    .add()
    .message,
    "no chain": MESSAGE,
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_says_the_same_of_each_change(change: str) -> None:
    assert its_verdict(CHANGES[change]) == verdict(CHANGES[change]).result
