"""What a DNS provider's web form did to a key record that cannot be read (RFC 6376 §3.6.1).

Forms cut a record off, keep the quotation marks of a zone file, or make several
records of its strings.  Someone who sees only "not base64" looks for the fault in
their key.
"""

import re
from collections.abc import Sequence
from typing import Final

_STRING: Final = 255
"""Octets that one string of a TXT record holds (RFC 1035 §3.3)."""
_BASE64: Final = re.compile(rb"(?!v\s*=)[A-Za-z0-9+/=\s]{40,}")
_MARKS: Final = (
    (rb"\(|.*\sTXT\s", "it holds the whole line of a zone file: only the text belongs there"),
    (rb".*-----BEGIN", "it holds the lines of PEM: only the base64 between them belongs there"),
    (rb".*\\", "it has backslashes, which only a zone file has: the form takes text without them"),
    (
        rb'.*"',
        "it has quotation marks, which only a zone file has: the form takes text without them",
    ),
)
"""What no sound key record contains, and what it shows."""


def seen(records: Sequence[bytes]) -> str:
    """What damage these unreadable TXT records of one name show; "" if none."""
    for octets in records:
        if b"DKIM1" not in octets and b"p=" not in octets:
            continue
        if len(records) > 1 and any(map(_BASE64.fullmatch, records)):
            return f"it is in {len(records)} records, which must be the strings of one"
        for mark, what in _MARKS:
            if re.match(mark, octets):
                return what
        if len(octets) == _STRING:
            return f"it ends after {_STRING} octets: the rest must be a second string of it"
    if len(records) == 1 and _BASE64.fullmatch(records[0]):
        return "it is only the key: put v=DKIM1; p= before it"
    return ""
