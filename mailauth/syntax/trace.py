"""Trace fields: what the hosts on the way wrote of where a message came from (RFC 5321 §4.4).

A field is as true as the host that wrote it.  Those at the top are of one's own hosts,
and lead back to the first host that is not; whatever stands below was in the message
when that one brought it, and may be forged.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from mailauth.errors import SyntaxFault
from mailauth.syntax import address as addresses
from mailauth.syntax import structured
from mailauth.syntax.address import Address
from mailauth.syntax.mailbox import without_brackets
from mailauth.syntax.message import Message
from mailauth.syntax.scanner import Scanner

MAX_HOPS: Final = 100
"""Received fields that are looked at; RFC 5321 §6.3 takes more of them for a loop."""
MAX_OCTETS: Final = 4096
"""Of one Received field that is read."""


class Hop(NamedTuple):
    """What one Received field says of the host that the message came from."""

    address: Address | None
    """None: the field names none, as where a message is handed over within a host."""
    helo: str
    """What it said in HELO; its verified name where the field has no more."""


def client(message: Message, is_relay: Callable[[Address], bool]) -> Hop | None:
    """The first host, from the top, that is no relay; None: the fields lead back to none.

    This host itself is a relay too.  A field without an address is passed over, but
    one that is too long is the end, since it may hide one.
    """
    for hop in islice(_hops(message), MAX_HOPS):
        if hop is None:
            return None
        if hop.address and not (hop.address.is_loopback or is_relay(hop.address)):
            return hop
    return None


def reverse_path(message: Message) -> str | None:
    """The envelope sender as the final delivery wrote it, "" for the null one (RFC 5321 §4.4).

    None: there is no Return-Path, or it has more than a path in it.
    """
    if b"return-path" not in message.keys:
        return None
    octets = message.field_octets[message.keys.index(b"return-path")].partition(b":")[2]
    text = octets.decode("utf-8", "replace").strip()
    return without_brackets(text) if text and not re.search(r"\s", text) else None


def parse_received(text: str) -> Hop:
    """Extended-Domain, after `from`, in the forms that MTAs write (RFC 5321 §4.4).

    The address stands in a comment after the name, in brackets with most MTAs; or it is
    the name itself.  Where the two differ, the name is what the client said in HELO, and
    an address there is not its own.
    """
    scanner = Scanner(text)
    try:
        structured.skip_cfws(scanner)
        if scanner.read(_FROM) is None:
            return Hop(None, "")
        name = scanner.read(_WORD) or ""
        comments = structured.read_comments(scanner)
    except SyntaxFault:
        return Hop(None, "")
    helo, words = "", list[str]()
    for comment in comments:
        alone, among = _HELO_ALONE.fullmatch(comment), _HELO_AMONG.search(comment)
        helo = helo or (alone and alone[1]) or (among and among[1]) or ""
        words += [] if alone else comment.split()
    in_brackets = [found[1] for word in words if (found := _IN_BRACKETS.fullmatch(word))]
    own = [found[1]] if (found := _IN_BRACKETS.fullmatch(name)) else []
    known = (addresses.parse(text) for text in (*in_brackets, *words, *own))
    return Hop(next((each for each in known if each is not None), None), helo or name)


def _hops(message: Message) -> Iterator[Hop | None]:
    """What the Received fields say, from the top; None: a field is too long."""
    for key, octets in zip(message.keys, message.field_octets, strict=True):
        if key != b"received":
            continue
        is_short = len(octets) <= MAX_OCTETS
        value = octets.partition(b":")[2]
        yield parse_received(value.decode("utf-8", "replace")) if is_short else None


_FROM = re.compile(r"from[ \t\r\n]+", re.IGNORECASE)
_WORD = re.compile(r"[^ \t\r\n()]++")
_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::[0-9]+)?")
_HELO_ALONE = re.compile(r"(?:he|eh)lo (.+)", re.IGNORECASE | re.DOTALL)
"""A comment of qmail or CommuniGate; the client may have said an address in it."""
_HELO_AMONG = re.compile(r"\bhelo=(\S+)", re.IGNORECASE)
"""A word in a comment of Exim."""
