"""ARC in the milter: off until it is wanted, and then a trusted chain vouches for its message."""

from typing import Any

import mail
import pytest
from chains import sealed
from filtered import ID, Delivery, Filtered, verifying

from mailauth.dkim.key import name
from mailauth.dns import Zone
from mailauth.milter.settings import Action

REJECT: dict[str, Any] = {"dmarc_actions": {"reject": Action.REJECT}}
TRUSTING: dict[str, Any] = {"arc": True, "trusted_sealers": frozenset({"list.example"}), **REJECT}
CONTINUE = b"c"
SEALED = sealed(domain="list.example", authserv_id="mx.list.example")
RECORDS: dict[str, Any] = {
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    name("list.example", "rsa"): {"TXT": [mail.record()]},
}
SILENT: dict[str, Any] = RECORDS | {name("list.example", "rsa"): {"FAIL": ["TXT"]}}


def judged(message: bytes, records: dict[str, Any] = RECORDS, **settings: Any) -> Delivery:
    filtered = Filtered(verifying(**settings), Zone(records)).open()
    return filtered.deliver(message, sender="<l@list.example>")


def results_of(delivery: Delivery) -> dict[str, str]:
    return {each.method: each.result for each in delivery.record.results}


def test_it_is_off() -> None:
    delivery = judged(SEALED, **REJECT)
    assert "arc" not in results_of(delivery)
    assert delivery.verdict[1].startswith(b"550 5.7.1 ")


def test_a_trusted_chain_stands_for_its_message() -> None:
    delivery = judged(SEALED, **TRUSTING)
    assert delivery.verdict[0] == CONTINUE
    assert results_of(delivery)["arc"] == "pass"
    assert results_of(delivery)["dmarc"] == "fail"
    assert "DMARC passed at mx.list.example" in delivery.results


@pytest.mark.parametrize(
    ("message", "settings"),
    [
        (SEALED, {"trusted_sealers": frozenset({"other.example"})}),
        (SEALED, {"trusted_sealers": frozenset()}),
        (sealed(SEALED, domain="evil.example"), {}),
        (SEALED + b"x\r\n", {}),
        (mail.MESSAGE, {}),
    ],
    ids=["another is trusted", "nobody is", "one of two is", "a broken chain", "no chain"],
)
def test_any_other_chain_does_not(message: bytes, settings: dict[str, Any]) -> None:
    keys = RECORDS | {name("evil.example", "rsa"): {"TXT": [mail.record()]}}
    delivery = judged(message, keys, **TRUSTING | settings)
    assert delivery.verdict[1].startswith(b"550 5.7.1 ")


def test_ARC_10_mail_waits_for_a_chain_that_cannot_be_judged() -> None:
    delivery = judged(SEALED, SILENT, **TRUSTING)
    assert delivery.verdict[1].startswith(b"451 4.7.29 ")
    told = judged(SEALED, SILENT, **TRUSTING | {"dmarc_actions": {}})
    assert told.verdict[0] == CONTINUE  # nothing would be refused, so nothing waits


def test_ARC_10_but_not_for_one_that_would_not_be_believed() -> None:
    untrusted = {"trusted_sealers": frozenset({"other.example"})}
    delivery = judged(SEALED, SILENT, **TRUSTING | untrusted)
    assert delivery.verdict[1].startswith(b"550 ")


def test_AR_10_fields_of_arc_stay() -> None:
    """A chain is no field that claims our name, whatever its results say."""
    message = sealed(authserv_id=ID)
    delivery = judged(message)
    assert delivery.message.count(b"ARC-Authentication-Results: i=1; ") == 1
