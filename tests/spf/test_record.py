"""Records: read, written, and built from options."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import spf
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.spf import record as records

NAMES = st.sampled_from(["example.com", "_spf.Example.com", "%{d2}", "%{l1r+-}._at.%{o}", "a-b.c2"])
ADDRESSES = st.one_of(
    st.builds("{}:{}{}".format, st.just("ip4"), st.ip_addresses(v=4), st.sampled_from(["", "/24"])),
    st.builds("{}:{}{}".format, st.just("ip6"), st.ip_addresses(v=6), st.sampled_from(["", "/64"])),
)
LENGTHS = st.sampled_from(["", "/24", "//64", "/24//64", "/0//0"])
MECHANISMS = st.one_of(
    st.sampled_from(["all", "a", "mx", "ptr"]),
    ADDRESSES,
    st.builds("{}:{}{}".format, st.sampled_from(["a", "mx"]), NAMES, LENGTHS),
    st.builds("{}:{}".format, st.sampled_from(["include", "exists", "ptr"]), NAMES),
)
TERMS = st.builds("{}{}".format, st.sampled_from(["", "-", "~", "?"]), MECHANISMS)
MODIFIERS = st.sampled_from(
    ["", " redirect=%{d}.x", " exp=why.%{d}", " redirect=a.b exp=c.d x=%{i}"]
)
WHOLE = st.builds(
    lambda terms, rest: " ".join(["v=spf1", *terms]) + rest, st.lists(TERMS, max_size=8), MODIFIERS
)


@given(text=WHOLE)
def test_format_is_the_inverse_of_parse(text: str) -> None:
    record = records.parse(text.encode())
    assert records.format(record) == text
    assert records.parse(records.format(record).encode()) == record


def test_a_fault_points_at_its_term() -> None:
    with pytest.raises(SyntaxFault) as raised:
        records.parse(b"v=spf1 mx ip4:192.0.2.300 -all")
    *_, text, caret = raised.value.caret().split("\n")
    assert text[len(caret) - 1 :].startswith("ip4:192.0.2.300")


FAIL = spf.Qualifier.FAIL
BUILT: list[tuple[dict[str, Any], str]] = [
    ({"all": FAIL}, "v=spf1 -all"),
    ({"mx": True, "all": spf.Qualifier.SOFTFAIL}, "v=spf1 mx ~all"),
    (
        {"a": True, "mx": True, "ip4": ["192.0.2.0/24", "192.0.2.1"], "ip6": ["2001:db8::/32"]}
        | {"include": ["_spf.example"], "all": spf.Qualifier.NEUTRAL},
        "v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1 ip6:2001:db8::/32 a mx include:_spf.example ?all",
    ),
    ({"redirect": "_spf.example.com."}, "v=spf1 redirect=_spf.example.com"),
    (
        {"include": ["bücher.example"], "all": FAIL},
        "v=spf1 include:xn--bcher-kva.example -all",
    ),
    (
        {"include": ["%{d2}.esp.example"], "all": spf.Qualifier.PASS},
        "v=spf1 include:%{d2}.esp.example all",
    ),
]


@pytest.mark.parametrize(("options", "text"), BUILT, ids=[text for _, text in BUILT])
def test_a_record_of_options(options: dict[str, Any], text: str) -> None:
    assert records.format(spf.build(**options)) == text


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"all": FAIL, "redirect": "example.com"},
        {"ip4": ["192.0.2.1 +all"], "all": FAIL},
        {"ip4": ["2001:db8::1"], "all": FAIL},
        {"ip4": ["010.0.0.1"], "all": FAIL},
        {"ip6": ["fe80::1%eth0"], "all": FAIL},
        {"ip4": ["192.0.2.1\n"], "all": FAIL},
        {"include": ["a b.example"], "all": FAIL},
        {"include": ["%{d} +all"], "all": FAIL},
        {"include": ["%{x}.example"], "all": FAIL},
        {"include": ["x" * 64 + ".example"], "all": FAIL},
        {"include": [""], "all": FAIL},
    ],
    ids=str,
)
def test_options_of_which_no_record_can_be_made(options: dict[str, Any]) -> None:
    with pytest.raises(BadArgument):
        spf.build(**options)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("exists:a.%{d}", True),
        ("exists:a.%%", True),
        ("exists:a.%%s", False),
        ("exists:a.%%{d}", False),
        ("exists:%%%{d}", True),
        ("exists:a.%_", True),
        ("exists:a.b}", False),
        ("exists:a%sb", False),
    ],
)
def test_a_domain_ends_in_a_top_label_or_a_macro(text: str, fine: bool) -> None:
    record = f"v=spf1 {text}".encode()
    if fine:
        assert records.parse(record).directives[0].text == text
        return
    with pytest.raises(SyntaxFault):
        records.parse(record)
