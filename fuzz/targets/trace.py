"""The fields in which a receiver tells its verdicts."""

from contextlib import suppress

from mailauth import authres
from mailauth.errors import SyntaxFault
from mailauth.spf import received


def trace_fields(octets: bytes) -> None:
    """Any field is Received-SPF and Authentication-Results, or a SyntaxFault."""
    text = octets.decode("utf-8", "surrogateescape")
    with suppress(SyntaxFault):
        received.parse(text)
    with suppress(SyntaxFault):
        authres.parse(text)
    assert authres.is_claimed(text, "mx.example.com") in (True, False)


TARGETS = (trace_fields,)
