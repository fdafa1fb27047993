"""DMARC in the milter: what is told of it, and what follows as the author's domain asks."""

from typing import Any

import mta
import pytest
from filtered import Delivery, Filtered, verifying
from mail import DOMAIN, MESSAGE, record, signed

from mailauth.dns import Zone
from mailauth.errors import BadArgument
from mailauth.milter.settings import Action

CONTINUE = (b"c", b"")
REFUSED: dict[str, Any] = {"evil.example": {"TXT": ["v=spf1 -all"]}}
SILENT: dict[str, Any] = {"_dmarc.example.com": {"FAIL": ["TXT"]}}
REJECT: dict[str, Any] = {
    "dmarc_actions": {"reject": Action.REJECT, "quarantine": Action.QUARANTINE}
}


def zone(policy: str = "v=DMARC1; p=reject", **more: Any) -> Zone:
    return Zone(
        {
            "_dmarc.example.com": {"TXT": [policy]},
            "client.example.com": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
            "evil.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
            f"rsa._domainkey.{DOMAIN}": {"TXT": [record("rsa")]},
            **more,
        }
    )


def judged(
    message: bytes = MESSAGE,
    records: Zone | None = None,
    *,
    sender: str = "<eve@evil.example>",
    **settings: Any,
) -> Delivery:
    filtered = Filtered(verifying(**settings), records or zone()).open()
    return filtered.deliver(message, sender=sender)


def dmarc_of(delivery: Delivery) -> Any:
    (told,) = [each for each in delivery.record.results if each.method == "dmarc"]
    return told


@pytest.mark.parametrize(
    ("message", "sender", "want"),
    [
        (MESSAGE, "<eve@evil.example>", "fail"),
        (signed(), "<eve@evil.example>", "pass"),
        (signed().replace(b"a line end", b"another end"), "<eve@evil.example>", "fail"),
        (MESSAGE, "<ada@client.example.com>", "pass"),
        (MESSAGE, "<>", "pass"),  # postmaster@client.example.com (RFC 7208 §2.4)
    ],
    ids=["nothing", "DKIM", "DKIM broken", "SPF", "SPF of the null sender"],
)
def test_what_stands_for_the_author(message: bytes, sender: str, want: str) -> None:
    delivery = judged(message, sender=sender)
    assert dmarc_of(delivery).result == want
    assert f"; dmarc={want} " in delivery.results
    assert "header.from=example.com" in delivery.results
    assert "policy.dmarc=reject" in delivery.results
    assert delivery.verdict == CONTINUE, "by default nothing is refused"


FOLLOWS: list[tuple[str, str, dict[str, Action], bytes]] = [
    ("reject", "v=DMARC1; p=reject", {"reject": Action.REJECT}, b"550 5.7.1 "),
    ("later", "v=DMARC1; p=reject", {"reject": Action.TEMPFAIL}, b"451 4.7.1 "),
    ("not asked for", "v=DMARC1; p=quarantine", {"reject": Action.REJECT}, b""),
    ("quarantine", "v=DMARC1; p=quarantine", {"quarantine": Action.QUARANTINE}, b"q"),
    ("tested", "v=DMARC1; p=reject; t=y", {"reject": Action.REJECT}, b""),
    ("tested 2", "v=DMARC1; p=reject; t=y", {"quarantine": Action.QUARANTINE}, b"q"),
    ("none", "v=DMARC1; p=none", {"none": Action.QUARANTINE}, b"q"),
    ("none, default", "v=DMARC1; p=none", {"reject": Action.REJECT}, b""),
    ("pct is gone", "v=DMARC1; p=reject; pct=0", {"reject": Action.REJECT}, b"550 5.7.1 "),
    ("no policy", "v=spf1", {"none": Action.REJECT}, b""),
]


@pytest.mark.parametrize(
    ("policy", "actions", "want"), [row[1:] for row in FOLLOWS], ids=[row[0] for row in FOLLOWS]
)
def test_what_follows_as_the_domain_asks(
    policy: str, actions: dict[str, Action], want: bytes
) -> None:
    delivery = judged(records=zone(policy), dmarc_actions=actions)
    codes = [code for code, _ in delivery.replies]
    if want in (b"", b"q"):
        assert delivery.verdict == CONTINUE
        assert (b"q" in codes) == (want == b"q")
    else:
        assert codes == [b"y"]
        assert delivery.verdict[1].startswith(want)
        assert b"the DMARC policy of example.com" in delivery.verdict[1]


def test_a_message_that_passes_is_not_refused() -> None:
    assert judged(signed(), **REJECT).verdict == CONTINUE
    assert judged(sender="<a@client.example.com>", **REJECT).verdict == CONTINUE


def test_a_pass_may_outrank_what_spf_says() -> None:
    refusing: dict[str, Any] = {"spf_actions": {"fail": Action.REJECT}}
    records = zone(**REFUSED)
    assert judged(signed(), records, **refusing).verdict[0] == b"y"
    refusing["dmarc_actions"] = {"pass": Action.ACCEPT}
    assert judged(signed(), records, **refusing).verdict == CONTINUE


def test_several_failures_have_the_code_for_several() -> None:
    records = zone(**REFUSED)
    delivery = judged(records=records, spf_actions={"fail": Action.REJECT}, **REJECT)
    assert delivery.verdict[1].startswith(b"550 5.7.26 ")


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE.replace(b"From: Ada", b"X: Ada"),
        b"From: a@example.com\r\n" + MESSAGE,
        MESSAGE.replace(b"<ada@example.com>", b"<ada@example.com>, <b@other.example>"),
        MESSAGE.replace(b"<ada@example.com>", b"<ada@[192.0.2.1]>"),
        MESSAGE.replace(b"From: Ada", b"From\xff: Ada"),
    ],
    ids=["none", "two fields", "two domains", "an address", "malformed"],
)
def test_AR_09_without_one_author_domain_it_is_a_permerror(message: bytes) -> None:
    assert dmarc_of(judged(message)).result == "permerror"
    refused = judged(message, dmarc_actions={"permerror": Action.REJECT})
    said = b"550 5.7.1 the DMARC result for a message without a single author is permerror"
    assert refused.verdict[1].startswith(said)


def test_MIL_22_a_silent_dns_is_no_failure_of_the_author() -> None:
    silent = zone(**SILENT)
    assert dmarc_of(judged(records=silent, **REJECT)).result == "temperror"
    assert judged(records=silent, **REJECT).verdict == CONTINUE
    deferred = judged(records=silent, dmarc_actions={"temperror": Action.TEMPFAIL})
    assert deferred.verdict[1].startswith(b"451 4.7.1 ")


def test_it_needs_both_and_may_be_switched_off() -> None:
    for missing in ({"spf": False}, {"dkim": False}):
        with pytest.raises(BadArgument, match="SPF and DKIM"):
            verifying(**missing)
    delivery = judged(dmarc=False)
    assert "dmarc" not in delivery.results


def test_spf_and_dkim_are_asked_side_by_side() -> None:
    filtered = Filtered(verifying(), zone()).open()
    filtered.hear(mta.mail("<eve@evil.example>"), *mta.message(signed())[:-2])
    lookups = filtered.session.finish(b"")
    asked: Any = next(lookups)
    assert {question.name for question in asked.questions} == {
        "client.example.com",
        "evil.example",
        f"rsa._domainkey.{DOMAIN}",
        "_dmarc.example.com",
        "_dmarc.com",
    }
    lookups.close()


@pytest.mark.parametrize("client", [{"family": "U"}, {"address": "/run/x", "family": "L"}])
def test_without_an_address_DKIM_alone_stands_for_the_author(client: dict[str, str]) -> None:
    for message, want in ((signed(), "pass"), (MESSAGE, "fail")):
        filtered = Filtered(verifying(), zone()).open(**client)
        delivery = filtered.deliver(message)
        assert dmarc_of(delivery).result == want
        assert delivery.results.startswith("Authentication-Results: mx.example.org; spf=none ")


def test_AR_04_a_domain_of_the_author_breaks_out_of_nothing() -> None:
    message = MESSAGE.replace(b"ada@example.com>", b'ada@example.com; spf=pass (")>')
    delivery = judged(message, **REJECT)
    assert dmarc_of(delivery).result == "permerror"
    assert delivery.message.endswith(message)
    assert delivery.results.count("spf=pass") == 2, "those of HELO and of MAIL FROM"
