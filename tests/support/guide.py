"""The set-up of the guide to SRS for Postfix, as it stands there, for other names and ports."""

import re
from collections.abc import Mapping

from program import ROOT

from mailauth.postfix import LookupProtocol

_TEXT = (ROOT / "docs" / "srs-postfix.md").read_text()
_BLOCK = re.compile(r"^```\w*\n(sender_canonical_maps = .*?)^```", re.MULTILINE | re.DOTALL)


def main_cf(
    protocol: LookupProtocol, *, srs_domain: str, ports: Mapping[str, int]
) -> dict[str, str]:
    """The lines of main.cf; `ports` has for each port of the guide the one to use."""
    table = "socketmap:" if protocol is LookupProtocol.SOCKETMAP else "tcp:"
    (block,) = (found for found in _BLOCK.findall(_TEXT) if f" = {table}" in found)
    lines = block.replace("srs.example.com", srs_domain)
    lines = re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda port: str(ports[port[0]]), lines)
    return dict(line.split(" = ", 1) for line in lines.splitlines())
