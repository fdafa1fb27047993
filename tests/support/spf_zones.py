"""SPF zones made by Hypothesis: includes, loops, void answers, all terms that ask the DNS."""

from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from mailauth.dns import Zone

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
        [
            "include:%{l}..bad.example",
            f"include:{'x' * 64}.example.com",
            "a:%{d2}",
            "a:%{o}",
            "exists:%{l}.%{d2r}",
            "a:%{h}",
            "foo",
            "ip4:1.2.3",
            "a:",
        ]
    ),
)
RECORDS = st.builds(
    lambda terms, end: " ".join(["v=spf1", *terms, *end]),
    st.lists(TERMS, max_size=6, unique=True),  # it refuses an unknown modifier that comes twice
    st.sampled_from([[], ["-all"], ["redirect=one.example.com"], ["redirect=two.example.org"]]),
)


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """A zone of `NAMES` and `HOSTS`, of which some publish records of `TERMS`."""
    nodes: dict[str, dict[str, Any]] = {}
    for name in HOSTS[:-1]:
        node: dict[str, Any] = {}
        if name in NAMES and draw(st.booleans()):
            # A domain that names itself: pyspf refuses it before evaluation, even where an
            # earlier directive matches; RFC 7208 §4.6 knows no such syntax error.
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
