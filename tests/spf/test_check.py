"""Evaluation: each row of the catalogue of abuse, most of them a record and its verdict."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import spf
from mailauth.dns import Answer, Question, Status, Zone, run
from mailauth.errors import BadArgument
from mailauth.spf import macro

IP = "192.0.2.1"
D = "example.com"
OTHER = "203.0.113.9"


def verdict(
    *records: str | list[str],
    ip: str = IP,
    sender: str = f"ada@{D}",
    helo: str = f"mx.{D}",
    **nodes: Any,
) -> spf.Verdict:
    """The verdict with these TXT records at D; a node's name has _ for its dots."""
    zone = {name.replace("_", "."): node for name, node in nodes.items()}
    zone[D] = {"TXT": list(records), **zone.get(D, {})}
    return Zone(zone).run(spf.check(ip=ip, helo=helo, sender=sender))


def terms(count: int, last: str = "") -> str:
    words = [f"exists:e{number}.{D}" for number in range(count - bool(last))]
    return " ".join(["v=spf1", *words, *([last] if last else []), "-all"])


def existing(count: int) -> Any:
    """Names that other terms ask for in vain only by their address: they are not void."""
    return {f"e{number}_example_com": {"A": [OTHER]} for number in range(count)}


def a_terms(count: int) -> str:
    return " ".join(["v=spf1", *(f"a:e{number}.{D}" for number in range(count)), "-all"])


ROWS: list[tuple[str, str, str, str]] = [
    ("SPF-01-ten", a_terms(10), "fail", "-all"),
    ("SPF-01-eleven", a_terms(11), "permerror", "too many"),
    ("SPF-01-last", a_terms(10).removesuffix(" -all") + " a:e10.example.com", "permerror", "many"),
    ("SPF-01-redirect", a_terms(10).removesuffix("-all") + f"redirect=e0.{D}", "permerror", "many"),
    ("SPF-01-included", f"v=spf1 {' '.join(f'a:e{n}.{D}' for n in range(9))} include:i.{D} -all",
     "permerror", "many"),
    ("SPF-06-self", f"v=spf1 include:{D} -all", "permerror", "many"),
    ("SPF-06-redirect", f"v=spf1 redirect={D}", "permerror", "many"),
    ("SPF-09-leading", " v=spf1 -all", "none", "no SPF record"),
    ("SPF-09-trailing", "v=spf1 -all  ", "fail", ""),
    ("SPF-09-alone", "v=spf1", "neutral", f"no directive of {D} matches"),
    ("SPF-09-bom", "\ufeffv=spf1 -all", "none", ""),
    ("SPF-11-nul", "v=spf1 \0 -all", "permerror", "mechanism"),
    ("SPF-11-octets", "v=spf1 a:\xff.example.com -all", "permerror", "ASCII"),
    ("SPF-11-control", "v=spf1 a:\x01.example.com -all", "permerror", "character"),
    ("SPF-14", "v=spf1 +all foo:bar:", "permerror", "mechanism"),
    ("SPF-15-modifier", "v=spf1 x=y -all", "fail", ""),
    ("SPF-15-mechanism", "v=spf1 foo -all", "permerror", "foo"),
    ("SPF-16-redirect", "v=spf1 redirect=a.b redirect=a.b", "permerror", "twice"),
    ("SPF-16-exp", "v=spf1 exp=a.b -all EXP=a.b", "permerror", "twice"),
    ("SPF-22-c", "v=spf1 exists:%{c}.example.com -all", "permerror", "letter"),
    ("SPF-22-r", "v=spf1 exists:%{r}.example.com -all", "permerror", "letter"),
    ("SPF-22-t", "v=spf1 a:%{t}.example.com -all", "permerror", "letter"),
    ("SPF-25-newline", "v=spf1 ip4:192.0.2.1\n -all", "permerror", "address"),
    ("SPF-25-zero", "v=spf1 ip4:010.0.0.1 -all", "permerror", "address"),
    ("SPF-25-length", "v=spf1 ip4:192.0.2.0/08 -all", "permerror", "length"),
    ("SPF-25-mask", "v=spf1 ip4:192.0.2.0/255.0.0.0 -all", "permerror", "length"),
    ("SPF-25-zone", "v=spf1 ip6:fe80::1%eth0 -all", "permerror", "address"),
    ("SPF-25-digits", "v=spf1 ip4:\u0661.2.3.4 -all", "permerror", "ASCII"),
    ("SPF-25-over", "v=spf1 ip4:192.0.2.0/33 -all", "permerror", "32"),
    ("SPF-27-all", "v=spf1 +all", "pass", ""),
    ("SPF-27-zero", "v=spf1 ip4:0.0.0.0/0 -all", "pass", ""),
    ("SPF-36", "V=SPF1 IP4:192.0.2.1 -ALL", "pass", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "result", "reason"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_rows(record: str, result: str, reason: str) -> None:
    included: Any = {"i_example_com": {"TXT": ["v=spf1 a:e9.example.com ~all"]}}
    got = verdict(record, **existing(11), **included)
    assert got.result == result, got.reason
    assert reason in got.reason


def test_SPF_02_a_limit_is_never_a_fail() -> None:
    got = verdict(
        f"v=spf1 include:i.{D} -all", **{"i_example_com": {"TXT": [a_terms(11)]}} | existing(11)
    )
    assert got.result == "permerror"


@pytest.mark.parametrize(("voids", "result"), [(2, "fail"), (3, "permerror")])
def test_SPF_03_void_lookups(voids: int, result: str) -> None:
    got = verdict(terms(voids))
    assert got.result == result
    assert got.void_lookups == voids
    generous = spf.Policy(max_void_lookups=9)
    zone = Zone({D: {"TXT": [terms(voids)]}})
    ask = spf.check(ip=IP, helo="h.example", sender=f"a@{D}", policy=generous)
    assert zone.run(ask).result == "fail"


@pytest.mark.parametrize(
    ("record", "nodes", "voids", "result"),
    [
        (terms(2).replace("-all", f"a:v.{D}"), {}, 3, "permerror"),
        (f"v=spf1 a:v.{D} include:i.{D} -all", {}, 3, "permerror"),
        (f"v=spf1 a:n.{D} a:n2.{D} a:n3.{D} -all", {}, 3, "permerror"),
        (f"v=spf1 a:v.{D} a:w.{D} a:six.{D} -all", {}, 3, "permerror"),
        (f"v=spf1 a:v.{D} a:w.{D} a:four.{D} -all", {}, 2, "fail"),
        ("v=spf1 mx a ptr -all", {}, 3, "permerror"),
        (f"v=spf1 ptr ptr:{D} ptr:v.{D} -all", {}, 3, "permerror"),
        (f"v=spf1 a:%{{p}}.{D} ptr ptr -all", {}, 3, "permerror"),
    ],
    ids=[
        *("last term", "included", "no data", "the other family", "this family", "three kinds"),
        *("each ptr", "ptr after a macro"),
    ],
)
def test_SPF_03_what_is_void(record: str, nodes: Any, voids: int, result: str) -> None:
    got = verdict(
        record,
        i_example_com={"TXT": [f"v=spf1 a:v.{D} a:w.{D} -all"]},
        n_example_com={"MX": []},
        six_example_com={"AAAA": ["2001:db8::1"]},
        four_example_com={"A": [OTHER]},
        **nodes,
    )
    assert (got.result, got.void_lookups) == (result, voids)


@pytest.mark.parametrize(("count", "result"), [(10, "fail"), (11, "permerror")])
def test_SPF_04_mail_exchanges(count: int, result: str) -> None:
    hosts: Any = {f"m{number}_example_com": {"A": [OTHER]} for number in range(count)}
    exchanges = [[10, f"m{number}.{D}"] for number in range(count)]
    assert verdict("v=spf1 mx -all", example_com={"MX": exchanges}, **hosts).result == result


def test_SPF_04_the_null_mx_matches_nothing() -> None:
    assert verdict("v=spf1 mx -all", example_com={"MX": [[0, "."]]}).result == "fail"


@pytest.mark.parametrize(("place", "result"), [(9, "pass"), (10, "fail")])
def test_SPF_05_only_ten_names_are_looked_at(place: int, result: str) -> None:
    names = [f"n{number}.{D}" for number in range(12)]
    zone = Zone(
        {
            D: {"TXT": ["v=spf1 ptr -all"]},
            "1.2.0.192.in-addr.arpa": {"PTR": names},
            names[place]: {"A": [IP]},
        }
    )
    assert zone.run(spf.check(ip=IP, helo=D, sender=f"a@{D}")).result == result


@pytest.mark.parametrize(
    ("records", "result"),
    [
        (["v=spf1 -all", "v=spf1 -all"], "permerror"),
        (["V=SPF1 -all", "v=spf1 +all"], "permerror"),
        (["v=spf1 -all", "v=spf10 +all"], "fail"),
        (["spf2.0/pra +all"], "none"),
        ([], "none"),
    ],
)
def test_SPF_08_records_of_one_name(records: list[str], result: str) -> None:
    assert verdict(*records).result == result


def test_SPF_10_strings_are_joined_with_nothing_between() -> None:
    assert verdict(["v=spf1 ip4:192.0", ".2.1 -all"]).result == "pass"
    assert verdict(["v=spf1 ip4:192.0.2.9", "include:y.example -all"]).result == "permerror"
    assert verdict(["v=sp", "f1 -all"]).result == "fail"


def test_SPF_12_many_and_large_records() -> None:
    assert verdict(*["x" * 60_000] * 50, *["y"] * 1000, "v=spf1 -all").result == "fail"
    assert verdict("v=spf1 " + "a " * 30_000).result == "permerror"
    assert verdict("", [], ["", "v=spf1", "", " -all"]).result == "fail"
    assert verdict("", []).result == "none"


@pytest.mark.parametrize(
    "record", [f"v=spf1 include:i.{D} -all", f"v=spf1 a:i.{D} -all", f"v=spf1 mx:i.{D}"]
)
def test_SPF_13_a_failing_server_is_a_temperror(record: str) -> None:
    got = verdict(record, i_example_com={"FAIL": ["*"]})
    assert got.result == "temperror"
    assert "server failure" in got.reason
    assert verdict(record).result != "temperror", "no such name is an answer"


@pytest.mark.parametrize("status", [each for each in Status if Answer(each).failed])
@pytest.mark.parametrize("name", [D, f"i.{D}"])
def test_SPF_13_every_failure_of_a_look_up(status: Status, name: str) -> None:
    def resolve(question: Question) -> Answer[Any]:
        if question.name == name:
            return Answer(status)
        return Answer(Status.EXISTS, (f"v=spf1 include:i.{D} -all".encode(),))

    got = run(spf.check(ip=IP, helo="h.example", sender=f"a@{D}"), resolve)
    assert got.result == "temperror"


def test_SPF_17_the_domain_itself_then_its_subdomains_come_first() -> None:
    names = ["z.other.example", f"h.{D}", D]
    told = {}
    for count in (1, 2, 3):
        nodes: Any = {name.replace(".", "_"): {"A": [IP]} for name in names[:count] if name != D}
        nodes["example_com"] = {"A": [IP]} if count == 3 else {}
        nodes["1_2_0_192_in-addr_arpa"] = {"PTR": names[:count]}
        got = verdict(f"v=spf1 -all exp=x.{D}", x_example_com={"TXT": ["%{p}"]}, **nodes)
        told[count] = got.explanation
    assert told == {1: names[0], 2: names[1], 3: names[2]}


def test_SPF_17_the_case_of_the_domain_does_not_count() -> None:
    nodes: Any = {
        "1_2_0_192_in-addr_arpa": {"PTR": ["z.other.example", "h.b.example"]},
        "z_other_example": {"A": [IP]},
        "h_b_example": {"A": [IP]},
        "b_example": {"TXT": [f"v=spf1 -all exp=x.{D}"]},
        "x_example_com": {"TXT": ["%{p}"]},
    }
    assert verdict("v=spf1 redirect=B.Example", **nodes).explanation == "h.b.example"


def test_SPF_17_a_name_counts_only_if_its_address_is_the_clients() -> None:
    explained = {"TXT": ["you are %{p}"]}
    nodes: Any = {
        "1_2_0_192_in-addr_arpa": {"PTR": ["paypal.com", f"h.{D}"]},
        "x_example_com": explained,
    }
    record = f"v=spf1 ptr:paypal.com -all exp=x.{D}"
    got = verdict(record, **nodes)
    assert (got.result, got.explanation) == ("fail", "you are unknown")
    got = verdict(record, h_example_com={"A": [IP]}, **nodes)
    assert (got.result, got.explanation) == ("fail", f"you are h.{D}")


def asked(record: str, **options: Any) -> list[str]:
    """The names that a check asks for."""
    names: list[str] = []

    def resolve(question: Question) -> Answer[Any]:
        names.append(question.name)
        if question.name == D:
            return Answer(Status.EXISTS, (record.encode(),))
        return Answer(Status.NO_SUCH_NAME)

    options = {"ip": IP, "helo": "h.example", "sender": f"a@{D}"} | options
    run(spf.check(**options), resolve)
    return names


def test_SPF_18_bombs_are_cut_to_a_name() -> None:
    local = ".".join(["abcdefg"] * 100)
    names = asked("v=spf1 exists:%{l}%{l}%{l}.%{d255r}.x -all", sender=f"{local}@{D}")
    assert len(names) == 2
    assert len(names[1]) <= 253
    assert names[1].endswith("abcdefg.com.example.x")


def test_a_name_that_nobody_can_ask_for_matches_nothing() -> None:
    assert asked("v=spf1 exists:%{h}.x -all", helo="mx\udcff.example") == [D]


@pytest.mark.parametrize(
    "sender",
    [f'a.b"c d@{D}', f"(any@{D}", f"<@{D},@x:'any@{D}>", f"a\0b@{D}", f"a@b@{D}"],
)
def test_SPF_30_what_is_no_mailbox_is_none(sender: str) -> None:
    """SPF-19, SPF-30: no nearest domain is checked, and nothing is asked for."""
    assert asked("v=spf1 -all", sender=sender) == []


def test_SPF_19_a_name_that_cannot_be_is_not_asked_for() -> None:
    for local in ("a..b", "x" * 64, '"' + "x" * 63 + '"'):
        assert asked("v=spf1 exists:%{l}.example -all", sender=f"{local}@{D}") == [D]


def test_SPF_20_a_local_part_outside_ascii_matches_no_term() -> None:
    assert asked("v=spf1 exists:%{l}.example exists:%{s}.example -all", sender=f"用户@{D}") == [D]


def test_SPF_20_terms_that_need_no_local_part_match_whatever_it_is() -> None:
    """RFC 8616 §4."""
    nodes: Any = {f"{IP}.{D}.{D}": {"A": [IP]}}
    got = verdict("v=spf1 exists:%{i}.%{o}.%{d} -all", sender=f"用户@{D}", **nodes)
    assert got.result == "pass"


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 ip4:192.0.0.0/16 -ip4:192.0.2.0/24 ?all", "pass"),
        ("v=spf1 -ip4:192.0.2.0/24 ip4:192.0.0.0/16 ?all", "fail"),
        ("v=spf1 ip4:10.0.0.0/16 -ip4:192.0.2.0/24 ip4:192.0.0.0/16 ?all", "fail"),
        ("v=spf1 ip4:10.0.0.0/16 ip4:192.0.2.0/24 -ip4:192.0.0.0/16 ?all", "pass"),
    ],
)
def test_the_first_network_that_has_the_client_decides(record: str, result: str) -> None:
    """RFC 7208 §4.6.2."""
    assert verdict(record).result == result


@pytest.mark.parametrize(
    ("digits", "kept"),
    [("1", "com"), ("0001", "com"), ("2", D), ("1000", D), ("1000000000", D), ("9" * 50, D)],
)
def test_so_many_parts_of_a_macro_are_kept(digits: str, kept: str) -> None:
    assert asked(f"v=spf1 exists:%{{d{digits}}}.example -all")[1] == f"{kept}.example"


def test_an_expansion_ends_where_nobody_reads_on() -> None:
    string = macro.parse_explanation("%{s} " * 1000)
    said = string.first(500, {"s": "x" * 100})
    assert 500 <= len(said) <= 600
    assert string.expand({"s": "x" * 100}).startswith(said)


def test_SPF_21_upper_case_escapes() -> None:
    names = asked("v=spf1 exists:%{L}.example -all", sender=f"a~b&c=d/e@{D}")
    assert names[1] == "a~b%26c%3Dd%2Fe.example"


@pytest.mark.parametrize(
    "node",
    [
        {"FAIL": ["TXT"]},
        {"TXT": ["a\r\n250 ok"]},
        {"TXT": ["ä"]},
        {"TXT": ["one", "two"]},
        {"TXT": ["%{x}"]},
        {"A": [IP]},
    ],
)
def test_SPF_23_an_explanation_that_goes_wrong_is_none(node: dict[str, Any]) -> None:
    got = verdict(f"v=spf1 -all exp=x.{D}", x_example_com=node)
    assert (got.result, got.explanation) == ("fail", "")


def test_SPF_23_an_explanation_is_short() -> None:
    got = verdict(f"v=spf1 -all exp=x.{D}", x_example_com={"TXT": [["y" * 250] * 40]})
    assert 0 < len(got.explanation) <= 512


def test_SPF_24_nothing_is_asked_after_the_match() -> None:
    assert asked("v=spf1 +all exists:%{l}.%{i}.evil.example") == [D]


def test_SPF_26_a_mapped_address_is_of_ipv4() -> None:
    assert verdict("v=spf1 ip4:192.0.2.1 -all", ip="::ffff:192.0.2.1").result == "pass"


@pytest.mark.parametrize(
    "helo",
    ["[192.0.2.1]", "localhost", "", "a..b", "x." * 127 + "example", "192.0.2.1", "a b.example"],
)
def test_SPF_28_a_helo_that_is_no_domain(helo: str) -> None:
    for lookups in (
        spf.check_helo(ip=IP, helo=helo),
        spf.check(ip=IP, helo=helo, sender="<>"),
    ):
        assert run(lookups, _never).result == "none"


def _never(question: Question) -> Answer[Any]:
    raise AssertionError(question)


def test_SPF_28_an_underscore_is_fine() -> None:
    got = Zone({"a_b.example": {"TXT": ["v=spf1 -all"]}}).run(
        spf.check_helo(ip=IP, helo="a_b.example")
    )
    assert (got.result, got.identity) == ("fail", "helo")


@pytest.mark.parametrize("sender", ["", "<>"])
def test_SPF_29_the_null_sender_is_the_postmaster_of_helo(sender: str) -> None:
    assert asked("v=spf1 exists:%{l}.%{o}.x -all", sender=sender, helo=D)[1] == f"postmaster.{D}.x"


def test_SPF_33_loops_of_aliases() -> None:
    got = verdict(f"v=spf1 a:l.{D} -all", l_example_com={"CNAME": [f"l.{D}"]})
    assert got.result == "temperror"


@pytest.mark.parametrize(("length", "result"), [(10, "pass"), (11, "temperror")])
def test_SPF_33_chains_of_aliases(length: int, result: str) -> None:
    chain: Any = {f"l{n}_example_com": {"CNAME": [f"l{n + 1}.{D}"]} for n in range(length)}
    chain[f"l{length}_example_com"] = {"A": [IP]}
    assert verdict(f"v=spf1 a:l0.{D} -all", **chain).result == result


def test_SPF_33_an_alias_of_nothing_is_void() -> None:
    got = verdict(f"v=spf1 a:l.{D} -all", l_example_com={"CNAME": [f"none.{D}"]})
    assert (got.result, got.void_lookups) == ("fail", 1)


@pytest.mark.parametrize("ip", ["", "192.0.2", "192.0.2.1/32", "fe80::1%eth0", "x"])
def test_what_is_no_address_is_the_callers_mistake(ip: str) -> None:
    with pytest.raises(BadArgument):
        run(spf.check(ip=ip, helo=D, sender=f"a@{D}"), _never)


@pytest.mark.parametrize(("hop", "result"), [(IP, "pass"), (OTHER, "fail")])
def test_the_client_of_a_relay_is_judged_by_either_identity(hop: str, result: str) -> None:
    zone = Zone({D: {"TXT": [f"v=spf1 ip4:{IP} -all"]}})
    policy = spf.Policy(relays=spf.networks(["10.0.0.0/8", "2001:db8::/32"]))
    behind: Any = {"ip": "10.0.0.5", "hops": ("2001:db8::9", hop), "policy": policy}
    assert zone.run(spf.check(helo=D, sender="", **behind)).result == result
    assert zone.run(spf.check_helo(helo=D, **behind)).result == result


@pytest.mark.parametrize("terms", ["-all", "~all", "exp=all.example", "redirect=all.example"])
def test_local_policy_is_its_own_terms_alone_and_only_passes(terms: str) -> None:
    zone = Zone({D: {"TXT": ["v=spf1 -all"]}, "all.example": {"TXT": ["v=spf1 +all"]}})
    check: Any = {"ip": IP, "helo": D, "sender": f"ada@{D}"}
    got = zone.run(spf.check(**check, policy=spf.Policy(local_policy=terms)))
    assert (got.result, got.directive, got.explanation, got.basis) == ("fail", "-all", "", "record")
    included = spf.Policy(local_policy="include:all.example -all")
    assert zone.run(spf.check(**check, policy=included)).basis == "local policy"


@pytest.mark.parametrize("domain", ["bücher.example", "BüCHER.example.", "xn--bcher-kva.example"])
def test_the_records_of_a_domain_of_idna_are_those_of_its_a_labels(domain: str) -> None:
    """RFC 8616 §4."""
    zone = Zone({"xn--bcher-kva.example": {"TXT": [f"v=spf1 ip4:{IP} -all"]}})
    for sender, helo in ((f"用户@{domain}", "h.example"), ("", domain)):
        got = zone.run(spf.check(ip=IP, sender=sender, helo=helo))
        assert (got.result, got.domain) == ("pass", "xn--bcher-kva.example")


def test_a_verdict_is_no_boolean() -> None:
    with pytest.raises(TypeError):
        assert verdict("v=spf1 -all")


def test_what_a_verdict_tells() -> None:
    got = verdict(
        f"v=spf1 redirect=r.{D}",
        r_example_com={"TXT": ["v=spf1 a:e0.example.com ~all"]},
        **existing(1),
    )
    assert got.as_dict() == {
        "result": "softfail",
        "reason": "~all of r.example.com matches",
        "domain": D,
        "identity": "mailfrom",
        "directive": "~all",
        "directive_domain": f"r.{D}",
        "explanation": "",
        "lookups": 2,
        "void_lookups": 0,
        "secure": False,
        "basis": "record",
    }


@pytest.mark.parametrize(
    "include", [f"{'x' * 78}.{D}", "%{l}..example.com", "%{l}.example", "%{h}"]
)
def test_an_include_of_a_malformed_domain_is_a_permerror(include: str) -> None:
    """§4.3: such a domain comes to none; §5.2: an include of none is a permerror."""
    for _ in range(4):
        got = verdict(
            f"v=spf1 include:{include} +all", sender=f"{'a' * 64}@{D}", helo="mx\udcff.example"
        )
        assert (got.result, got.lookups) == ("permerror", 1)
        assert f"include:{include} names no domain" in got.reason
    got = verdict(f"v=spf1 redirect={include}", sender=f"{'a' * 64}@{D}", helo="mx\udcff.example")
    assert got.result == "permerror"


@pytest.mark.parametrize(
    ("letter", "sender", "helo", "name"),
    [
        ("o", "ada@bücher.example", "h.example", "xn--bcher-kva.example"),
        ("O", "ada@bücher.example", "h.example", "xn--bcher-kva.example"),
        ("s", "ada@bücher.example", "h.example", "ada@xn--bcher-kva.example"),
        ("o", "", "bücher.example", "xn--bcher-kva.example"),
        ("h", "ada@bücher.example", "mx_1.bücher.example", "mx_1.xn--bcher-kva.example"),
        ("o2r", "ada@bücher.example", "h.example", "example.xn--bcher-kva"),
    ],
)
def test_U_labels_are_A_labels_in_macros(letter: str, sender: str, helo: str, name: str) -> None:
    """RFC 8616 §4, in the names that are asked for and in an explanation."""
    domain = "xn--bcher-kva.example"
    nodes: dict[str, Any] = {
        domain: {"TXT": [f"v=spf1 exists:%{{{letter}}}.x -all exp=why.{D}"]},
        f"{name}.x": {"A": [IP]},
    }
    client: Any = {"ip": IP, "helo": helo, "sender": sender}
    assert Zone(nodes).run(spf.check(**client)).result == "pass"
    del nodes[f"{name}.x"]
    nodes[f"why.{D}"] = {"TXT": [f"not %{{{letter.lower()}}}"]}
    assert Zone(nodes).run(spf.check(**client)).explanation == f"not {name}"


@pytest.mark.parametrize("letter", "lsLS")
def test_SPF_20_an_include_by_a_local_part_outside_ascii_does_not_match(letter: str) -> None:
    got = verdict(f"v=spf1 include:%{{{letter}}}.{D} ~all", sender=f"用户@{D}")
    assert got.result == "softfail"


def steps(got: spf.Verdict) -> list[str]:
    return ["  " * step.depth + step.text for step in got.steps]


def test_a_story_shows_where_a_record_is_broken() -> None:
    assert steps(
        verdict(f"v=spf1 include:i.{D} -all", i_example_com={"TXT": ["v=spf1 mx foo a"]})
    ) == [
        "? TXT of example.com: 33 octets (look-up 0 of 10, void 0)",
        "example.com: v=spf1 include:i.example.com -all",
        "  ? TXT of i.example.com: 15 octets (look-up 1 of 10, void 0)",
        "  i.example.com: v=spf1 mx foo a",
        "                           ^ not a mechanism with its arguments: 'foo'",
    ]


def test_a_story_shows_all_records_where_there_are_several() -> None:
    assert steps(verdict("v=spf1 -all", "x", "v=spf1 \xff"))[1:] == [
        "example.com: v=spf1 -all",
        "example.com: v=spf1 \xc3\xbf",
    ]


def test_a_story_ends_with_the_question_that_failed() -> None:
    zone = Zone(
        {
            D: {"TXT": ["v=spf1 a:n.example mx -all"], "MX": [[1, f"m.{D}"]]},
            f"m.{D}": {"FAIL": ["A"]},
        }
    )
    got = zone.run(spf.check(ip=IP, helo=D, sender=f"a@{D}"))
    assert got.result == "temperror"
    assert steps(got)[-2:] == [
        "  ? MX of example.com: m.example.com (look-up 2 of 10, void 1)",
        "  ? A of m.example.com: server failure (the zone says FAIL) (look-up 2 of 10, void 1)",
    ]


def test_a_story_has_the_questions_that_failed_in_vain() -> None:
    zone = Zone(
        {
            D: {"TXT": ["v=spf1 ptr -all exp=x.example.com"]},
            "1.2.0.192.in-addr.arpa": {"PTR": ["h.example.com"]},
            "h.example.com": {"FAIL": ["*"]},
            "x.example.com": {"FAIL": ["*"]},
        }
    )
    got = zone.run(spf.check(ip=IP, helo=D, sender=f"a@{D}"))
    assert got.result == "fail"
    told = " ".join(steps(got))
    assert (
        "? A of h.example.com: server failure (the zone says FAIL) (look-up 1 of 10, void 0)"
        in told
    )
    assert (
        "? TXT of x.example.com: server failure (the zone says FAIL) (look-up 1 of 10, void 0)"
        in told
    )
    zone = Zone({D: {"TXT": ["v=spf1 ptr -all"]}, "1.2.0.192.in-addr.arpa": {"FAIL": ["*"]}})
    told = " ".join(steps(zone.run(spf.check(ip=IP, helo=D, sender=f"a@{D}"))))
    assert "? PTR of 1.2.0.192.in-addr.arpa: server failure" in told


FAILING: Any = {"FAIL": ["*"]}
REVERSE = "1.2.0.192.in-addr.arpa"


@pytest.mark.parametrize(
    ("record", "nodes", "result"),
    [
        ("v=spf1 -all", {D: FAILING}, "temperror"),
        ("v=spf1 mx -all", {f"m.{D}": FAILING}, "temperror"),
        ("v=spf1 ptr -all", {REVERSE: FAILING}, "fail"),
        ("v=spf1 ptr -all", {REVERSE: {"PTR": [f"h.{D}"]}, f"h.{D}": FAILING}, "fail"),
        (f"v=spf1 -all exp=x.{D}", {f"x.{D}": FAILING}, "fail"),
    ],
    ids=["record", "exchange", "name", "its address", "explanation"],
)
def test_nobody_vouched_for_what_the_dns_did_not_answer(
    record: str, nodes: Any, result: str
) -> None:
    domain = {"TXT": [record], "MX": [[1, f"m.{D}"]]}
    ask = spf.check(ip=IP, helo=D, sender=f"a@{D}")
    got = Zone({D: domain, **nodes}, secure=True).run(ask)
    assert (got.result, got.secure) == (result, False)


def test_a_story_ends_with_the_question_for_the_explanation() -> None:
    got = verdict(f"v=spf1 -all exp=why.{D}", why_example_com={"TXT": ["go away"]})
    assert steps(got)[-1] == "? TXT of why.example.com: 7 octets (look-up 0 of 10, void 0)"


def test_a_story_counts_a_void_answer_with_its_question() -> None:
    got = verdict("v=spf1 a:n.example mx ptr -all", ip="2001:db8::1")
    assert got.result == "permerror"
    told = [step for step in steps(got) if "?" in step][1:]
    costs = [f"look-up {count} of 10, void {count})" for count in (1, 2, 3)]
    assert [step.partition(" (")[2] for step in told] == costs
    got = verdict("v=spf1 ptr ptr:a.example ptr -all")
    told = [step for step in steps(got) if "? names of" in step]
    assert [step.partition(" (")[2] for step in told] == costs


WORDS = st.sampled_from(
    [
        *("a", "mx", "ptr", "a:e0.example.com", "include:i.example.com", "mx:%{d2r}", "a/0//0"),
        *("redirect=i.example.com", "-all", "?all", "ip4:192.0.2.0/24", "ip6:::/0", "%{", "%%"),
        *("exists:%{l}.%{ir}.x", "exists:%{p}.y", "exp=%{h}", "x=%{s}"),
    ]
)
RECORDS = st.lists(WORDS, max_size=14).map(lambda words: " ".join(["v=spf1", *words]))


@given(
    one=RECORDS,
    other=RECORDS,
    sender=st.text(max_size=20),
    helo=st.text(max_size=20),
    status=st.sampled_from(list(Status)),
)
def test_nothing_hostile_raises_or_exceeds_the_limits(
    one: str, other: str, sender: str, helo: str, status: Status
) -> None:
    count = 0

    def resolve(question: Question) -> Answer[Any]:
        nonlocal count
        count += 1
        if question.rrtype == "TXT" and question.name in {D, f"i.{D}"}:
            return Answer(Status.EXISTS, ((one if question.name == D else other).encode(),))
        return Answer(status)

    got = run(spf.check_host(IP, D, sender, helo=helo), resolve)
    assert got.result != "none" or not count
    assert got.lookups <= 11
    assert count <= 40
