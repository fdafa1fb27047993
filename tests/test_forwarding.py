"""The forwarding decision, and the command that tells it."""

import json
from pathlib import Path
from typing import Any

import mail
import pytest

from mailauth.authenticate import authenticate
from mailauth.cli import main
from mailauth.dns import Zone
from mailauth.errors import BadArgument
from mailauth.forwarding import Answer, Decision, decide

HERE, NEXT = "192.0.2.1", "198.51.100.7"
NODES: dict[str, Any] = {
    "example.com": {"TXT": [f"v=spf1 ip4:{HERE} -all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "partner.example": {"TXT": [f"v=spf1 ip4:{HERE} ip4:{NEXT} -all"]},
    "_dmarc.partner.example": {"TXT": ["v=DMARC1; p=quarantine"]},
    "odd.example": {"TXT": [f"v=spf1 ip4:{HERE} include:slow.example -all"]},
    "_dmarc.odd.example": {"TXT": ["v=DMARC1; p=reject"]},
    "slow.example": {"FAIL": ["*"]},
    "_dmarc.slow.example": {"FAIL": ["*"]},
    "lax.example": {"TXT": [f"v=spf1 ip4:{HERE} -all"]},
    "_dmarc.lax.example": {"TXT": ["v=DMARC1; p=none"]},
    "rsa._domainkey.example.com": {"TXT": [mail.record("rsa")]},
}
ZONE = Zone(NODES)


def decided(
    message: bytes = mail.MESSAGE,
    sender: str = "ada@example.com",
    *,
    ip: str = HERE,
    to: str = "ben@far.example",
    **given: Any,
) -> Decision:
    judging = authenticate(message, ip=ip, mail_from=sender, now=mail.NOW)
    return ZONE.run(decide(ZONE.run(judging), to=to, now=mail.NOW, **given))


def author(domain: str) -> bytes:
    return mail.MESSAGE.replace(b"ada@example.com", f"ada@{domain}".encode())


def test_a_policy_that_the_DNS_did_not_tell_is_not_told() -> None:
    nodes: dict[str, Any] = {
        "a.half.example": {"TXT": [f"v=spf1 ip4:{HERE} -all"], "FAIL": ["A"]},
        "_dmarc.half.example": {"TXT": ["v=DMARC1; p=reject; np=none"]},
    }
    zone = Zone(NODES | nodes)
    sender = "ada@a.half.example"
    judging = authenticate(author("a.half.example"), ip=HERE, mail_from=sender, now=mail.NOW)
    report = zone.run(judging)
    got = zone.run(decide(report, to="ben@far.example", via=NEXT, now=mail.NOW))
    assert got.survives is Answer.NO
    assert "None" not in " ".join((got.survives_reason, *got.advice))


CASES = [
    ("a signature survives", mail.signed(), "ada@example.com", NEXT, "yes", "yes"),
    ("SPF alone does not", mail.MESSAGE, "ada@example.com", NEXT, "yes", "no"),
    ("our host may send", author("partner.example"), "ada@partner.example", NEXT, "no", "yes"),
    ("where from is not known", mail.signed(), "ada@example.com", "", "yes", "yes"),
    ("a bounce", mail.signed(), "", NEXT, "no", "yes"),
    ("no record", author("bare.example"), "ada@bare.example", NEXT, "no", "yes"),
    ("a silent DNS", author("slow.example"), "ada@slow.example", NEXT, "unknown", "unknown"),
    ("a sender of ours", mail.signed(), "ben@ours.example", NEXT, "no", "yes"),
    ("a sender that is none", mail.signed(), "not an address", NEXT, "unknown", "yes"),
    ("SRS-25 it fails here", author("example.com"), "eve@bare.example", NEXT, "no", "no"),
]


@pytest.mark.parametrize(
    ("message", "sender", "via", "srs", "survives"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_is_needed_and_what_survives(
    message: bytes, sender: str, via: str, srs: str, survives: str
) -> None:
    got = decided(message, sender, via=via, srs_domain="srs.example", own_domains=["ours.example"])
    assert (got.srs, got.survives) == (srs, survives), (got.srs_reason, got.survives_reason)
    assert got.srs_reason
    assert got.survives_reason
    assert bool(got.srs_domain) == (got.srs is not Answer.NO)


def test_what_stays_here_is_judged_by_nobody() -> None:
    got = decided(to="ben@ours.example", own_domains=["ours.example"], via=NEXT)
    assert (got.srs, got.survives) == (Answer.NO, Answer.YES)
    assert "ours" in got.srs_reason


def test_what_the_signature_covers_is_to_be_kept() -> None:
    got = decided(mail.signed(expire=3600), via=NEXT)
    assert any(each.startswith("the body") for each in got.keep)
    assert any("from" in each for each in got.keep)
    assert any("[list]" in each for each in got.keep)
    assert any(str(mail.NOW + 3600) in each for each in got.keep)
    assert decided(via=NEXT).keep == ()


def test_advice() -> None:
    alone = " ".join(decided(via=NEXT).advice)
    assert "sign with DKIM" in alone
    assert "ARC" in alone
    assert "Set up SRS" in alone
    assert "Until then deliver to a mailbox here" in alone
    lax = " ".join(decided(author("lax.example"), "ada@lax.example", via=NEXT).advice)
    assert "sign with DKIM" in lax
    assert "Until then" not in lax
    assert "Set up SRS" not in " ".join(decided(via=NEXT, srs_domain="srs.example").advice)
    assert "into From" in " ".join(decided(mail.signed(), via=NEXT).advice)
    assert "Do not forward it" in " ".join(decided(sender="eve@bare.example").advice)
    assert "goes back" in " ".join(decided(mail.signed(), to="x@example.com").advice)


def test_SRS_25_what_is_forged_is_not_laundered() -> None:
    """Rewritten it would pass SPF at the next hop; it is still not to be sent on."""
    forged = decided(sender="eve@bare.example", via=NEXT, srs_domain="srs.example")
    assert forged.survives is Answer.NO
    assert any(each.startswith("Do not forward it") for each in forged.advice)
    sound = decided(mail.signed(), via=NEXT, srs_domain="srs.example")
    assert not any(each.startswith("Do not forward it") for each in sound.advice)


def test_by_its_signatures_alone() -> None:
    got = decided(mail.signed(), ip="")
    assert got.srs is Answer.UNKNOWN
    assert got.survives is Answer.YES


def test_without_a_verdict_of_dmarc_nothing_is_said_of_it() -> None:
    judging = authenticate(mail.signed(), ip=HERE, now=mail.NOW, methods={"spf", "dkim"})
    got = ZONE.run(decide(ZONE.run(judging), to="ben@far.example", now=mail.NOW))
    assert (got.survives, got.keep, got.advice) == (Answer.UNKNOWN, (), ())


def test_an_envelope_that_is_not_known_is_no_bounce() -> None:
    for sender in ("", "ada@example.com"):
        got = decided(mail.MESSAGE, sender, ip="", via=NEXT)
        assert got.survives is Answer.UNKNOWN, got.survives_reason
        assert not any(each.startswith("Do not") for each in got.advice)
    assert decided(mail.MESSAGE, "", ip="").srs is Answer.UNKNOWN
    assert decided(mail.MESSAGE, "").srs is Answer.NO


@pytest.mark.parametrize(
    ("domain", "via", "survives"),
    [
        ("example.com", "", "unknown"),
        ("example.com", NEXT, "no"),
        ("partner.example", "", "unknown"),
        ("partner.example", NEXT, "yes"),
        ("odd.example", NEXT, "unknown"),
    ],
)
def test_whether_our_host_may_send_for_a_domain_of_ours(
    domain: str, via: str, survives: str
) -> None:
    message, sender = author(domain), f"ada@{domain}"
    got = decided(message, sender, via=via, own_domains=[domain])
    assert (got.srs, got.survives) == ("no", survives), got.survives_reason


@pytest.mark.parametrize(
    "given", [{"to": "nobody"}, {"via": "here"}, {"srs_domain": "-"}, {"own_domains": ["a b"]}]
)
@pytest.mark.parametrize("sender", ["ada@example.com", ""])
def test_misuse(given: dict[str, Any], sender: str) -> None:
    (bad,) = given.values()
    with pytest.raises(BadArgument, match=bad if isinstance(bad, str) else bad[0]):
        decided(sender=sender, **given)


@pytest.mark.parametrize(
    ("message", "status", "want"),
    [(mail.signed(), 0, "passes DMARC there: yes"), (mail.MESSAGE, 1, "passes DMARC there: no")],
)
def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], message: bytes, status: int, want: str
) -> None:
    zone, file = tmp_path / "zone.json", tmp_path / "mail.eml"
    zone.write_text(json.dumps(NODES))
    file.write_bytes(message)
    arguments = [
        "forward", "--zone", str(zone), "--now", str(mail.NOW), "--ip", HERE, "--via", NEXT,
        "--mail-from", "ada@example.com", "--srs-domain", "srs.example", "--to", "b@far.example",
        str(file),
    ]  # fmt: skip
    for option in ([], ["--json"]):
        with pytest.raises(SystemExit) as leave:
            main([*arguments, *option])
        assert leave.value.code == status
    text, _, last = capsys.readouterr().out.rstrip().rpartition("\n")
    assert want in text
    assert "rewrite the sender (SRS): yes, with srs.example" in text
    assert json.loads(last)["srs"] == "yes"


@pytest.mark.parametrize("option", ["--mail-from", "--helo"])
def test_the_command_needs_the_address_of_who_sent_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (tmp_path / "mail.eml").write_bytes(mail.MESSAGE)
    (tmp_path / "zone.json").write_text("{}")
    files = ["--zone", f"{tmp_path}/zone.json", f"{tmp_path}/mail.eml"]
    with pytest.raises(SystemExit) as leave:
        main(["forward", "--to", "b@far.example", option, "example.com", *files])
    assert leave.value.code == 2
    assert "give --ip too" in capsys.readouterr().err
