"""What a record shows by itself, and what it shows with all that it includes."""

from typing import Any

import pytest

from mailauth import spf
from mailauth.dns import Answer, Question, Zone, run
from mailauth.findings import Finding, Severity

LEGAL = [
    # id, the record, the codes of its findings
    ("nothing", "v=spf1 ip4:192.0.2.0/24 include:esp.example -all", set()),
    ("no mail", "v=spf1 -all", set()),
    ("SPF-27 everybody", "v=spf1 +all", {"pass-all"}),
    ("SPF-27 everybody, tersely", "v=spf1 all", {"pass-all"}),
    ("SPF-27 neutral", "v=spf1 mx ?all", {"neutral-all"}),
    ("SPF-27 a of all", "v=spf1 a/0 -all", {"pass-all"}),
    ("SPF-27 a of all IPv6", "v=spf1 a//0 -all", {"pass-all"}),
    ("SPF-27 a network of all", "v=spf1 ip4:0.0.0.0/0 ?ip4:1.2.3.4/0 -all", {"pass-all"}),
    ("SPF-27 a network of all of IPv6", "v=spf1 ip6:::/0 -all", {"pass-all"}),
    ("SPF-35 who is not let in", "v=spf1 -ip4:10.0.0.0/8 ~mx/8 ?ip6:::/0 -a/0 -all", set()),
    ("everybody or nobody", "v=spf1 exists:mx.example.com -all", {"exists"}),
    ("everybody or nobody, of each domain", "v=spf1 exists:_%{d2} -all", {"exists"}),
    ("everybody or nobody, let in by nothing", "v=spf1 -exists:mx.example.com -all", set()),
    ("whoever is listed", "v=spf1 exists:%{i}._spf.%{d2} -all", set()),
    ("SPF-35 a wide network", "v=spf1 ip4:10.0.0.0/8 -all", {"wide"}),
    ("SPF-35 a wide network of IPv6", "v=spf1 ip6:2001::/16 -all", {"wide"}),
    ("SPF-35 wide exchanges", "v=spf1 mx/12 -all", {"wide"}),
    ("SPF-35 wide enough", "v=spf1 ip4:172.16.0.0/16 -all", {"wide"}),
    ("SPF-35 not too wide", "v=spf1 ip4:172.16.0.0/17 ip6:2001:db8::/32 -all", set()),
    (
        "SPF-35 wide together",
        "v=spf1 ip4:198.18.0.0/17 ip4:198.19.0.0/17 ip4:172.16.0.0/17 ip4:172.17.0.0/17 -all",
        {"wide"},
    ),
    (
        "SPF-35 wide once",
        "v=spf1 ip4:172.16.0.0/17 ip4:172.16.9.0/17 ~ip4:172.17.0.0/17 -ip4:172.18.0.0/17 -all",
        set(),
    ),
    ("ptr", "v=spf1 ptr -all", {"ptr"}),
    ("the name of the client", "v=spf1 exists:%{p}.example -all", {"p-macro"}),
    ("the name of the client, behind", "v=spf1 mx redirect=%{p}.example", {"p-macro"}),
    ("the name of the client, explained", "v=spf1 mx -all exp=%{p2}.example", {"p-macro"}),
    ("a redirect that is not read", "v=spf1 mx -all redirect=%{p}.example", {"redirect"}),
    ("after all", "v=spf1 mx -all ip4:192.0.2.1", {"after-all"}),
    (
        "much after all",
        "v=spf1 -all +all mx mx ptr a/8 exists:%{p}.b.c ip4:1.0.0.0/8",
        {"after-all"},
    ),
    (
        "eleven after all",
        f"v=spf1 -all {' '.join(f'a:h{n}.example' for n in range(11))}",
        {"after-all"},
    ),
    ("redirect after all", "v=spf1 -all redirect=other.example", {"redirect"}),
    ("no end", "v=spf1 mx", {"no-all"}),
    ("twice", "v=spf1 mx a MX -all", {"twice"}),
    ("a modifier that nobody knows", "v=spf1 ipv4=192.0.2.1 -all", {"modifier"}),
    ("ten and one", f"v=spf1 {' '.join(f'a:h{n}.example' for n in range(11))} -all", {"lookups"}),
    ("long", f"v=spf1 {' '.join(f'ip4:192.0.2.{n}' for n in range(40))} -all", {"size", "strings"}),
    ("broken", "v=spf1 ip4:192.0.2.256 -all", {"syntax"}),
    ("not SPF", "v=spf2 -all", {"version"}),
    ("SPF-09 a blank before it", " v=spf1 -all", {"version"}),
]


@pytest.mark.parametrize(
    ("record", "codes"), [case[1:] for case in LEGAL], ids=[case[0] for case in LEGAL]
)
def test_a_record_by_itself(record: str, codes: set[str]) -> None:
    found = spf.lint_record(record.encode())
    assert {finding.code for finding in found} == codes
    assert errors(found) == codes & ERRORS
    assert all(finding.sentence for finding in found)


ERRORS = {"lookups", "loop", "many-mx", "none", "pass-all", "several", "syntax", "version", "void"}


def errors(found: list[Finding]) -> set[str]:
    return {finding.code for finding in found if finding.severity is Severity.ERROR}


def of(*records: str, **more: Any) -> dict[str, Any]:
    return {"TXT": list(records), **more}


ELEVEN = " ".join(f"a:h{n}.example" for n in range(11))
VOID = {("unknown-name", "example.com"), ("void", "example.com")}
HOSTS = {f"h{n}.example": {"A": ["192.0.2.1"]} for n in range(3)}
SIXES = {f"h{n}.example": {"AAAA": ["2001:db8::1"]} for n in range(3)}
DEEP = {f"d{n}.example": of(f"v=spf1 include:d{n + 1}.example -all") for n in range(12)}
TREES: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    ("no record", {"example.com": of("hello")}, {("none", "example.com")}),
    ("no such name", {}, {("none", "example.com")}),
    ("two", {"example.com": of("v=spf1 -all", "v=spf1 -all")}, {("several", "example.com")}),
    (
        "one left of Sender ID",
        {"example.com": of("v=spf1 -all", "spf2.0/pra -all")},
        {("sender-id", "example.com")},
    ),
    (
        "an include without a record",
        {"example.com": of("v=spf1 include:esp.example -all"), "esp.example": {"A": []}},
        {("none", "esp.example")},
    ),
    (
        "an include that is broken",
        {"example.com": of("v=spf1 include:esp.example -all"), "esp.example": of("v=spf1 ip4:x")},
        {("syntax", "esp.example")},
    ),
    (
        "how an include ends",
        {"example.com": of("v=spf1 include:e.example -all"), "e.example": of("v=spf1 ip4:1.2.3.4")},
        set(),
    ),
    (
        "an include that lets everybody send",
        {"example.com": of("v=spf1 include:e.example -all"), "e.example": of("v=spf1 +all")},
        {("pass-all", "e.example")},
    ),
    (
        "an include of itself",
        {"example.com": of("v=spf1 include:example.com -all")},
        {("loop", "example.com")},
    ),
    (
        "a provider for a third of the look-ups",
        {"example.com": of("v=spf1 include:d0.example -all"), **DEEP},
        {("none", "d12.example"), ("lookups", "example.com")},
    ),
    (
        "names that nobody has",
        {"example.com": of("v=spf1 a:a.example mx:b.example a:c.example -all")},
        {("unknown-name", "example.com"), ("void", "example.com")},
    ),
    (
        "names that nobody has, by exists",
        {"example.com": of("v=spf1 exists:a.example exists:b.example exists:c.example -all")},
        {*VOID, ("exists", "example.com")},
    ),
    (
        "a name that exists whoever the client is",
        {"example.com": of("v=spf1 exists:h0.example ?exists:h1.example -all"), **HOSTS},
        {("exists", "example.com"), ("pass-all", "example.com")},
    ),
    (
        "exists asks for addresses of IPv4, whoever the client is",
        {"example.com": of(f"v=spf1 {' '.join(f'exists:{name}' for name in SIXES)} -all"), **SIXES},
        {*VOID, ("exists", "example.com")},
    ),
    (
        "names that have only addresses of IPv4",
        {"example.com": of(f"v=spf1 {' '.join(f'a:{name}' for name in HOSTS)} -all"), **HOSTS},
        {("void-family", "example.com")},
    ),
    (
        "names that have only addresses of IPv6",
        {"example.com": of(f"v=spf1 {' '.join(f'a:{name}' for name in SIXES)} -all"), **SIXES},
        {("void-family", "example.com")},
    ),
    (
        "two of them are allowed",
        {"example.com": of("v=spf1 a:h0.example a:h1.example -all"), **HOSTS},
        set(),
    ),
    (
        "void for both families, by one and two",
        {"example.com": of("v=spf1 a:none.example a:h0.example a:h1.example -all"), **HOSTS},
        {("unknown-name", "example.com"), ("void-family", "example.com")},
    ),
    (
        "a name that cannot be asked for is no void look-up",
        {"example.com": of("v=spf1 a:a..b ?exists:b..c ?exists:c..d a:d..e -all")},
        {("unknown-name", "example.com")},
    ),
    (
        "names after all are not asked for",
        {"example.com": of(f"v=spf1 -all {ELEVEN} include:none.example mx redirect=b.example")},
        {("after-all", "example.com"), ("redirect", "example.com")},
    ),
    (
        "an exchange without addresses, beside one that has some",
        {"example.com": of("v=spf1 mx -all", MX=[[1, "h0.example"], [2, "mx.example"]]), **HOSTS},
        {("unknown-name", "example.com")},
    ),
    (
        "exchanges of IPv4 are not void for clients of IPv6",
        {"example.com": of("v=spf1 mx -all", MX=[[1, name] for name in HOSTS]), **HOSTS},
        set(),
    ),
    (
        "much beside the record",
        {"example.com": of("v=spf1 -all", "x" * 250, "y" * 178)},
        {("size", "example.com")},
    ),
    ("not so much", {"example.com": of("v=spf1 -all", "x" * 250, "y" * 177)}, set()),
    (
        "SPF-35 wide together, through includes",
        {
            "example.com": of("v=spf1 ip4:172.16.0.0/17 include:e.example -all"),
            "e.example": of("v=spf1 ip4:172.17.0.0/17 ip4:172.18.0.0/17 ip4:172.19.0.0/17 -all"),
        },
        {("wide", "example.com")},
    ),
    (
        "no explanation",
        {"example.com": of("v=spf1 -all exp=why.example.com")},
        {("exp", "example.com")},
    ),
    (
        "an explanation, and one that is never told",
        {
            "example.com": of("v=spf1 include:e.example -all exp=why.example.com"),
            "e.example": of("v=spf1 -all exp=none.example"),
            "why.example.com": of("you may not"),
        },
        set(),
    ),
    ("whose explanation", {"example.com": of("v=spf1 -all exp=%{i}.example.com")}, set()),
    (
        "the DNS does not answer for an explanation",
        {"example.com": of("v=spf1 -all exp=e.example"), "e.example": {"FAIL": ["TXT"]}},
        {("dns", "example.com")},
    ),
    (
        "exchanges that take no mail",
        {"example.com": of("v=spf1 mx -all", MX=[[0, "."]])},
        {("null-mx", "example.com")},
    ),
    (
        "eleven exchanges",
        {"example.com": of("v=spf1 mx -all", MX=[[1, f"mx{n}.example.com"] for n in range(11)])},
        {("many-mx", "example.com")},
    ),
    (
        "the DNS does not answer",
        {"example.com": of("v=spf1 include:esp.example -all"), "esp.example": {"FAIL": ["TXT"]}},
        {("dns", "esp.example")},
    ),
    (
        "names that depend on the client are not asked for",
        {"example.com": of("v=spf1 include:%{i}.esp.example exists:%{i}.example a:%{h} -all")},
        {("unseen", "example.com")},
    ),
    (
        "a redirect that depends on the client",
        {"example.com": of("v=spf1 mx redirect=%{ir}.esp.example", MX=[[1, "."]])},
        {("unseen", "example.com"), ("null-mx", "example.com")},
    ),
    (
        "the domain of a record is known in it",
        {
            "example.com": of("v=spf1 include:%{d}._spf.esp.example redirect=_spf.%{d}"),
            "example.com._spf.esp.example": of("v=spf1 a:a.%{d2r} -all"),
            "a.esp._spf": {"A": ["192.0.2.1"]},
            "_spf.example.com": of("v=spf1 ip4:192.0.2.0/29 -al"),
        },
        {("unknown-name", "example.com._spf.esp.example"), ("syntax", "_spf.example.com")},
    ),
    (
        "the record that follows",
        {"example.com": of("v=spf1 redirect=_spf.example.com"), "_spf.example.com": of("v=spf1 a")},
        {("no-all", "_spf.example.com"), ("unknown-name", "_spf.example.com")},
    ),
]


@pytest.mark.parametrize(
    ("records", "codes"), [case[1:] for case in TREES], ids=[case[0] for case in TREES]
)
def test_a_domain_with_all_that_it_includes(
    records: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    found = Zone(records).run(spf.lint("example.com"))
    assert {(finding.code, finding.domain) for finding in found} == codes
    assert errors(found) == {code for code, _ in codes} & ERRORS


def linted(records: dict[str, Any], domain: str = "example.com") -> tuple[list[str], list[str]]:
    """The names that a lint asks for, and the sentences of its findings."""
    asked: list[str] = []
    zone = Zone(records)

    def resolve(question: Question) -> Answer[Any]:
        asked.append(question.name)
        return zone.resolve(question)

    found = run(spf.lint(domain), resolve)
    return asked, [finding.sentence for finding in found]


def test_a_lint_asks_a_bounded_number_of_questions() -> None:
    wide = " ".join(f"include:w{n}.example" for n in range(100))
    records = {"example.com": of(f"v=spf1 {wide} -all")}
    records |= {f"w{n}.example": of(f"v=spf1 {wide} -all") for n in range(100)}
    asked, sentences = linted(records)
    assert len(asked) == 60
    assert sum("more than 60 questions" in sentence for sentence in sentences) == 1


def test_sixty_questions_are_not_too_many() -> None:
    wide = " ".join(f"include:w{n}.example" for n in range(59))
    records = {"example.com": of(f"v=spf1 {wide} -all")}
    records |= {f"w{n}.example": of("v=spf1 -all") for n in range(59)}
    asked, sentences = linted(records)
    assert len(asked) == 60
    assert not any("more than 60 questions" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1include:esp.example -all",
        '"v=spf1 -all"',
        " v=spf1 -all",
        "V = SPF1 -all",
        "\N{LEFT DOUBLE QUOTATION MARK}v=spf1 -all\N{RIGHT DOUBLE QUOTATION MARK}",
        "v=spf1;-all",
        "spf1 -all",
    ],
)
def test_what_was_meant_for_a_record_is_shown(text: str) -> None:
    (found,) = Zone({"example.com": of("x", text)}).run(spf.lint("example.com"))
    assert (found.code, found.shown) == ("version", text.encode().decode("latin-1"))


@pytest.mark.parametrize("text", ["v=DMARC1; p=none", "site=v=spf1", "spf2.0/pra -all", ""])
def test_what_was_not_meant_for_a_record_is_none(text: str) -> None:
    found = Zone({"example.com": of(text)}).run(spf.lint("example.com"))
    assert "none" in {each.code for each in found}


def test_what_to_do_depends_on_whose_record_it_is() -> None:
    ours = "v=spf1 include:_spf.example.com include:a.esp.example -all"
    records = {
        "example.com": of(ours, MX=[[1, "."]]),
        "_spf.example.com": of("v=spf1 ptr include:none.example -all"),
        "a.esp.example": of("v=spf1 include:b.esp.example -all"),
        "b.esp.example": of("v=spf1 ptr ip4:198.18.0.0/16 include:none.example -all"),
    }
    found = Zone(records).run(spf.lint("example.com"))
    told = {(each.code, each.domain): (each.sentence, each.remedy) for each in found}
    sentence, remedy = told["none", "none.example"]
    assert "_spf.example.com names it" in sentence
    assert remedy == "correct the name in the record of _spf.example.com, or remove it there"
    assert told["ptr", "_spf.example.com"][1] == "name the hosts by a:, ip4: or ip6: instead"
    assert "record of example.com" in told["ptr", "b.esp.example"][1]
    assert "DKIM" in told["wide", "b.esp.example"][1]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [(1, 4, "sign with DKIM too"), (4, 1, "name the networks that really send")],
)
def test_what_to_do_about_networks_that_are_wide_together(
    ours: int, theirs: int, said: str
) -> None:
    def of_networks(first: int, count: int) -> str:
        return " ".join(f"ip4:198.{first + each}.0.0/17" for each in range(count))

    records = {
        "example.com": of(f"v=spf1 {of_networks(1, ours)} include:esp.example -all"),
        "esp.example": of(f"v=spf1 {of_networks(100, theirs)} -all"),
    }
    (found,) = Zone(records).run(spf.lint("example.com"))
    assert found.code == "wide"
    assert said in found.remedy


def test_what_is_named_twice_is_read_once_and_costs_twice() -> None:
    """Thirty times two to the thirtieth visits would never end."""
    records = {f"d{n}.example": of(f"v=spf1{f' include:d{n + 1}.example' * 2}") for n in range(30)}
    records["d30.example"] = of("v=spf1 a:none.example a:none.example -all")
    records["example.com"] = of("v=spf1 include:d0.example include:D0.example -all")
    asked, sentences = linted(records)
    assert len(asked) == 1 + 31 + 2
    assert f"{2**33 - 2} terms ask the DNS; 10 are allowed (RFC 7208 §4.6.4)" in sentences
    assert f"{2**32} void look-ups; 2 are allowed (RFC 7208 §4.6.4)" in sentences
    assert sentences.count("none.example has no addresses") == 1


def test_the_case_of_a_domain_means_nothing() -> None:
    records = {"example.com": of("v=spf1 mx include:example.com -all")}
    asked, sentences = linted(records, "Example.COM")
    assert set(asked) == {"example.com"}
    assert "example.com includes itself" in sentences
    assert "example.com has no mail exchange" in sentences


def test_a_fault_is_shown_with_a_caret() -> None:
    (found,) = spf.lint_record(b"v=spf1 mx ip4:x -all", "example.com")
    assert found.shown == "v=spf1 mx ip4:x -all\n          ^"
    (of_the_tree,) = Zone({"example.com": of("v=spf1 mx ip4:x -all")}).run(spf.lint("example.com"))
    assert of_the_tree.shown == found.shown
    (several,) = Zone({"example.com": of("v=spf1 mx", "x", "v=spf1")}).run(spf.lint("example.com"))
    assert several.shown == "v=spf1 mx\nv=spf1"


def test_a_record_without_error_is_no_permerror_for_want_of_names() -> None:
    """A client of either family, whom nothing admits."""
    for kind in (HOSTS, SIXES, {}):
        for words in ("a:h0.example a:h1.example a:h2.example", "exists:h0.example", "a mx"):
            zone = Zone({"example.com": of(f"v=spf1 {words} -all"), **kind})
            codes = {finding.code for finding in zone.run(spf.lint("example.com"))}
            results = {
                zone.run(spf.check(ip=ip, helo="a.b", sender="a@example.com")).result
                for ip in ("203.0.113.1", "2001:db8::9")
            }
            if spf.Result.PERMERROR in results:
                assert codes & {"void", "void-family"}
            assert ("void" in codes) is (results == {spf.Result.PERMERROR})
