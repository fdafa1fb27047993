"""SRS by the milter: senders of mail that leaves, and bounces that come home."""

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mta
import pytest
from filtered import Delivery, Filtered, signing, verifying
from hypothesis import given
from hypothesis import strategies as st
from mail import MESSAGE, NOW

from mailauth import srs
from mailauth.dns import Zone
from mailauth.milter import Settings, SrsSettings
from mailauth.milter.protocol.events import RcptTo
from mailauth.milter.settings import Action, MessageLimits
from mailauth.milter.srs import Recipients
from mailauth.postfix import DomainList, Outcome, Request, Rewriting
from mailauth.srs.aliases import AliasFile, UnusableAliases

SRS = "srs.example"
SECRETS = srs.Secrets.parse(b"a secret for the tests\n")
POLICY = Rewriting(
    domain=SRS, secrets=SECRETS, left_alone=DomainList.of(["ours.example", "partner.example"])
)
CONTINUE = (b"c", b"")
ADA = "<ada@origin.example>"
DAY = 86_400


def settings(policy: Rewriting = POLICY, **more: Any) -> Settings:
    own = DomainList.of(["ours.example", ".ours.example", "joe@shared.example"])
    return Settings(srs=SrsSettings(policy, own, **more))


def to(address: str, mailer: str = "", *arguments: str) -> bytes:
    """RCPT as Postfix tells of it, with its macros."""
    path = address if address.startswith("<") else f"<{address}>"
    macros = {"i": "4XqZ", "{rcpt_addr}": address, "{rcpt_host}": "x", "{rcpt_mailer}": mailer}
    return mta.macros(b"R", macros if mailer else {"i": "4XqZ"}) + mta.rcpt(path, *arguments)


def forwarded(sender: str = "ada@origin.example", *, now: int = NOW) -> str:
    return srs.forward(sender, domain=SRS, secrets=SECRETS, now=now)


@dataclass
class Envelope:
    """What an MTA makes of the changes."""

    sender: bytes
    recipients: dict[bytes, bytes] = field(default_factory=dict)

    def change(self, replies: Any) -> "Envelope":
        """The same, changed."""
        for code, octets in replies:
            address, _, arguments = octets.removesuffix(b"\0").partition(b"\0")
            if code == b"e":
                self.sender = address
            elif code in (b"+", b"2"):
                self.recipients[address] = arguments
            elif code == b"-":
                del self.recipients[address]
        return self


def sent(
    *recipients: bytes, sender: str = ADA, milter: Settings | None = None, **how: Any
) -> Delivery:
    """A delivery, of which the replies to recipients are left out."""
    filtered = Filtered(milter or settings()).open(address="127.0.0.1")
    delivery = filtered.deliver(MESSAGE, sender=sender, recipients=recipients, **how)
    assert delivery.replies[: len(recipients)] == [CONTINUE] * len(recipients)
    return replace(delivery, replies=delivery.replies[len(recipients) :])


def sender_after(*recipients: bytes, sender: str = ADA, **how: Any) -> str:
    delivery = sent(*recipients, sender=sender, **how)
    assert delivery.verdict == CONTINUE
    return Envelope(sender.encode()).change(delivery.replies).sender.decode()


# Mail that leaves


@pytest.mark.parametrize(
    ("address", "mailer", "leaves"),
    [
        ("ben@far.example", "", True),
        ("ben@far.example", "smtp", True),
        ("ben@far.example", "relay", True),
        ("ben@far.example", "esmtp", True),
        ("ben@far.example", "a-clone-of-smtp", True),
        ("ben@far.example", "local", False),
        ("ben@far.example", "virtual", False),
        ("ben@far.example", "error", False),
        ("ben@ours.example", "smtp", False),
        ("ben@ours.example", "", False),
        ("ben@OURS.example.", "smtp", False),
        ("ben@deep.ours.example", "smtp", False),
        ("joe@shared.example", "smtp", False),
        ("ben@shared.example", "smtp", True),
        ("ben@partner.example", "smtp", True),
        (f"postmaster@{SRS}", "smtp", False),
        ("ben", "local", False),
        ("ben", "", False),
        ("postmaster", "smtp", False),
        ("ben@[203.0.113.9]", "smtp", True),
        ('"ben@ours.example"@far.example', "smtp", True),
        ("b\u00fccher@b\u00fccher.example", "smtp", True),
    ],
)
def test_SRS_19_which_recipients_leave(address: str, mailer: str, leaves: bool) -> None:
    after = sender_after(to(address, mailer))
    assert after == (f"<{forwarded()}>" if leaves else ADA)


@pytest.mark.parametrize(
    "sender",
    [
        "<>",
        "<ada@ours.example>",
        "<ada@partner.example>",
        f"<ada@{SRS}>",
        f"<{forwarded()}>",
        "<ada>",
        "<>  ",
    ],
)
def test_SRS_09_SRS_19_senders_that_stay(sender: str) -> None:
    delivery = sent(to("ben@far.example", "smtp"), sender=sender)
    assert delivery.replies == [CONTINUE]


def test_the_record_tells_what_became_of_the_sender() -> None:
    assert sent(to("ben@far.example")).record.new_sender == forwarded()
    matters_of_course = [("ben@ours.example", ADA), ("ben@far.example", "<>")]
    matters_of_course += [("ben@far.example", f"<a@{name}>") for name in ("ours.example", SRS)]
    for recipient, sender in matters_of_course:
        record = sent(to(recipient), sender=sender).record
        assert (record.new_sender, record.notes) == ("", ())
    (note,) = sent(to("ben@far.example"), sender="<ada>").record.notes
    assert note == "the sender is not rewritten: not an address"


def test_SRS_10_an_srs_sender_of_another_is_wrapped() -> None:
    other = srs.forward(
        "ada@origin.example",
        domain="other.example",
        secrets=srs.Secrets.parse(b"another secret of theirs\n"),
        now=NOW,
    )
    after = sender_after(to("ben@far.example"), sender=f"<{other}>")
    assert after.startswith("<SRS1=")
    assert srs.reverse(after[1:-1], secrets=SECRETS, now=NOW) == other


def test_one_that_leaves_is_enough_for_a_message_has_one_sender() -> None:
    both = to("ben@ours.example", "virtual"), to("joe@far.example", "smtp")
    assert sender_after(*both) == f"<{forwarded()}>"
    assert sender_after(*both[::-1]) == f"<{forwarded()}>"
    assert sent(*both).record.recipients == 2


def test_a_sender_without_brackets_is_the_same() -> None:
    assert sender_after(to("ben@far.example"), sender="ada@origin.example") == f"<{forwarded()}>"


@pytest.mark.parametrize(
    "local", ["\u00e4da", '"a b"', "a=b=c", "O'Neil+tag", '"a@b"', "\u00e4" * 15]
)
def test_SRS_11_SRS_13_SRS_23_odd_senders_come_home_octet_for_octet(local: str) -> None:
    sender = f"<{local}@origin.example>"
    after = sender_after(to("ben@far.example"), sender=sender, arguments=["SMTPUTF8"])
    assert after != sender
    home = sent(to(after), sender="<>").replies
    assert (b"+", sender.encode() + b"\0") in home


def test_SRS_23_octets_that_are_no_text_come_home_too() -> None:
    filtered = Filtered(settings()).open()
    said = filtered.hear(
        frame(b"M", b"<\xe4da@origin.example>"), to("ben@far.example"), *mta.message(MESSAGE)
    )
    after = Envelope(b"").change(said).sender
    assert after.endswith(b"=\xe4da@srs.example>") or b"\xe4da" in after
    filtered.records[-1].new_sender.encode()
    said = filtered.hear(mta.mail("<>"), frame(b"R", after), *mta.message(MESSAGE))
    assert (b"+", b"<\xe4da@origin.example>\0") in said


def frame(code: bytes, address: bytes) -> bytes:
    return mta.frame(code, address + b"\0")


LONG = f"<{'l' * 60}@origin.example>"


def test_SRS_15_a_long_sender_passes_or_waits_or_is_stored(tmp_path: Path) -> None:
    assert sender_after(to("ben@far.example"), sender=LONG) == LONG
    assert "too long" in sent(to("ben@far.example"), sender=LONG).record.notes[0]
    refusing = settings(replace(POLICY, scheme=srs.CLASSIC))
    delivery = sent(to("ben@far.example"), sender=LONG, milter=refusing)
    assert delivery.verdict[1].startswith(b"451 4.3.0 ")
    assert len(delivery.replies) == 1
    assert "more than 64 octets" in delivery.record.notes[0]
    with AliasFile(tmp_path / "aliases") as aliases:
        scheme = srs.Scheme(long_senders=srs.LongSenders.STORE)
        storing = settings(replace(POLICY, scheme=scheme, aliases=aliases))
        after = sender_after(to("ben@far.example"), sender=LONG, milter=storing)
        assert after.startswith("<SRS0=")
        home = sent(to(after), sender="<>", milter=storing).replies
        assert (b"+", LONG.encode() + b"\0") in home


def test_MIL_10_a_store_that_is_broken_defers(tmp_path: Path) -> None:
    aliases = AliasFile(tmp_path / "aliases")
    aliases.close()
    scheme = srs.Scheme(long_senders=srs.LongSenders.STORE)
    storing = settings(replace(POLICY, scheme=scheme, aliases=aliases))
    with pytest.raises(UnusableAliases, match="cannot be used"):
        sent(to("ben@far.example"), sender=LONG, milter=storing)


# Bounces that come home


def test_a_recipient_that_is_ours_is_put_back() -> None:
    delivery = sent(to(forwarded(), "relay"), sender="<>")
    assert [code for code, _ in delivery.replies] == [b"-", b"+", b"c"]
    envelope = Envelope(b"<>", {f"<{forwarded()}>".encode(): b""}).change(delivery.replies)
    assert envelope.recipients == {b"<ada@origin.example>": b""}
    assert envelope.sender == b"<>"
    assert delivery.record.returned == 1


def test_SRS_14_whatever_its_case() -> None:
    folded = forwarded().lower()
    delivery = sent(to(folded, "relay"), sender="<>")
    assert delivery.replies[0] == (b"-", f"<{folded}>".encode() + b"\0"), "spelt as it came"
    assert delivery.replies[1] == (b"+", b"<ada@origin.example>\0")


def test_what_was_asked_of_its_delivery_is_kept() -> None:
    asked = ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;ben@far.example"]
    delivery = sent(to(forwarded(), "relay", *asked), sender="<>")
    assert delivery.replies[1] == (
        b"2",
        b"<ada@origin.example>\0" + " ".join(asked).encode() + b"\0",
    )


def test_the_same_recipient_twice_is_put_back_once() -> None:
    delivery = sent(to(forwarded()), to(forwarded()), sender="<>")
    assert [code for code, _ in delivery.replies] == [b"-", b"+", b"c"]


def test_who_writes_to_an_srs_address_with_a_sender_leaves_as_well() -> None:
    delivery = sent(to(forwarded(), "relay"), sender="<eve@other.example>")
    assert [code for code, _ in delivery.replies] == [b"-", b"+", b"e", b"c"]
    home = forwarded("bob@ours.example")
    stays = sent(to(home, "relay"), sender="<eve@other.example>")
    assert [code for code, _ in stays.replies] == [b"-", b"+", b"c"]


FORGERIES = [
    forwarded()[:5] + "AAAA" + forwarded()[9:],
    forwarded(now=NOW - 40 * DAY),
    forwarded(now=NOW + 40 * DAY),
    f"SRS0=AA=BB=origin.example=ada@{SRS}",
    f"SRS0=@{SRS}",
    f"srs1=AAAA=origin.example==BB=CC=x=y@{SRS}",
]
"""Damaged, too old, from the future, with too short a hash, without its fields."""


@pytest.mark.parametrize("address", FORGERIES)
def test_SRS_02_SRS_21_what_is_forged_or_expired(address: str) -> None:
    left = sent(to(address, "relay"), sender="<>")
    assert left.replies == [CONTINUE]
    assert "forged or expired" in left.record.notes[0]
    assert left.record.forged == 1
    filtered = Filtered(settings(reject_forged=True)).open()
    said = filtered.hear(mta.mail("<>"), to(address, "relay"))
    assert said == [(b"y", b"550 5.1.1 forged or expired bounce address\0")]
    said = filtered.hear(to(forwarded(), "relay"), *mta.message(MESSAGE))
    assert [code for code, _ in said] == [b"c", b"-", b"+", b"c"], "the other recipient is not hurt"


def test_mail_that_comes_without_smtp_has_no_recipient_refused() -> None:
    """Postfix would defer all of it: it lets a filter refuse nobody whom sendmail(1) names."""
    filtered = Filtered(settings(reject_forged=True))
    filtered.open(address="127.0.0.1", host="localhost", port="0")
    delivery = filtered.deliver(MESSAGE, sender="<>", recipients=[to(FORGERIES[0], "relay")])
    assert delivery.replies == [CONTINUE, CONTINUE]  # to RCPT, to the end
    assert delivery.record.notes == ("forged or expired SRS recipients, left as they are: 1",)


@pytest.mark.parametrize(
    "address", [f"bob@{SRS}", forwarded().replace(SRS, "other.example"), "SRS0=x@far.example"]
)
def test_SRS_20_other_addresses_are_left(address: str) -> None:
    delivery = sent(to(address, "relay"), sender="<>", milter=settings(reject_forged=True))
    assert delivery.replies == [CONTINUE]
    assert delivery.record.notes == ()


# What is asked of the MTA, and what may not be


def test_actions_of_the_envelope_are_asked_for_where_they_are_needed(tmp_path: Path) -> None:
    def asked(milter: Settings) -> tuple[int, int]:
        ((_, octets),) = Filtered(milter).hear(mta.offer())
        _, actions, steps = struct.unpack(">III", octets)
        return actions, steps

    envelope, no_recipients, no_body = 0x40 | 0x04 | 0x80 | 0x08, 0x08, 0x10
    for without in (verifying(), signing(tmp_path)):
        actions, steps = asked(without)
        assert not actions & envelope
        assert steps & no_recipients
    actions, steps = asked(settings())
    assert actions == envelope
    assert not steps & (no_recipients | 0x8000)
    assert steps & no_body, "who only rewrites envelopes needs no body"
    actions, steps = asked(replace(signing(tmp_path), srs=settings().srs))
    assert actions == envelope | 0x01
    assert not steps & no_body


def test_MIL_05_an_mta_that_lets_us_rewrite_nothing_gets_its_mail_back() -> None:
    filtered = Filtered(settings())
    filtered.hear(mta.offer(actions=0x3F), mta.connect(), mta.helo())
    ((code, octets),) = filtered.hear(mta.mail(), to("ben@far.example"))
    assert (code, octets[:4]) == (b"y", b"451 ")


def test_a_dry_run_changes_and_refuses_nothing() -> None:
    dry = replace(settings(reject_forged=True), dry_run=True)
    delivery = sent(to(FORGERIES[0]), to("ben@far.example"), milter=dry)
    assert delivery.replies == [CONTINUE]
    assert delivery.record.new_sender == forwarded()
    assert "forged or expired" in delivery.record.notes[0]


def test_what_is_refused_keeps_its_envelope() -> None:
    both = replace(verifying(spf_actions={"fail": Action.REJECT}), srs=settings().srs)
    zone = Zone({"origin.example": {"TXT": ["v=spf1 -all"]}})
    delivery = (
        Filtered(both, zone)
        .open()
        .deliver(MESSAGE, sender=ADA, recipients=[to("ben@far.example"), to(forwarded())])
    )
    assert [code for code, _ in delivery.replies] == [b"c", b"c", b"y"]
    assert delivery.record.new_sender == ""


def test_SPF_38_mail_is_judged_by_the_sender_that_came() -> None:
    both = replace(verifying(), srs=settings().srs)
    zone = Zone({"origin.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}})
    filtered = Filtered(both, zone).open()
    delivery = filtered.deliver(MESSAGE, sender=ADA, recipients=[to("ben@far.example")])
    assert "spf=pass smtp.mailfrom=origin.example" in delivery.results
    assert [code for code, _ in delivery.replies] == [b"c", b"i", b"e", b"c"]


def test_MIL_06_no_recipient_is_left_for_the_next_message() -> None:
    filtered = Filtered(settings()).open()
    filtered.hear(mta.mail(ADA), to("ben@far.example"), to(forwarded()), mta.ABORT)
    delivery = filtered.deliver(MESSAGE, sender=ADA, recipients=[to("ben@ours.example", "local")])
    assert [code for code, _ in delivery.replies] == [b"c", b"c"]
    delivery = filtered.deliver(MESSAGE, sender=ADA, recipients=[to("ben@far.example")])
    assert [code for code, _ in delivery.replies] == [b"c", b"e", b"c"], "no macro of before"


def test_MIL_07_recipients_over_the_limit_come_later() -> None:
    few = replace(settings(), limits=MessageLimits(recipients=2))
    filtered = Filtered(few).open()
    said = filtered.hear(mta.mail("<>"), *[to(forwarded(f"{n}@o.example")) for n in range(4)])
    assert [code for code, _ in said] == [b"c", b"c", b"y", b"y"]
    said = filtered.hear(*mta.message(MESSAGE))
    assert [code for code, _ in said] == [b"-", b"+"] * 2 + [b"c"]


def test_MIL_07_arguments_that_are_too_long_are_not_kept() -> None:
    delivery = sent(to(forwarded(), "", "NOTIFY=" + "x" * 10_000), sender="<>")
    assert delivery.replies[-2] == (b"+", b"<ada@origin.example>\0")


def test_MIL_07_a_recipient_that_is_too_long_is_none_of_ours() -> None:
    padded = "<" + " " * 10_000 + forwarded() + ">"
    recipients = Recipients(SrsSettings(POLICY, reject_forged=True))
    for address in (padded, " " * 10_000 + f"<{forwarded()}>"):
        assert recipients.add(RcptTo(address.encode()), mailer="", now=NOW) is None
    assert recipients.returning == {}


@given(address=st.binary(max_size=80), mailer=st.sampled_from(["", "local", "smtp"]))
def test_any_octets_are_a_recipient_and_a_sender(address: bytes, mailer: str) -> None:
    recipients = Recipients(SrsSettings(POLICY, reject_forged=True))
    recipients.add(RcptTo(address), mailer=mailer, now=NOW)
    recipients.add(RcptTo(address + b"@srs.example"), mailer=mailer, now=NOW)
    recipients.leaving = 1
    rewritten = recipients.rewritten(address, now=NOW)
    assert b"\n" not in b"".join(change.encode() for change in rewritten.changes)


@given(local=st.from_regex(r"[a-z0-9.+=-]{1,20}", fullmatch=True))
def test_the_milter_says_what_the_look_ups_say(local: str) -> None:
    address = f"{local}@origin.example"
    want = POLICY.answer(Request("forward", address), now=NOW)
    recipients = Recipients(SrsSettings(POLICY), leaving=1)
    got = recipients.rewritten(f"<{address}>".encode(), now=NOW)
    assert got.sender == (want.text if want.outcome is Outcome.FOUND else "")
    assert len(got.changes) == (want.outcome is Outcome.FOUND)
