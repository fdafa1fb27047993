"""Authentication-Results: what is written, what is read, what is taken away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import authres
from mailauth.authres import AuthenticationResults, MethodResult, Property
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax.message import Message

# RFC 8601 appendix B
EXAMPLES: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("example.org 1; none", "example.org", []),
    ("example.com;\r\n spf=pass smtp.mailfrom=example.net", "example.com", [("spf", "pass")]),
    (
        """example.com;
 auth=pass (cram-md5) smtp.auth=sender@example.net;
 spf=pass smtp.mailfrom=example.net""",
        "example.com",
        [("auth", "pass"), ("spf", "pass")],
    ),
    ("example.com; iprev=pass\r\n policy.iprev=192.0.2.200", "example.com", [("iprev", "pass")]),
    (
        """example.com; dkim=pass reason="good signature"
 header.i=@mail-router.example.net;
 dkim=fail reason="bad signature"
 header.i=@newyork.example.com""",
        "example.com",
        [("dkim", "pass"), ("dkim", "fail")],
    ),
    (
        """foo.example.net (foobar) 1 (baz);
 dkim (Because I like it) / 1 (One yay) = (wait for it) fail
 policy (A dot can go here) . (like that) expired
 (this surprised me) = (as I wasn't expecting it) 1362471462""",
        "foo.example.net",
        [("dkim", "fail")],
    ),
]


@pytest.mark.parametrize(("text", "authserv_id", "results"), EXAMPLES)
def test_the_examples_of_the_rfc(
    text: str, authserv_id: str, results: list[tuple[str, str]]
) -> None:
    got = authres.parse(text)
    assert got.authserv_id == authserv_id
    assert [(each.method, each.result) for each in got.results] == results


def test_what_stands_around_a_result() -> None:
    (got,) = authres.parse(EXAMPLES[-1][0]).results
    assert got.get("policy", "expired") == "1362471462"
    first, second = authres.parse(EXAMPLES[-2][0]).results
    assert first.reason == "good signature"
    assert second.get("header", "i") == "@newyork.example.com"
    assert second.get("header", "d") is None


def test_the_case_of_keywords_does_not_count() -> None:
    (got,) = authres.parse("mx; SPF=Pass SMTP.MailFrom=A@b.example").results
    assert (got.method, got.result, got.get("smtp", "mailfrom")) == ("spf", "pass", "A@b.example")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mx; spf=pass smtp.mailfrom=a@b.example;", "a@b.example"),
        ('mx; spf=pass smtp.mailfrom="a b"@c.example', '"a b"@c.example'),
        ('mx; spf=pass smtp.mailfrom="a b@c.example"', "a b@c.example"),
        ("mx; spf=pass smtp.mailfrom=a=b/c:d", "a=b/c:d"),
        ("mx; spf=pass smtp.mailfrom=ü@ä.example", "ü@ä.example"),
        ("mx; spf=pass (of a bounce) smtp.mailfrom=", ""),
        ("mx; spf=pass smtp.mailfrom= (of a bounce); dmarc=none", ""),
    ],
)
def test_values_of_others(text: str, value: str) -> None:
    got = authres.parse(text).results[0]
    assert got.get("smtp", "mailfrom") == value


def test_the_action_that_microsoft_writes_is_passed_over() -> None:
    text = "mx.example 1; dmarc=pass action=none header.from=b.example; arc=none"
    first, second = authres.parse(text).results
    assert (first.result, first.reason, first.get("header", "from")) == ("pass", "", "b.example")
    assert second.method == "arc"


@pytest.mark.parametrize(
    "text",
    [
        "", ";", "(", '"mx', "mx none", "mx; spf", "mx; spf=", "mx; =pass", "mx; spf=pass smtp",
        "mx; spf=pass smtp.mailfrom", "mx; spf=pass reason=", 'mx; spf=pass reason="x',
        "mx; spf=pass dmarc=pass", "mx; spf=pass action=",
        "mx; none; spf=pass", "mx; spf=pass x", "mx; spf/x=pass", "mx 1 2; none",
        "mx" + "; spf=pass" * 600, "mx; none" + " " * 70_000, "mx" + "(" * 50_000,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_malformed_fields_are_refused(text: str) -> None:
    with pytest.raises(SyntaxFault):
        authres.parse(text)
    assert authres.is_claimed(text, "nobody.example") in (True, False)


ANYTHING = st.text(max_size=80)
PROPERTIES = st.builds(Property, st.just("header"), st.sampled_from(["d", "i"]), ANYTHING)
RESULTS = st.builds(
    MethodResult,
    st.sampled_from(["spf", "dkim", "dmarc"]),
    st.sampled_from(["pass", "fail", "none", "permerror"]),
    ANYTHING,
    st.lists(PROPERTIES, max_size=3).map(tuple),
)


@given(authserv_id=ANYTHING.filter(bool), results=st.lists(RESULTS, max_size=4))
def test_ar_04_nothing_from_outside_leaves_its_place(
    authserv_id: str, results: list[MethodResult]
) -> None:
    octets = authres.field(authserv_id, results, smtputf8=True)
    message = Message.parse(octets + b"From: a@example.com\r\n\r\n")
    assert [field.name for field in message.fields] == [b"Authentication-Results", b"From"]
    assert not message.faults
    got = authres.parse(octets.decode().partition(":")[2])
    assert len(got.results) == len(results)
    for read, written in zip(got.results, results, strict=True):
        assert (read.method, read.result) == (written.method, written.result)
        assert [p.name for p in read.properties] == [p.name for p in written.properties]
        assert all("\r" not in p.value for p in read.properties)


@given(
    results=st.lists(
        st.builds(
            MethodResult,
            st.just("dkim"),
            st.just("pass"),
            st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=40),
            st.sampled_from(["a@b.example", "b.example", "@b.example", "x;y", 'q"uo', "a b"])
            .map(lambda value: (Property("header", "i", value),)),
            st.just(authres.CURRENT),
        ),
        max_size=3,
    )
)  # fmt: skip
def test_what_is_written_is_read(results: list[MethodResult]) -> None:
    octets = authres.field("mx.example.org", results)
    got = authres.parse(octets.decode().partition(":")[2])
    assert got == AuthenticationResults("mx.example.org", tuple(results))


def test_a_field_as_it_looks() -> None:
    results = [
        MethodResult("spf", "pass", "", (Property("smtp", "mailfrom", "ada@example.com"),)),
        MethodResult("dkim", "fail", "the body differs", (Property("header", "d", "example.com"),)),
    ]
    assert authres.field("mx.example.org", results) == (
        b"Authentication-Results: mx.example.org; spf=pass\r\n"
        b'\tsmtp.mailfrom=ada@example.com; dkim=fail reason="the body differs"\r\n'
        b"\theader.d=example.com\r\n"
    )
    assert authres.field("mx", []) == b"Authentication-Results: mx; none\r\n"


def test_ar_06_methods_and_properties_that_are_not_known_do_no_harm() -> None:
    told = authres.parse("mx; x-tls=fine x.y=1 policy.z=2; dmarc=perhaps; spf=pass smtp.mailfrom=a")
    assert [(each.method, each.result) for each in told.results] == [
        ("x-tls", "fine"), ("dmarc", "perhaps"), ("spf", "pass"),
    ]  # fmt: skip
    assert told.results[0].get("policy", "z") == "2"
    assert told.results[0].get("policy", "q") is None
    assert authres.parse("mx; none").results == ()


def test_ar_06_results_are_bounded() -> None:
    many = "mx" + "; a=b" * authres.MAX_RESULTS
    assert len(authres.parse(many).results) == authres.MAX_RESULTS
    for too_many in (many + "; a=b", "mx" + "; a=b" * 100_000):
        with pytest.raises(SyntaxFault):
            authres.parse(too_many)
        assert authres.is_claimed(too_many, "mx")


def test_ar_12_utf_8_only_where_it_may_stand() -> None:
    sender = "用户@bücher.example"
    result = MethodResult("spf", "pass", "wörd", (Property("smtp", "mailfrom", sender),))
    field = authres.field("mx.bücher.example", [result])
    assert b"s: mx.xn--bcher-kva.example; spf=pass" in field
    got = authres.parse(field.partition(b":")[2].decode("ascii"))
    assert got.results[0].reason == "w?rd"
    assert got.results[0].get("smtp", "mailfrom") == "??@xn--bcher-kva.example"
    whole = authres.field("mx.bücher.example", [result], smtputf8=True).decode()
    assert authres.parse(whole.partition(":")[2]).authserv_id == "mx.bücher.example"
    assert sender in whole
    odd = authres.field("mx b?ü", [result]).partition(b":")[2].decode("ascii")
    assert authres.parse(odd).authserv_id == "mx b??"


@pytest.mark.parametrize("word", ["x\r\nX-Evil: 1", "a=b", "", "ä"])
def test_ar_04_words_of_a_program_are_keywords(word: str) -> None:
    for result in (
        MethodResult(word, "pass"),
        MethodResult("spf", word),
        MethodResult("spf", "pass", "", (Property(word, "x", "y"),)),
        MethodResult("spf", "pass", "", (Property("smtp", word, "y"),)),
    ):
        with pytest.raises(BadArgument):
            authres.field("mx", [result])


CLAIMS = [
    "mx.example.com; none",
    "MX.Example.COM; spf=pass",
    '"mx.example.com"; none',
    '"mx\\.example.com"; none',
    " \r\n\tmx.example.com; none",
    "(comment) mx.example.com; none",
    "(a(b)c)\r\n mx.example.com(d); none",
    "mx.example.com 1; none",
    "mx.example.com 2; none",
    "mx.example.com/job17; none",
    '"mx.example.com/job17"; none',
    "mx.example.com.; none",
    "mx.example.com",
    "sub.mx.example.com; none",
    "mx。example。com; none",
    "mx.example\uff0ecom; none",
    '"mx.example.com; none',
    "mx.example.com (; none",
    "mx.example.com spf=pass",
    ";spf=pass",
    "",
    "mx.example.com\xa0; none",
    "\xa0mx.example.com; none",
    "mx.example.com\u2003evil.example; none",
    "\ufeffmx.example.com; none",
    "mx.exam\xadple.com\u200b; none",
    "mx.example.com\ufffd; none",
    "mx.example.com\x00; none",
    "other.example 2; spf=pass",
    "other.example" + "x" * 70_000,
    "other.example; dkim=pass (unclosed mx.example.com; dmarc=pass",
    'other.example; dkim=pass reason="unclosed mx.example.com; dmarc=pass',
    "other.example; dkim=pass\rAuthentication-Results: mx.example.com; dkim=pass",
    "other.example; dkim=pass\x00",
    "other.example; dkim=pass )",
]


@pytest.mark.parametrize("text", CLAIMS, ids=lambda text: text[:25])
def test_ar_01_forged_fields_are_taken_away(text: str) -> None:
    """AR-01, AR-03 and AR-07 too: what cannot be read, and other versions."""
    assert authres.is_claimed(text, "mx.example.com")


def test_ar_01_a_name_of_idna_is_one_name() -> None:
    assert authres.is_claimed("mx.bücher.example; none", "mx.xn--bcher-kva.example")
    assert authres.is_claimed("mx.xn--bcher-kva.example; none", "mx.bücher.example")
    assert authres.is_claimed("MX.BÜCHER.example; none", "mx.bücher.example")


def test_ar_01_the_case_of_an_id_that_is_no_domain_means_nothing() -> None:
    assert authres.is_claimed("MX%1; none", "mx%1")
    assert authres.is_claimed("mx%1; none", "MX%1")


@pytest.mark.parametrize(
    "text",
    [
        "other.example; spf=pass", "example.com; none", "notmx.example.com; none",
        "mx.example.com.evil.example; none", "other.example 1; none",
        "other.example; dkim=none (not signed)\r\n header.d=none;dmarc=none action=none",
        'other.example; x="mx.example.com;" (mx.example.com; none) y=z@mx.example.com', "o; %% =;;",
    ],
)  # fmt: skip
def test_fields_of_others_stay(text: str) -> None:
    assert not authres.is_claimed(text, "mx.example.com")
