"""A damaged message, and the damage that the autopsy names."""

import base64
import hashlib
import quopri
import re
from collections.abc import Callable, Iterator
from typing import Any

import mail
import pytest

from mailauth import dkim
from mailauth.dkim.autopsy import Autopsy, autopsy, damage
from mailauth.dkim.autopsy.sentences import ENDED, UNKNOWN
from mailauth.dns import Zone
from mailauth.syntax.message import Message

TEXT = (
    b"From: Ada Lovelace <ada@example.com>\r\n"
    b'To: "Ben B." <ben@example.net>\r\n'
    b"Subject: The engine\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Dear Ben,\r\n\r\nit weaves algebraic patterns,\r\n.just as the loom fl\xc3\xb6wers.\r\n"
    b"From here on\r\n-- \r\nAda\r\n"
)
LINES = re.compile(rb"([^\r\n]{998})(?=[^\r\n])")
LONG = TEXT.replace(b"Dear Ben", b"Dear Ben" + b", and so on" * 200)
INTACT = "it is as it was signed"


def stories(octets: bytes, where: Zone | None = None) -> list[Autopsy]:
    return (where or mail.zone()).run(autopsy(octets))


def body(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """The change of a body, as one of a message."""

    def changed(octets: bytes) -> bytes:
        head, _, rest = octets.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + change(rest)

    return changed


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def swapped(octets: bytes) -> bytes:
        assert octets.count(old) == 1
        return octets.replace(old, new)

    return swapped


def to_quoted_printable(octets: bytes) -> bytes:
    encoded = body(
        lambda text: quopri.encodestring(text.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    )
    return encoded(octets).replace(b"Encoding: 8bit", b"Encoding: quoted-printable")


def from_quoted_printable(octets: bytes) -> bytes:
    return body(quopri.decodestring)(octets).replace(
        b"Encoding: quoted-printable", b"Encoding: 8bit"
    )


def to_base64(octets: bytes) -> bytes:
    encoded = body(lambda text: base64.encodebytes(text).replace(b"\n", b"\r\n"))
    return encoded(octets).replace(b"Encoding: 8bit", b"Encoding: base64")


def to_multipart(octets: bytes) -> bytes:
    return body(
        lambda text: (
            b"--x\r\nContent-Type: text/plain\r\n\r\n"
            + text
            + b"\r\n--x\r\n\r\nfooter\r\n--x--\r\n"
        )
    )(octets)


SAID = {
    "a footer": "2 lines were added at the end: '_____'",
    "a banner": "2 lines were added at the start",
    "quoted-printable": "8-bit text became quoted-printable",
    "wrapped lines": "long lines were wrapped",
    "wrapped lines with a blank": "long lines were wrapped, with a blank",
    "the signature's dashes": "the blank after '--' was dropped",
    "dots": "dots at line starts were doubled",
    "an mbox": "'From ' became '>From '",
    "Latin-1": "UTF-8 became Latin-1",
    "bare LF": "line ends became bare LF",
    "a multipart": "the message was put into a multipart",
    "an altered octet": "in line 1, column 8 of its canonical form, 'n' became 'm'",
    "an added octet": "in line 1, column 7 of its canonical form, 'r' was added",
    "a dropped octet": "'n' was dropped",
    "an altered octet of a letter": "line 4, column 21 of its canonical form, octet C3 became '?'",
    "a dropped octet of a letter": "octet B6 was dropped",
    "another text": "none of the known changes explains it",
}
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a footer": lambda octets: octets + b"_____\r\nThe list\r\n",
    "a banner": body(lambda text: b"EXTERNAL MAIL\r\n\r\n" + text),
    "quoted-printable": to_quoted_printable,
    "wrapped lines": body(lambda text: LINES.sub(rb"\1\r\n", text)),
    "wrapped lines with a blank": body(lambda text: LINES.sub(rb"\1\r\n ", text)),
    "the signature's dashes": swap(b"\r\n-- \r\n", b"\r\n--\r\n"),
    "dots": swap(b"\r\n.just", b"\r\n..just"),
    "an mbox": swap(b"\r\nFrom here", b"\r\n>From here"),
    "Latin-1": swap(b"\xc3\xb6", b"\xf6"),
    "bare LF": body(lambda text: text.replace(b"\r\n", b"\n")),
    "a multipart": to_multipart,
    "an altered octet": swap(b"Dear Ben", b"Dear Bem"),
    "an added octet": swap(b"Dear Ben", b"Dear Bren"),
    "a dropped octet": swap(b"Dear Ben", b"Dear Be"),
    "an altered octet of a letter": swap(b"fl\xc3", b"fl?"),
    "a dropped octet of a letter": swap(b"fl\xc3\xb6", b"fl\xc3"),
    "another text": body(lambda _: b"something else\r\n"),
}


@pytest.mark.parametrize("form", ["relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_broke_a_body(damage: str, form: str) -> None:
    message = LONG if damage.startswith("wrapped") else TEXT
    (story,) = stories(DAMAGES[damage](mail.signed(message, canonicalization=form)))
    if form == "relaxed/relaxed" and "dashes" in damage:
        assert story.body == INTACT
    else:
        assert SAID[damage] in story.body


@pytest.mark.parametrize("lines", [1, 5000, 5001, 60_000])
def test_a_footer_of_a_long_body(lines: int) -> None:
    damaged = mail.signed(TEXT + b"x\r\n\r\n" * (lines // 2)) + b"_____\r\nThe list\r\n"
    (story,) = stories(damaged)
    assert story.body == "2 lines were added at the end: '_____'"


PARTS = (
    b"From: Ada Lovelace <ada@example.com>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="x=y"\r\n\r\n'
    b"--x=y\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Sch\xc3\xb6ne Gr\xc3\xbc\xc3\x9fe\r\n-- \r\nAda\r\n"
    b"--x=y\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n1 +=\r\n 1 =3D 2\r\n"
    b"--x=y\r\nContent-Type: text/html\r\ncontent-transfer-encoding: 8bit\r\n\r\n"
    b"<p>Gr\xc3\xbc\xc3\x9fe</p>\r\n--x=y--\r\n"
)
AS_QUOTED_PRINTABLE = (
    PARTS.replace(b"8bit", b"quoted-printable")
    .replace(b"\xc3\xbc\xc3\x9f", b"=C3=BC=C3=9F")
    .replace(b"\xc3\xb6", b"=C3=B6")
    .replace(b"-- \r\n", b"--=20\r\n")
)


@pytest.mark.parametrize("form", ["relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize(
    ("signed", "came", "said"),
    [
        (PARTS, AS_QUOTED_PRINTABLE, "8-bit parts became quoted-printable"),
        (AS_QUOTED_PRINTABLE, PARTS, "quoted-printable parts became 8-bit text"),
        (
            PARTS,
            PARTS.replace(b"--x=y--", b"--x=y\r\nContent-Type: text/plain\r\n\r\nlist\r\n--x=y--"),
            "a part was added at the end",
        ),
    ],
    ids=["to quoted-printable", "back", "a footer"],
)
def test_what_broke_the_parts_of_a_body(signed: bytes, came: bytes, said: str, form: str) -> None:
    field = mail.signed(signed, canonicalization=form).removesuffix(signed)
    (story,) = stories(field + came)
    assert (story.body, story.header) == (said, INTACT)


def with_body(text: bytes, encoding: bytes) -> bytes:
    return b"From: ada@example.com\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (encoding, text)


def in_base64(text: bytes) -> bytes:
    return with_body(base64.encodebytes(text).replace(b"\n", b"\r\n"), b"base64")


WORDS = "Liebe Grüße, und Brüderlichkeit\r\n".encode() * 5
QUOTED = WORDS.replace("ü".encode(), b"=C3=BC").replace("ß".encode(), b"=C3=9F")
LIST = b"__\r\nThe list\r\n"


@pytest.mark.parametrize("form", ["relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize(
    ("signed", "came", "said"),
    [
        (in_base64(WORDS), with_body(WORDS, b"8bit"), "base64 became 8-bit text"),
        (in_base64(WORDS.replace(b"\r", b"")), with_body(WORDS, b"8bit"), "base64 became 8-bit"),
        (
            with_body(QUOTED, b"quoted-printable"),
            in_base64(WORDS),
            "quoted-printable became base64",
        ),
        (
            with_body(QUOTED, b"quoted-printable"),
            in_base64(WORDS + LIST),
            "quoted-printable became base64, and 2 lines were added at the end: '__'",
        ),
        (
            in_base64(WORDS),
            in_base64(WORDS + LIST),
            "text was added at the end, within base64: '__",
        ),
        (
            in_base64(WORDS.replace(b"\r", b"").rstrip()),
            in_base64((WORDS + LIST).replace(b"\r", b"")),
            "text was added at the end, within base64: '__",
        ),
    ],
)
def test_what_broke_a_body_in_base64(signed: bytes, came: bytes, said: str, form: str) -> None:
    field = mail.signed(signed, canonicalization=form).removesuffix(signed)
    (story,) = stories(field + came)
    assert story.body.startswith(said)
    assert story.header == INTACT or "Encoding became" in story.header


OTHER_BODIES: list[tuple[bytes, Callable[[bytes], bytes], str]] = [
    (TEXT, lambda octets: octets + b"_____\r\n", "1 line was added at the end: '_____'"),
    (TEXT, body(lambda text: b"EXTERNAL\r\n" + text), "1 line was added at the start"),
    (TEXT.partition(b"Dear")[0], lambda octets: octets + b"x\r\n", "the signed body was empty"),
    (TEXT, to_base64, "text became base64"),
    (to_quoted_printable(TEXT), from_quoted_printable, "quoted-printable became 8-bit text"),
    (TEXT, swap(b"patterns,", b"patterns,  "), "blanks were added at line ends"),
    (DAMAGES["dots"](TEXT), swap(b"\r\n..just", b"\r\n.just"), "dots at line starts were halved"),
    (TEXT, body(lambda text: b"\r\n" * 60 + text), "empty lines were added before it"),
    (
        body(lambda text: b"\r\n" + text)(TEXT),
        body(lambda text: text.removeprefix(b"\r\n")),
        "an empty line before it was dropped",
    ),
    (DAMAGES["Latin-1"](TEXT), swap(b"\xf6", b"\xc3\xb6"), "Latin-1 became UTF-8"),
]


@pytest.mark.parametrize(
    ("message", "damage", "said"), OTHER_BODIES, ids=[said for *_, said in OTHER_BODIES]
)
def test_what_broke_another_body(
    message: bytes, damage: Callable[[bytes], bytes], said: str
) -> None:
    signed = mail.signed(
        message.replace(b"\r\n-- \r\n", b"\r\n"), canonicalization="relaxed/simple"
    )
    (story,) = stories(damage(signed))
    assert story.body.startswith(said)


def test_a_body_that_was_signed_before_its_line_ends_were_right() -> None:
    text = TEXT.partition(b"\r\n\r\n")[2]
    digest = base64.b64encode(hashlib.sha256(text.replace(b"\r\n", b"\n") + b"\r\n").digest())
    signed = mail.signed_by_hand(TEXT, "rsa", c="simple/simple", bh=digest.decode())
    (story,) = stories(signed)
    assert story.body == "it was signed with bare LF line ends"


def test_two_things_broke_a_body() -> None:
    damaged = to_quoted_printable(mail.signed(TEXT)) + b"__\r\na list\r\n"
    (story,) = stories(damaged)
    assert story.body.startswith("8-bit text became quoted-printable, and 2 lines were added")
    assert story.header == "Content-Transfer-Encoding became 'quoted-printable'"


NAMED = b"From: Ada Lovelace <ada@example.com>"
MUNGED = b"From: Ada via L <l@example.net>\r\nX-Original-From: Ada Lovelace <ada@example.com>"
HEADERS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("nothing", lambda octets: octets, INTACT),
    ("a tag", swap(b"Subject: The", b"Subject: [list] The"), "Subject was given '[list]'"),
    ("a label", swap(b"Subject: The", b"Subject: *SPAM* The"), "Subject was given '*SPAM*'"),
    (
        "a second From",
        lambda octets: b"From: eve@evil.example\r\n" + octets,
        "a second field from was added",
    ),
    (
        "a Cc",
        lambda octets: b"Cc: eve@evil.example\r\n" + octets,
        "the field cc was added",
    ),
    (
        "quotes",
        swap(NAMED, b'From: "Ada Lovelace" <ada@example.com>'),
        "From was given quotes around a name",
    ),
    (
        "no quotes",
        lambda octets: octets.replace(b'"Ben B." <', b"Ben B. <"),
        "To lost the quotes of a name",
    ),
    ("no MIME", swap(b"MIME-Version: 1.0\r\n", b""), "MIME-Version was dropped"),
    ("a munged From", swap(NAMED, MUNGED), "From was replaced; the original is in X-Original-From"),
    (
        "two changes",
        lambda octets: swap(b": The", b": [l] The")(swap(b"=utf-8", b'="utf-8"')(octets)),
        "Subject was given '[l]', and Content-Type was given quotes",
    ),
    ("an octet", swap(b"Subject: The engine", b"Subject: The engime"), "'n' became 'm'"),
    (
        "much",
        swap(b"Subject: The engine", b"Subject: Cheap watches"),
        "none of the known changes explains it",
    ),
]


@pytest.mark.parametrize(
    ("damage", "said"), [case[1:] for case in HEADERS], ids=[case[0] for case in HEADERS]
)
def test_what_broke_a_header(damage: Callable[[bytes], bytes], said: str) -> None:
    signed = mail.signed(TEXT, oversign=[*dkim.OVERSIGNED, "cc"])
    (story,) = stories(damage(signed))
    assert story.body == INTACT
    assert said in story.header


HELLO = b"From: =?utf-8?Q?J=C3=B6rg?= <ada@example.com>\r\nSubject: %s\r\n\r\nHello\r\n"
ENCODED = b"=?UTF-8?B?R3LDvMOfZSBhbiBhbGxl?="
IN_Q = b"=?iso-8859-1?Q?Gr=FC=DFe_an_alle?="
RAW = "Grüße an alle".encode()
SUBJECTS = [
    (b"Re: all", b"Re: [list] all", "Subject was given '[list]'"),
    (b"Re: all", b"EXT: Re: all", "Subject was given 'EXT:'"),
    (ENCODED, b"[list]\r\n " + ENCODED, "Subject was given '[list]'"),
    (ENCODED, IN_Q, "Subject was encoded anew"),
    (IN_Q, ENCODED, "Subject was encoded anew"),
    (ENCODED, RAW, "Subject was decoded"),
    (
        ENCODED,
        b"=?utf-8?q?=5Blist=5D_Gr=C3=BC=C3=9Fe_an_alle?=",
        "Subject was given '[list]', and encoded anew",
    ),
]


@pytest.mark.parametrize("form", ["simple/simple", "relaxed/relaxed"])
@pytest.mark.parametrize(("signed", "came", "said"), SUBJECTS)
def test_what_became_of_a_subject(signed: bytes, came: bytes, said: str, form: str) -> None:
    field = mail.signed(HELLO % signed, canonicalization=form).removesuffix(HELLO % signed)
    (story,) = stories(field + HELLO % came)
    assert story.header == said


@pytest.mark.parametrize(
    "came", [b"=?utf-8?b?SsO2cmc=?= <ada@example.com>", "Jörg <ada@example.com>".encode()]
)
def test_what_became_of_a_name(came: bytes) -> None:
    signed = mail.signed(HELLO % b"hello")
    (story,) = stories(signed.replace(b"=?utf-8?Q?J=C3=B6rg?= <ada@example.com>", came))
    assert story.header == ("From was decoded" if b"?" not in came else "From was encoded anew")


LONG_LIST = b", ".join([b"Benjamin <benjamin@example.net>"] * 4)


@pytest.mark.parametrize(
    ("signed", "came"),
    [
        (LONG_LIST, LONG_LIST.replace(b", ", b",\r\n ")),
        (LONG_LIST, LONG_LIST.replace(b", ", b",\r\n\t")),
        (LONG_LIST, LONG_LIST.replace(b", ", b",\r\n        ")),
        (LONG_LIST.replace(b", ", b",\r\n "), LONG_LIST),
        (LONG_LIST.replace(b", ", b",\r\n\t"), LONG_LIST),
        (b"one two " * 8 + b"three\r\n four", b"one two " * 8 + b"three four"),
    ],
)
def test_a_field_that_was_folded_anew(signed: bytes, came: bytes) -> None:
    message = b"From: ada@example.com\r\nTo: %s\r\n\r\n"
    field = mail.signed(message % signed, canonicalization="simple/simple").removesuffix(
        message % signed
    )
    (story,) = stories(field + message % came)
    assert story.header in ("To was folded", "To was unfolded")


def test_what_a_list_does_to_the_header() -> None:
    signed = mail.signed(TEXT)
    wrapped = to_multipart(signed).replace(
        b"--x\r\nContent-Type: text/plain\r\n",
        b"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
    )
    wrapped = wrapped.replace(b"Content-Transfer-Encoding: 8bit\r\n", b"", 1)
    wrapped = wrapped.replace(b"Subject: ", b"Subject: [list] ")
    wrapped = wrapped.replace(
        b"Content-Type: text/plain; charset=utf-8\r\n",
        b'Content-Type: multipart/mixed; boundary="x"\r\n',
        1,
    )
    (story,) = stories(wrapped)
    assert story.body == "the message was put into a multipart"
    assert set(story.header.split(", and ")) == {
        "Subject was given '[list]'",
        "Content-Type was replaced; the original is in a part",
        "Content-Transfer-Encoding was dropped",
    }


FLOWERS = "flöwers".encode()
FIELDS = [
    (b"Subject: The\r\n engine", b"Subject: The\r\n\tengine", "was folded with a tab"),
    (b"Subject: The\r\n\tengine", b"Subject: The\r\n engine", "was folded with a space"),
    (b"Subject: The engine", b"Subject: The\r\n engine", "was folded"),
    (b"Subject:The engine", b"Subject: The engine", "was given a blank after the colon"),
    (b"Subject: " + FLOWERS, b"Subject: =?utf-8?b?ZmzDtndlcnM=?=", "was encoded"),
    (b"Subject: =?utf-8?q?fl=C3=B6wers?=", b"Subject: " + FLOWERS, "was decoded"),
    (b"Subject: =?iso-8859-1?q?fl=F6wers?=", b"Subject: " + FLOWERS, "was decoded"),
    (b'From: "A B" <ada@example.com>', b"From: A B <ada@example.com>", "lost the quotes of a name"),
    (b'From:"A" <a@b.c>, "B" <b@b.c>', b"From:A <a@b.c>, B <b@b.c>", "lost the quotes of a name"),
    (b"Content-Type: text/plain", b"Content-Type: text/plain; charset=x", "was given a charset"),
    (b'Content-Type: a/b; x="y"', b"Content-Type: a/b; x=y", "lost its quotes"),
    (b"Content-Type: text/plain", b"X: y", "was dropped"),
    (b"Content-Transfer-Encoding: 8bit", b"X: y", "was dropped"),
    (b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: 7bit", "became '7bit'"),
]


@pytest.mark.parametrize(("before", "after", "said"), FIELDS, ids=str)
def test_what_became_of_a_field(before: bytes, after: bytes, said: str) -> None:
    name = before.partition(b":")[0]
    message = re.sub(b"(?m)^" + name + rb":[^\r]*", lambda _: before, TEXT, count=1)
    (story,) = stories(swap(before, after)(mail.signed(message, canonicalization="simple/simple")))
    assert story.header == f"{name.decode()} {said}"


def test_an_ed25519_signature_keeps_the_octets_to_itself() -> None:
    damaged = mail.signed(TEXT, "ed25519").replace(b"Subject: The", b"Subject: [list] The")
    (story,) = stories(damaged)
    assert story.header == "Subject was given '[list]'"
    (story,) = stories(mail.signed(TEXT, "ed25519").replace(b"Subject: The", b"Subject: Tha"))
    assert story.header == "none of the known changes explains it"


def test_a_guess_that_must_be_verified_is_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = mail.signed(TEXT, "ed25519").replace(b"Subject: The", b"Subject: Tha")
    monkeypatch.setattr("mailauth.dkim.autopsy.work.MAX_WORK", 30_000)
    (story,) = stories(damaged)
    assert story.header == ENDED


def test_a_guess_of_many_fields_is_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = mail.signed(TEXT).replace(b"Subject: The engine", b"Subject: A loom")
    monkeypatch.setattr("mailauth.dkim.autopsy.work.MAX_WORK", 200_000)
    (story,) = stories(damaged)
    assert story.header == UNKNOWN
    (story,) = stories(b"X: y\r\n" * 5000 + damaged)
    assert story.header == ENDED


def test_a_field_is_looked_into_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []

    def look(octets: bytes, others: Message) -> Iterator[damage.Change]:
        looked.append(octets)
        return of_field(octets, others)

    of_field = damage.of_field
    monkeypatch.setattr(damage, "of_field", look)
    damaged = mail.signed(mail.signed(TEXT), "ed25519").replace(b"Subject: The", b"Subject: Tha")
    assert len(stories(damaged)) == 2
    assert looked
    assert len(set(looked)) == len(looked)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ({"rsa": mail.record("ed25519")}, "none of the known changes explains it"),
        ({"rsa": "v=DKIM1; p="}, "there is no key to check with"),
        ({"rsa": "nonsense"}, "there is no key to check with"),
    ],
)
def test_without_the_key_only_the_body_is_known(records: dict[str, Any], said: str) -> None:
    (story,) = stories(mail.signed(TEXT), mail.zone(**records))
    assert story.body == INTACT
    assert story.header.startswith(said)


def test_a_signature_of_another_key_says_so() -> None:
    octets = mail.signed(TEXT)
    found = re.search(rb"\bb=(.)", octets)
    assert found is not None
    instead = b"B" if found[1] == b"A" else b"A"
    other = octets[: found.start(1)] + instead + octets[found.end(1) :]
    (story,) = stories(other)
    assert story.header == "b= was not made with this key"


def test_what_was_not_tried_is_not_said_to_explain_nothing() -> None:
    signed = mail.signed(TEXT.replace(b"Ben,", b"Ben," + b"\r\n" * 5000))
    (story,) = stories(signed.replace(b"algebraic", b"algebrak"))
    assert story.body == "none of the known changes explains it; it is too long to try each octet"
    (story,) = stories(signed.replace(b"Subject: T", b"X: %s\r\nSubject: T" % (b"x" * 70_000), 1)
                       .replace(b"engine", b"engime"))  # fmt: skip
    assert story.header == "it has more than 65536 octets, and is not examined"


def test_what_is_no_signature_is_passed_over() -> None:
    assert stories(b"DKIM-Signature: nonsense\r\n" + TEXT) == []
    assert stories(TEXT) == []


def test_the_work_for_one_message_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = DAMAGES["another text"](mail.signed(TEXT, canonicalization="relaxed/relaxed"))
    field = signed[: signed.index(b"From: Ada")]
    others = [re.sub(rb"bh=.", b"bh=%c" % letter, field) for letter in b"ABCDEFGHIJ"]
    rest = signed.removeprefix(field)
    (alone,) = stories(signed)
    monkeypatch.setattr("mailauth.dkim.autopsy.work.MAX_WORK", 30_000)
    same = stories(field * 10 + rest)
    assert (alone.body, {story.body for story in same}) == (UNKNOWN, {UNKNOWN})
    different = stories(b"".join(others) + rest)
    assert (different[-1].body, different[-1].header) == (ENDED, ENDED)
    monkeypatch.setattr("mailauth.dkim.autopsy.work.MAX_WORK", 0)
    (story,) = stories(signed)
    assert (story.body, story.header) == (ENDED, INTACT)
