"""What Sendmail 8.17 says to a filter, where it differs from Postfix."""

import mta
from filtered import Filtered, verifying
from mail import MESSAGE

from mailauth.milter.terms import Limits
from mailauth.service.settings.tables import Milter

CONNECTED = (
    mta.offer(),
    mta.macros(
        b"C",
        {
            "j": "mx.example.org",
            "_": "client.example.com [192.0.2.7]",
            "{daemon_name}": "MTA",
            "{if_name}": "mx.example.org",
            "{if_addr}": "192.0.2.1",
        },
    ),
    mta.connect(),
    mta.macros(b"H", {}),
    mta.helo(),
)


def begun(queue_id: str, user: str = "") -> tuple[bytes, ...]:
    """MAIL and its macros."""
    login = {"{auth_type}": "PLAIN", "{auth_authen}": user, "{auth_ssf}": "0"} if user else {}
    address = {"{mail_mailer}": "esmtp", "{mail_host}": "example.com."}
    address["{mail_addr}"] = "ada@example.com"
    return mta.macros(b"M", {"i": queue_id, **login, **address}), mta.mail()


def content() -> list[bytes]:
    """The message; only its end has macros."""
    frames = [frame for frame in mta.message(MESSAGE) if frame[4:5] != b"D"]
    return [*frames[:-1], mta.macros(b"E", {"{msg_id}": "<1@example.com>"}), frames[-1]]


def test_an_envelope_may_be_dropped_without_a_word() -> None:
    """The client said RSET, or EHLO, after MAIL: the filter sees the next command alone."""
    filtered = Filtered(verifying())
    filtered.hear(*CONNECTED)
    filtered.hear(*begun("1", user="ada"))
    filtered.hear(*begun("2"), *content())
    filtered.hear(*begun("3", user="ada"))
    filtered.hear(mta.macros(b"H", {}), mta.helo("again.example.com"), *begun("4"), *content())
    assert [(record.queue_id, record.user) for record in filtered.records] == [("2", ""), ("4", "")]
    assert [record.helo for record in filtered.records] == [
        "client.example.com",
        "again.example.com",
    ]


def test_signs_of_progress_come_before_it_gives_up() -> None:
    """Unless sendmail.mc says otherwise (T=R:), it waits 10 seconds for each."""
    assert Limits().progress == Milter().progress <= 5
