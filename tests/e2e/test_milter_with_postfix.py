"""The milter between two real instances of Postfix: signed by one, judged by the other.

What ours says of a signature is also said by opendkim, which stands behind it at
the receiver.
"""

import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import guide
import mail as mails
import postfix
import pytest
from milter_route import (
    OPENDKIM,
    OPENDKIM_ID,
    SRS_DOMAIN,
    UNKNOWN,
    ZONE,
    Route,
    claims,
    results,
    route,
)
from postfix import Postfix
from sink import until

from mailauth import dkim

pytestmark = [pytest.mark.e2e, pytest.mark.loopback]

HEAD = b"From: Ada <ada@origin.test>\r\nTo: box@local.test\r\nSubject: a letter\r\n"
MAIL = HEAD + b"\r\nHello.\r\n"
BOUNCE = b"From: <mailer-daemon@last.test>\r\nSubject: it came back\r\n\r\nSorry.\r\n"


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Route]:
    """Both hosts, up once for all tests."""
    if postfix.missing():
        pytest.skip(postfix.missing())
    if not Path(OPENDKIM).exists():
        pytest.skip("opendkim is not installed")
    with route(tmp_path_factory.mktemp("route")) as one:
        yield one


MESSAGES: list[tuple[str, bytes, tuple[str, ...]]] = [
    ("plain", MAIL, ()),
    ("empty body", HEAD + b"\r\n", ()),
    ("no body", HEAD, ()),
    ("non-ASCII body", HEAD + "\r\nGr\u00fc\u00dfe \u2709\r\n".encode(), ("BODY=8BITMIME",)),
    ("latin-1 octets", HEAD + b"\r\nGr\xfc\xdfe\r\n", ("BODY=8BITMIME",)),
    (
        "non-ASCII subject",
        HEAD.replace(b"a letter", "\u00e4 letter".encode()) + b"\r\nHello.\r\n",
        ("SMTPUTF8", "BODY=8BITMIME"),
    ),
    ("dots", HEAD + b"\r\n.\r\n..\r\n.hidden\r\n...\r\n", ()),
    ("blanks and empty lines", HEAD + b"\r\n  a \t b  \r\n\r\n\r\n \r\n\r\n", ()),
    ("folded", HEAD.replace(b"a letter", b"a\r\n\t folded\r\n   letter  ") + b"\r\nx\r\n", ()),
    ("lines of 990", HEAD + b"\r\n" + b"x" * 990 + b"\r\n", ()),
    ("many fields", HEAD + b"X-Many: y\r\n" * 500 + b"\r\nHello.\r\n", ()),
    ("25 MB", HEAD + b"\r\n" + (b"0123456789abcdef" * 4 + b"\r\n") * 380_000, ()),
]


@pytest.mark.parametrize(
    ("octets", "options"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_what_one_signs_verifies_at_the_other(
    way: Route, octets: bytes, options: tuple[str, ...]
) -> None:
    arrived = way.sent(octets, *options)
    assert results(arrived)[1:] == ["spf=pass", "dkim=pass", "dmarc=pass"]
    assert "dkim=pass" in results(arrived, OPENDKIM_ID)
    assert arrived.count(b"\nDKIM-Signature:") == 1


def test_a_line_that_relays_break_is_warned_of_and_the_verdict_is_true(way: Route) -> None:
    arrived = way.sent(HEAD + b"\r\n" + b"x" * 5000 + b"\r\n")
    assert "dkim=fail" in results(arrived)
    assert "dkim=fail" in results(arrived, OPENDKIM_ID)
    assert "dmarc=pass" in results(arrived), "SPF is still aligned with the author"
    way.service.wait_for_log("the body has a line of over 998 octets, which relays break")


def test_spf_is_of_the_client(way: Route) -> None:
    before = len(way.receiver.mails())
    for address in ("127.0.0.2", "127.0.0.3"):
        with client(way, address) as smtp:
            smtp.sendmail("ada@origin.test", ["box@local.test"], MAIL)
        way.delivered(beyond=before)
        arrived = way.receiver.mails()[-1]
        passes = address == "127.0.0.2"
        verdict = "pass" if passes else "fail"
        assert results(arrived)[1:] == [f"spf={verdict}", "dkim=none", f"dmarc={verdict}"]
        assert f"client-ip={address}".encode() in arrived
        before += 1


def client(way: Route, address: str = "127.0.0.3") -> smtplib.SMTP:
    port = way.receiver.port
    return smtplib.SMTP("127.0.0.1", port, source_address=(address, 0), timeout=60)


FORGED = [
    "Authentication-Results: mx.local.test; dkim=pass header.d=bank.test",
    "authentication-results: MX.Local.Test; spf=pass",
    "Authentication-Results:mx.local.test; spf=pass",
    'Authentication-Results: "mx.local.test"; spf=pass',
    "Authentication-Results: (forged) mx.local.test; spf=pass",
    "Authentication-Results: mx.local.test (forged) 1; spf=pass",
    "Authentication-Results: mx.local.test.; spf=pass",
    "Authentication-Results:\r\n\tmx.local.test\r\n\t; spf=pass",
    "Authentication-Results : mx.local.test; spf=pass",
    "Authentication-Results: mx.local.test; " + "spf=pass smtp.mailfrom=x@y.test; " * 150,
    "Authentication-Results: (unfinished mx.local.test; spf=pass",
    "Received-SPF: pass receiver=mx.local.test; client-ip=127.0.0.3",
]


def test_AR_01_AR_02_AR_05_forged_results_are_removed_whatever_their_spelling(way: Route) -> None:
    before = len(way.receiver.mails())
    honest = "Authentication-Results: other.test; spf=pass"
    head = "\r\n".join([*FORGED[:6], honest, *FORGED[6:]])
    with client(way) as smtp:
        smtp.sendmail("ada@origin.test", ["box@local.test"], head.encode() + b"\r\n" + MAIL)
    (arrived,) = way.delivered(beyond=before)
    assert results(arrived)[1:] == ["spf=fail", "dkim=none", "dmarc=fail"]
    assert arrived.lower().count(b"\nauthentication-results") == 2, "ours and the honest one"
    assert b"forged" not in arrived
    assert b"unfinished" not in arrived
    assert len(claims(arrived, "other.test")) == 1
    assert arrived.count(b"Received-SPF: fail") >= 1
    assert b"Received-SPF: pass" not in arrived
    above = arrived.index(b"Authentication-Results: mx.local.test")
    assert above < arrived.index(b"Received: from"), "above our own Received"


def test_MIL_06_messages_of_one_connection_are_told_apart(way: Route) -> None:
    before = len(way.receiver.mails())
    signed = dkim.sign(MAIL, domain="origin.test", selector="rsa", key=mails.key("rsa")) + MAIL
    with client(way, "127.0.0.2") as smtp:
        smtp.sendmail("ada@origin.test", ["box@local.test"], signed)
        smtp.mail("eve@origin.test")
        smtp.rcpt("box@local.test")
        smtp.rset()
        smtp.mail("eve@elsewhere.test")
        smtp.rset()
        smtp.sendmail("bob@elsewhere.test", ["box@local.test"], MAIL)
        smtp.rset()
        smtp.sendmail("", ["box@local.test"], signed)
    arrived = sorted(map(str, map(results, way.delivered(3, beyond=before))))
    assert arrived == sorted(
        map(
            str,
            [
                ["spf=none", "spf=pass", "dkim=pass", "dmarc=pass"],
                ["spf=none", "spf=none", "dkim=none", "dmarc=fail"],
                ["spf=none", "dkim=pass", "dmarc=pass"],
            ],
        )
    )


def forwarded(way: Route, *recipients: str) -> str:
    """The envelope sender at the last hop, of a mail of ada's to these."""
    number = len(way.last.mails) + 1
    way.origin.send_to_many("ada@origin.test", recipients, MAIL)
    return way.last.wait_for(number)[-1].sender


def test_mail_that_leaves_has_our_sender_and_its_bounce_comes_home(way: Route) -> None:
    sender = forwarded(way, "joe@local.test")
    assert sender.startswith("SRS0=")
    assert sender.endswith(f"=origin.test=ada@{SRS_DOMAIN}")
    mail = way.last.mails[-1]
    assert mail.recipients == ["joe@last.test"]
    verdicts = ZONE.run(dkim.verify(mail.octets, now=int(time.time())))
    assert [each.result for each in verdicts] == ["pass"], "the signature outlives the forwarding"
    before = len(way.origin.mails())
    with client(way) as smtp:
        smtp.sendmail("", [sender], BOUNCE)
    until(lambda: len(way.origin.mails()) > before)
    bounce = way.origin.mails()[-1]
    assert b"Delivered-To: ada@origin.test" in bounce
    assert b"Subject: it came back" in bounce


def test_a_bounce_made_on_this_host_comes_home(way: Route) -> None:
    """The bounce of a forwarder's own Postfix is told to no milter of smtpd."""
    before = len(way.origin.mails())
    way.origin.send("ada@origin.test", "gone@local.test", MAIL)
    until(lambda: len(way.origin.mails()) > before)
    bounce = way.origin.mails()[-1]
    assert b"Delivered-To: ada@origin.test" in bounce
    assert b"there is no such user" in bounce
    assert UNKNOWN.encode() in bounce


@pytest.mark.parametrize(("asked", "code"), [("the second smtpd", 250), ("its own host", 450)])
def test_the_second_smtpd_takes_every_address_so_the_guide_has_others_verify_them(
    way: Route, tmp_path: Path, asked: str, code: int
) -> None:
    block = guide.block(guide.MILTER, "smtpd_milters = ", {"example.com": "local.test"})
    of_guide = guide.settings(block)
    assert of_guide["address_verify_default_transport"] == "smtp"
    main = {
        "default_transport": way.receiver.main["default_transport"],
        "smtpd_recipient_restrictions": "reject_unverified_recipient",
    }
    if asked == "its own host":
        main["address_verify_default_transport"] = postfix.hop(way.last.port)
    with (
        Postfix(tmp_path / "verifying", "mx.local.test", main) as verifying,
        smtplib.SMTP("127.0.0.1", verifying.port, timeout=60) as smtp,
    ):
        smtp.ehlo()
        smtp.mail("ada@origin.test")
        assert smtp.rcpt(UNKNOWN)[0] == code


def test_mail_that_stays_keeps_its_sender_beside_one_that_leaves(way: Route) -> None:
    before = len(way.receiver.mails())
    assert forwarded(way, "joe@local.test", "box@local.test").startswith("SRS0=")
    (stayed,) = way.delivered(beyond=before)
    assert b"Return-Path: <ada@origin.test>" in stayed


def refused(way: Route, sender: str, recipient: str) -> tuple[int, bytes]:
    """What a stranger is told at RCPT."""
    with client(way) as smtp, pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        smtp.sendmail(sender, [recipient], BOUNCE)
    code, text = refusal.value.recipients[recipient]
    return code, text


def test_SRS_02_a_forged_bounce_is_refused_before_its_content(way: Route) -> None:
    genuine = forwarded(way, "joe@local.test")
    for recipient in ("SRS0=AAAA" + genuine[9:], f"nobody@{SRS_DOMAIN}"):
        code, text = refused(way, "", recipient)
        assert (code, b"5.1.1" in text) == (550, True)


def test_nothing_is_relayed_that_was_not_relayed_before(way: Route) -> None:
    for recipient in (f"x@sub.{SRS_DOMAIN}", "eve@elsewhere.test"):
        code, text = refused(way, "", recipient)
        assert (code, b"Relay access denied" in text) == (554, True)
    with client(way) as smtp:
        assert smtp.mail("") == (250, b"2.1.0 Ok")
        for recipient in ("anybody@backup.test", f"postmaster@{SRS_DOMAIN}"):
            assert smtp.rcpt(recipient) == (250, b"2.1.5 Ok")


@pytest.mark.parametrize("sender", ["boss@local.test", f"boss@{SRS_DOMAIN}"])
def test_a_forged_sender_of_ours_is_not_sent_on_under_our_name(way: Route, sender: str) -> None:
    code, text = refused(way, sender, "joe@local.test")
    assert (code, text.endswith(b"log in to send as local.test")) == (550, True)


def test_a_milter_alone_brings_home_what_comes_by_smtp(way: Route, tmp_path: Path) -> None:
    genuine = forwarded(way, "joe@local.test")
    main = {
        "smtpd_milters": f"inet:127.0.0.1:{way.srs}",
        "relay_domains": SRS_DOMAIN,
        "transport_maps": f"inline:{{ {{origin.test=smtp:[127.0.0.1]:{way.origin.port}}} }}",
    }
    forged, before = "SRS0=AAAA" + genuine[9:], len(way.origin.mails())
    with Postfix(tmp_path / "gateway", "mx.local.test", main) as gateway:
        gateway.send("", genuine, BOUNCE)
        until(lambda: len(way.origin.mails()) > before)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            gateway.send("", forged, BOUNCE)
        assert refusal.value.recipients[forged] == (
            550,
            b"5.1.1 forged or expired bounce address",
        )


@pytest.mark.parametrize(
    ("behind", "told"),
    [("", ["spf=fail", "dkim=none", "dmarc=fail"]), ("  -o smtpd_milters=\n", ["spf=pass"])],
    ids=["milter behind the filter", "milter before it only"],
)
def test_before_a_filter_before_the_queue_a_milter_sees_no_content_behind_it_all(
    way: Route, tmp_path: Path, behind: str, told: list[str]
) -> None:
    port = postfix.free_port()
    main = {
        "smtpd_milters": way.receiver.main["smtpd_milters"].partition(",")[0],
        "smtpd_proxy_filter": f"127.0.0.1:{port}",
        "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
        "virtual_mailbox_domains": "local.test",
        "virtual_mailbox_maps": "inline:{ {box@local.test=box/} }",
    }
    second = f"127.0.0.1:{port} inet n - n - - smtpd\n  -o smtpd_proxy_filter=\n{behind}"
    forged = b"Authentication-Results: mx.local.test; spf=pass\r\n"
    with Postfix(tmp_path / "filtered", "mx.local.test", main, more_services=second) as filtered:
        with smtplib.SMTP("127.0.0.1", filtered.port, timeout=60) as smtp:
            assert smtp.docmd("XCLIENT", "ADDR=192.0.2.9 HELO=mx.origin.test")[0] == 220
            smtp.sendmail("ada@origin.test", ["box@local.test"], forged + MAIL)
        until(filtered.mails)
        (arrived,) = filtered.mails()
    assert results(arrived)[-len(told) :] == told
    assert (b"client-ip=192.0.2.9" in arrived) is (not behind), "not that of the filter"


def test_bounces_of_postfix_are_signed_if_it_shows_them_to_milters(
    way: Route, tmp_path: Path
) -> None:
    main = {
        "non_smtpd_milters": way.origin.main["smtpd_milters"],
        "internal_mail_filter_classes": "bounce",
        "myorigin": "origin.test",
        "default_transport": postfix.hop(way.last.port),
    }
    number = len(way.last.mails) + 1
    with Postfix(tmp_path / "bouncing", "mx.origin.test", main) as bouncing:
        bouncing.send("eve@last.test", UNKNOWN, MAIL)
        bounce = way.last.wait_for(number)[-1]
    assert bounce.recipients == ["eve@last.test"]
    verdicts = ZONE.run(dkim.verify(bounce.octets, now=int(time.time())))
    assert [each.result for each in verdicts] == ["pass"]


CHANGED = {
    "smtp_generic_maps": ("inline:{{ada@origin.test = boss@origin.test}}", ["fail"]),
    "smtp_header_checks": ("regexp:{{/^Subject:/ REPLACE Subject: another}}", ["fail"]),
    "smtp_body_checks": ("regexp:{{/^Hello/ REPLACE Goodbye}}", ["fail"]),
    "canonical_maps": ("inline:{{ada@origin.test = boss@origin.test}}", ["pass"]),
    "header_checks": ("regexp:{{/^Subject:/ REPLACE Subject: another}}", ["pass"]),
    "body_checks": ("regexp:{{/^Hello/ REPLACE Goodbye}}", ["pass"]),
}
"""Settings of Postfix that change mail, and whether the signature outlives them."""


@pytest.mark.parametrize(("setting", "value", "told"), [(k, *v) for k, v in CHANGED.items()])
def test_what_postfix_changes_after_the_milters_breaks_signatures(
    way: Route, tmp_path: Path, setting: str, value: str, told: list[str]
) -> None:
    main = {
        "smtpd_milters": way.origin.main["smtpd_milters"],
        "default_transport": postfix.hop(way.last.port),
        setting: value,
    }
    number = len(way.last.mails) + 1
    with Postfix(tmp_path / "changing", "mx.origin.test", main) as changing:
        changing.send("ada@origin.test", "joe@last.test", MAIL)
        arrived = way.last.wait_for(number)[-1].octets
    assert any(word in arrived for word in (b"boss", b"another", b"Goodbye"))
    assert [each.result for each in ZONE.run(dkim.verify(arrived, now=int(time.time())))] == told


def test_nothing_of_all_this_was_deferred_or_met_a_fault(way: Route) -> None:
    assert way.origin.queue() == []
    assert way.receiver.queue() == []
    assert "internal error" not in way.service.log()
    assert "milter" not in "".join(
        line for line in way.receiver.log.splitlines() if "warning" in line
    )
