"""Mail through two real instances of Postfix, the second of which forwards with SRS.

ada@origin.test writes to joe@fwd.test, which is an alias of joe@last.test: the
mail goes from the instance `origin` through `forwarder` to a sink.  Bounces go
back the same way.
"""

import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import guide
import postfix
import pytest
from postfix import Postfix, free_port, hop
from sink import Sink, sink, until
from srs_service import SECRETS, SRS_DOMAIN, Lookups

from mailauth import srs
from mailauth.postfix import LookupProtocol

pytestmark = [pytest.mark.e2e, pytest.mark.loopback]

MAIL = b"From: Ada <ada@origin.test>\r\nTo: joe@fwd.test\r\nSubject: a letter\r\n\r\nHello.\r\n"
BOUNCE = b"From: <mailer-daemon@last.test>\r\nSubject: it came back\r\n\r\nSorry.\r\n"
INSIDE = "127.0.0.9"
"""The only client of mynetworks."""
UNKNOWN = "nobody@last.test"
"""Whom the last hop refuses."""
STRICT = ("client", "helo", "sender", "data", "end_of_data")
"""Where a host may refuse; its second smtpd must not."""
BOTH = list(LookupProtocol)


@dataclass
class Route:
    """The whole way."""

    protocol: LookupProtocol
    origin: Postfix
    forwarder: Postfix
    last: Sink
    lookups: Lookups

    def forwarded(self) -> str:
        """The envelope sender at the last hop, after one mail of ada's."""
        number = len(self.last.mails) + 1
        self.origin.send("ada@origin.test", "joe@fwd.test", MAIL)
        mail = self.last.wait_for(number)[-1]
        assert mail.recipients == ["joe@last.test"]
        assert b"From: Ada <ada@origin.test>" in mail.octets
        return mail.sender


@pytest.fixture(params=BOTH)
def route(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Route]:
    """Both instances, the sink and the look-ups, by each protocol."""
    if postfix.missing():
        pytest.skip(postfix.missing())
    lookups = Lookups(tmp_path, [free_port() for _ in range(4)])
    ports = {"origin": free_port(), "forwarder": free_port()}
    with sink([UNKNOWN]) as last:
        origin = Postfix(
            tmp_path / "origin",
            "mx.origin.test",
            {
                "virtual_mailbox_domains": "origin.test",
                "virtual_mailbox_maps": "inline:{ {ada@origin.test=ada/} }",
                "transport_maps": f"inline:{{ {{fwd.test={hop(ports['forwarder'])}}} }}",
            },
            ports["origin"],
        )
        forwarder = Postfix(
            tmp_path / "forwarder",
            "mx.fwd.test",
            {
                "mynetworks": INSIDE,
                "virtual_alias_maps": (
                    "inline:{ {fwd.test=these}, {joe@fwd.test=joe@last.test},"
                    f" {{gone@fwd.test={UNKNOWN}}},"
                    f" {{postmaster@{SRS_DOMAIN}=box@local.test}} }}"
                ),
                "virtual_mailbox_domains": "local.test",
                "virtual_mailbox_maps": "inline:{ {box@local.test=box/} }",
                "relay_domains": "backup.test",  # as on a backup MX, without a list of recipients
                "transport_maps": (
                    f"inline:{{ {{last.test={hop(last.port)}}}, {{backup.test={hop(last.port)}}},"
                    f" {{origin.test={hop(ports['origin'])}}} }}"
                ),
                **guide.main_cf(
                    request.param,
                    srs_domain=SRS_DOMAIN,
                    domain="fwd.test",
                    ports=lookups.ports_of_the_guide(),
                ),
            },
            ports["forwarder"],
        )
        lookups.start()
        try:
            with origin, forwarder:
                yield Route(request.param, origin, forwarder, last, lookups)
        finally:
            lookups.kill()


def test_mail_is_forwarded_with_our_sender_and_its_bounce_comes_home(route: Route) -> None:
    sender = route.forwarded()
    assert sender.startswith("SRS0=")
    assert sender.endswith(f"=origin.test=ada@{SRS_DOMAIN}")
    route.forwarder.send("", sender, BOUNCE)
    until(route.origin.mails)
    (bounce,) = route.origin.mails()
    assert b"Delivered-To: ada@origin.test" in bounce
    assert b"Subject: it came back" in bounce


def test_a_bounce_made_on_this_host_comes_home(route: Route) -> None:
    route.origin.send("ada@origin.test", "gone@fwd.test", MAIL)
    until(route.origin.mails)
    (bounce,) = route.origin.mails()
    assert b"Delivered-To: ada@origin.test" in bounce
    assert b"there is no such user" in bounce


def refused(forwarder: Postfix, recipient: str, sender: str = "") -> tuple[int, bytes]:
    """What a stranger is told at RCPT."""
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        forwarder.send(sender, recipient, BOUNCE)
    code, text = refusal.value.recipients[recipient]
    return code, text


def test_a_forged_bounce_is_refused_before_its_content(route: Route) -> None:
    genuine = route.forwarded()
    forged = "SRS0=AAAA" + genuine[9:]
    for recipient in (forged, f"SRS0=AAAA=AA=elsewhere.test=eve@{SRS_DOMAIN}", f"no@{SRS_DOMAIN}"):
        code, text = refused(route.forwarder, recipient)
        assert (code, b"5.1.1" in text) == (550, True)


def test_nothing_is_relayed_that_was_not_relayed_before(route: Route) -> None:
    """The set-up of the guide leaves the other domains of a host as they were."""
    below = (f"x@sub.{SRS_DOMAIN}", "x@sub.fwd.test", "x@sub.mx.fwd.test")
    for recipient in (*below, "eve@elsewhere.test"):
        code, text = refused(route.forwarder, recipient)
        assert (code, b"Relay access denied" in text) == (554, True)
    route.forwarder.send("", "anybody@backup.test", MAIL)
    assert route.last.wait_for(1)[0].recipients == ["anybody@backup.test"]
    route.forwarder.send("", f"postmaster@{SRS_DOMAIN}", MAIL)
    until(route.forwarder.mails)


@pytest.mark.parametrize("sender", ["boss@fwd.test", "boss@mail.fwd.test"])
def test_a_forged_sender_of_ours_is_not_sent_on_under_our_name(route: Route, sender: str) -> None:
    code, text = refused(route.forwarder, "joe@fwd.test", sender)
    assert (code, text.endswith(b"log in to send as fwd.test")) == (550, True)


def test_SRS_14_a_bounce_whose_case_was_lost_comes_home(route: Route) -> None:
    route.forwarder.send("", route.forwarded().lower(), BOUNCE)
    until(route.origin.mails)


def test_what_is_ours_stays_as_it_is(route: Route) -> None:
    for sender in ("boss@local.test", "list@mail.fwd.test", ""):
        route.forwarder.send(sender, "box@local.test", MAIL, source=INSIDE)
    until(lambda: len(route.forwarder.mails()) == 3)
    paths = {mail.split(b"\n")[0] for mail in route.forwarder.mails()}
    assert paths == {
        b"Return-Path: <boss@local.test>",
        b"Return-Path: <list@mail.fwd.test>",
        b"Return-Path: <>",
    }


def test_a_quoted_sender_comes_home(route: Route) -> None:
    route.forwarder.send('"ada l"@origin.test', "joe@fwd.test", MAIL)
    sender = route.last.wait_for(1)[0].sender
    assert sender.startswith('"SRS0=')
    table = route.forwarder.main["recipient_canonical_maps"]
    assert route.forwarder.look_up(sender, table) == '"ada l"@origin.test'


def test_PFX_03_without_look_ups_mail_waits_and_none_is_lost(route: Route) -> None:
    assert route.forwarded().startswith("SRS0=")
    route.lookups.kill()
    for number in range(3):
        route.origin.send("ada@origin.test", "joe@fwd.test", MAIL + b"%d\r\n" % number)
    until(lambda: len(route.origin.queue()) == 3 and "451 4.3.0" in route.origin.log, 60)
    assert len(route.last.mails) == 1
    route.lookups.start()
    route.origin.flush()
    mails = route.last.wait_for(4, 90)
    assert all(mail.sender.startswith("SRS0=") for mail in mails)
    assert {mail.octets.splitlines()[-1] for mail in mails} == {b"Hello.", b"0", b"1", b"2"}
    until(lambda: not route.origin.queue())


def test_the_tables_as_postmap_asks_them(route: Route) -> None:
    tables = route.lookups.tables(route.protocol)
    ask = route.forwarder.look_up
    sender = ask("ada@origin.test", tables["forward"])
    assert sender is not None
    assert ask(sender, tables["reverse"]) == "ada@origin.test"
    assert ask(sender, tables["exists"]) == sender
    assert ask(sender, tables["forward"]) is None
    assert ask("j\xf6rg 100%@origin.test", tables["reverse"]) is None


def test_the_name_of_a_socketmap_chooses_the_srs_domain(route: Route) -> None:
    table = route.lookups.tables(LookupProtocol.SOCKETMAP)["forward"]
    chosen = route.forwarder.look_up("ada@origin.test", f"{table}@lists.test")
    assert chosen is not None
    assert chosen.endswith("@lists.test")
    with pytest.raises(LookupError):
        route.forwarder.look_up("ada@origin.test", f"{table}@other.test")


def test_only_what_leaves_is_rewritten_by_the_recipe_of_the_guide(tmp_path: Path) -> None:
    """Mail for elsewhere passes a second cleanup, which alone has the table.

    The port 25 of this host admits nobody from 127.0.0.1.
    """
    if postfix.missing():
        pytest.skip(postfix.missing())
    lookups = Lookups(tmp_path, [free_port() for _ in range(4)])
    second = free_port()
    strict = "check_client_access inline:{{127.0.0.1 = REJECT}}"
    with sink() as last:
        instead = {
            "127.0.0.1:10026": f"127.0.0.1:{second}",
            "smtp:[127.0.0.1]:10026": hop(second),
            "127.0.0.1:10003": f"127.0.0.1:{lookups.ports_of_the_guide()['10003']}",
            "content_filter=smtp:": f"content_filter={hop(last.port)}",
        }
        forwarder = Postfix(
            tmp_path / "forwarder",
            "mx.fwd.test",
            {
                "mynetworks": INSIDE,
                "smtpd_relay_restrictions": "reject_unauth_destination",
                **{f"smtpd_{stage}_restrictions": strict for stage in STRICT},
                "virtual_alias_domains": "fwd.test",
                "virtual_alias_maps": "inline:{ {joe@fwd.test=joe@last.test, box@local.test} }",
                "virtual_mailbox_domains": "local.test",
                "virtual_mailbox_maps": "inline:{ {box@local.test=box/} }",
                **guide.settings(guide.block(guide.LOOKUPS, "default_transport = ", instead)),
            },
            more_services=guide.block(guide.LOOKUPS, "127.0.0.1:10026 ", instead),
        )
        lookups.start()
        try:
            with forwarder:
                forwarder.send("ada@origin.test", "joe@fwd.test", MAIL, source="127.0.0.3")
                assert last.wait_for(1)[0].sender.endswith(f"=ada@{SRS_DOMAIN}")
                until(forwarder.mails)
                assert forwarder.mails()[0].startswith(b"Return-Path: <ada@origin.test>")
        finally:
            lookups.kill()


@pytest.mark.parametrize(
    "main",
    [
        {"mydestination": SRS_DOMAIN, "local_recipient_maps": "inline:{ {box=x} }"},
        {"virtual_mailbox_domains": SRS_DOMAIN, "virtual_mailbox_maps": "inline:{ {box@x=x} }"},
    ],
    ids=lambda main: next(iter(main)),
)
def test_an_srs_domain_with_recipients_of_its_own_needs_no_line(
    tmp_path: Path, main: dict[str, str]
) -> None:
    if postfix.missing():
        pytest.skip(postfix.missing())
    lookups = Lookups(tmp_path, [free_port() for _ in range(4)])
    lines = guide.main_cf(
        LookupProtocol.SOCKETMAP,
        srs_domain=SRS_DOMAIN,
        domain="fwd.test",
        ports=lookups.ports_of_the_guide(),
    )
    del lines["virtual_alias_domains"]
    genuine = _genuine()
    lookups.start()
    try:
        outside = {"mynetworks": INSIDE, "default_transport": "discard"}
        with Postfix(tmp_path / "host", "mx.fwd.test", {**lines, **outside, **main}) as host:
            host.send("", genuine, BOUNCE)
            for recipient in ("SRS0=AAAA" + genuine[9:], f"no@{SRS_DOMAIN}"):
                code, text = refused(host, recipient)
                assert (code, b"5.1.1" in text) == (550, True)
    finally:
        lookups.kill()


def _genuine() -> str:
    return srs.forward(
        "ada@origin.test",
        domain=SRS_DOMAIN,
        secrets=srs.Secrets.parse(SECRETS),
        now=int(time.time()),
    )


def test_the_access_map_refuses_where_all_recipients_exist(tmp_path: Path) -> None:
    if postfix.missing():
        pytest.skip(postfix.missing())
    lookups = Lookups(tmp_path, [free_port() for _ in range(4)])
    tables = lookups.tables(LookupProtocol.SOCKETMAP)
    main = {
        "relay_domains": SRS_DOMAIN,
        "relay_transport": "discard",
        "smtpd_recipient_restrictions": f"check_recipient_access {tables['access']}",
    }
    genuine = _genuine()
    lookups.start()
    try:
        with Postfix(tmp_path / "forwarder", "mx.fwd.test", main) as forwarder:
            forwarder.send("", genuine, BOUNCE)
            forwarder.send("", f"anybody@{SRS_DOMAIN}", BOUNCE)
            code, text = refused(forwarder, "SRS0=AAAA" + genuine[9:])
            assert code == 550
            assert b"forged or expired" in text
    finally:
        lookups.kill()


@pytest.mark.parametrize("protocol", BOTH)
def test_the_map_exists_is_a_list_of_recipients_for_a_relay(
    tmp_path: Path, protocol: LookupProtocol
) -> None:
    """A host in front of the one that decodes bounces knows which of them are genuine."""
    if postfix.missing():
        pytest.skip(postfix.missing())
    lookups = Lookups(tmp_path, [free_port() for _ in range(4)])
    listed = f"inline:{{ {{box@fwd.test=x}} }}, {lookups.tables(protocol)['exists']}"
    genuine = _genuine()
    lookups.start()
    try:
        with sink() as last:
            main = {
                "mynetworks": INSIDE,
                "relay_domains": f"{SRS_DOMAIN}, fwd.test",
                "relay_recipient_maps": listed,
                "relay_transport": hop(last.port),
            }
            with Postfix(tmp_path / "relay", "mx.relay.test", main) as relay:
                for recipient in (genuine, genuine.lower(), "box@fwd.test"):
                    relay.send("", recipient, BOUNCE)
                taken = {mail.recipients[0] for mail in last.wait_for(3)}
                assert taken == {genuine, genuine.lower(), "box@fwd.test"}, "as they came"
                for recipient in ("SRS0=AAAA" + genuine[9:], f"no@{SRS_DOMAIN}", "no@fwd.test"):
                    code, text = refused(relay, recipient)
                    assert (code, b"5.1.1" in text) == (550, True)
                lookups.kill()
                code, text = refused(relay, genuine)
                assert (code, b"Temporary lookup failure" in text) == (451, True)
    finally:
        lookups.kill()
