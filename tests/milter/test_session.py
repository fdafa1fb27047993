"""What becomes of messages: signed, judged, marked, deferred."""

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import mta
import pytest
from filtered import ID, Delivery, Filtered, signing, verifying
from hypothesis import given
from hypothesis import strategies as st
from mail import DOMAIN, MESSAGE, key, record, signed, verdicts

from mailauth.dns import Zone
from mailauth.errors import UnusableKey
from mailauth.milter.settings import Action, MessageLimits, Ours
from mailauth.milter.tables.clients import NOBODY, Clients
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.tables.signingtable import SigningKey, SigningTable

LOCAL = {"address": "127.0.0.1"}
CONTINUE = (b"c", b"")


def spf_zone(text: str = "v=spf1 ip4:192.0.2.7 -all", **more: Any) -> Zone:
    return Zone(
        {
            DOMAIN: {"TXT": [text]},
            "client.example.com": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
            f"rsa._domainkey.{DOMAIN}": {"TXT": [record("rsa")]},
            f"ed25519._domainkey.{DOMAIN}": {"TXT": [record("ed25519")]},
            **more,
        }
    )


def judged(message: bytes = MESSAGE, records: Zone | None = None, **settings: Any) -> Delivery:
    return Filtered(verifying(**settings), records or spf_zone()).open().deliver(message)


# Signing


def test_mail_of_ours_is_signed_by_each_key(tmp_path: Path) -> None:
    delivery = Filtered(signing(tmp_path)).open(**LOCAL).deliver(MESSAGE)
    assert delivery.verdict == CONTINUE
    assert [code for code, _ in delivery.replies] == [b"i", b"i", b"c"]
    found = verdicts(delivery.message)
    assert [(each.result, each.selector) for each in found] == [
        ("pass", "ed25519"),
        ("pass", "rsa"),
    ]
    assert delivery.record.signatures == ("d=example.com s=rsa", "d=example.com s=ed25519")
    assert delivery.record.ours
    assert delivery.record.queue_id == "4XqZ"
    assert delivery.record.size == len(MESSAGE) - 4, "as it came: folds of LF alone"


@pytest.mark.parametrize("pair", ["simple/simple", "relaxed/relaxed", "simple/relaxed"])
@pytest.mark.parametrize("leading_space", [True, False])
@pytest.mark.parametrize("chunk", [1, 7, 65_535])
def test_MIL_18_DKIM_44_header_and_body_are_put_together_exactly(
    tmp_path: Path, pair: str, leading_space: bool, chunk: int
) -> None:
    filtered = Filtered(signing(tmp_path, canonicalization=pair))
    steps = mta.ALL_STEPS if leading_space else 0xFFFFF
    filtered.hear(mta.offer(steps=steps), mta.connect(**LOCAL), mta.helo())
    delivery = filtered.deliver(MESSAGE, leading_space=leading_space, chunk=chunk)
    if not leading_space:  # an MTA that strips the blank puts one before what it is given
        delivery = replace(
            delivery,
            message=delivery.message.replace(b"DKIM-Signature:v=1", b"DKIM-Signature: v=1"),
        )
    assert {each.result for each in verdicts(delivery.message)} == {"pass"}


WHO: list[tuple[str, dict[str, Any], dict[str, str], str, str, bool]] = [
    ("loopback", {}, LOCAL, "", "<ada@example.com>", True),
    ("outside", {}, {}, "", "<ada@example.com>", False),
    ("network", {"clients": Clients.parse(["192.0.2.0/24"])}, {}, "", "<a@b>", True),
    ("but", {"clients": Clients.parse(["192.0.2.0/24", "!192.0.2.7"])}, {}, "", "<a@b>", False),
    ("name", {"clients": Clients.parse([".example.com"])}, {}, "", "<a@b>", True),
    ("no name", {"clients": Clients.parse([".x.example"])}, {"host": "[192.0.2.7]"}, "", "", False),
    ("user", {}, {}, "ada", "<ada@example.com>", True),
    ("user, not wanted", {"authenticated": False}, {}, "ada", "<ada@example.com>", False),
    ("null sender", {}, LOCAL, "", "<>", True),
    ("null sender, not wanted", {"null_sender": False}, LOCAL, "", "<>", False),
    ("no client", {}, {"family": "U"}, "", "<a@b>", False),
    ("mapped", {}, {"address": "::ffff:127.0.0.1", "family": "6"}, "", "<a@b>", True),
    ("IPv6", {}, {"address": "IPv6:::1", "family": "6"}, "", "<a@b>", True),
    ("odd address", {}, {"address": "127.0.0.1.evil"}, "", "<a@b>", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "client", "user", "sender", "want"),
    [row[1:] for row in WHO],
    ids=[row[0] for row in WHO],
)
def test_which_mail_is_ours(
    tmp_path: Path, ours: dict[str, Any], client: dict[str, str], user: str, sender: str, want: bool
) -> None:
    filtered = Filtered(signing(tmp_path, ours=Ours(**ours))).open(**client)
    delivery = filtered.deliver(MESSAGE, user=user, sender=sender)
    assert delivery.record.ours is want
    assert (b"DKIM-Signature" in delivery.message) is want


@pytest.mark.parametrize(
    ("ours", "want"),
    [
        ({"daemons": frozenset({"ORIGINATING"})}, True),
        ({"daemons": frozenset({"other"})}, False),
        ({"macros": {"{verified}": frozenset()}}, False),
        ({"macros": {"daemon_name": frozenset()}}, True),
        ({"macros": {"daemon_name": frozenset({"ORIGINATING"})}}, True),
        ({"macros": {"daemon_name": frozenset({"x"})}}, False),
    ],
)
def test_mail_that_is_ours_by_a_macro(tmp_path: Path, ours: dict[str, Any], want: bool) -> None:
    filtered = Filtered(signing(tmp_path, ours=Ours(clients=NOBODY, **ours)))
    filtered.hear(mta.offer(), mta.macros(b"C", {"{daemon_name}": "ORIGINATING"}), mta.connect())
    assert filtered.deliver(MESSAGE).record.ours is want


@pytest.mark.parametrize(
    ("users", "user", "want"),
    [
        (None, "ada", True),
        ({"ada": frozenset({DOMAIN})}, "ada", True),
        ({"ada": frozenset({"*"})}, "ada", True),
        ({"ada": frozenset({".com"})}, "ada", True),
        ({"ada": frozenset({".example.com"})}, "ada", False),
        ({"ada": frozenset({"example.net"})}, "ada", False),
        ({"ada": frozenset({DOMAIN})}, "Ada", False),
        ({"ada": frozenset({DOMAIN})}, "eve", False),
        ({}, "eve", False),
        ({"ada": frozenset()}, "", True),
    ],
)
def test_MIL_21_a_user_signs_for_the_domains_allowed_to_him(
    tmp_path: Path, users: Any, user: str, want: bool
) -> None:
    delivery = Filtered(signing(tmp_path, users=users)).open(**LOCAL).deliver(MESSAGE, user=user)
    assert bool(delivery.record.signatures) is want
    assert delivery.verdict == CONTINUE
    assert want or "may not sign for example.com" in delivery.record.notes[0]


def test_MIL_21_or_is_refused(tmp_path: Path) -> None:
    settings = signing(tmp_path, users={}, on_not_allowed=Action.REJECT)
    delivery = Filtered(settings).open(**LOCAL).deliver(MESSAGE, user="eve")
    assert delivery.verdict[1].startswith(b"550 5.7.1 ")
    assert delivery.replies == [delivery.verdict], "what is refused is not changed"


def test_MIL_21_for_each_author(tmp_path: Path) -> None:
    settings = signing(tmp_path, users={"ada": frozenset({DOMAIN})})
    two = MESSAGE.replace(b"ada@example.com>\r\nTo", b"ada@example.com>, boss@bank.example\r\nTo")
    delivery = Filtered(settings).open(**LOCAL).deliver(two, user="ada")
    assert delivery.record.notes == ("not signed: the user 'ada' may not sign for bank.example",)
    assert not delivery.record.signatures


NOT_TO_BE_SIGNED = [
    (MESSAGE.replace(b"From: Ada", b"X: Ada"), "0 From fields"),
    (MESSAGE.replace(b"From: Ada", b"From: b@example.com\r\nFrom: Ada"), "2 From fields"),
    (MESSAGE.replace(b"Ada <ada@example.com>", b"nobody"), "From field cannot be read"),
    (MESSAGE.replace(b"Ada <ada", b"\xff <ada"), "not UTF-8"),
    (MESSAGE.replace(b"Ada <ada@example.com>", b"nobody:;"), "names nobody"),
    (MESSAGE.replace(b".com>\r\nTo", b".com>\r\r\nTo"), "there is a bare CR in the header"),
    (MESSAGE + b"a bare\nline end\r\n", "bare CR or LF"),
    (MESSAGE + b"a bare\r", "bare CR or LF"),
]


@pytest.mark.parametrize(("message", "reason"), NOT_TO_BE_SIGNED)
@pytest.mark.parametrize("action", [Action.ACCEPT, Action.REJECT, Action.TEMPFAIL])
def test_what_cannot_be_signed(tmp_path: Path, message: bytes, reason: str, action: Action) -> None:
    settings = signing(tmp_path, on_unsignable=action)
    delivery = Filtered(settings).open(**LOCAL).deliver(message)
    assert reason in delivery.record.notes[0]
    assert not delivery.record.signatures
    if action is Action.ACCEPT:
        assert delivery.message == message
        assert delivery.verdict == CONTINUE
    else:
        code = b"550 5.6.0 " if action is Action.REJECT else b"451 4.6.0 "
        assert delivery.verdict[1].startswith(code)


def test_an_author_without_a_key_is_not_signed(tmp_path: Path) -> None:
    message = MESSAGE.replace(b"ada@example.com>\r\nTo", b"eve@evil.example>\r\nTo")
    delivery = Filtered(signing(tmp_path)).open(**LOCAL).deliver(message)
    assert delivery.message == message
    assert delivery.record.notes == ("not signed: there is no key for eve@evil.example",)


def test_an_author_of_an_address_has_no_key_of_a_domain(tmp_path: Path) -> None:
    rows = [("*", SigningKey("%", "x", f"{tmp_path}/%/key"))]
    message = MESSAGE.replace(b"ada@example.com>\r\nTo", b"ada@[/../../x]>\r\nTo")
    settings = signing(tmp_path, table=SigningTable.of(rows))
    delivery = Filtered(settings).open(**LOCAL).deliver(message)
    assert delivery.verdict == CONTINUE
    assert "no key for ada@[" in delivery.record.notes[0]


@pytest.mark.parametrize("domain", ["localhost", ".".join(["a" * 60] * 4)], ids=["top", "long"])
def test_an_author_of_a_domain_that_cannot_sign_has_no_key(tmp_path: Path, domain: str) -> None:
    """No verifier would accept the signature, and to defer the message would not help it."""
    message = MESSAGE.replace(b"ada@example.com>\r\nTo", f"ada@{domain}>\r\nTo".encode())
    rows = [("*", SigningKey("%", "x", str(tmp_path / "rsa")))]
    delivery = Filtered(signing(tmp_path, table=SigningTable.of(rows))).open(**LOCAL)
    assert "there is no key for ada@" in delivery.deliver(message).record.notes[0]


def test_what_cannot_be_signed_may_be_put_aside(tmp_path: Path) -> None:
    settings = signing(tmp_path, on_unsignable=Action.QUARANTINE)
    delivery = Filtered(settings).open(**LOCAL).deliver(MESSAGE + b"\n")
    why = b"The message is malformed and cannot be signed\0"
    assert delivery.replies == [(b"q", why), CONTINUE]


def test_a_key_that_cannot_be_used_defers(tmp_path: Path) -> None:
    table = SigningTable.of([("*", SigningKey(DOMAIN, "x", str(tmp_path / "none")))])
    delivery = Filtered(signing(tmp_path, table=table)).open(**LOCAL).deliver(MESSAGE)
    assert delivery.verdict[1].startswith(b"451 4.3.0 ")
    assert "does not exist" in delivery.record.notes[0]
    table = SigningTable.of([("*", SigningKey("a..b", "x", str(tmp_path / "rsa")))])
    delivery = Filtered(signing(tmp_path, table=table)).open(**LOCAL).deliver(MESSAGE)
    assert delivery.verdict[1].startswith(b"451 4.3.0 ")


RSA, ED25519 = f"rsa._domainkey.{DOMAIN}", f"ed25519._domainkey.{DOMAIN}"
BOTH = (f"d={DOMAIN} s=rsa", f"d={DOMAIN} s=ed25519")
PUBLISHED: list[tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]] = [
    ({RSA: {"TXT": [record("rsa")]}, ED25519: {"TXT": [record("ed25519")]}}, BOTH, ()),
    (
        {RSA: {"TXT": [record("rsa")]}},
        BOTH[:1],
        (f"s=ed25519 does not sign: no key at {ED25519}: there is no such name",),
    ),
    (
        {RSA: {"TXT": ["v=DKIM1; p="]}, ED25519: {"TXT": [record("ed25519")]}},
        BOTH[1:],
        (f"s=rsa does not sign: the key at {RSA} is withdrawn: p= is empty",),
    ),
    ({RSA: {"FAIL": ["*"]}, ED25519: {"TXT": [record("ed25519")]}}, BOTH, ()),
    ({RSA: {"FAIL": ["*"]}}, BOTH[:1], ("s=ed25519 does not sign: no key at ",)),
    ({}, BOTH, ("s=rsa signs anyway: no key at ", "s=ed25519 signs anyway: no key at ")),
]


def test_a_key_does_not_sign_an_identity_that_its_record_does_not_allow(tmp_path: Path) -> None:
    for key_type in ("rsa", "ed25519"):
        key(key_type).write(tmp_path / f"{key_type}.pem")
    rows = [
        (DOMAIN, SigningKey(DOMAIN, "rsa", f"{tmp_path}/rsa.pem", f"news@sub.{DOMAIN}")),
        (DOMAIN, SigningKey(DOMAIN, "ed25519", f"{tmp_path}/ed25519.pem")),
    ]
    strict = record("rsa").replace("p=", "t=s; p=")
    zone = Zone({RSA: {"TXT": [strict]}, ED25519: {"TXT": [record("ed25519")]}})
    settings = signing(tmp_path, table=SigningTable.of(rows), prefer_published=True)
    delivery = Filtered(settings, zone).open(**LOCAL).deliver(MESSAGE)
    assert delivery.record.signatures == BOTH[1:]
    (note,) = delivery.record.notes
    assert note.endswith("the key allows no subdomain in i= (t=s)")


@pytest.mark.parametrize(("zone", "made", "notes"), PUBLISHED)
def test_published_keys_sign_before_others(
    tmp_path: Path, zone: dict[str, Any], made: tuple[str, ...], notes: tuple[str, ...]
) -> None:
    """Of two keys the one that nobody could find does not sign; if it is all of them, all do."""
    settings = signing(tmp_path, prefer_published=True)
    delivery = Filtered(settings, Zone(zone)).open(**LOCAL).deliver(MESSAGE)
    assert delivery.record.signatures == made
    assert len(delivery.record.notes) == len(notes)
    for told, want in zip(delivery.record.notes, notes, strict=True):
        assert told.startswith(want)


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("plain\r\n" * 300, ()),
        ("ü\r\n", ("8BITMIME",)),
        ("x" * 998 + "\r\n", ()),
        ("x" * 999 + "\r\n", ("over 998",)),
        ("y\r\n" + "x" * 999, ("over 998",)),
        ("ü" * 999 + "\r\n", ("8BITMIME", "over 998")),
    ],
)
@pytest.mark.parametrize("chunk", [1, 333, 999, 65_535])
def test_what_may_break_the_signature_is_told(
    tmp_path: Path, body: str, note: tuple[str, ...], chunk: int
) -> None:
    message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body.encode()
    delivery = Filtered(signing(tmp_path)).open(**LOCAL).deliver(message, chunk=chunk)
    assert len(delivery.record.notes) == len(note)
    for told, want in zip(delivery.record.notes, note, strict=True):
        assert want in told


# Judging


def test_incoming_mail_is_judged_and_marked() -> None:
    delivery = judged(signed())
    assert delivery.verdict == CONTINUE
    assert delivery.message.startswith(b"Authentication-Results: mx.example.org; spf=pass ")
    want = (
        "spf=pass smtp.helo=client.example.com; spf=pass smtp.mailfrom=example.com; "
        "dkim=pass header.d=example.com header.i=@example.com header.s=rsa"
    )
    assert want in delivery.results
    found = [(each.method, each.result) for each in delivery.record.results]
    assert found == [("spf", "pass"), ("spf", "pass"), ("dkim", "pass"), ("dmarc", "none")]
    assert not delivery.record.ours


def test_AR_09_results_that_are_none_are_told() -> None:
    delivery = judged(records=Zone({}))
    found = [(each.method, each.result) for each in delivery.record.results]
    assert found == [("spf", "none"), ("spf", "none"), ("dkim", "none"), ("dmarc", "none")]
    only_dkim = judged(spf=False, dmarc=False)
    assert "spf" not in only_dkim.results
    assert "dkim=none" in only_dkim.results
    assert "; none" in judged(spf=False, dkim=False, dmarc=False).results


def test_the_null_sender_is_judged_by_its_helo() -> None:
    delivery = Filtered(verifying(), spf_zone()).open().deliver(MESSAGE, sender="<>")
    by_spf = [each for each in delivery.record.results if each.method == "spf"]
    assert [each.get("smtp", "helo") for each in by_spf] == ["client.example.com"]


@pytest.mark.parametrize("client", [{"family": "U"}, {"address": "/run/x", "family": "L"}])
def test_a_client_without_an_address(client: dict[str, str]) -> None:
    delivery = Filtered(verifying(), spf_zone()).open(**client).deliver(MESSAGE)
    assert delivery.record.results[0].result == "none"
    assert delivery.verdict == CONTINUE
    without_spf = Filtered(verifying(spf=False, dmarc=False)).open(**client).deliver(MESSAGE)
    assert [each.method for each in without_spf.record.results] == ["dkim"]


def test_a_malformed_message_is_a_verdict() -> None:
    filtered = Filtered(verifying(), spf_zone()).open()
    said = filtered.hear(
        mta.mail(),
        mta.header(b"DKIM-Signature", b" v=1; a=rsa-sha256; d=example.com; s=rsa; bh=; b=; h=from"),
        mta.header(b"From", b" a@example.com\nX: y"),
        mta.end_of_headers(),
        mta.end_of_message(),
    )
    assert said[-1] == CONTINUE
    dkim_result = filtered.records[0].results[-1]
    assert dkim_result.result == "permerror"
    assert "malformed" in dkim_result.reason


def test_AR_05_received_spf_and_results_at_the_top() -> None:
    delivery = judged(received_spf=True)
    lines = delivery.message.split(b"\r\n")
    names = [line.partition(b":")[0] for line in lines if line[:1] not in (b" ", b"\t")]
    assert names[:4] == [b"Authentication-Results", b"Received-SPF", b"Received-SPF", b"Received"]


FORGED = [
    "mx.example.org; spf=pass",
    " mx.example.org; dkim=pass header.d=bank.example",
    "MX.EXAMPLE.ORG; none",
    "\n\tmx.example.org\n\t; spf=pass",
    '"mx.example.org"; spf=pass',
    "(a comment) mx.example.org; spf=pass",
    "mx.example.org (comment); spf=pass",
    "mx.example.org 1; spf=pass",
    "mx.example.org.; spf=pass",
    "mx.example.org/4XqZ; spf=pass",
    "inner.mx.example.org; spf=pass",
    "mx.example.org",
    "other.example 2; spf=pass",
    '"unfinished; spf=pass',
    "(unfinished mx.example.org; spf=pass",
    "",
    ";",
    "mx.example.org; " + "spf=pass; " * 600,
    "(" * 5000 + "; spf=pass",
    "other.example; " + "y" * 102_400,
]
HONEST = ["other.example; spf=pass", "example.org; dkim=fail", "notmx.example.org; none"]


@pytest.mark.parametrize("text", FORGED, ids=lambda text: text[:30])
def test_AR_01_AR_03_AR_07_forged_results_are_removed(text: str) -> None:
    field = b"Authentication-Results:" + text.replace("\n", "\r\n").encode()
    delivery = judged(field + b"\r\n" + MESSAGE)
    assert delivery.message.count(b"uthentication-Results:") == 1
    assert delivery.record.removed == 1
    assert delivery.results.startswith(f"Authentication-Results: {ID}; spf=pass")


@pytest.mark.parametrize("text", HONEST)
def test_results_of_others_remain(text: str) -> None:
    delivery = judged(b"Authentication-Results: " + text.encode() + b"\r\n" + MESSAGE)
    assert text.encode() in delivery.message
    assert delivery.record.removed == 0


NAMES = ["Authentication-Results", "authentication-results", "AUTHENTICATION-Results"]


@given(
    fields=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([*FORGED[:8], *HONEST])), max_size=12
    )
)
def test_AR_02_MIL_16_the_highest_index_goes_first(fields: list[tuple[str, str]]) -> None:
    head = "".join(f"{name}: {text}\r\n".replace("\n\t", "\r\n\t") for name, text in fields)
    delivery = judged(head.encode() + MESSAGE)
    left = [text for _, text in fields if text in HONEST]
    lines = delivery.message.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    got = [line for line in lines if line.startswith(b"authentication-results:")][1:]
    assert got == [f"authentication-results: {text}".encode() for text in left]
    assert delivery.record.removed == len(fields) - len(left)
    codes = [code for code, _ in delivery.replies]
    assert codes == [b"m"] * delivery.record.removed + [b"i", b"c"]


def test_AR_12_fields_of_a_host_with_a_name_of_idna() -> None:
    forged = (
        b"Received-SPF: pass receiver=mx.xn--bcher-kva.example; client-ip=192.0.2.1\r\n"
        b"Authentication-Results: mx.xn--bcher-kva.example; spf=pass\r\n"
    )
    settings = verifying(authserv_id="mx.bücher.example", received_spf=True)
    sender = "<ädä@bücher.example>"
    plain = Filtered(settings).open().deliver(forged + MESSAGE, sender=sender)
    assert plain.record.removed == 2
    assert plain.message.isascii()
    assert b"receiver=mx.xn--bcher-kva.example; " in plain.message
    assert b'envelope-from="?d?@xn--bcher-kva.example"' in plain.message
    assert plain.message.startswith(b"Authentication-Results: mx.xn--bcher-kva.example;")
    whole = Filtered(settings).open().deliver(MESSAGE, sender=sender, arguments=["SMTPUTF8"])
    assert "receiver=mx.bücher.example;" in whole.message.decode()


def test_AR_10_received_spf_of_ours_is_removed_if_we_write_it() -> None:
    forged = (
        b"Received-SPF: pass receiver=mx.example.org; client-ip=192.0.2.1\r\n"
        b"Received-SPF: pass (mx.example.org: fine)\r\n"
        b"Received-SPF: pass receiver=other.example; client-ip=192.0.2.1\r\n"
    )
    assert judged(forged + MESSAGE).message.count(b"Received-SPF") == 3
    delivery = judged(forged + MESSAGE, received_spf=True)
    assert delivery.record.removed == 2
    assert b"receiver=other.example" in delivery.message


def test_AR_11_users_get_no_results_and_no_forged_ones(tmp_path: Path) -> None:
    both = replace(verifying(), signing=signing(tmp_path).signing)
    forged = b"Authentication-Results: mx.example.org; dkim=pass\r\n" + MESSAGE
    delivery = Filtered(both, spf_zone()).open().deliver(forged, user="ada")
    assert b"Authentication-Results" not in delivery.message
    assert delivery.record.signatures
    outside = Filtered(both, spf_zone()).open().deliver(forged)
    assert not outside.record.signatures
    assert "spf=pass" in outside.results


GATEWAY = {"host": "gw.example.net", "address": "198.51.100.5"}
FROM_CLIENT = b"Received: from out.example.com (x [192.0.2.7])\r\n\tby gw.example.net\r\n"
WITHIN = b"Received: from gw (gw [198.51.100.9])\r\n\tby gw.example.net\r\n"


def relayed(message: bytes, **settings: Any) -> Delivery:
    relays = Clients.parse(["gw.example.net", "198.51.100.0/24"])
    filtered = Filtered(verifying(relays=relays, **settings), spf_zone())
    return filtered.open(**GATEWAY).deliver(message)


@pytest.mark.parametrize("settings", [{}, {"dkim": False, "dmarc": False}])
def test_mail_of_a_relay_is_judged_as_of_the_host_before_it(settings: dict[str, Any]) -> None:
    delivery = relayed(WITHIN + FROM_CLIENT + MESSAGE, received_spf=True, **settings)
    assert "smtp.helo=out.example.com; spf=pass smtp.mailfrom=example.com" in delivery.results
    assert b"client-ip=192.0.2.7;" in delivery.message
    assert delivery.record.client == "198.51.100.5"
    assert delivery.record.notes == ("judged as from 192.0.2.7, by the relay's Received field",)


def test_what_a_host_that_is_no_relay_says_in_received_counts_for_nothing() -> None:
    filtered = Filtered(verifying(relays=Clients.parse(["203.0.113.9"])), spf_zone())
    delivery = filtered.open(**GATEWAY).deliver(FROM_CLIENT + MESSAGE)
    assert "spf=fail" in delivery.results
    stranger = b"Received: from x (x [203.0.113.6]) by gw.example.net\r\n"
    assert "spf=fail" in relayed(stranger + FROM_CLIENT + MESSAGE).results


def test_mail_of_a_relay_itself_is_judged_as_of_the_relay() -> None:
    """And results that claim to be ours are removed from it as from any other."""
    message = b"Authentication-Results: mx.example.org; spf=pass\r\nFrom: a@example.com\r\n\r\nx"
    for fields in (b"", WITHIN, b"Received: by gw (Postfix, from userid 0)\r\n"):
        delivery = relayed(fields + message)
        assert "spf=fail" in delivery.results
        assert "spf=pass" not in delivery.message.decode()
        assert delivery.record.notes == ("the relay's Received fields name no client before it",)


def test_who_makes_the_field_of_a_relay_unreadable_is_not_taken_for_the_relay() -> None:
    records = spf_zone("v=spf1 ip4:192.0.2.7 ip4:198.51.100.5 -all")
    settings = verifying(relays=Clients.parse(["198.51.100.5"]), received_spf=True)
    filtered = Filtered(settings, records).open(**GATEWAY)
    own = b"From: ada@example.com\r\n\r\nx"
    assert "spf=pass smtp.mailfrom" in filtered.deliver(own).results
    shrewd = b"Received: from x (HELO \\) (203.0.113.6) by gw.example.net\r\n"
    delivery = filtered.deliver(shrewd + FROM_CLIENT + own)
    assert "spf=pass" not in delivery.results
    assert 'spf=none reason="the client has no IP address"' in delivery.results
    assert b"client-ip=unknown;" in delivery.message
    assert delivery.record.notes == ("a Received field cannot be read, so the client is unknown",)


def test_a_relay_is_known_by_its_verified_name_and_one_behind_it_by_its_address() -> None:
    relays = Clients.parse(["gw.example.net"])
    filtered = Filtered(verifying(relays=relays), spf_zone()).open(**GATEWAY)
    assert "spf=pass" in filtered.deliver(FROM_CLIENT + MESSAGE).results
    inner = b"Received: from gw.example.net (gw.example.net [198.51.100.9]) by gw.example.net\r\n"
    assert "spf=fail" in filtered.deliver(inner + FROM_CLIENT + MESSAGE).results


def test_a_relay_that_has_gone_is_none_any_more() -> None:
    relays = Clients.parse(["198.51.100.0/24"])
    filtered = Filtered(verifying(relays=relays), spf_zone()).open(**GATEWAY)
    assert "spf=pass" in filtered.deliver(FROM_CLIENT + MESSAGE).results
    filtered.hear(mta.QUIT_NEW_CONNECTION)
    assert "spf=pass" not in filtered.deliver(FROM_CLIENT + MESSAGE).results


def test_AR_08_a_relay_that_is_trusted_too_is_not_judged() -> None:
    both = Clients.parse(["198.51.100.0/24"])
    filtered = Filtered(verifying(relays=both, trusted=both), spf_zone()).open(**GATEWAY)
    assert filtered.deliver(FROM_CLIENT + MESSAGE).record.results == ()


def test_AR_08_a_trusted_relay_keeps_its_results() -> None:
    trusted = Clients.parse(["192.0.2.0/24"])
    message = b"Authentication-Results: mx.example.org; spf=pass\r\n" + MESSAGE
    delivery = judged(message, trusted=trusted)
    assert delivery.message == message
    assert delivery.record.results == ()


def test_AR_08_trust_ends_with_its_client() -> None:
    filtered = Filtered(verifying(trusted=Clients.parse(["192.0.2.0/24"])), spf_zone()).open()
    assert filtered.deliver(MESSAGE).record.results == ()
    filtered.hear(mta.QUIT_NEW_CONNECTION)
    assert filtered.deliver(MESSAGE).record.results, "it has not said who the next one is"


def test_AR_12_results_in_utf_8_are_for_smtputf8_alone() -> None:
    for arguments, want in (((), "=xn--4ca.example;"), (("SMTPUTF8",), "=\u00e4.example;")):
        filtered = Filtered(verifying(), spf_zone()).open()
        delivery = filtered.deliver(MESSAGE, sender="<a@\u00e4.example>", arguments=arguments)
        assert want in delivery.results


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (b"a=rsa-sha1; b=AAAA", 'reason="a=rsa-sha1 must not be verified (RFC 8301)"'),
        (b"a=rsa-sha256; b=AAB=", 'reason="b= is not canonical base64 (RFC 4648)"'),
    ],
)
def test_AR_12_our_own_reasons_are_of_ascii(tags: bytes, reason: str) -> None:
    body_hash = b"A" * 43 + b"=; "
    old = b"DKIM-Signature: v=1; d=example.com; s=rsa; h=from; bh=" + body_hash + tags + b"\r\n"
    assert reason in judged(old + MESSAGE).results


ACTIONS: list[tuple[str, dict[str, Any], bytes]] = [
    (
        "v=spf1 -all",
        {"spf_actions": {"fail": Action.REJECT}},
        b"550 5.7.23 the SPF result for example.com is fail",
    ),
    ("v=spf1 ~all", {"spf_actions": {"softfail": Action.TEMPFAIL}}, b"451 4.7.23 "),
    ("v=spf1 x", {"spf_actions": {"permerror": Action.REJECT}}, b"550 5.7.24 "),
    (
        "v=spf1 -all",
        {"dkim_actions": {"none": Action.REJECT}},
        b"550 5.7.20 the DKIM result for the message is none",
    ),
    (
        "v=spf1 -all",
        {"spf_actions": {"fail": Action.REJECT}, "dkim_actions": {"none": Action.REJECT}},
        b"550 5.7.26 ",
    ),
    (
        "v=spf1 -all",
        {"spf_actions": {"fail": Action.REJECT}, "dkim_actions": {"none": Action.TEMPFAIL}},
        b"451 4.7.20 ",
    ),
    (
        "v=spf1 -all",
        {"spf_actions": {"fail": Action.REJECT}, "dkim_actions": {"none": Action.ACCEPT}},
        b"",
    ),
    ("v=spf1 -all", {"spf_actions": {"fail": Action.QUARANTINE}}, b""),
    ("v=spf1 -all", {"spf_actions": {"pass": Action.REJECT}}, b""),
    ("v=spf1 -all", {}, b""),
]


@pytest.mark.parametrize(("text", "settings", "want"), ACTIONS)
def test_what_follows_on_a_verdict(text: str, settings: dict[str, Any], want: bytes) -> None:
    delivery = judged(records=spf_zone(text), **settings)
    if want:
        assert delivery.verdict[0] == b"y"
        assert delivery.verdict[1].startswith(want)
        assert len(delivery.replies) == 1
    else:
        assert delivery.verdict == CONTINUE
        assert "spf=fail" in delivery.results
    assert delivery.record.reply.startswith(want.decode() or "continue")
    quarantined = Action.QUARANTINE in settings.get("spf_actions", {}).values()
    assert ((b"q", b"the SPF result for example.com is fail\0") in delivery.replies) is quarantined
    dry = Filtered(replace(verifying(**settings), dry_run=True), spf_zone(text)).open()
    tried = dry.deliver(MESSAGE)
    assert tried.replies == [CONTINUE]
    assert tried.record.dry_run
    assert tried.record.reply == delivery.record.reply
    assert tried.record.action == delivery.record.action


def test_a_fault_between_two_messages_defers_the_next() -> None:
    filtered = Filtered(verifying()).open()
    assert filtered.deliver(MESSAGE).verdict == CONTINUE
    filtered.session.fail("a bug")
    assert filtered.deliver(MESSAGE).verdict[1].startswith(b"451 ")


def test_MIL_22_a_silent_dns_is_told_and_deferred_where_that_is_wanted() -> None:
    silent = Zone({DOMAIN: {"FAIL": ["TXT"]}, "client.example.com": {"FAIL": ["TXT"]}})
    assert "spf=temperror" in judged(records=silent).results
    deferred = judged(records=silent, spf_actions={"temperror": Action.TEMPFAIL})
    assert deferred.verdict[1].startswith(b"451 4.7.24 ")


def test_MIL_22_a_signature_that_may_still_pass_decides_before_one_that_failed() -> None:
    silent: Any = {f"ed25519._domainkey.{DOMAIN}": {"FAIL": ["TXT"]}}
    records = spf_zone(**silent)
    added = b"Added on the way.\r\n"
    broken = signed() + added
    message = signed()[: -len(MESSAGE)] + signed(MESSAGE + added, "ed25519")
    actions = {"temperror": Action.TEMPFAIL, "fail": Action.REJECT}
    assert judged(broken, records, dkim_actions=actions).verdict[1].startswith(b"550 5.7.20 ")
    assert judged(message, records, dkim_actions=actions).verdict[1].startswith(b"451 4.7.20 ")


def test_an_explanation_of_the_domain_is_told_as_its_own() -> None:
    records = spf_zone(
        "v=spf1 -all exp=why.example.com", **{"why.example.com": {"TXT": ["not %{i}"]}}
    )
    delivery = judged(records=records, spf_actions={"fail": Action.REJECT})
    assert b"the domain explains: not 192.0.2.7\0" in delivery.verdict[1]


# Several messages, and trouble


def test_MIL_06_nothing_of_a_message_is_left_for_the_next(tmp_path: Path) -> None:
    both = replace(verifying(), signing=signing(tmp_path).signing)
    filtered = Filtered(both, spf_zone()).open()
    forged = b"Authentication-Results: mx.example.org; spf=pass\r\n" * 3 + signed()
    first = filtered.deliver(forged, sender="<eve@evil.example>")
    assert first.record.removed == 3
    filtered.hear(mta.ABORT)
    filtered.hear(mta.macros(b"M", {"{auth_authen}": "ada"}), mta.mail("<ada@example.com>"))
    filtered.hear(*mta.message(signed())[:9], mta.ABORT, mta.ABORT)
    second = filtered.deliver(MESSAGE)
    fresh = Filtered(both, spf_zone()).open().deliver(MESSAGE)
    assert second.message == fresh.message
    assert second.record == fresh.record
    filtered.hear(mta.QUIT_NEW_CONNECTION, mta.connect("192.0.2.99", "[192.0.2.99]"))
    third = filtered.deliver(MESSAGE)
    assert third.record.client == "192.0.2.99"
    assert third.record.helo == ""
    assert third.record.results[1].result == "fail"


def test_messages_are_the_same_for_an_mta_that_awaits_every_reply(tmp_path: Path) -> None:
    both = replace(verifying(), signing=signing(tmp_path).signing)
    for client in ({}, LOCAL):
        want = Filtered(both, spf_zone()).open(**client).deliver(MESSAGE)
        old = Filtered(both, spf_zone())
        old.hear(mta.offer(version=2, steps=0x7F), mta.connect(**client), mta.helo())
        got = old.deliver(MESSAGE, leading_space=False)
        assert got.record == want.record
        frames = len([f for f in mta.message(MESSAGE) if f[4:5] != b"D"])
        assert len([code for code, _ in got.replies if code == b"c"]) == 1 + frames


def test_MIL_05_an_mta_that_allows_too_little_gets_its_mail_back() -> None:
    for steps in (mta.ALL_STEPS, 0):
        filtered = Filtered(verifying())
        filtered.hear(mta.offer(actions=0x01, steps=steps), mta.connect(), mta.helo())
        said = filtered.hear(mta.mail())
        if steps:
            said = filtered.hear(*mta.message(MESSAGE))
            (note,) = filtered.records[0].notes
            assert note.startswith("deferred: the MTA does not allow CHANGE_HEADERS;")
        assert [code for code, _ in said] == [b"y"]
        assert said[0][1].startswith(b"451 4.3.0 ")


def test_MIL_07_a_header_over_the_limits_is_not_kept(tmp_path: Path) -> None:
    limits = MessageLimits(header_octets=2000, fields=50)
    many = b"".join(b"X: %d\r\n" % n for n in range(60)) + MESSAGE
    long = b"X: " + b"y" * 3000 + b"\r\n" + MESSAGE
    for message in (many, long):
        forged = signed(message) + b"\r\n"
        head, _, body = forged.partition(b"\r\n\r\n")
        forged = head + b"\r\nAuthentication-Results: mx.example.org; spf=pass\r\n\r\n" + body
        settings = replace(verifying(), limits=limits)
        delivery = Filtered(settings, spf_zone()).open().deliver(forged)
        assert delivery.record.results[-1].result == "permerror"
        assert "too much" in delivery.record.results[-1].reason
        assert delivery.record.removed == 1, "forged fields are seen all the same"
        unsigned = Filtered(replace(signing(tmp_path), limits=limits)).open(**LOCAL)
        assert "too much" in unsigned.deliver(message).record.notes[0]


def test_MIL_07_a_signature_beyond_the_limits_is_not_none() -> None:
    settings = replace(verifying(), limits=MessageLimits(fields=50))
    message = signed(MESSAGE).replace(b"DKIM-Signature:", b"X: y\r\n" * 60 + b"DKIM-Signature:")
    delivery = Filtered(settings, spf_zone()).open().deliver(message)
    (result,) = (each for each in delivery.record.results if each.method == "dkim")
    assert result.result == "permerror"
    assert "too much" in result.reason


def test_MIL_07_too_many_forged_fields_are_refused() -> None:
    settings = replace(verifying(), limits=MessageLimits(forged=5))
    forged = b"Authentication-Results: mx.example.org; spf=pass\r\n"
    delivery = Filtered(settings, spf_zone()).open().deliver(forged * 5 + MESSAGE)
    assert delivery.verdict == CONTINUE
    delivery = Filtered(settings, spf_zone()).open().deliver(forged * 6 + MESSAGE)
    assert delivery.verdict == (
        b"y",
        b"550 5.6.0 Too many fields claim to be results of this host\0",
    )
    assert delivery.record.notes == ("refused: over 5 Authentication-Results fields to be removed",)
    assert (delivery.record.action, delivery.record.removed) == ("reject", 0)


def test_MIL_07_fields_that_nobody_would_remove_refuse_nothing() -> None:
    """Those of a trusted relay stay, and so does Received-SPF if we write none."""
    results = b"Authentication-Results: mx.example.org; spf=pass\r\n" * 6
    received = b"Received-SPF: pass receiver=mx.example.org; client-ip=192.0.2.1\r\n" * 6
    limits = MessageLimits(forged=5)
    trusting = replace(verifying(trusted=Clients.parse(["192.0.2.7"])), limits=limits)
    relayed = Filtered(trusting, spf_zone()).open().deliver(results + MESSAGE)
    assert (relayed.verdict, relayed.record.removed) == (CONTINUE, 0)
    settings = replace(verifying(), limits=limits)
    assert Filtered(settings, spf_zone()).open().deliver(received + MESSAGE).verdict == CONTINUE


def test_MIL_07_surplus_recipients_are_told_to_come_later() -> None:
    settings = replace(verifying(), limits=MessageLimits(recipients=3))
    filtered = Filtered(settings, spf_zone())
    filtered.hear(mta.offer(steps=0), mta.connect(), mta.helo(), mta.mail())
    said = [filtered.hear(mta.rcpt())[0] for _ in range(5)]
    assert [code for code, _ in said] == [b"c", b"c", b"c", b"y", b"y"]
    assert said[-1][1].startswith(b"452 4.5.3 ")
    assert filtered.hear(*mta.message(MESSAGE, leading_space=False))[-1] == CONTINUE
    assert filtered.records[0].recipients == 3


def test_MIL_22_a_dry_run_refuses_no_surplus_recipient() -> None:
    settings = replace(verifying(), limits=MessageLimits(recipients=3), dry_run=True)
    filtered = Filtered(settings, spf_zone())
    filtered.hear(mta.offer(steps=0), mta.connect(), mta.helo(), mta.mail())
    assert [filtered.hear(mta.rcpt())[0][0] for _ in range(5)] == [b"c"] * 5
    filtered.hear(*mta.message(MESSAGE, leading_space=False))
    assert filtered.records[0].recipients == 3


def test_MIL_10_after_a_fault_the_message_is_deferred_and_the_next_is_not() -> None:
    filtered = Filtered(verifying(), spf_zone()).open()
    filtered.hear(mta.mail())
    filtered.session.fail("a fault")
    said = filtered.hear(*mta.message(MESSAGE))
    assert said[-1][1].startswith(b"451 4.3.0 ")
    assert len(said) == 1
    assert filtered.records[0].notes == ("deferred: a fault",)
    assert filtered.deliver(MESSAGE).verdict == CONTINUE


def test_MIL_10_where_every_reply_is_awaited_it_is_deferred_at_the_next() -> None:
    filtered = Filtered(verifying(), spf_zone())
    filtered.hear(mta.offer(steps=0), mta.connect(), mta.helo(), mta.mail())
    filtered.session.fail("a fault")
    ((code, _),) = filtered.hear(mta.rcpt())
    assert code == b"y"
    ((code, _),) = filtered.hear(mta.header(b"A", b"b"))
    assert code == b"y"
    assert not filtered.connection.in_message
    assert filtered.deliver(MESSAGE, leading_space=False).verdict == CONTINUE


def test_MIL_20_a_message_without_a_queue_id_has_one_of_ours() -> None:
    filtered = Filtered(verifying(), spf_zone()).open()
    for number in (1, 2):
        filtered.hear(
            mta.mail(), mta.header(b"A", b"b"), mta.end_of_headers(), mta.end_of_message()
        )
        assert filtered.records[-1].queue_id == f"-{number}"


def test_a_message_that_comes_again_has_the_same_fingerprint() -> None:
    found = set()
    for queue_id in ("1", "2"):
        filtered = Filtered(verifying(), spf_zone()).open()
        filtered.hear(mta.mail(), *mta.message(MESSAGE, queue_id=queue_id)[:-1])
        found.add(filtered.session.fingerprint)
    assert len(found) == 1
    assert found != {""}


def test_the_record_is_json() -> None:
    told = judged(signed()).record.as_dict()
    assert told["results"][0] == "spf=pass smtp.helo=client.example.com"


# Keys


def test_a_key_is_loaded_anew_when_its_file_has_changed(tmp_path: Path) -> None:
    told: list[str] = []
    now = 0.0
    ring = KeyRing(on_fault=told.append, clock=lambda: now)
    path = tmp_path / "key"
    key("ed25519").write(path)
    first = ring.get(str(path))
    path.unlink()
    now += 29
    assert ring.get(str(path)) is first
    now += 2
    assert ring.get(str(path)) is first
    assert "the previous key stays in use: " in told[0]
    key("rsa").write(path)
    now += 31
    assert ring.get(str(path)).algorithm == "rsa-sha256"
    assert len(told) == 1


def test_keys_are_few_in_memory(tmp_path: Path) -> None:
    ring = KeyRing(max_keys=2)
    for name in "abc":
        key("ed25519").write(tmp_path / name)
        ring.get(str(tmp_path / name))
    assert [Path(path).name for path in ring._kept] == ["b", "c"]
    for name in "ba":
        ring.get(str(tmp_path / name))
    assert [Path(path).name for path in ring._kept] == ["b", "a"], "what was asked for last stays"
    with pytest.raises(UnusableKey):
        ring.get(str(tmp_path / "none"))


# Clients


@pytest.mark.parametrize(
    ("entries", "name", "address", "want"),
    [
        (["192.0.2.1"], "", "192.0.2.1", True),
        (["192.0.2.0/24", "!192.0.2.1"], "", "192.0.2.1", False),
        (["!192.0.2.0/24", "192.0.2.1"], "", "192.0.2.1", True),
        (["[192.0.2.1]"], "", "192.0.2.1", True),
        (["2001:db8::/32"], "", "2001:db8::7", True),
        (["2001:db8::/32"], "", "2001:db9::7", False),
        (["0.0.0.0/0"], "", "192.0.2.1", True),
        (["0.0.0.0/0"], "", "::1", False),
        (["host.example"], "HOST.example", "192.0.2.1", True),
        (["host.example"], "a.host.example", "192.0.2.1", False),
        ([".host.example"], "a.b.host.example", "192.0.2.1", True),
        ([".host.example", "!a.host.example"], "a.host.example", "192.0.2.1", False),
        (["mx1"], "MX1", "192.0.2.1", True),
        (["mail.x2"], "mail.x2", "192.0.2.1", True),
        ([".x2"], "mail.x2", "192.0.2.1", True),
        (["192.0.2.1", "!host.example"], "host.example", "192.0.2.1", False),
        (["192.0.2.1"], "other.example", "192.0.2.1", True),
        (["*.host.example"], "a.b.host.example", "192.0.2.1", True),
        (["*.host.example", "!*.a.host.example"], "b.a.host.example", "192.0.2.1", False),
        (["*.host.example"], "host.example", "192.0.2.1", False),
    ],
)
def test_sets_of_clients(entries: list[str], name: str, address: str, want: bool) -> None:
    assert ((name, ip_address(address)) in Clients.parse(entries)) is want


@pytest.mark.parametrize(
    "entry",
    ["", "300.1.1.1", "192.0.2.1/33", "192.0.2.1/24", "a b", "!", "1.2.3", "10", ".4", "mx1/24",
     "2001:db8::g", "[mx1]", "10/8", "*"],
)  # fmt: skip
def test_entries_that_are_none(entry: str) -> None:
    with pytest.raises(ValueError, match="is n"):
        Clients.parse([entry])


def test_the_network_of_an_address_is_named() -> None:
    for entry, network in (("192.0.2.1/24", "192.0.2.0/24"), ("[2001:db8::1]/32", "2001:db8::/32")):
        with pytest.raises(ValueError, match=f"is not a network, but an address in {network}"):
            Clients.parse([entry])
