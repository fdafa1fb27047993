"""The pages: what they say, and that nothing a stranger writes is more than text in them."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Any

import mail
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import domaincheck, pages, spf, story
from mailauth.authenticate import authenticate
from mailauth.dkim.key import name
from mailauth.dns import Zone
from mailauth.syntax.message import Message
from mailauth.verdicts import Step, tree

TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "article", "h1", "h2", "h3", "p",
    "div", "span", "ul", "li", "dl", "dt", "dd", "details", "summary", "footer", "code", "strong",
    "br", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "aria-hidden"}
MARKUP = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>{{7*7}}&lt;\u202e\x1b[2J"
PLAIN: dict[str, Any] = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "MX": [[10, "mx.example.com"]]},
    "mx.example.com": {"A": ["192.0.2.1"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    name("example.com", "rsa"): {"TXT": [mail.record("rsa")]},
}


class Read(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Kept."""
        self.tags.add(tag)
        self.attributes |= {key for key, _ in attrs}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """What is closed is what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Kept."""
        if "style" not in self.open:
            self.words.append(data)


def read(page: str) -> Read:
    """The page, which holds nothing but what our templates have."""
    found = Read(page)
    assert found.tags <= TAGS
    assert found.attributes <= ATTRIBUTES
    assert found.open == []
    assert "\u202e" not in page
    assert "\x1b" not in page
    return found


def of_message(
    octets: bytes, zone: Zone | None = None, autopsies: tuple[str, ...] = (), **envelope: Any
) -> str:
    report = (zone or Zone(PLAIN)).run(authenticate(octets, now=mail.NOW, **envelope))
    judged = pages.Judged("mail.eml", Message.parse(octets), report, autopsies)
    return pages.of_messages([judged], now=mail.NOW)


CLIENT: dict[str, Any] = {
    "ip": "192.0.2.1",
    "helo": "mx.example.com",
    "mail_from": "ada@example.com",
}


def test_a_message_that_is_authentic() -> None:
    page = read(of_message(mail.signed(), **CLIENT))
    assert "pass The message is authentic: a signature of example.com and SPF" in page.text
    assert "What to do" not in page.text
    assert "Subject a subject that is folded" in page.text
    assert "? TXT of example.com: 25 octets (look-up 0 of 10, void 0)" in page.text
    assert "(RFC 6376 §6.1.3)" in page.text


def test_what_a_policy_of_one_s_own_allows_is_no_limit_of_the_RFC() -> None:
    terms = " ".join(f"exists:n{n}.example.com" for n in range(12))
    verdict = Zone({"example.com": {"TXT": [f"v=spf1 {terms} -all"]}}).run(
        spf.check(
            policy=spf.Policy(20, 20), ip=CLIENT["ip"], helo="h.example", sender="ada@example.com"
        )
    )
    facts = dict(story.of_spf("SPF", verdict).facts)
    assert (facts["look-ups"], facts["void look-ups"]) == ("12", "12")


def test_a_message_that_is_not() -> None:
    page = read(of_message(mail.MESSAGE, ip="203.0.113.1", mail_from="x@evil.example"))
    text = page.text
    assert "not shown to be from example.com, and example.com asks for such mail to be ref" in text
    assert text.index("not shown") < text.index("Why") < text.index("What to do")
    assert text.index("What to do") < text.index("The details")
    assert "Sign mail of example.com with DKIM" in text
    assert "Publish an SPF record at evil.example" in text


@pytest.mark.parametrize(
    ("octets", "nodes", "envelope", "words"),
    [
        (mail.MESSAGE, {"_dmarc.example.com": {}}, CLIENT, "example.com vouched for the message;"),
        (mail.MESSAGE, {"_dmarc.example.com": {}}, {}, "Nobody vouched for the message"),
        (b"Subject: x\r\n\r\n", {}, CLIENT, "no author to judge it by"),
        (mail.MESSAGE, {"_dmarc.example.com": {"FAIL": ["TXT"]}}, {}, "not known yet"),
        (mail.signed().replace(b"blanks", b"BLANKS"), {}, {}, "Find what changed the message"),
        (mail.signed(), {name("example.com", "rsa"): {}}, {}, "Correct the signature or the key"),
        (mail.MESSAGE, {}, CLIENT | {"ip": "192.0.2.9"}, "If 192.0.2.9 sends for example.com"),
        (
            mail.MESSAGE,
            {"o.example": {"TXT": ["v=spf1 +all"]}},
            CLIENT | {"mail_from": "a@o.example"},
            "SPF of o.example does not count",
        ),
        (
            mail.MESSAGE,
            {"example.com": {"TXT": ["v=spf1 ip4:x"]}},
            CLIENT,
            "Correct the SPF record of example.com",
        ),
        (
            mail.signed(mail.MESSAGE.replace(b"ada@example.com", b"ada@other.example")),
            {"_dmarc.other.example": {"TXT": ["v=DMARC1; p=quarantine"]}},
            {},
            "a signature of example.com does not count",
        ),
    ],
)
def test_what_it_comes_to_and_what_to_do(
    octets: bytes, nodes: dict[str, Any], envelope: dict[str, Any], words: str
) -> None:
    assert words in read(of_message(octets, Zone(PLAIN | nodes), **envelope)).text


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (mail.signed(), "pass example.com vouched for the message by a signature."),
        (mail.MESSAGE, "none No signature vouches for the message;"),
    ],
)
def test_signatures_alone(octets: bytes, words: str) -> None:
    assert words in read(of_message(octets, methods={"dkim"})).text


def test_several_messages_on_one_page() -> None:
    report = Zone(PLAIN).run(authenticate(mail.MESSAGE, now=mail.NOW))
    message = Message.parse(mail.MESSAGE)
    judged = [pages.Judged(f"{each}.eml", message, report) for each in "ab"]
    text = read(pages.of_messages(judged, now=0)).text
    assert ("a.eml" in text, "b.eml" in text, "1970-01-01 00:00 UTC" in text) == (True,) * 3


def hostile_message() -> bytes:
    """Markup wherever a message can have it."""
    fields = "".join(f"{field}: {MARKUP}\r\n" for field in ("Subject", "To", "Date", "Message-ID"))
    signature = f"v=1; a={MARKUP}; d=<b>.example; s=<i>; i=<u>@x; h={MARKUP}; bh=x; b=<script>"
    encoded = "Subject: =?utf-8?q?=3Cscript=3E?= =?x-none?b?!?= =?utf-8?b?4oCu?=\r\n"
    return (
        f"DKIM-Signature: {signature}\r\n{encoded}From: {MARKUP} <a@example.com>\r\n{fields}\r\n"
    ).encode()


def test_markup_in_every_value_of_a_message_is_text() -> None:
    zone = Zone(
        PLAIN
        | {
            "example.com": {"TXT": [f"v=spf1 x={MARKUP[:20]} exp=why.example.com -all"]},
            "why.example.com": {"TXT": ["<script>alert(2)</script> %{s} %{h}"]},
            "_dmarc.example.com": {"TXT": [f"v=DMARC1; p=reject; x={MARKUP}"]},
        }
    )
    envelope: dict[str, Any] = {
        "ip": "203.0.113.1",
        "helo": "<script>",
        "mail_from": '"<script>"@example.com',
    }
    octets = hostile_message()
    page = of_message(octets, zone, (MARKUP,), **envelope)
    text = read(page).text
    assert "<script>alert(2)</script>" in text
    assert "<script>alert(1)</script>" in text
    assert "{{7*7}}" in text
    assert "\\u202e" in text


def test_markup_in_every_value_of_a_domain_is_text() -> None:
    spoiled = {"TXT": [f"v=spf1 <b>={MARKUP} -all"]}
    nodes: dict[str, Any] = {
        "example.com": spoiled | {"MX": [[10, "<script>.example.com"]]},
        "_dmarc.example.com": {"TXT": [f"v=DMARC1; p=none; x={MARKUP}; rua=mailto:<i>@<b>"]},
        "_mta-sts.example.com": {"TXT": [f"v=STSv1; id={MARKUP}"]},
        "_smtp._tls.example.com": {"TXT": [f"v=TLSRPTv1; rua={MARKUP}"]},
        "x._domainkey.example.com": {"TXT": [f"v=DKIM1; n={MARKUP}; g={MARKUP}; p="]},
        "1.2.0.192.in-addr.arpa": {"PTR": ["<script>alert(1)</script>"]},
    }
    asked = domaincheck.check(
        "example.com", selectors=["x"], addresses=[ip_address("192.0.2.1")], now=0
    )
    text = read(pages.of_domain(Zone(nodes).run(asked))).text
    assert "<script>alert(1)</script>" in text
    assert "mailto:<i>@<b>" in text


@given(st.binary(max_size=300), st.text(max_size=40), st.text(max_size=40))
def test_any_message_and_any_envelope_come_to_a_page(octets: bytes, helo: str, path: str) -> None:
    read(of_message(octets, ip="192.0.2.1", helo=helo, mail_from=path))


def test_the_page_forbids_itself_all_but_its_own_style() -> None:
    page = of_message(mail.MESSAGE)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r"sha256-([^']+)'", page)
    assert style is not None
    assert policy is not None
    assert policy[1] == b64encode(sha256(style[1].encode()).digest()).decode()
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"https?://|url\(|@import|src=|href=", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_a_domain_that_is_sound_and_one_that_is_not() -> None:
    sound = Zone(PLAIN).run(domaincheck.check("example.com", selectors=["rsa"], now=mail.NOW))
    text = read(pages.of_domain(sound)).text
    assert "The mail setup of example.com" in text
    assert "Broken" not in text
    broken = Zone({}).run(domaincheck.check("none.example", now=mail.NOW))
    text = read(pages.of_domain(broken)).text
    assert text.index("Broken") < text.index("What to do: ")
    assert "✗ not met" in text


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_the_contrast_is_enough(mode: int) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text."""
    found = re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", of_message(mail.MESSAGE))
    half = len(found) // 2
    colors = dict(found[:half] if mode == 0 else found[half:])
    pairs = [("ink", "paper"), ("ink", "sheet"), ("faint", "paper"), ("faint", "sheet")]
    pairs += [(each, f"{each}-back") for each in ("good", "bad", "care", "cool")]
    pairs += [("ink", f"{each}-back") for each in ("good", "bad", "care", "cool")]
    pairs += [("ink", "code")]
    assert [pair for pair in pairs if contrast(colors[pair[0]], colors[pair[1]]) < 4.5] == []


def test_the_tree_of_steps() -> None:
    steps = [Step(0, "a"), Step(1, "b"), Step(3, "c"), Step(1, "d"), Step(0, "e")]
    first, last = tree(steps)
    assert [each.text for each in first.below] == ["b", "d"]
    assert [each.text for each in first.below[0].below] == ["c"]
    assert (last.text, last.below) == ("e", [])
    assert tree([]) == []
