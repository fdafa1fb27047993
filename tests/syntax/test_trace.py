"""Trace fields as the mail servers in use write them, and as an attacker would."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth.syntax import trace
from mailauth.syntax.message import Message
from mailauth.syntax.trace import Hop

IP = ip_address("192.0.2.1")
IP6 = ip_address("2001:db8::1")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        # Postfix, OpenSMTPD, Haraka, Stalwart
        ("from mx.example (x.example [192.0.2.1]) by a.example", Hop(IP, "mx.example")),
        ("from mx (unknown [IPv6:2001:db8::1])\r\n\tby a.example", Hop(IP6, "mx")),
        ("from mx (unknown [ipv6:2001:db8::1]) by a.example", Hop(IP6, "mx")),
        ("from [10.0.0.9] (x [192.0.2.1]) (TLSv1.3 (256/256 bits)) by a", Hop(IP, "[10.0.0.9]")),
        ("FROM mx (x [::ffff:192.0.2.1]) by a", Hop(IP, "mx")),
        # Sendmail
        ("from mx (IDENT:me@x.example [192.0.2.1] (may be forged)) by a", Hop(IP, "mx")),
        ("from mx ([192.0.2.1]) by a", Hop(IP, "mx")),
        # Exim, which has verified the first name, and CommuniGate
        ("from x.example ([192.0.2.1] helo=mx.example.com) by a", Hop(IP, "mx.example.com")),
        ("from x.example ([192.0.2.1]:40122 helo=mx) by a", Hop(IP, "mx")),
        ("from [192.0.2.1] (helo=[10.0.0.9]) by a", Hop(IP, "[10.0.0.9]")),
        ("from [192.0.2.1] (port=5 ident=[10.0.0.9] helo=mx) by a", Hop(IP, "mx")),
        ("from [192.0.2.1] (ident=x [10.0.0.9] helo=mx) by a", Hop(IP, "mx")),
        ("from [192.0.2.1] (HELO mx) by a", Hop(IP, "mx")),
        ("from [192.0.2.1] (account me HELO [10.0.0.9]) by a", Hop(IP, "[10.0.0.9]")),
        # Exchange
        ("from mx.example.com (192.0.2.1) by a (10.0.0.1) with ESMTP", Hop(IP, "mx.example.com")),
        ("from mx.example.com (2001:db8::1) by a (2001:db8::2)", Hop(IP6, "mx.example.com")),
        ("from [10.0.0.9] (192.0.2.1) by a", Hop(IP, "[10.0.0.9]")),
        # Haraka, which takes any word for a name
        ("from a([10.0.0.9]) (x [192.0.2.1]) by a", Hop(IP, "a([10.0.0.9])")),
        ("from a( (x [192.0.2.1]) by a", Hop(IP, "a(")),
        ("from a) (x [192.0.2.1]) by a", Hop(IP, "a)")),
        # a name that a client's own nameserver has given
        ("from mx ([10.0.0.9] [192.0.2.1] (may be forged)) by a", Hop(IP, "mx")),
        # IMail, MDaemon of old, Exim with an empty HELO, and others: in brackets, without a comment
        ("from mx [192.0.2.1] by a with ESMTP (SMTPD-12.5) id 1", Hop(IP, "mx")),
        ("from [10.0.0.9] [192.0.2.1] by a.example [10.0.0.1] with SMTP", Hop(IP, "[10.0.0.9]")),
        ("from 10.0.0.9 [192.0.2.1] by a", Hop(IP, "10.0.0.9")),
        ("from mx\r\n\t[IPv6:2001:db8::1] by a", Hop(IP6, "mx")),
        ("from (mx) [192.0.2.1] by a", Hop(IP, "")),
        ("from x.example (mx) [192.0.2.1] by a", Hop(IP, "x.example")),
        ("from x [192.0.2.1] (HELO 10.0.0.9) by a", Hop(IP, "10.0.0.9")),
        ("from mx.example from [192.0.2.1] by a", Hop(IP, "mx.example")),
        ("from mx.example me@mx.example [192.0.2.1] by a", Hop(IP, "mx.example")),
        # a mailbox that fetchmail has asked: nobody has sent anything from there
        ("from imap.example [192.0.2.1] by me with IMAP (fetchmail-6.4.37) for <a@b>; x",
         Hop(None, "imap.example")),
        # a port
        ("from mx ([192.0.2.1:5] helo=mx) by a", Hop(IP, "mx")),
        ("from [192.0.2.1:5] by a", Hop(IP, "[192.0.2.1:5]")),
        ("from mx (192.0.2.1:5) by a", Hop(IP, "mx")),
        # no blank
        ("from mx(x[192.0.2.1]) by a", Hop(IP, "mx")),
        ("from unknown(HELO mx)(192.0.2.1) by a", Hop(IP, "mx")),
        # Yahoo
        ("from 192.0.2.1 (EHLO mx.example) by 10.0.0.1 with SMTPs", Hop(IP, "mx.example")),
        # Gmail
        ("from mx (x.example. [2001:db8::1]) by mx.example.net with ESMTPS id 1", Hop(IP6, "mx")),
        # qmail, and what a client may say to it
        ("from unknown (HELO mx.example.com) (192.0.2.1) by a", Hop(IP, "mx.example.com")),
        ("from x.example (192.0.2.1) by a", Hop(IP, "x.example")),
        ("from x (HELO mx) (me@192.0.2.1) by a", Hop(IP, "mx")),
        ("from x (HELO mx) (me@10.0.0.9@192.0.2.1) by a", Hop(IP, "mx")),
        ("from x (HELO mx) (me@2001:db8::1) by a", Hop(IP6, "mx")),
        ("from 10.0.0.9 (HELO mx) (helo=x@192.0.2.1) by a", Hop(IP, "mx")),
        ("from 10.0.0.9 (HELO mx) (ident=@192.0.2.1) by a", Hop(IP, "mx")),
        ("from x (HELO a [10.0.0.9]) (192.0.2.1) by a", Hop(IP, "a [10.0.0.9]")),
        ("from x (HELO [10.0.0.9]) (192.0.2.1) by a", Hop(IP, "[10.0.0.9]")),
        # handed over within a host
        ("from mx.example.com by a.example with LMTP id 1", Hop(None, "mx.example.com")),
        ("by a.example (Postfix, from userid 0) id 1", Hop(None, "")),
        ("by 2001:db8::5 with SMTP id 1", Hop(None, "")),
        ("(qmail 12 invoked by uid 0); 1 Jan", Hop(None, "")),
        # nothing that names a client
        ("from mx (6.6.6.6.example [192.0.2.256]) by [192.0.2.1]", Hop(None, "mx")),
        ("from mx (x [fe80::1%eth0]) by a", Hop(None, "mx")),
        ("from 192.0.2.1 by a", Hop(None, "192.0.2.1")),
        ("from mx (x [192.0.2.1] by a", None),
        ("from mx(x [192.0.2.1] by a", None),
        ("from x (EHLO )) ([192.0.2.1]) by a", None),
        # a client whose reverse name is HELO, or one that says its address in HELO
        ("from [10.0.0.9] (HELO [192.0.2.1] (may be forged)) by a", None),
        ("from mx (helo [192.0.2.1]) by a", None),
        # two addresses, one of which the client may have said
        ("from mx [10.0.0.9] (x [192.0.2.1]) by a", None),
        ("from x [10.0.0.9] [192.0.2.1] by a", None),
        ("from mx [192.0.2.1] (x by a", None),
        ("from", Hop(None, "")),
        ("", Hop(None, "")),
    ],
)  # fmt: skip
def test_what_a_received_field_says_of_the_client(text: str, want: Hop | None) -> None:
    assert trace.parse_received(text) == want


@given(st.text(st.sampled_from('from by()[]\\":;= 1.2aHELO\t\r\n'), max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = trace.parse_received("from " + text)
    assert found is None or found.address is None or str(found.address)


def message(*fields: str) -> Message:
    return Message.parse("".join(f"{field}\r\n" for field in (*fields, "")).encode())


def is_relay(address: object) -> bool:
    return address == ip_address("198.51.100.5")


RELAY = "Received: from gw (gw [198.51.100.5]) by mx"
CLIENT = "Received: from mx.example.com (x [192.0.2.1]) by gw"
OLDER = "Received: from evil (x [203.0.113.6]) by mx.example.com"


def test_the_client_is_the_first_host_that_is_no_relay() -> None:
    assert trace.client(message(CLIENT, OLDER), is_relay) == Hop(IP, "mx.example.com")
    assert trace.client(message(RELAY, CLIENT, OLDER), is_relay) == Hop(IP, "mx.example.com")


def test_what_is_handed_over_within_a_host_is_passed_over() -> None:
    within = ("Received: by mx (Postfix) id 1", "Received: from localhost (x [127.0.0.1]) by mx")
    lmtp = "Received: from mx by mx with LMTP"
    assert trace.client(message(lmtp, *within, RELAY, CLIENT), is_relay) == Hop(
        IP, "mx.example.com"
    )


def test_no_client_is_found_where_there_is_none() -> None:
    assert trace.client(message("Subject: x"), is_relay) is None
    assert trace.client(message(RELAY), is_relay) is None


def test_no_more_than_a_hundred_fields_are_read() -> None:
    """RFC 5321 §6.3: more of them are a loop."""
    assert trace.client(message(*[RELAY] * 99, CLIENT), is_relay) == Hop(IP, "mx.example.com")
    assert trace.client(message(*[RELAY] * 100, CLIENT), is_relay) is None


def test_a_field_that_is_too_long_names_nobody() -> None:
    long = "Received: from x (" + "a" * trace.MAX_OCTETS + " [203.0.113.6]) by y"
    assert trace.client(message(long, CLIENT), is_relay) == trace.UNREADABLE


def test_a_field_that_cannot_be_read_names_nobody() -> None:
    """What stands below it is not believed in its place."""
    broken = "Received: from x (HELO a\\) (192.0.2.1) by y"
    assert trace.client(message(broken, OLDER), is_relay) == trace.UNREADABLE


@pytest.mark.parametrize(
    "helo", ["a)", "a(b", "a()", "a([192.0.2.1])", "(", "(x)", "(x)y", "([192.0.2.1])", ")", "(\\"]
)
def test_what_a_client_says_in_helo_hides_no_field_of_a_relay(helo: str) -> None:
    field = f"Received: from {helo} (x.example [203.0.113.6])\r\n\tby gw (mta) with SMTP"
    assert trace.client(message(field, CLIENT), is_relay) == Hop(ip_address("203.0.113.6"), helo)


@pytest.mark.parametrize(
    ("field", "want"),
    [
        ("Return-Path: <ada@example.com>", "ada@example.com"),
        ("Return-Path:<>", ""),
        ("return-path: ada@example.com", "ada@example.com"),
        ("Return-Path: <ada@example.com> (x)", None),
        ("Return-Path:", None),
        ("Subject: x", None),
    ],
)
def test_the_reverse_path(field: str, want: str | None) -> None:
    assert trace.reverse_path(message(field)) == want


def test_the_reverse_path_is_that_of_the_last_delivery() -> None:
    """RFC 5321 §4.4: the final delivery adds it at the top."""
    both = message("Return-Path: <new@example.com>", "Return-Path: <old@example.com>")
    assert trace.reverse_path(both) == "new@example.com"
