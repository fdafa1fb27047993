"""The fields that a host adds: what it found out about a message, and where it came from."""

from contextlib import suppress

from mailauth import authres
from mailauth.errors import SyntaxFault
from mailauth.spf import received
from mailauth.syntax import trace
from mailauth.syntax.message import Message


def trace_fields(octets: bytes) -> None:
    """Any field is Received-SPF and Authentication-Results, or a SyntaxFault."""
    text = octets.decode("utf-8", "surrogateescape")
    with suppress(SyntaxFault):
        received.parse(text)
    with suppress(SyntaxFault):
        authres.parse(text)
    assert authres.is_claimed(text, "mx.example.com") in (True, False)


def arrivals(octets: bytes) -> None:
    """Any message names its client, or none, or not readably; but the client is never a relay."""
    message = Message.parse(octets)
    client = trace.client(message, lambda address: address.is_private)
    if client is not None and client is not trace.UNREADABLE:
        assert client.address is not None
        assert not client.address.is_private
    trace.reverse_path(message)
    trace.parse_received(octets[:4096].decode("utf-8", "replace"))


TARGETS = (trace_fields, arrivals)
