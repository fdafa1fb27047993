"""Mailboxes: who wrote a message, and who sent it.

Two grammars meet here: the envelope's `Mailbox` (RFC 5321 §4.1.2), and the
header's lists of addresses with their comments, display names and groups
(RFC 5322 §3.4).  Both are read from left to right; what does not fit is
refused, never corrected to the nearest address.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mailauth.errors import SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax.abnf import ATOM_OR_DOTS, DOMAIN_LITERAL, DOT_ATOM_TEXT, QUOTED_STRING
from mailauth.syntax.message import Message
from mailauth.syntax.scanner import Scanner
from mailauth.syntax.structured import quoted_string, skip_cfws, unquoted

MAX_FROM: Final = 65_536
"""Octets of the longest From field that is read."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address: the local part without its quotes, and the domain as A-labels.

    A domain literal keeps its brackets: `[192.0.2.1]`.
    """

    local_part: str
    domain: str

    def __str__(self) -> str:
        local = self.local_part
        if not DOT_ATOM_TEXT.fullmatch(local):
            local = quoted_string(local)
        return f"{local}@{self.domain}"


def parse(text: str) -> Mailbox:
    """Mailbox = Local-part "@" ( Domain / address-literal ) (RFC 5321 §4.1.2).

    **Raises** SyntaxFault.
    """
    scanner = Scanner(text)
    mailbox = _addr_spec(scanner)
    if not scanner.ended:
        raise scanner.fault("something follows the address")
    return mailbox


def without_brackets(path: str) -> str:
    """A path without its angle brackets, if it has them (RFC 5321 §4.1.2).

    Milters, logs and people leave them out.  The null path, `<>`, becomes "".
    """
    return path[1:-1] if path[:1] == "<" and path[-1:] == ">" else path


def parse_addresses(text: str) -> tuple[Mailbox, ...]:
    """address-list = (address *("," address)), an unfolded field body (RFC 5322 §3.4).

    A group is replaced by its members.  Comments are skipped at any depth, without
    recursion.

    **Raises** SyntaxFault: it is not an address list, or is empty.
    """
    scanner = Scanner(text)
    mailboxes = tuple(_address_list(scanner))
    if not scanner.ended:
        raise scanner.fault("expected ',' or the end")
    return mailboxes


def authors(message: Message) -> tuple[Mailbox, ...]:
    """The mailboxes of the only From field, at least one (RFC 5322 §3.6.2).

    **Raises** SyntaxFault: there is no From field, or more than one; or it is too
    long, cannot be read, or names nobody.
    """
    count = message.keys.count(b"from")
    if count != 1:
        raise SyntaxFault(f"the message has {count} From fields; it must have one")
    octets = message.field_octets[message.keys.index(b"from")].partition(b":")[2]
    if len(octets) > MAX_FROM:
        raise SyntaxFault(f"the From field has {len(octets)} octets, over {MAX_FROM}")
    try:
        found = parse_addresses(octets.replace(b"\r\n", b"").decode())
    except UnicodeDecodeError:
        raise SyntaxFault("the From field is not UTF-8") from None
    except SyntaxFault as fault:
        raise SyntaxFault(f"the From field cannot be read: {fault}") from None
    if not found:
        raise SyntaxFault("the From field names nobody")  # an empty group (RFC 6854 §4)
    return found


def in_ascii(address: str) -> str:
    """An address or a domain, for a place that allows only ASCII (RFC 6532 §3.2, RFC 8616).

    The domain is written as A-labels; any other character outside ASCII becomes a
    question mark.
    """
    if address.isascii():
        return address
    local_part, at, domain = address.rpartition("@")
    with suppress(SyntaxFault):  # if it is no domain, it is treated like the rest
        domain = domains.parse_name(domain)
    return f"{local_part}{at}{domain}".encode("ascii", "replace").decode()


_DOMAIN_TEXT = re.compile(r"[^\x00-,/:-@\[-^`{-\x7f]++")


def _address_list(scanner: Scanner) -> Iterator[Mailbox]:
    in_group = False
    while True:
        skip_cfws(scanner)
        if in_group and scanner.skip(";"):
            in_group = False
        else:
            start = scanner.at
            _skip_phrase(scanner)
            if not in_group and scanner.at > start and scanner.skip(":"):
                in_group = True
                continue
            yield _mailbox(scanner, start)
        skip_cfws(scanner)
        if in_group and scanner.skip(";"):
            in_group = False
            skip_cfws(scanner)
        if not scanner.skip(","):
            break
    if in_group:
        raise scanner.fault("a group without its ';'")


def _mailbox(scanner: Scanner, start: int) -> Mailbox:
    """mailbox = name-addr / addr-spec (RFC 5322 §3.4), after its phrase if it has one."""
    if scanner.skip("<"):
        skip_cfws(scanner)
        mailbox = _addr_spec(scanner)
        skip_cfws(scanner)
        if not scanner.skip(">"):
            raise scanner.fault("expected '>'")
        return mailbox
    scanner.at = start
    return _addr_spec(scanner)


def _skip_phrase(scanner: Scanner) -> None:
    """phrase = 1*word, with the dots of obs-phrase (RFC 5322 §3.2.5, §4.1)."""
    while scanner.read(ATOM_OR_DOTS) or scanner.read(QUOTED_STRING):
        skip_cfws(scanner)


def _addr_spec(scanner: Scanner) -> Mailbox:
    """addr-spec = local-part "@" domain (RFC 5322 §3.4.1)."""
    quoted = scanner.read(QUOTED_STRING)
    if quoted is not None:
        local = unquoted(quoted)
    else:
        local = scanner.expect(DOT_ATOM_TEXT, "a local part")
    skip_cfws(scanner)
    if not scanner.skip("@"):
        raise scanner.fault("expected '@'")
    skip_cfws(scanner)
    literal = scanner.read(DOMAIN_LITERAL)
    if literal is not None:
        return Mailbox(local, literal)
    at = scanner.at
    name = scanner.expect(_DOMAIN_TEXT, "a domain")
    try:
        return Mailbox(local, domains.parse(name))
    except SyntaxFault as fault:
        raise SyntaxFault(fault.message, scanner.text, at + fault.at) from None
