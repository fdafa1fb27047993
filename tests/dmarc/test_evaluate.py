"""Discovery and alignment: whose policy applies, and who is aligned with the author."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import dkim, dmarc, spf
from mailauth.dmarc import discover, suffixes
from mailauth.dns import Answer, Question, Status, Zone, run
from mailauth.dns.ask import LookupFailed
from mailauth.errors import BadArgument
from mailauth.syntax.message import Message

LONG = "a.b.c.d.e.f.g.h.i.j.mail.example.com"


def message(*froms: str) -> bytes:
    fields = "".join(f"From: {each}\r\n" for each in froms)
    return f"{fields}Subject: x\r\n\r\n".encode("utf-8", "surrogateescape")


def signed(domain: str, result: dkim.Result = dkim.Result.PASS) -> dkim.Verdict:
    return dkim.Verdict(result, "", domain=domain)


def sent(domain: str, result: spf.Result = spf.Result.PASS, by: str = "mailfrom") -> spf.Verdict:
    return spf.Verdict(result, "", domain, by)


def verdict(
    records: dict[str, Any],
    author: str = "ada@example.com",
    *,
    spf: spf.Verdict | None = None,
    dkim: tuple[dkim.Verdict, ...] = (),
) -> dmarc.Verdict:
    nodes: dict[str, Any] = {
        f"_dmarc.{name}": {"TXT": [text] if isinstance(text, str) else text}
        for name, text in records.items()
        if not isinstance(text, dict)
    }
    nodes |= {name: node for name, node in records.items() if isinstance(node, dict)}
    return Zone(nodes).run(dmarc.check(message(author), spf=spf, dkim=dkim))


REJECT = "v=DMARC1; p=reject"


def test_DMARC_05_the_names_of_a_walk() -> None:
    """The example of §4.10."""
    assert discover.names(LONG) == [
        LONG,
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]
    assert discover.names("a.example.com") == ["a.example.com", "example.com", "com"]
    assert discover.names("com") == ["com"]


@given(labels=st.integers(1, 120))
def test_DMARC_05_no_walk_asks_more_than_eight(labels: int) -> None:
    assert len(discover.names(".".join("a" * labels))) <= 8


NP = f"{REJECT}; sp=none; np=quarantine"
SUFFIX = "v=DMARC1; p=reject; psd=y"
MILD = "v=DMARC1; p=none"
HOST = {"A": ["192.0.2.1"]}
POLICIES: list[tuple[str, dict[str, Any], str, str, str]] = [
    # id, the records, the author's domain, the policy, where it stands
    ("the author's own", {"example.com": REJECT}, "example.com", "reject", "example.com"),
    ("a subdomain's", {"example.com": REJECT}, "x.example.com", "reject", "example.com"),
    (
        "sp=",
        {"example.com": f"{REJECT}; sp=none", "x.example.com": HOST},
        *("x.example.com", "none", "example.com"),
    ),
    ("DMARC-10 np=", {"example.com": NP}, "x.example.com", "quarantine", "example.com"),
    (
        "DMARC-10 a name without data exists",
        {"example.com": NP, "y.x.example.com": HOST},
        *("x.example.com", "none", "example.com"),
    ),
    (
        "its own before the organization's",
        {"example.com": REJECT, "_dmarc.x.example.com": {"TXT": [MILD]}},
        *("x.example.com", "none", "x.example.com"),
    ),
    (
        "psd=n ends the walk",
        {"example.com": REJECT, "b.example.com": f"{MILD}; psd=n"},
        *("a.b.example.com", "none", "b.example.com"),
    ),
    ("DMARC-11 a public suffix's", {"com": SUFFIX}, "example.com", "reject", "com"),
    ("DMARC-11 the suffix itself", {"com": SUFFIX}, "com", "reject", "com"),
    (
        "DMARC-08 its own, with an address for reports in place of a policy",
        {
            "example.com": REJECT,
            "_dmarc.x.example.com": {"TXT": ["v=DMARC1; p=bogus; rua=mailto:a@example.com"]},
        },
        *("x.example.com", "none", "x.example.com"),
    ),
]


@pytest.mark.parametrize(
    ("records", "domain", "policy", "where"),
    [case[1:] for case in POLICIES],
    ids=[case[0] for case in POLICIES],
)
def test_whose_policy_applies(
    records: dict[str, Any], domain: str, policy: str, where: str
) -> None:
    got = verdict(records, f"a@{domain}")
    assert got.result is dmarc.Result.FAIL
    assert (got.policy, got.policy_domain) == (policy, where)
    assert got.disposition == policy


def test_a_walk_asks_once_and_what_is_above_its_end_may_fail() -> None:
    def walk(below: bytes) -> dmarc.Walk:
        walking = discover.walk("mail.example.com")
        together: Any = next(walking)
        assert [each.name for each in together.questions] == [
            "_dmarc.mail.example.com",
            "_dmarc.example.com",
            "_dmarc.com",
        ]
        failed: Answer[Any] = Answer(Status.TIMEOUT)
        try:
            walking.send([Answer(Status.EXISTS, (below,)), failed, failed])
        except StopIteration as stop:
            walked: dmarc.Walk = stop.value
            return walked
        raise AssertionError

    ended, went_on = walk(b"v=DMARC1; p=none; psd=n"), walk(b"v=DMARC1; p=none")
    assert dmarc.organizational_domain(ended) == "mail.example.com"
    assert [each.domain for each in went_on.silent] == ["example.com", "com"]
    with pytest.raises(LookupFailed, match=r"_dmarc\.example\.com"):
        dmarc.organizational_domain(went_on)


@pytest.mark.parametrize(
    ("policy", "asked"), [("reject", "quarantine"), ("quarantine", "none"), ("none", "none")]
)
def test_DMARC_11_t_y_asks_for_one_level_less(policy: str, asked: str) -> None:
    got = verdict({"example.com": f"v=DMARC1; p={policy}; t=y"})
    assert (got.policy, got.disposition, got.testing) == (policy, asked, True)


OWN = f"{REJECT}; psd=n"
ORGANIZATIONS: list[tuple[dict[str, str], str, str]] = [
    ({}, "a.b.example.com", "a.b.example.com"),
    ({"example.com": REJECT}, "a.b.example.com", "example.com"),
    ({"example.com": REJECT, "com": MILD}, "a.example.com", "com"),
    ({"example.com": OWN, "com": MILD}, "a.example.com", "example.com"),
    ({"co.uk": SUFFIX}, "a.b.co.uk", "b.co.uk"),
    ({"co.uk": SUFFIX, "b.co.uk": REJECT}, "a.b.co.uk", "b.co.uk"),
    ({"co.uk": SUFFIX}, "co.uk", "co.uk"),
    ({"bank": "v=DMARC1; psd=y"}, "x.foo.bank", "foo.bank"),
    ({"foo.bank": "v=DMARC1; psd=n", "bank": MILD}, "x.foo.bank", "foo.bank"),
    ({"foo.bank": REJECT, "bank": "v=DMARC1"}, "x.foo.bank", "bank"),
]


@pytest.mark.parametrize(("records", "domain", "organization"), ORGANIZATIONS)
def test_DMARC_13_where_an_organization_begins(
    records: dict[str, str], domain: str, organization: str
) -> None:
    zone = Zone({f"_dmarc.{name}": {"TXT": [text]} for name, text in records.items()})
    assert dmarc.organizational_domain(zone.run(discover.walk(domain))) == organization


@pytest.mark.parametrize(
    ("tags", "domain", "aligned"),
    [
        ("", "example.com", True),
        ("", "mail.example.com", True),
        ("", "example.org", False),
        ("", "notexample.com", False),
        ("", "com", False),
        ("; adkim=s; aspf=s", "example.com", True),
        ("; adkim=s; aspf=s", "mail.example.com", False),
    ],
)
def test_DMARC_04_alignment(tags: str, domain: str, aligned: bool) -> None:
    records = {"example.com": REJECT + tags}
    by_dkim = verdict(records, dkim=(signed(domain),))
    by_spf = verdict(records, spf=sent(domain.upper()))
    for got in (by_dkim, by_spf):
        assert (got.result is dmarc.Result.PASS) == aligned
        assert got.disposition == ("none" if aligned else "reject")
    if aligned:
        assert (by_dkim.dkim_domain, by_spf.spf_domain) == (domain, domain)


def test_a_subdomain_of_another_organization_is_not_aligned() -> None:
    records = {"example.com": REJECT, "team.example.com": f"{REJECT}; psd=n"}
    assert verdict(records, dkim=(signed("x.team.example.com"),)).result is dmarc.Result.FAIL


def test_DMARC_12_HELO_does_not_stand_for_an_author() -> None:
    got = verdict({"example.com": REJECT}, spf=sent("example.com", by="helo"))
    assert got.result is dmarc.Result.FAIL
    assert any("HELO" in step.text for step in got.steps)


FROMS: list[tuple[str, list[str]]] = [
    ("DMARC-01 none", []),
    ("DMARC-01 two", ["a@example.com", "b@example.com"]),
    ("DMARC-02 of two domains", ["a@example.com, b@example.org"]),
    ("DMARC-03 a stray bracket", ["a@example.com>"]),
    ("DMARC-03 no domain", ["ada"]),
    ("DMARC-03 a group of nobody", ["friends:;"]),
    ("DMARC-03 an address literal", ["a@[192.0.2.1]"]),
    ("DMARC-03 octets that are no text", ["a\udcff@example.com"]),
    ("DMARC-03 an invisible character", ["a@exa\u200bmple.com"]),
    ("DMARC-03 a NUL", ["a@example.com\x00.evil.example"]),
    ("DMARC-03 empty", [""]),
    ("quotes of espoofer", ['"a@example.com"@evil.example, x@example.com']),
    ("a route", ["<@evil.example:a@example.com>"]),
]


@pytest.mark.parametrize("froms", [case[1] for case in FROMS], ids=[case[0] for case in FROMS])
def test_without_one_author_there_is_an_error_not_nothing(froms: list[str]) -> None:
    zone = Zone({"_dmarc.example.com": {"TXT": [REJECT]}})
    got = zone.run(dmarc.check(message(*froms), dkim=[signed("example.com")]))
    assert got.result is dmarc.Result.PERMERROR
    assert got.reason


@pytest.mark.parametrize(
    "author",
    [
        "a@example.com, b@EXAMPLE.com", "Ada <a@example.com>", '"x@evil.example" <a@example.com>',
        "(c@evil.example) a@example.com", "friends: a@example.com, b@example.com;",
    ],
)  # fmt: skip
def test_several_authors_of_one_domain_are_one(author: str) -> None:
    got = verdict({"example.com": REJECT}, author, dkim=(signed("example.com"),))
    assert (got.result, got.domain) == (dmarc.Result.PASS, "example.com")


def test_DMARC_14_only_From_counts() -> None:
    octets = b"Sender: b@evil.example\r\nResent-From: c@evil.example\r\n" + message("a@example.com")
    zone = Zone({"_dmarc.example.com": {"TXT": [REJECT]}})
    got = zone.run(dmarc.check(octets, dkim=[signed("evil.example")]))
    assert (got.result, got.domain) == (dmarc.Result.FAIL, "example.com")


def test_a_domain_of_U_labels_is_one_of_A_labels() -> None:
    got = verdict({"xn--bcher-kva.example": REJECT}, "a@bücher.example")
    assert (got.result, got.domain) == (dmarc.Result.FAIL, "xn--bcher-kva.example")


def test_DMARC_06_two_records_are_none_and_the_walk_goes_on() -> None:
    records = {"x.example.com": [REJECT, REJECT], "example.com": "v=DMARC1; p=quarantine"}
    got = verdict(records, "a@x.example.com")
    assert (got.policy, got.policy_domain) == ("quarantine", "example.com")
    assert verdict({"example.com": [REJECT, REJECT]}).result is dmarc.Result.NONE


def test_no_policy_is_none() -> None:
    got = verdict({}, dkim=(signed("example.com"),))
    assert (got.result, got.reason) == (dmarc.Result.NONE, "example.com publishes no policy")


@pytest.mark.parametrize(
    "records",
    [
        {"bad.example.com": "v=DMARC1; p=bogus"},
        {"bad.example.com": "v=DMARC1"},
        {"bad.example.com": "v=DMARC1; psd=n", "example.com": f"{REJECT}; psd=y"},
        {"bad.example.com": f"{REJECT}; sp=bogus"},
        {"example.com": "v=DMARC1; p=bogus", "com": SUFFIX},
    ],
)
def test_DMARC_08_a_record_without_a_policy_is_no_reason_to_take_another(
    records: dict[str, Any],
) -> None:
    got = verdict({"example.com": REJECT} | records, "a@bad.example.com")
    assert (got.result, got.policy) == (dmarc.Result.NONE, None)


FAILS: dict[str, Any] = {"FAIL": ["TXT"]}
OF_A = "a@a.example.com"
SILENT: list[tuple[str, dict[str, Any], str, list[str], str]] = [
    # id, the records, the author, the signers, the result
    (
        "DMARC-04 strictly the same domain",
        {"a.example.com": f"{REJECT}; adkim=s", "_dmarc.com": FAILS},
        *(OF_A, ["a.example.com"], "pass"),
    ),
    (
        "DMARC-04 strictly another",
        {"a.example.com": f"{REJECT}; adkim=s", "_dmarc.com": FAILS},
        *(OF_A, ["b.example.com"], "fail"),
    ),
    (
        "the same domain",
        {"a.example.com": REJECT, "_dmarc.com": FAILS, "_dmarc.example.com": FAILS},
        *(OF_A, ["a.example.com"], "pass"),
    ),
    (
        "DMARC-09 another, below what is silent",
        {"a.example.com": REJECT, "_dmarc.example.com": FAILS},
        *(OF_A, ["b.example.com"], "temperror"),
    ),
    (
        "another, that cannot be of the organization",
        {"a.example.com": REJECT, "_dmarc.example.com": FAILS},
        *(OF_A, ["evil.com", "evil.example"], "fail"),
    ),
    (
        "another, whose organization is known",
        {
            "a.example.com": REJECT,
            "_dmarc.example.com": FAILS,
            "b.example.com": f"{REJECT}; psd=n",
        },
        *(OF_A, ["x.b.example.com"], "fail"),
    ),
    (
        "a way that has met the author's below what is silent",
        {"a.example.com": REJECT, "example.com": REJECT, "_dmarc.com": FAILS},
        *(OF_A, ["b.example.com"], "pass"),
    ),
    (
        "DMARC-09 a policy that is not known",
        {"_dmarc.com": FAILS, "example.com": REJECT},
        *(OF_A, ["a.example.com"], "temperror"),
    ),
    (
        "whether the author's name exists, and one that is aligned",
        {"example.com": NP, "a.example.com": {"FAIL": ["A"]}},
        *(OF_A, ["other.example", "example.com"], "pass"),
    ),
    (
        "DMARC-09 whether the author's name exists",
        {"example.com": NP, "a.example.com": {"FAIL": ["A"]}},
        *(OF_A, ["other.example"], "temperror"),
    ),
    (
        "one that is silent, and one that is aligned",
        {"example.com": REJECT, "_dmarc.broken.example.com": FAILS},
        *("a@example.com", ["broken.example.com", "example.com"], "pass"),
    ),
    (
        "DMARC-09 one that is silent",
        {"example.com": REJECT, "_dmarc.broken.example.com": FAILS},
        *("a@example.com", ["broken.example.com", "other.example"], "temperror"),
    ),
]


@pytest.mark.parametrize(
    ("records", "author", "signers", "result"),
    [case[1:] for case in SILENT],
    ids=[case[0] for case in SILENT],
)
def test_silence_counts_where_it_decides(
    records: dict[str, Any], author: str, signers: list[str], result: str
) -> None:
    for domains in (signers, signers[::-1]):
        got = verdict(records, author, dkim=tuple(map(signed, domains)))
        assert got.result == result, got.reason
        assert got.steps


NAMES = ["a.b.c.example", "b.c.example", "d.c.example", "c.example", "example"]
TEXTS: list[Any] = [[REJECT], [f"{REJECT}; psd=y"], [f"{REJECT}; psd=n"], []]


@given(st.data())
def test_what_is_told_in_spite_of_silence_is_so_whatever_the_silent_would_say(
    data: st.DataObject,
) -> None:
    known = {name: data.draw(st.sampled_from(TEXTS)) for name in NAMES}
    silent = data.draw(st.sets(st.sampled_from(NAMES), min_size=1))
    starts = data.draw(st.permutations(NAMES))[:2]

    def walks(failing: bool) -> list[dmarc.Walk]:
        nodes: dict[str, Any] = {f"_dmarc.{name}": {"TXT": text} for name, text in known.items()}
        nodes |= {f"_dmarc.{name}": FAILS for name in silent if failing}
        zone = Zone(nodes)
        return [zone.run(dmarc.walk(start)) for start in starts]

    try:
        told = discover.is_same_organization(*walks(failing=True))
    except LookupFailed:
        return
    assert told == discover.is_same_organization(*walks(failing=False))


@given(st.data())
def test_looking_ahead_changes_no_verdict(data: st.DataObject) -> None:
    nodes: dict[str, Any] = {
        f"_dmarc.{name}": {"TXT": data.draw(st.sampled_from([*TEXTS, [f"{REJECT}; adkim=s"]]))}
        for name in NAMES
    }
    nodes |= {f"_dmarc.{name}": FAILS for name in data.draw(st.sets(st.sampled_from(NAMES)))}
    zone = Zone(nodes)
    octets = message(f"x@{data.draw(st.sampled_from(NAMES))}")
    domains = data.draw(st.lists(st.sampled_from(NAMES), max_size=3))
    signatures = [
        signed(each, data.draw(st.sampled_from([dkim.Result.PASS, dkim.Result.TEMPERROR])))
        for each in domains
    ]
    ahead = zone.run(dmarc.look_ahead(Message.parse(octets), domains))
    assert zone.run(dmarc.check(octets, dkim=signatures, ahead=ahead)) == zone.run(
        dmarc.check(octets, dkim=signatures)
    )


def test_DMARC_09_silence_of_the_DNS_is_neither() -> None:
    zone = Zone({"_dmarc.example.com": {"FAIL": ["TXT"]}})
    got = zone.run(dmarc.check(message("a@example.com"), dkim=[signed("example.com")]))
    assert got.result is dmarc.Result.TEMPERROR
    for more in (
        {"dkim": (signed("example.com", dkim.Result.TEMPERROR),)},
        {"spf": sent("example.com", spf.Result.TEMPERROR)},
    ):
        assert verdict({"example.com": REJECT}, **more).result is dmarc.Result.TEMPERROR
    both = (signed("other.example", dkim.Result.TEMPERROR), signed("example.com"))
    assert verdict({"example.com": REJECT}, dkim=both).result is dmarc.Result.PASS


def test_silence_for_a_domain_that_cannot_be_aligned_saves_no_forger() -> None:
    evil = (signed("evil.example", dkim.Result.TEMPERROR),)
    below = (signed("mail.example.com", dkim.Result.TEMPERROR),)
    strict = f"{REJECT}; adkim=s; aspf=s"
    for record, more in (
        (REJECT, {"dkim": evil, "spf": sent("evil.example", spf.Result.TEMPERROR)}),
        (REJECT, {"spf": sent("example.com", spf.Result.TEMPERROR, "helo")}),
        (strict, {"dkim": below, "spf": sent("mail.example.com", spf.Result.TEMPERROR)}),
    ):
        got = verdict({"example.com": record}, **more)
        assert (got.result, got.disposition) == (dmarc.Result.FAIL, "reject")
    assert verdict({"example.com": REJECT}, dkim=below).result is dmarc.Result.TEMPERROR


@given(st.data())
def test_any_zone_comes_to_a_verdict_within_bounds(data: st.DataObject) -> None:
    texts = st.sampled_from(
        [REJECT, f"{REJECT}; psd=y", f"{REJECT}; psd=n", "v=DMARC1", "x", "\xff"]
    )
    asked: list[Question] = []

    def resolve(question: Question) -> Answer[Any]:
        asked.append(question)
        status = data.draw(st.sampled_from([Status.EXISTS, *Status]))
        found = (data.draw(texts).encode("latin-1"),) if status is Status.EXISTS else ()
        return Answer(status, found)

    author = data.draw(st.sampled_from(["a@example.com", f"a@{LONG}", "a@com"]))
    many = [signed(f"d{n}.{LONG}") for n in range(50)]
    got = run(dmarc.check(message(author), dkim=many, spf=sent(LONG)), resolve)
    assert got.reason
    assert len(asked) <= 8 + 1 + 8 * 11


def test_lint_asks_those_who_get_reports() -> None:
    record = "v=DMARC1; p=reject; rua=mailto:a@reports.example,mailto:b@example.com"
    zone = Zone({"_dmarc.example.com": {"TXT": [record]}})
    assert [each.code for each in zone.run(dmarc.lint("example.com"))] == ["consent"]
    consent = {"example.com._report._dmarc.reports.example": {"TXT": ["v=DMARC1"]}}
    zone = Zone({"_dmarc.example.com": {"TXT": [record]}, **consent})
    assert zone.run(dmarc.lint("example.com")) == []
    for node, code in (
        ({}, "none"),
        ({"TXT": [REJECT] * 2}, "several"),
        ({"FAIL": ["TXT"]}, "dns"),
    ):
        zone = Zone({"_dmarc.example.com": node})
        assert [each.code for each in zone.run(dmarc.lint("example.com"))] == [code]


@pytest.mark.parametrize(
    ("own", "codes"),
    [
        ([], ["inherited", "monitoring"]),
        (["v=spf1 -all"], ["inherited", "monitoring"]),
        ([REJECT, REJECT], ["several", "inherited", "monitoring"]),
        ([f"{REJECT}; rua=mailto:{'a' * 9000}@b.c"], ["syntax", "inherited", "monitoring"]),
        (["v=dmarc1; p=reject"], ["syntax", "inherited", "monitoring"]),
    ],
)
def test_lint_of_a_subdomain_is_of_the_record_that_applies(
    own: list[str], codes: list[str]
) -> None:
    record = "v=DMARC1; p=none; rua=mailto:a@example.com"
    nodes = {"_dmarc.example.com": {"TXT": [record]}, "_dmarc.a.example.com": {"TXT": own}}
    found = Zone(nodes).run(dmarc.lint("a.example.com"))
    assert [each.code for each in found] == codes
    assert found[-1].domain == "example.com"
    silent = nodes | {"_dmarc.example.com": {"FAIL": ["TXT"]}}
    assert Zone(silent).run(dmarc.lint("a.example.com"))[-1].code == "dns"


@pytest.mark.parametrize(
    "text",
    [
        "V=dmarc1; p=none",
        "v=DMARC1p=none",
        "v=DMARC1, p=none",
        '"v=DMARC1; p=none"',
        "v=DMARC;",
        "DMARC1; p=none",
    ],
)
def test_what_was_meant_for_a_record_is_shown(text: str) -> None:
    (found,) = Zone({"_dmarc.example.com": {"TXT": ["x", text]}}).run(dmarc.lint("example.com"))
    assert (found.code, found.shown) == ("syntax", text)
    assert "v=DMARC1 and a semicolon" in found.sentence


def by_list(domain: str) -> str:
    """A list with the suffixes com and co.example."""
    labels = domain.split(".")
    return ".".join(labels[-3:] if domain.endswith("co.example") else labels[-2:])


LISTED: list[tuple[dict[str, str], str, str, dmarc.Result, list[str]]] = [
    # the records, the author, a signer, the result, what is told of the list
    (
        {},
        *("a.example.com", "example.com", dmarc.Result.NONE),
        ["the organization is example.com, by the tree walk a.example.com"],
    ),
    ({"example.com": REJECT}, "example.com", "m.example.com", dmarc.Result.PASS, []),
    (
        {"example.com": f"{REJECT}; adkim=s"},
        *("example.com", "m.example.com", dmarc.Result.FAIL),
        [],
    ),
    (
        {"a.example.com": f"{REJECT}; psd=n", "example.com": REJECT},
        *("a.example.com", "b.example.com", dmarc.Result.FAIL),
        ["the organization is example.com, by the tree walk a.example.com", "it would be"],
    ),
    (
        {"co.example": REJECT},
        *("a.co.example", "b.co.example", dmarc.Result.PASS),
        ["the organization is a.co.example, by the tree walk co.example", "it would not be"],
    ),
    (
        {"co.example": f"{REJECT}; adkim=s"},
        *("a.co.example", "b.co.example", dmarc.Result.FAIL),
        ["the organization is a.co.example, by the tree walk co.example"],
    ),
]


@pytest.mark.parametrize(("records", "author", "signer", "result", "told"), LISTED)
def test_DMARC_13_a_public_suffix_list_tells_and_decides_nothing(
    records: dict[str, str], author: str, signer: str, result: dmarc.Result, told: list[str]
) -> None:
    zone = Zone({f"_dmarc.{name}": {"TXT": [text]} for name, text in records.items()})
    octets, signatures = message(f"x@{author}"), [signed(signer)]
    plain = zone.run(dmarc.check(octets, dkim=signatures))
    got = zone.run(dmarc.check(octets, dkim=signatures, by_list=by_list))
    assert got.result is plain.result is result
    assert got._replace(listed_domain="", steps=()) == plain._replace(steps=())
    said = [step.text for step in got.steps if "public suffix list" in step.text]
    assert [line.partition("public suffix list ")[2] for line in said] == told
    assert [step for step in got.steps if step.text not in said] == list(plain.steps)
    assert got.listed_domain == by_list(author)


def test_a_verdict_is_no_boolean() -> None:
    with pytest.raises(TypeError):
        bool(Zone({}).run(dmarc.check(message("x@example.com"), dkim=[])))


def test_a_list_in_a_file_and_the_installed_one(tmp_path: Path) -> None:
    assert suffixes.read()("a.b.co.uk") == "b.co.uk"
    assert suffixes.read()("co.uk") == "co.uk"
    path = tmp_path / "list.dat"
    path.write_text("// ours\n\ncom\nexample.com\n")
    assert suffixes.read(str(path))("a.b.example.com") == "b.example.com"
    for octets in (b"", b"// nothing\n", b"\xff"):
        path.write_bytes(octets)
        with pytest.raises(BadArgument):
            suffixes.read(str(path))
    with pytest.raises(BadArgument, match="cannot be read"):
        suffixes.read(str(tmp_path / "none"))
