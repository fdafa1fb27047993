"""A record built from what its owner wants to say.

Terms that need no DNS come first, because a receiver stops at the first match
(RFC 7208 §10.1.1).  The text is parsed once built, so that no record is returned
that a receiver would refuse.
"""

from collections.abc import Iterable

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.spf import record as records
from mailauth.spf.record import Qualifier, Record
from mailauth.syntax import domain as domains


def build(  # noqa: PLR0913 - a record has the terms it has
    *,
    ip4: Iterable[str] = (),
    ip6: Iterable[str] = (),
    a: bool = False,
    mx: bool = False,
    include: Iterable[str] = (),
    redirect: str | None = None,
    all: Qualifier | None = None,  # noqa: A002 - the RFC's word
) -> Record:
    """The record that admits these hosts; `all` or `redirect` decides about all others.

    `ip4` and `ip6` are addresses or networks such as `192.0.2.0/24`; `a` and `mx`
    admit the domain's own addresses and those of its mail exchanges; `include`
    and `redirect` are domains, and may hold macros.  Publish the record's `text`.

    **Raises** BadArgument: a value cannot stand in a record, or both of `all` and
    `redirect` are given, or neither.
    """
    if (all is None) == (redirect is None):
        raise BadArgument("a record ends in all or in redirect: give one of them")
    terms = [f"ip4:{_one_word(network)}" for network in ip4]
    terms += [f"ip6:{_one_word(network)}" for network in ip6]
    terms += [name for name, wanted in (("a", a), ("mx", mx)) if wanted]
    terms += [f"include:{_domain_spec(name)}" for name in include]
    if all is not None:
        terms.append(f"{'' if all is Qualifier.PASS else all}all")
    if redirect is not None:
        terms.append(f"redirect={_domain_spec(redirect)}")
    try:
        return records.parse(" ".join([records.VERSION, *terms]).encode())
    except SyntaxFault as fault:
        raise BadArgument(str(fault)) from None


def _one_word(text: str) -> str:
    if len(text.split(" ")) != 1 or not text.isascii():
        raise BadArgument(f"{text!r} is not an address or a network")
    return text


def _domain_spec(text: str) -> str:
    """A domain as A-labels; with macros, it stays as it is."""
    if "%" in text:
        return _one_word(text)
    try:
        return domains.parse_name(text.removesuffix("."))
    except SyntaxFault as fault:
        raise BadArgument(f"{fault}: {text!r}") from None
