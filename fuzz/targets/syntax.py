"""The syntax that all protocols share: messages, tag lists, domains, addresses."""

from contextlib import suppress

from mailauth.errors import SyntaxFault
from mailauth.syntax import domain, mailbox, taglist
from mailauth.syntax.message import Message, normalize_line_endings


def message(octets: bytes) -> None:
    """Any octets are a message, and none of them is lost."""
    parsed = Message.parse(octets)
    assert parsed.octets == octets
    assert bytes(parsed.body) == octets[parsed.body_start :]
    once = normalize_line_endings(octets)
    assert normalize_line_endings(once) == once


def tag_list(octets: bytes) -> None:
    """Any octets are a tag list, which formats and parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        tags = taglist.parse(octets)
        assert taglist.parse(taglist.format(tags).encode()) == tags


def domain_name(octets: bytes) -> None:
    """Any text is a domain, which parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        name = domain.parse(octets.decode("utf-8", "replace"))
        assert domain.parse(name) == name


def mailboxes(octets: bytes) -> None:
    """Any text is a list of addresses, each of which parses to itself, or a SyntaxFault."""
    with suppress(SyntaxFault):
        for address in mailbox.parse_addresses(octets.decode("utf-8", "replace")):
            assert mailbox.parse(str(address)) == address


TARGETS = (message, tag_list, domain_name, mailboxes)
