"""pyspf as an oracle: the same zone, the same question, the same result."""

from typing import Any

import pytest
import spf as pyspf
from hypothesis import given, note, settings
from hypothesis import strategies as st

from mailauth import spf
from mailauth.dns import Question, RRType, Zone

pytestmark = pytest.mark.oracle

NAMES = ["example.com", "one.example.com", "two.example.org"]
HOSTS = [*NAMES, "host.example.net", "void.example.net"]
ADDRESSES = ["192.0.2.1", "192.0.2.77", "203.0.113.5", "2001:db8::1"]
TERMS = st.one_of(
    st.sampled_from(["a", "mx", "mx//64", "a/24", "ptr", "~all", "?all", "-all", "x-y=1"]),
    st.sampled_from(
        ["ip4:192.0.2.0/26", "ip4:203.0.113.5", "ip6:2001:db8::/32", "exists:%{i}.x.example"]
    ),
    st.sampled_from(HOSTS).map(lambda name: f"a:{name}"),
    st.sampled_from(HOSTS).map(lambda name: f"mx:{name}/24"),
    st.sampled_from(NAMES).map(lambda name: f"include:{name}"),
    st.sampled_from(
        ["a:%{d2}", "a:%{o}", "exists:%{l}.%{d2r}", "a:%{h}", "foo", "ip4:1.2.3", "a:"]
    ),
)
RECORDS = st.builds(
    lambda terms, end: " ".join(["v=spf1", *terms, *end]),
    st.lists(TERMS, max_size=6, unique=True),  # it refuses an unknown modifier that comes twice
    st.sampled_from([[], ["-all"], ["redirect=one.example.com"], ["redirect=two.example.org"]]),
)


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    nodes: dict[str, dict[str, Any]] = {}
    for name in HOSTS[:-1]:
        node: dict[str, Any] = {}
        if name in NAMES and draw(st.booleans()):
            # A domain that names itself: pyspf refuses it before it is evaluated, also
            # where a directive before it matches; RFC 7208 §4.6 has no such error of syntax.
            record = draw(RECORDS)
            node["TXT"] = [record.replace(f":{name}", ":void.example.net")]
        for rrtype, index in (("A", slice(0, 3)), ("AAAA", slice(3, 4))):
            if draw(st.booleans()):
                node[rrtype] = [draw(st.sampled_from(ADDRESSES[index]))]
        if draw(st.booleans()):
            node["MX"] = [[10, draw(st.sampled_from(HOSTS))]]
        nodes[name] = node
    note(str(nodes))
    return Zone(nodes)


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
