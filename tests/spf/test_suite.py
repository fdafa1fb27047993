"""OpenSPF's suites of RFC 7208 and RFC 4408: each case, by each way of running it."""

import asyncio
from typing import Any

import pytest
from openspf import Case, suite

from mailauth import spf
from mailauth.dns import Answer, Question, run_async

CASES = [(name, case) for name in ("rfc7208", "rfc4408") for case in suite(name)]
cases = pytest.mark.parametrize(
    "case", [case for _, case in CASES], ids=[f"{name}-{case.name}" for name, case in CASES]
)


def check(case: Case) -> Any:
    return spf.check(ip=case.ip, helo=case.helo, sender=case.sender)


@cases
def test_case(case: Case) -> None:
    got = case.zone.run(check(case))
    assert got.result in case.results, got.reason
    if case.explanation is not None:
        # DEFAULT is the receiver's own words: the domain gives none.
        assert got.explanation == case.explanation.replace("DEFAULT", "")


def test_every_way_comes_to_the_same() -> None:
    async def alone(case: Case) -> spf.Verdict:
        async def resolve(question: Question) -> Answer[Any]:
            return case.zone.resolve(question)

        return await run_async(check(case), resolve)

    for _, case in CASES:
        blocking = case.zone.run(check(case))
        assert asyncio.run(alone(case)) == blocking
        assert case.zone.run_all([check(case), check(case)]) == [blocking, blocking]


def test_the_suites_are_whole() -> None:
    assert len(suite("rfc7208")) > 190
    assert len(suite("rfc4408")) > 190
