"""Tag lists, `v=1; a=rsa-sha256; ...` (RFC 6376 §3.2), as DKIM, ARC and DMARC use them.

A parsed list is a dict from tag name to value, in the order of the list; blanks
around names and values are removed, those inside a value are kept.  Tag names
are case-sensitive, and a name may occur only once.
"""

from collections.abc import Mapping

from mailauth.errors import SyntaxFault
from mailauth.syntax.abnf import FWS, TAG_LIST_OCTETS

MAX_OCTETS = 65_536
MAX_TAGS = 100


def parse(octets: bytes) -> dict[str, str]:
    """tag-list = tag-spec *( ";" tag-spec ) [ ";" ] (RFC 6376 §3.2, RFC 6532 §3.1).

    A list longer than `MAX_OCTETS` or with more than `MAX_TAGS` tags is refused
    before it is read.

    **Raises** SyntaxFault: a spec without "=", a bad tag name, a name that occurs
    twice, an octet that no value may hold.
    """
    text = _decode(octets)
    specs = text.split(";", MAX_TAGS + 1)
    if not specs[-1].strip(FWS):
        specs.pop()  # the one optional ";" at the end
    if len(specs) > MAX_TAGS:
        raise SyntaxFault(f"a tag list of more than {MAX_TAGS} tags")
    try:
        pairs = [spec.split("=", 1) for spec in specs]
        tags = {name.strip(FWS): value.strip(FWS) for name, value in pairs}
    except ValueError:  # a spec without "="
        raise _fault_in(text, specs) from None
    if len(tags) < len(specs) or not (tags.keys() <= _KNOWN or all(map(_is_tag_name, tags))):
        raise _fault_in(text, specs)
    return tags


def without_value(octets: bytes, index: int) -> bytes:
    """The list with nothing between the "=" and the ";" of the tag at `index` (RFC 6376 §3.7).

    `octets` may begin with the name of the header field.
    """
    specs = octets.split(b";", index + 1)
    specs[index] = specs[index].partition(b"=")[0] + b"="
    return b";".join(specs)


def format(tags: Mapping[str, str]) -> str:  # noqa: A001 - the inverse of parse
    """The list on one line: `v=1; a=rsa-sha256` (RFC 6376 §3.2)."""
    return "; ".join(f"{name}={value}" for name, value in tags.items())


def without_blanks(value: str) -> str:
    """A value without the FWS in it, which means nothing in base64 (RFC 6376 §3.2)."""
    for blank in FWS:
        if blank in value:
            value = value.replace(blank, "")
    return value


def words(value: str) -> list[str]:
    """The parts of a colon-separated value, without the FWS around them (RFC 6376 §3.5)."""
    return [word.strip(FWS) for word in value.split(":")]


# The tags of DKIM; looking one up is cheaper than checking its letters.
_KNOWN = frozenset(["bh", *"abcdhiklnpqstvxz"])


def _decode(octets: bytes) -> str:
    if len(octets) > MAX_OCTETS:
        raise SyntaxFault(f"a tag list of {len(octets)} octets, over {MAX_OCTETS}")
    octets = octets.replace(b"\r\n", b"")
    try:
        text = octets.decode()
    except UnicodeDecodeError as fault:
        text = octets.decode(errors="replace")
        raise SyntaxFault("octets that are not UTF-8", text, fault.start) from None
    stray = octets.translate(None, TAG_LIST_OCTETS)
    if stray:
        raise SyntaxFault("a control character", text, octets.index(stray[:1]))
    return text


def _is_tag_name(name: str) -> bool:
    """tag-name = ALPHA *ALNUMPUNC, which is an ASCII identifier that starts with a letter."""
    return name.isidentifier() and name.isascii() and name[0] != "_"


def _fault_in(text: str, specs: list[str]) -> SyntaxFault:
    """The first fault in a list that has one."""
    at, name = 0, ""
    names: set[str] = set()
    for spec in specs:
        name, equals, _ = spec.partition("=")
        name = name.strip(FWS)
        if not equals:
            return SyntaxFault("a tag without '='", text, at)
        if not _is_tag_name(name):
            return SyntaxFault("a bad tag name", text, at)
        if name in names:
            break
        names.add(name)
        at += len(spec) + 1
    return SyntaxFault(f"the tag {name}= appears twice", text, at)
