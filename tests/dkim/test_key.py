"""Key records: what is formatted is read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail import key

from mailauth.dkim import KeyRecord
from mailauth.dkim.key import parse
from mailauth.errors import BadArgument, SyntaxFault

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WORDS = st.lists(st.sampled_from(["sha256", "sha1", "*", "email", "x"]), min_size=1).map(tuple)


@given(
    record=st.builds(
        KeyRecord,
        key=st.binary(max_size=300),
        key_type=st.sampled_from(["rsa", "ed25519", "x"]),
        hashes=st.none() | WORDS,
        services=WORDS,
        testing=st.booleans(),
        strict=st.booleans(),
        notes=TEXT,
    )
)
def test_parse_is_the_inverse_of_format(record: KeyRecord) -> None:
    assert parse(record.format().encode()) == record


def test_KEY_11_notes_add_no_tags() -> None:
    """n= is in quoted-printable (RFC 6376 §3.6.1)."""
    record = KeyRecord.for_key(key().public_key, notes="call us; p=evil")
    text = record.format()
    assert "n=call=20us=3B=20p=3Devil; p=" in text
    assert text.count("; p=") == 1
    assert parse(text.encode()) == record


@pytest.mark.parametrize(
    ("written", "notes"),
    [
        ("a=3Bb", "a;b"),
        ("call us", "call us"),
        ("a=b", "a=b"),
        ("a=zz", "a=zz"),
        ("a=", "a="),
        ("=C3=BC=FF", "ü\ufffd"),
    ],
)
def test_notes_as_others_write_them(written: str, notes: str) -> None:
    assert parse(f"v=DKIM1; n={written}; p=".encode()).notes == notes


@pytest.mark.parametrize("written", ["AQAB=", "AQAB==", "AQAB ====", "AQ=", "AQA==", "AQAB=AQAB"])
def test_a_key_with_padding_that_does_not_belong_there(written: str) -> None:
    """RFC 4648 §4: other verifiers refuse such a key, and this must be known before they do."""
    with pytest.raises(SyntaxFault, match="p= is not base64"):
        parse(f"v=DKIM1; p={written}".encode())


def test_notes_that_are_no_text() -> None:
    with pytest.raises(BadArgument, match="notes"):
        KeyRecord.for_key(key().public_key, notes="\udcff").format()
