"""What each map answers, and for whom (the policy of rewriting)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailauth import srs
from mailauth.errors import BadArgument
from mailauth.postfix import DomainList, Outcome, Reply, Request, Rewriting, WrongEntries

NOW = 1_795_000_000
DAY = 86_400
REWRITING = Rewriting(
    domain="srs.example",
    secrets=srs.Secrets.parse(b"a secret for the tests\n"),
    more_domains=frozenset({"lists.example"}),
    left_alone=DomainList.of(["own.example", ".own.example", "vip@partner.example"]),
)
FOUND, NOT_FOUND, PERM, TEMP = Outcome.FOUND, Outcome.NOT_FOUND, Outcome.PERM, Outcome.TEMP


def ask(
    map_name: str, key: str, *, now: int = NOW, rewriting: Rewriting = REWRITING
) -> tuple[Outcome, str]:
    reply = rewriting.answer(Request(map_name, key), now=now)
    return reply.outcome, reply.text


def outcome(map_name: str, key: str, *, now: int = NOW) -> Outcome:
    return ask(map_name, key, now=now)[0]


def encoded(sender: str, domain: str = "srs.example", *, now: int = NOW) -> str:
    return srs.forward(sender, domain=domain, secrets=REWRITING.secrets, now=now)


SENDER = "ada@sender.example"
OURS = encoded(SENDER)
FORGED = "SRS0=AAAA=" + OURS.partition("=")[2].partition("=")[2]
SRS1 = encoded("SRS0=abcd=2W=first.example=ada@second.example")


@pytest.mark.parametrize("name", ["forward", "srsencoder", "forward@srs.example"])
def test_a_sender_is_rewritten(name: str) -> None:
    assert ask(name, SENDER) == (FOUND, OURS)


@pytest.mark.parametrize(
    "sender", ["a\udcffb@sender.example", "a\u200db@sender.example"], ids=ascii
)
def test_what_is_not_printable_and_no_control_character_is_rewritten(sender: str) -> None:
    found, text = ask("forward", sender)
    assert (found, ask("reverse", text)) == (FOUND, (FOUND, sender))


@pytest.mark.parametrize("name", ["reverse", "srsdecoder", "reverse@lists.example"])
def test_a_bounce_comes_home(name: str) -> None:
    assert ask(name, OURS) == (FOUND, SENDER)


LEFT_ALONE = {
    "SRS-09-null": "",
    "SRS-09-null-in-brackets": "<>",
    "SRS-09-null-as-postfix-asks": '""',
    "no-domain": "ada",
    "no-local-part": "@sender.example",
    "empty-domain": "ada@",
    "SRS-19-srs-domain": "postmaster@srs.example",
    "SRS-19-srs-domain-in-capitals": "postmaster@SRS.Example",
    "SRS-19-final-dot": "postmaster@srs.example.",
    "SRS-19-further-srs-domain": "list@lists.example",
    "again-what-was-rewritten": OURS,
    "own-domain": "ada@own.example",
    "below-it": "double-bounce@mail.own.EXAMPLE",
    "own-address": "vip@partner.example",
    "PFX-01-line-feed": "ada@sender.example\n200 x",
    "PFX-01-nul": "a\0da@sender.example",
    "PFX-01-del": "a\x7fda@sender.example",
    "SRS-11-domain-that-is-none": "ada@sen der.example",
    "SRS-11-none-outside-ascii": "ada@ü..example",
    "SRS-16-too-long": "a" * 300 + "@sender.example",
}


@pytest.mark.parametrize("key", LEFT_ALONE.values(), ids=LEFT_ALONE)
@pytest.mark.parametrize("name", ["forward", "forward@lists.example"])
def test_senders_that_are_left_alone(name: str, key: str) -> None:
    assert outcome(name, key) is NOT_FOUND


NEIGHBOURS = ["ada@notown.example", "ada@own.example.org", "other@partner.example", "a@example"]


@pytest.mark.parametrize("key", NEIGHBOURS)
def test_what_only_looks_like_ours_is_rewritten(key: str) -> None:
    assert outcome("forward", key) is FOUND


def test_SRS_10_a_foreign_srs_sender_is_wrapped() -> None:
    assert SRS1.startswith("SRS1=")
    assert ask("forward", "SRS0=abcd=2W=first.example=ada@second.example") == (FOUND, SRS1)
    assert ask("reverse", SRS1) == (FOUND, "SRS0=abcd=2W=first.example=ada@second.example")


def test_the_name_of_a_map_chooses_the_domain() -> None:
    chosen = encoded(SENDER, "lists.example")
    assert ask("forward@lists.example", SENDER) == (FOUND, chosen)
    assert ask("forward@Lists.Example", SENDER) == (FOUND, chosen)
    assert ask("reverse", chosen) == (FOUND, SENDER)


UNKNOWN = ["", "x", "forwards", "forward@other.example", "forward@", "@srs.example", "\n" * 500]


@pytest.mark.parametrize("name", UNKNOWN)
def test_PFX_04_a_map_that_is_not_there(name: str) -> None:
    found, why = ask(name, SENDER)
    assert found is PERM
    assert why.isprintable()  # PFX-10
    assert why.isascii()


NOT_REVERSED = {
    "SRS-20-foreign": "SRS0=abcd=2W=first.example=ada@second.example",
    "SRS-20-of-another-domain": OURS.replace("srs.example", "second.example"),
    "SRS-20-microsoft": "bounces+SRS=wlZ1d=2W@second.example",
    "SRS-20-gmail": "me+caf_=you=second.example@gmail.example",
    "ordinary": "postmaster@srs.example",
    "almost": "SRS2=abcd=2W=first.example=ada@srs.example",
    "SRS-01-forged": FORGED,
    "SRS-05-short-hash": "SRS0=a=2W=sender.example=ada@srs.example",
    "SRS-18-without-hash": "SRS1==first.example==abcd=2W=x.example=ada@srs.example",
    "fields-missing": "SRS0=abcd@srs.example",
    "tag-alone": "SRS0=@srs.example",
    "PFX-01-control": OURS.replace("ada", "a\rda"),
}


@pytest.mark.parametrize("key", NOT_REVERSED.values(), ids=NOT_REVERSED)
@pytest.mark.parametrize("name", ["reverse", "exists"])
def test_recipients_that_are_not_reversed(name: str, key: str) -> None:
    assert outcome(name, key) is NOT_FOUND


def test_SRS_06_an_old_address() -> None:
    assert outcome("reverse", OURS, now=NOW + 21 * DAY) is FOUND
    for name in ("reverse", "exists"):
        assert outcome(name, OURS, now=NOW + 22 * DAY) is NOT_FOUND


def test_SRS_14_postfix_asks_in_lower_case_when_it_checks_the_recipient() -> None:
    assert ask("reverse", OURS.lower()) == (FOUND, SENDER)
    assert ask("exists", OURS.lower()) == (FOUND, OURS.lower())


def test_SRS_11_a_local_part_with_a_blank() -> None:
    found, rewritten = ask("forward", '"ada l"@sender.example')
    assert found is FOUND
    assert rewritten.startswith('"SRS0=')
    assert ask("reverse", rewritten) == (FOUND, '"ada l"@sender.example')


ACCESS = {
    "genuine": (OURS, (FOUND, "DUNNO")),
    "ordinary": ("postmaster@srs.example", None),
    "foreign": ("SRS0=abcd=2W=first.example=ada@second.example", None),
    "of-another-domain": (OURS.replace("srs.example", "second.example"), None),
    "forged": (FORGED, (FOUND, "550 5.1.1 forged or expired bounce address")),
    "malformed": ("SRS0=abcd@srs.example", (FOUND, "550 5.1.1 forged or expired bounce address")),
}


@pytest.mark.parametrize(("key", "reply"), ACCESS.values(), ids=ACCESS)
def test_access_refuses_forgeries_and_nothing_else(
    key: str, reply: tuple[Outcome, str] | None
) -> None:
    if reply is None:
        assert outcome("access", key) is NOT_FOUND
    else:
        assert ask("access", key) == reply


def test_SRS_21_all_forgeries_are_refused_with_the_same_words() -> None:
    replies = {ask("access", key) for key in (FORGED, FORGED[:12], "SRS0=@srs.example")}
    replies.add(ask("access", OURS, now=NOW + 30 * DAY))
    assert len(replies - {(NOT_FOUND, "not an address")}) == 1


LONG = "a" * 60 + "@sender.example"
REFUSING = replace(REWRITING, scheme=srs.Scheme())
NOTED = {
    "SRS-01-hash": ("reverse", FORGED, NOW, (True, "none of the secrets")),
    "SRS-01-exists": ("exists", FORGED, NOW, (True, "none of the secrets")),
    "SRS-01-access": ("access", FORGED, NOW, (True, "none of the secrets")),
    "SRS-06-age": ("reverse", OURS, NOW + 30 * DAY, (True, "30 days old")),
    "SRS-05-length": ("exists", OURS.replace("SRS0=", "SRS0=x"), NOW, (True, "5 characters")),
    "no-fields": ("access", "SRS0=abcd@srs.example", NOW, (True, "fields are missing")),
    "SRS-11-no-address": ("forward", "a@b@c.example", NOW, (False, "two @")),
    "SRS-16-octets": ("forward", "a@" + "b." * 200 + "example", NOW, (False, "409 characters")),
    "SRS-15-long": ("forward", LONG, NOW, (False, "64 octets")),
    "PFX-01-control": ("forward", "ada@sender.example\n", NOW, (False, "control characters")),
}


@pytest.mark.parametrize(("name", "key", "now", "noted"), NOTED.values(), ids=NOTED)
def test_what_a_postmaster_should_hear_of(
    name: str, key: str, now: int, noted: tuple[bool, str]
) -> None:
    notice = REFUSING.answer(Request(name, key), now=now).notice
    assert notice is not None
    assert (notice.forged, noted[1] in notice.reason) == (noted[0], True)
    assert "a secret for" not in notice.reason


@pytest.mark.parametrize("name", ["reverse", "exists", "access"])
def test_SRS_20_what_others_made_is_no_forgery_of_ours(name: str) -> None:
    key = FORGED.replace("srs.example", "second.example")
    assert REWRITING.answer(Request(name, key), now=NOW).notice is None


ORDINARY = ["", '""', "ada", "@x.example", "ada@", "a@own.example", "a@srs.example", OURS, SENDER]


@pytest.mark.parametrize("name", ["forward", "reverse", "exists", "access"])
@pytest.mark.parametrize("key", [*ORDINARY, SRS1.replace("srs.example", "else.example")])
def test_what_is_a_matter_of_course_is_not_noted(name: str, key: str) -> None:
    assert REFUSING.answer(Request(name, key), now=NOW).notice is None


def test_a_long_sender_that_passes_is_a_matter_of_course() -> None:
    assert REWRITING.answer(Request("forward", LONG), now=NOW).notice is None


def test_SRS_15_long_senders_by_choice() -> None:
    assert outcome("forward", LONG) is NOT_FOUND
    assert ask("forward", LONG, rewriting=REFUSING)[0] is TEMP


def test_SRS_15_long_senders_in_a_store() -> None:
    class Store:
        """All senders, by a number."""

        def __init__(self) -> None:
            self.kept: dict[str, str] = {}

        def keep(self, address: str, *, now: int) -> str:
            """The alias of an address."""
            del now
            self.kept["a1"] = address
            return "a1"

        def find(self, alias: str, *, now: int) -> str | None:
            """The address of an alias."""
            del now
            return self.kept.get(alias)

    storing = replace(
        REWRITING, scheme=srs.Scheme(long_senders=srs.LongSenders.STORE), aliases=Store()
    )
    found, rewritten = ask("forward", LONG, rewriting=storing)
    assert found is FOUND
    assert ask("reverse", rewritten, rewriting=storing) == (FOUND, LONG)


def test_always_rewrite_ends_too() -> None:
    always = replace(REWRITING, scheme=srs.Scheme(always_rewrite=True))
    found, rewritten = ask("forward", "ada@srs.example", rewriting=always)
    assert found is FOUND
    assert ask("forward", rewritten, rewriting=always)[0] is NOT_FOUND


def test_PFX_03_without_a_secret_that_is_valid_nothing_is_said() -> None:
    dated = srs.Secrets.parse(b"# until 2020-01-01\na secret of the past\n")
    with pytest.raises(srs.UnusableSecrets):
        ask("forward", SENDER, rewriting=replace(REWRITING, secrets=dated))


addresses = st.from_regex(r"[A-Za-z0-9._=+-]{1,20}@[a-z]{1,8}\.[a-z]{1,8}", fullmatch=True)


@given(address=addresses | st.text(max_size=40) | st.text(max_size=20).map("{}@a.example".format))
def test_rewriting_ends_and_comes_back(address: str) -> None:
    """Postfix looks up again what it found, until it is not found."""
    reply = REWRITING.answer(Request("forward", address), now=NOW)
    if reply.outcome is FOUND:
        assert outcome("forward", reply.text) is NOT_FOUND
        back = REWRITING.answer(Request("reverse", reply.text), now=NOW)
        again = REWRITING.answer(Request("forward", back.text), now=NOW)
        assert again == Reply(FOUND, reply.text) or address.upper().startswith(("SRS", '"SRS'))
        assert outcome("exists", reply.text) is FOUND
        assert ask("access", reply.text) == (FOUND, "DUNNO")


@given(key=st.binary(max_size=60), name=st.sampled_from(["forward", "reverse", "exists", "access"]))
def test_PFX_05_any_key_has_an_answer_and_is_no_fault(key: bytes, name: str) -> None:
    assert outcome(name, key.decode("utf-8", "surrogateescape")) in {FOUND, NOT_FOUND}


LISTS = {
    "one-a-line": "own.example\n.own.example\n",
    "comments": "# ours\n\nown.example # the old one\n\t# below it\n.own.example\n",
    "a-line-that-goes-on": "own.example of\n  other.example\n# x\n\tz\n.own.example OK\n",
    "a-postfix-table": "@own.example @own.example\n.own.example OK\n",
    "capitals": "OWN.example\r\n.Own.Example\r\n",
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_lists_in_files(text: str) -> None:
    found = DomainList.parse(text)
    assert found == DomainList.of(["own.example", ".own.example"])
    assert [found.has("x", name) for name in ("own.example", "a.b.own.example")] == [True, True]
    assert not found.has("x", "notown.example")


@pytest.mark.parametrize("written", ["boss@partner.example", "Boss@Partner.Example"])
def test_the_case_of_an_address_in_a_list_does_not_count(written: str) -> None:
    """Postfix folds the keys of its tables, and what it looks up in them."""
    for found in (DomainList.of([written]), DomainList.parse(f"{written} {written}\n")):
        assert found.has("boss", "partner.example")
        assert found.has("BOSS", "partner.example")
        assert not found.has("bos", "partner.example")


def test_a_number_sign_within_a_word_is_a_part_of_it() -> None:
    found = DomainList.parse("bob#1@example.com # of the list\n#eve@example.org\n")
    assert found == DomainList.of(["bob#1@example.com"])


def test_each_line_that_is_wrong_is_told() -> None:
    text = "a.example\n..\n# b..c\n\nx@y@..\n" + "d.example#x\n" * 20
    with pytest.raises(WrongEntries) as raised:
        DomainList.parse(text)
    assert [number for number, _ in raised.value.faults] == [2, 5, *range(6, 26)]
    told = str(raised.value)
    assert told.startswith("line 2: '..' is not a domain: an empty label in a name; line 5: ")
    assert told.count("line ") == 10
    assert told.endswith("and others")


@pytest.mark.parametrize("text", [" own.example\n", "# ours\n\n\town.example\n .own.example\n"])
def test_a_line_that_continues_none_is_wrong(text: str) -> None:
    with pytest.raises(WrongEntries, match="begins with a blank"):
        DomainList.parse(text)


def test_a_file_of_faults_is_not_kept_whole() -> None:
    with pytest.raises(WrongEntries) as raised:
        DomainList.parse(f"{'x' * 500}\n" * 5000)
    assert len(raised.value.faults) == 1000
    assert len(str(raised.value)) < 2000


def test_below_is_not_itself() -> None:
    found = DomainList.parse(".own.example")
    assert not found.has("ada", "own.example")
    assert found.has("ada", "x.own.example")


def test_lists_join() -> None:
    both = DomainList.of(["a.example", ".c.example"])
    both |= DomainList.of(["ada@b.example", ".d.example"])
    assert both.has("x", "a.example")
    assert both.has("ada", "b.example")
    assert not both.has("x", "b.example")
    assert both.has("x", "y.c.example")
    assert both.has("x", "y.d.example")


def test_a_domain_of_other_letters_is_the_same_in_both_forms() -> None:
    rewriting = replace(REWRITING, left_alone=DomainList.of(["b\xfccher.example"]))
    for domain in ("b\xfccher.example", "xn--bcher-kva.example", "XN--BCHER-KVA.example"):
        assert ask("forward", f"ada@{domain}", rewriting=rewriting)[0] is NOT_FOUND


@pytest.mark.parametrize("entry", ["two words", "..", "a..b", "-x.example", "a@.x"])
def test_an_entry_that_is_no_domain(entry: str) -> None:
    with pytest.raises(BadArgument):
        DomainList.of([entry])
