"""What is raised can be handed on: a pool of processes sends it to who waits for the work."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from mailauth import arc, dkim, domaincheck, srs
from mailauth.dns import LookupFailed, Zone
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.postfix import DomainList, WrongEntries
from mailauth.spf import record

ZONE = Zone({"s._domainkey.silent.example": {"FAIL": ["TXT"]}})


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        (LookupFailed, lambda: ZONE.run(dkim.find_key("silent.example", "s"))),
        (dkim.Refusal, lambda: ZONE.run(dkim.find_key("absent.example", "s"))),
        (SyntaxFault, lambda: record.parse(b"v=spf1 ip4:192.0.2.300")),
        (WrongEntries, lambda: DomainList.parse("-\n" * 12)),
        (srs.UnusableSecrets, lambda: srs.Secrets.parse(b"")),
    ],
)
def test_what_is_raised_survives_its_pickle(kind: type[Exception], work: Callable[[], Any]) -> None:
    with pytest.raises(kind) as caught:
        work()
    fault = caught.value
    again = pickle.loads(pickle.dumps(fault))  # noqa: S301 - our own
    assert (type(again), str(again), vars(again)) == (kind, str(fault), vars(fault))
    assert str(fault)


@pytest.mark.parametrize(
    "lookups",
    [
        arc.verify(b"", now=0, trusted="example.com"),
        domaincheck.check("example.com", selectors="2026", now=0),
        domaincheck.check("example.com", guessed="2026", now=0),
    ],
    ids=["trusted", "selectors", "guessed"],
)
def test_text_is_not_taken_for_a_list_of_its_letters(lookups: Any) -> None:
    """For a type checker it is one: its letters are text too."""
    with pytest.raises(BadArgument, match="is not a list of "):
        ZONE.run(lookups)
