"""authheaders as an oracle: a message, its envelope and the DNS come to the same words.

It judges by RFC 7489: who an organization is it reads in the public suffix list.
We judge by RFC 9989 and its tree walk.  Where the two differ, the table here
says by which rule, and each of its rows has a case that shows the difference.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import authheaders
import dkim.dnsplug as dkimpy_dns
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import mail
import pytest
import spf as pyspf
from authheaders import dmarc_lookup
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from mailauth import authres, dmarc
from mailauth.authenticate import authenticate
from mailauth.dkim.key import name as key_name
from mailauth.dns import Question, RRType, Status, Zone, present

pytestmark = pytest.mark.oracle

CLIENT, STRANGER = "192.0.2.1", "203.0.113.1"
HELO = "example.com"


class Case(NamedTuple):
    """What differs from case to case."""

    author: str = "ada@example.com"
    records: tuple[tuple[str, str], ...] = (("example.com", "v=DMARC1; p=reject"),)
    """Of DMARC, each under `_dmarc` of a domain."""
    sender: str = "ada@example.com"
    ip: str = CLIENT
    signers: tuple[tuple[str, bool], ...] = ()
    """The domain of each signature, and whether its body is the one that was signed."""
    unknown: tuple[str, ...] = ()
    """Names at which the DNS fails."""

    @property
    def zone(self) -> Zone:
        """The DNS: every domain of `DOMAINS` has SPF, a key and an address."""
        nodes: dict[str, Any] = {
            domain: {"TXT": [f"v=spf1 ip4:{CLIENT} -all"], "A": [CLIENT]} for domain in DOMAINS
        }
        nodes |= {key_name(domain, "rsa"): {"TXT": [mail.record()]} for domain in DOMAINS}
        for domain, text in self.records:
            nodes.setdefault(f"_dmarc.{domain}", {"TXT": []})["TXT"].append(text)
        nodes |= {name: {"FAIL": ["*"]} for name in self.unknown}
        nodes["texts.example.com"] = {"TXT": ["a name without an address"]}
        return Zone(nodes)

    @property
    def message(self) -> bytes:
        """Signed by each signer in turn."""
        unsigned = mail.MESSAGE.replace(b"Ada <ada@example.com>", self.author.encode(), 1)
        octets = unsigned
        for domain, intact in reversed(self.signers):
            signed = mail.signed(unsigned if intact else unsigned + b"x\r\n", domain=domain)
            octets = signed[: signed.index(b"Received:")] + octets
        return octets


class Words(NamedTuple):
    """What is compared, in the words of Authentication-Results."""

    spf: str
    first_signature_passes: bool
    dmarc: str
    policy: str = ""
    """What the owner publishes for such mail."""


def ours(case: Case) -> Words:
    given: dict[str, Any] = {"ip": case.ip, "helo": HELO, "mail_from": case.sender}
    report = case.zone.run(authenticate(case.message, now=mail.NOW, **given))
    assert report.spf is not None
    assert report.dmarc is not None
    policy = "" if report.dmarc.policy is None else report.dmarc.policy.value
    signed = report.dkim[0].result == "pass"
    return Words(report.spf.result.value, signed, report.dmarc.result.value, policy)


CRASH = Words("it raises", first_signature_passes=False, dmarc="it raises")


def theirs(case: Case) -> Words:
    """By one call of authheaders, whose questions go to our zone."""
    with pytest.MonkeyPatch.context() as patch:
        _answer_from(case.zone, patch)
        try:
            field = authheaders.authenticate_message(
                case.message, "mx.example.org", spf=True,
                ip=case.ip, mail_from=case.sender, helo=HELO,
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - whatever it is, it is no verdict
            return CRASH
    told = {each.method: each for each in authres.parse(field.partition(":")[2]).results}
    policy = told["dmarc"].get("policy", "dmarc") or ""
    return Words(told["spf"].result, told["dkim"].result == "pass", told["dmarc"].result, policy)


def _answer_from(zone: Zone, patch: pytest.MonkeyPatch) -> None:
    """Let pyspf, dkimpy and authheaders itself ask the zone."""

    def ask(name: str, rrtype: str) -> tuple[Any, ...]:
        answer = zone.resolve(Question(name.rstrip(".").lower(), RRType(rrtype)))
        if answer.status is Status.NO_SUCH_NAME:
            raise dns.resolver.NXDOMAIN
        if answer.failed:
            raise dns.resolver.NoNameservers
        return answer.records

    def for_spf(name: str, rrtype: str, *_: Any, **__: Any) -> list[Any]:
        if rrtype not in set(RRType):
            return []
        try:
            records = ask(name, rrtype)
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.NoNameservers as fault:
            raise pyspf.TempError from fault
        return [((name, rrtype), (each,) if rrtype == "TXT" else str(each)) for each in records]

    def for_dmarc(name: str, rrtype: str) -> list[Any]:
        texts = [
            present.one_line(each) if isinstance(each, bytes) else str(each)
            for each in ask(name, rrtype.upper())
        ]
        rdtype = dns.rdatatype.from_text(rrtype)
        return [dns.rdata.from_text(dns.rdataclass.IN, rdtype, text) for text in texts]

    patch.setattr(pyspf, "DNSLookup", for_spf)
    patch.setattr(dkimpy_dns, "_get_txt", lambda name, _: next(iter(ask(name, "TXT")), None))
    patch.setattr(dmarc_lookup, "resolve", for_dmarc)
    patch.setattr(authheaders, "get_org_domain", listed)
    patch.setattr(dmarc_lookup, "get_org_domain", listed)


listed = functools.cache(dmarc_lookup.get_org_domain)
"""The organization by the list, which authheaders reads from its file each time."""

# --- Where both judge alike

DOMAINS = [
    "example.com", "a.example.com", "b.a.example.com", "my-shop.example.com",
    "example.org", "example.co.uk", "a.example.co.uk",
]  # fmt: skip
PLAIN = [domain for domain in DOMAINS if "-" not in domain]
POLICIES = st.builds(
    "; ".join,
    st.tuples(
        st.just("v=DMARC1"),
        st.sampled_from(["p=none", "p=quarantine", "p=reject", "P=Reject"]),
        st.sampled_from(["adkim=s", "adkim=r", "x=y"]),
        st.sampled_from(["aspf=s", "aspf=r", "aspf=S", "pct=20", "t=y", "t=n"]),
    ),
)
FROM_TEXTS = ["a@{}", "Ada <ada@{}>", '"x, y" <a@{}>', "a@{} (b@evil.example)", "G: a@{};"]


@st.composite
def plain_cases(draw: st.DrawFn) -> Case:
    """Of a policy at the author's domain, or at what list and walk alike call the organization."""
    author = draw(st.sampled_from([*PLAIN, "gone.example.com"]))
    top = listed(author)
    of_top = draw(POLICIES)
    if author != top:
        of_top += draw(st.sampled_from(["", "; sp=none", "; sp=reject", "; np=quarantine"]))
    records = [(top, of_top)]
    if author != top and draw(st.booleans()):
        records.append((author, draw(POLICIES)))
    return Case(
        draw(st.sampled_from(FROM_TEXTS)).format(draw(st.sampled_from([author, author.upper()]))),
        tuple(records),
        f"bounce@{draw(st.sampled_from([*PLAIN, 'gone.example.com', author]))}",
        draw(st.sampled_from([CLIENT, STRANGER])),
        draw(st.lists(st.tuples(st.sampled_from([*PLAIN, author]), st.booleans()), max_size=1)
            .map(tuple)),
    )  # fmt: skip


@settings(max_examples=300)
@given(plain_cases())
def test_plain_cases_come_to_the_same_words(case: Case) -> None:
    note(str(case))
    assert ours(case) == theirs(case)


# --- Where they differ, and why


class Difference(NamedTuple):
    """A rule by which a case may come to other words."""

    why: str
    applies: Callable[[Case], bool]
    case: Case
    """In which it does."""
    ours: tuple[str, str]
    """The result of DMARC and the policy."""
    theirs: tuple[str, str]


def authors(case: Case) -> list[str]:
    """The domains of From, by what stands after each @."""
    return [piece.strip(" >;)").lower() for piece in case.author.partition(" (")[0].split("@")[1:]]


def tags(case: Case) -> Iterator[tuple[str, str, str]]:
    """The domain, name and value of each tag of each record."""
    for domain, text in case.records:
        for tag in text.split(";"):
            name, _, value = tag.partition("=")
            yield domain, name.strip().lower(), value.strip().lower()


def has_tag(*names: str) -> Callable[[Case], bool]:
    return lambda case: any(name in names for _, name, _ in tags(case))


def own_record_has(*names: str) -> Callable[[Case], bool]:
    """A tag for subdomains in the record of the author's own domain."""
    return lambda case: any(
        name in names and domain in authors(case) for domain, name, _ in tags(case)
    )


def other_level(case: Case) -> bool:
    """A record elsewhere than with the author and its listed organization, or none with that."""
    with_records = {domain for domain, _ in case.records}
    known = {name for author in authors(case) for name in (author, listed(author))}
    return (
        bool(with_records - known) or not {listed(each) for each in authors(case)} <= with_records
    )


def no_version(case: Case) -> bool:
    """Records that one of the two does not take for one."""
    return any(not text.startswith("v=DMARC1;") for _, text in case.records)


POLICY_WORDS, ALIGNMENT_WORDS = ("none", "quarantine", "reject"), ("r", "s")
WORDS = {
    **dict.fromkeys(["p", "sp", "np"], POLICY_WORDS),
    **dict.fromkeys(["adkim", "aspf"], ALIGNMENT_WORDS),
}


def unknown_word(case: Case) -> bool:
    return any(name in WORDS and value not in WORDS[name] for _, name, value in tags(case))


def policy_missing(case: Case) -> bool:
    return any(text.lower().count("; p=") == 0 for _, text in case.records)


def no_tag(case: Case) -> bool:
    return any("=" not in tag for _, text in case.records for tag in text.split(";") if tag)


def doubled(case: Case) -> bool:
    """A tag comes twice and says another thing each time."""
    told = {each for each in tags(case) if each[1]}
    return len(told) > len({(domain, name) for domain, name, _ in told})


def silent(case: Case) -> bool:
    """The DNS fails for a name that is asked for."""
    domains = [*authors(case), case.sender.partition("@")[2], *(each for each, _ in case.signers)]
    asked = [each.removeprefix("_dmarc.").removeprefix("rsa._domainkey.") for each in case.unknown]
    return any(f".{domain}".endswith(f".{each}") for domain in domains for each in asked)


def record(text: str, domain: str = "example.com") -> tuple[tuple[str, str], ...]:
    return ((domain, text),)


REJECT = "v=DMARC1; p=reject"
SIGNED = (("example.com", True),)
DIFFERENCES = {
    "walk": Difference(
        "RFC 9989 §4.10: every name above may have a record; the list knows one organization",
        other_level,
        Case("a@b.a.example.com", record(REJECT, "a.example.com"), "a@example.org"),
        ("fail", "reject"),
        ("none", ""),
    ),
    "walk, alignment": Difference(
        "RFC 9989 §4.10.2: without a record there, a name is no organization",
        other_level,
        Case("a@a.example.com", record(REJECT, "a.example.com"), signers=SIGNED),
        ("fail", "reject"),
        ("pass", "reject"),
    ),
    "public suffix": Difference(
        "RFC 9989 §4.7, psd=: RFC 7489 has no such tag",
        has_tag("psd"),
        Case(
            "a@a.example.com",
            (*record(f"{REJECT}; psd=n", "a.example.com"), *record(REJECT)),
            signers=SIGNED,
        ),
        ("fail", "reject"),
        ("pass", "reject"),
    ),
    "own sp=": Difference(
        "RFC 9989 §4.7, sp=: it is for subdomains; there it overrides p= of the domain itself too",
        own_record_has("sp", "np"),
        Case(records=record(f"{REJECT}; sp=none")),
        ("pass", "reject"),
        ("pass", "none"),
    ),
    "exists": Difference(
        "RFC 9989 §3.2.13: what has records of any type exists; there it needs an address or an MX",
        has_tag("np"),
        Case("a@texts.example.com", record(f"{REJECT}; np=none"), "a@example.org"),
        ("fail", "reject"),
        ("fail", "none"),
    ),
    "no p=": Difference(
        "RFC 9989 §4.10.1: with an address for reports it is p=none",
        policy_missing,
        Case(records=record("v=DMARC1; rua=mailto:a@example.com")),
        ("pass", "none"),
        ("none", ""),
    ),
    "unknown word": Difference(
        "RFC 9989 §4.7, §4.10.1: what cannot be read counts as its default; there as itself",
        unknown_word,
        Case(records=record(f"{REJECT}; aspf=x")),
        ("pass", "reject"),
        ("fail", "reject"),
    ),
    "unknown policy": Difference(
        "RFC 9989 §4.10.1: a policy that cannot be read makes no record",
        unknown_word,
        Case(records=record("v=DMARC1; p=bounce")),
        ("none", ""),
        ("pass", "bounce"),
    ),
    "version": Difference(
        "RFC 9989 §4.8: DMARC1 ends there; there it is what the record begins with",
        no_version,
        Case(records=record("v=DMARC1x; p=reject")),
        ("none", ""),
        ("pass", "reject"),
    ),
    "version with blanks": Difference(
        "RFC 9989 §4.8: blanks may stand around the sign of equality",
        no_version,
        Case(records=record("v = DMARC1; p=reject")),
        ("pass", "reject"),
        ("none", ""),
    ),
    "version by a capital letter": Difference(
        "RFC 9989 §4.8: the name of a tag is of any case; the value of this one is not",
        no_version,
        Case(records=record("V=DMARC1; p=reject")),
        ("pass", "reject"),
        ("none", ""),
    ),
    "no tag": Difference(
        "RFC 9989 §4.7: what cannot be read is passed over; there the record is a permerror",
        no_tag,
        Case(records=record(f"{REJECT}; hello")),
        ("pass", "reject"),
        ("permerror", "none"),
    ),
    "twice": Difference(
        "no tag may come twice (RFC 9989 §4.8): the first counts with us, the last with it",
        doubled,
        Case(records=record(f"{REJECT}; p=none")),
        ("pass", "reject"),
        ("pass", "none"),
    ),
    "several signatures": Difference(
        "RFC 9989 §5.3.4: any of them may be aligned; it judges the first alone",
        lambda case: len(case.signers) > 1,
        Case(signers=(("example.org", True), *SIGNED), ip=STRANGER),
        ("pass", "reject"),
        ("fail", "reject"),
    ),
    "hyphen": Difference(
        "RFC 1034 §3.5: a hyphen belongs to a name; it ends the domain there",
        lambda case: "-" in f"{case.author}{case.sender}",
        Case("a@my-shop.example.com", sender="a@my-shop.example.com"),
        ("pass", "reject"),
        ("none", ""),
    ),
    "null sender": Difference(
        "RFC 9989 §4.4.2, RFC 7208 §2.4: SPF is then that of postmaster at HELO",
        lambda case: not case.sender,
        Case(sender=""),
        ("pass", "reject"),
        CRASH[2:],
    ),
    "authors of several domains": Difference(
        "RFC 9989 §5.3.1: there is no one author to judge by; there each is judged",
        lambda case: len(set(authors(case))) > 1,
        Case("a@example.com, b@example.org"),
        ("permerror", ""),
        ("pass", "reject"),
    ),
    "several authors": Difference(
        "RFC 9989 §5.3.1: authors of one domain are one; after the first it has lost the sender",
        lambda case: len(authors(case)) > 1,
        Case("a@example.com, b@example.com"),
        ("pass", "reject"),
        CRASH[2:],
    ),
    "a route": Difference(
        "RFC 5322 §4.4: it is obsolete, and a reader may see either; there it is passed over",
        lambda case: "<@" in case.author,
        Case("<@example.org:a@example.com>"),
        ("permerror", ""),
        ("pass", "reject"),
    ),
    "silence": Difference(
        "RFC 9989 §5.3.6: what is not known is neither pass nor fail; there it is no record",
        silent,
        Case(unknown=("_dmarc.example.com",), records=()),
        ("temperror", ""),
        ("none", ""),
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_difference_is_there(name: str) -> None:
    known = DIFFERENCES[name]
    assert known.applies(known.case)
    assert (ours(known.case)[2:], theirs(known.case)[2:]) == (known.ours, known.theirs)


ODD_TAGS = [
    "p=none", "p=bounce", "p = reject", "sp=none", "sp=reject", "sp=y", "np=none", "np=z",
    "adkim=x", "aspf=q", "psd=n", "psd=y", "hello", "", "pct=0", "rua=mailto:a@example.com", "x=1",
]  # fmt: skip
ODD_RECORDS = ["v=DMARC1x; p=none", "V=DMARC1; p=none", "v = DMARC1; p=none", "some text"]
LEVELS = ["com", "uk", "co.uk", *DOMAINS, "texts.example.com"]
NAMES = [*(f"_dmarc.{name}" for name in LEVELS), key_name("example.com", "rsa"), "example.com"]
ODD_FROMS = ["a@{}, b@{}", "a@{}, b@example.org", "<@{}:b@example.org>", "<@example.org:a@{}>"]


def _with_tag(case: Case, tag: str) -> Case:
    (domain, text), *others = case.records
    return case._replace(records=((domain, f"{text}; {tag}"), *others))


def _with_record(case: Case, more: tuple[str, str]) -> Case:
    return case._replace(records=(*case.records, more))


def _with_signer(case: Case, more: tuple[str, bool]) -> Case:
    return case._replace(signers=(*case.signers, more))


def _by(case: Case, text: str) -> Case:
    author = text.format(*authors(case) * 2)
    return case._replace(author=author)


TWISTS: list[tuple[Callable[[Case, Any], Case], st.SearchStrategy[Any]]] = [
    (_with_tag, st.sampled_from(ODD_TAGS)),
    (_with_record, st.tuples(st.sampled_from(LEVELS), POLICIES | st.sampled_from(ODD_RECORDS))),
    (_with_signer, st.tuples(st.sampled_from(DOMAINS), st.booleans())),
    (_by, st.sampled_from(ODD_FROMS)),
    (lambda case, name: case._replace(unknown=(name,)), st.sampled_from(NAMES)),
    (lambda case, sender: case._replace(sender=sender), st.sampled_from(["", "a@texts.example"])),
    (
        lambda case, domain: case._replace(author=f"a@{domain}"),
        st.sampled_from([*DOMAINS, "texts.example.com"]),
    ),
]


@st.composite
def odd_cases(draw: st.DrawFn) -> Case:
    """A plain case with a twist or two."""
    case = draw(plain_cases())
    for twist, argument in draw(st.lists(st.sampled_from(TWISTS), min_size=1, max_size=2)):
        case = twist(case, draw(argument))
    return case


@settings(max_examples=500)
@given(odd_cases())
@example(Case(records=(*record(REJECT), *record(REJECT))))
def test_every_difference_is_one_that_is_known(case: Case) -> None:
    mine, other = ours(case), theirs(case)
    known = [name for name, each in DIFFERENCES.items() if each.applies(case)]
    note(f"{case}: {mine}, there {other}; {known}")
    assert mine == other or known
    assert mine.dmarc in set(dmarc.Result)
