"""The configurations in the guides to SRS, taken literally except for names and ports."""

import re
from collections.abc import Mapping

from program import ROOT

from mailauth.postfix import LookupProtocol

LOOKUPS = "srs-postfix"
MILTER = "milter-srs"
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def block(page: str, start: str, instead: Mapping[str, str]) -> str:
    """The one block of a page with this start, with words replaced according to `instead`."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    (found,) = (each for each in _BLOCK.findall(text) if each.startswith(start))
    words = "|".join(re.escape(word) for word in sorted(instead, key=len, reverse=True))
    return re.sub(words, lambda word: instead[word[0]], found)


def settings(lines: str) -> dict[str, str]:
    """The settings in lines of main.cf."""
    return dict(line.split(" = ", 1) for line in lines.splitlines())


def main_cf(
    protocol: LookupProtocol, *, srs_domain: str, domain: str, ports: Mapping[str, int]
) -> dict[str, str]:
    """The settings for look-ups; `ports` gives the port to use for each port of the guide."""
    table = "socketmap:" if protocol is LookupProtocol.SOCKETMAP else "tcp:"
    instead = {f"127.0.0.1:{port}": f"127.0.0.1:{here}" for port, here in ports.items()}
    instead |= {"srs.example.com": srs_domain, "example.com": domain}
    lines = block(LOOKUPS, f"sender_canonical_maps = {table}", instead)
    return settings(lines + block(LOOKUPS, "smtpd_sender_restrictions = ", instead))
