"""pyspf as an oracle: the same zone, the same question, the same result."""

from typing import Any

import pytest
import spf as pyspf
from hypothesis import given, settings
from hypothesis import strategies as st
from spf_zones import ADDRESSES, zones

from mailauth import spf
from mailauth.dns import Question, RRType, Zone

pytestmark = pytest.mark.oracle


class _Query(pyspf.query):  # type: ignore[misc]
    """pyspf with our zone for its DNS, and no limit of void look-ups.

    It counts each void question; RFC 7208 §4.6.4 counts terms, and so do we.
    """

    zone: Zone

    def dns(self, name: str, qtype: str, _: Any = None, **__: Any) -> list[Any]:
        """The records as pyspf has them."""
        if qtype not in set(RRType):
            return []
        answer = self.zone.resolve(Question(name.rstrip("."), RRType(qtype)))
        if answer.failed:
            raise pyspf.TempError("the zone fails")
        if qtype == "TXT":
            return [(record,) for record in answer.records]
        if qtype == "MX":
            return [(mx.preference, mx.host) for mx in answer.records]
        return [str(record) for record in answer.records]


@settings(max_examples=400, deadline=None)
@given(zone=zones(), ip=st.sampled_from(ADDRESSES))
def test_the_results_are_the_same(zone: Zone, ip: str) -> None:
    query = _Query(ip, "ada@example.com", "host.example.net", strict=True)
    query.zone = zone
    theirs = query.check()[0]
    ours = zone.run(
        spf.check(
            ip=ip,
            helo="host.example.net",
            sender="ada@example.com",
            policy=spf.Policy(max_void_lookups=100),
        )
    )
    assert ours.result == theirs, ours.reason
