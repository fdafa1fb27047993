"""Trace fields: what the hosts on the way say about where a message came from (RFC 5321 §4.4).

A field is only as true as the host that wrote it.  The fields at the top come from
one's own hosts, and lead back to the first host that is not; everything below was
already in the message when that host delivered it, and may be forged.
"""

import re
from collections.abc import Callable, Iterable, Iterator
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
"""How many Received fields are examined; RFC 5321 §6.3 takes more of them for a loop."""
MAX_OCTETS: Final = 4096
"""Octets of the longest Received field that is read."""


class Hop(NamedTuple):
    """What one Received field says about the host that the message came from."""

    address: Address | None
    """None: the field has no address, as when a message is handed over within a host."""
    helo: str
    """What the host said in HELO; or its verified name, if the field has nothing else."""


UNREADABLE: Final = Hop(None, "")
"""What `client` returns if a field that may name the host cannot be read."""


def client(message: Message, is_relay: Callable[[Address], bool]) -> Hop | None:
    """The first host, from the top, that is not a relay; None: the fields lead back to none.

    This host itself counts as a relay.  A field without an address is skipped, but one
    that cannot be read or is too long may hide an address, and the sender could have
    made it so: the result is then `UNREADABLE`.
    """
    for hop in islice(_hops(message), MAX_HOPS):
        if hop is None:
            return UNREADABLE
        if hop.address and not (hop.address.is_loopback or is_relay(hop.address)):
            return hop
    return None


def reverse_path(message: Message) -> str | None:
    """The envelope sender that final delivery recorded, "" for the null path (RFC 5321 §4.4).

    None: there is no Return-Path, or it is empty or holds more than a path.
    """
    if b"return-path" not in message.keys:
        return None
    octets = message.field_octets[message.keys.index(b"return-path")].partition(b":")[2]
    text = octets.decode("utf-8", "replace").strip()
    return without_brackets(text) if text and not re.search(r"\s", text) else None


def parse_received(text: str) -> Hop | None:
    """Extended-Domain, after `from`, in the forms that MTAs write (RFC 5321 §4.4).

    Most MTAs write the address after the name, in a comment, in brackets or in both;
    with others it is the name itself.  If the two differ, the name is what the client
    said in HELO, and an address in it is not the client's own.  A server from which the
    mail was fetched, as by fetchmail, gets no address: it did not send the message.
    None: a comment does not end, or the field can be read in two ways and so may hide
    an address.
    """
    scanner = Scanner(text)
    try:
        structured.skip_cfws(scanner)
        if scanner.read(_FROM) is None:
            return Hop(None, "")
        rest = text[scanner.at :]
        hop = _extended_domain(rest, _WORD)
        return hop if hop.address else _extended_domain(rest, _NAME)
    except SyntaxFault:
        return None


def _extended_domain(text: str, name_of: re.Pattern[str]) -> Hop:
    """What the text after `from` says about the host; `name_of` matches the name.

    **Raises** SyntaxFault: a comment does not end, or the text can be read in two ways.
    """
    scanner = Scanner(text)
    name = scanner.read(name_of) or ""
    comments, bare = _behind_name(scanner, name)
    if scanner.check(")"):
        raise scanner.fault("a ')' without its comment")
    said = [found for comment in comments if (found := _HELO.search(comment))]
    helo = next((found[1] or found[2] for found in said), "")
    begins = _SAID if name[:1] == "[" else _SAID_BY_NAME
    told = [begins.split(comment, maxsplit=1)[0] for comment in comments]
    in_brackets = [word for comment in told for word in reversed(_IN_BRACKETS.findall(comment))]
    words = [word for comment in told for word in comment.split()]
    address = _first_address((*in_brackets, *words))
    beside = {*map(_address, bare), address} - {None}
    if len(beside) > 1:
        raise scanner.fault("two addresses")
    if bare and scanner.read(_ASKED):
        return Hop(None, helo or name)
    address = next(iter(beside), None)
    if address is None and any(map(_NAME_OR_HELO.match, comments)):
        raise scanner.fault("a name and its address, or what was said in HELO")
    own = found[1] if (found := _IN_BRACKETS.match(name)) else name if helo else ""
    return Hop(address or _address(own), helo or name)


def _behind_name(scanner: Scanner, name: str) -> tuple[list[str], list[str]]:
    """The comments up to the next clause, and what stands in brackets outside them.

    **Raises** SyntaxFault: a comment does not end.
    """
    comments = structured.read_comments(scanner)
    bare: list[str] = []
    while "(" not in name and (word := scanner.read(_WORD_OF_NO_CLAUSE)) is not None:
        bare += _IN_BRACKETS.findall(word)
        comments += structured.read_comments(scanner)
    return comments, bare


def _first_address(words: Iterable[str]) -> Address | None:
    return next((found for found in map(_address, words) if found is not None), None)


def _address(word: str) -> Address | None:
    """The address in a word, which may have a port after it or, with qmail, a user before it."""
    word = word.rpartition("@")[2]
    return addresses.parse(word) or addresses.parse(_PORT.sub("", word))


def _hops(message: Message) -> Iterator[Hop | None]:
    """What each Received field says, from the top; None: it is too long, or cannot be read."""
    for key, octets in zip(message.keys, message.field_octets, strict=True):
        if key != b"received":
            continue
        is_short = len(octets) <= MAX_OCTETS
        value = octets.partition(b":")[2]
        yield parse_received(value.decode("utf-8", "replace")) if is_short else None


_FROM = re.compile(r"from[ \t\r\n]+", re.IGNORECASE)
_WORD = re.compile(r"[^ \t\r\n]++")
"""The name, with parentheses: a client may have said some in HELO."""
_NAME = re.compile(r"[^ \t\r\n()]++")
"""The name, if a comment follows it without a blank."""
_WORD_OF_NO_CLAUSE = re.compile(
    r"(?!(?:by|via|with|id|for)[ \t\r\n]|;)[^ \t\r\n()]++", re.IGNORECASE
)
_ASKED = re.compile(r"by\s+\S++\s+with\s+(?:IMAP|POP[0-9])\b", re.IGNORECASE)
"""The clauses of a program that fetched the mail from a mailbox."""
_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_PORT = re.compile(r":[0-9]++\Z")
_HELO = re.compile(r"(?:^|\s)(?:(?:he|eh)lo\s(.+)|helo=(\S+))", re.IGNORECASE | re.DOTALL)
"""What the client said in HELO, as qmail and CommuniGate write it, or as Exim does."""
_SAID = re.compile(r"(?:^|\s)(?:(?:he|eh)lo\s|helo=|ident=)", re.IGNORECASE)
"""In a comment, what the client said follows this, and may look like an address."""
_SAID_BY_NAME = re.compile(r"^(?:he|eh)lo\s|\s(?:(?:he|eh)lo\s|helo=|ident=)", re.IGNORECASE)
"""The same after a name: there Exim writes the address first, and qmail may begin with a user."""
_NAME_OR_HELO = re.compile(r"(?:he|eh)lo\s+\[", re.IGNORECASE)
"""What the client said in HELO; or its address after `helo`, a reverse name it gave itself."""
