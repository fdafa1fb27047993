"""Master files (RFC 1035 §5), read by dnspython into the records of a `Zone`.

The text comes from the caller, not from an attacker, so dnspython's parser of names
may read it.  But the caller may not know everything in it, so `$INCLUDE` is refused:
no file can cause another one to be read.
"""

import re
from typing import Any, Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.transaction
import dns.zonefile

from mailauth.dns.names import text as text_of
from mailauth.errors import BadArgument

DEFAULT_TTL: Final = 3600
"""Seconds, for a record without a TTL before the first $TTL; a `Zone` uses its own instead."""

_DIRECTIVES: Final = ("$ORIGIN", "$TTL")
_NO_ORIGIN: Final = dns.name.Name([b""])
"""The origin while none is given; equal to the root, but told apart from `$ORIGIN .`."""
_BESIDE_ALIASES: Final = {
    dns.rdatatype.CNAME,
    dns.rdatatype.KEY,
    dns.rdatatype.NSEC,
    dns.rdatatype.RRSIG,
    dns.rdatatype.SIG,
}


def parse(text: str, origin: str = "") -> dict[str, dict[str, list[Any]]]:
    """The records of a master file; `origin` is what its relative names are relative to.

    Without an `origin`, the file must give one by $ORIGIN before its first relative
    name.  $TTL is read too; $INCLUDE is refused.

    **Raises** BadArgument: the file is malformed; the text says on which line.
    """
    tokens = _Tokens(text)
    records = _Records(dns.name.from_text(origin) if origin else _NO_ORIGIN)
    reader = dns.zonefile.Reader(
        tokens,
        dns.rdataclass.IN,
        records,
        allow_directives=_DIRECTIVES,
        default_ttl=DEFAULT_TTL,
    )
    try:
        reader.read()
    except (dns.exception.DNSException, ValueError) as fault:
        msg = f"this is not a master file: line {tokens.line}: {_sentence(fault)}"
        raise BadArgument(msg) from None
    return records.as_text()


class _Tokens(dns.tokenizer.Tokenizer):
    """The tokens of a file, and the line on which their entry begins."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.line = 1

    def get(
        self,
        want_leading: bool = False,  # noqa: FBT001, FBT002 - dnspython's
        want_comment: bool = False,  # noqa: FBT001, FBT002 - dnspython's
    ) -> dns.tokenizer.Token:
        """The next token; a caller that wants both of these is at the start of an entry (§5.1)."""
        begins = want_leading and want_comment
        if begins:
            self.line = self.line_number
        token = super().get(want_leading, want_comment)
        if begins and token.is_identifier() and token.value.upper() == "$INCLUDE":
            reason = "$INCLUDE is not supported: put the records of that file here"
            raise BadArgument(reason)
        return token

    def as_name(
        self,
        token: dns.tokenizer.Token,
        origin: dns.name.Name | None = None,
        relativize: bool = False,  # noqa: FBT001, FBT002 - dnspython's
        relativize_to: dns.name.Name | None = None,
    ) -> dns.name.Name:
        """The name that a token stands for, absolute."""
        if origin is None or origin is _NO_ORIGIN:
            name = super().as_name(token)
            if not name.is_absolute():
                reason = (
                    f"{token.value!r} is relative, and there is no $ORIGIN before it;"
                    " an absolute name ends in a dot"
                )
                raise BadArgument(reason)
            return name
        return super().as_name(token, origin, relativize, relativize_to)


class _Records(dns.transaction.Transaction):
    """Collects the records of dnspython's reader; equal ones count once (RFC 2181 §5)."""

    def __init__(self, origin: dns.name.Name) -> None:
        super().__init__(dns.zonefile.RRSetsReaderManager(origin), replacement=True)
        self._found: dict[dns.name.Name, dict[dns.rdatatype.RdataType, dict[dns.rdata.Rdata, None]]]
        self._found = {}

    def add(self, *args: Any) -> None:  # noqa: ANN401 - dnspython's
        """Add a record: its name, its TTL, its data."""
        name, _, rdata = args
        if name is _NO_ORIGIN:
            raise BadArgument("the record has no name, and there is none before it to take")
        by_type = self._found.setdefault(name, {})
        by_type.setdefault(rdata.rdtype, {})[rdata] = None
        aliases = by_type.get(dns.rdatatype.CNAME)
        if aliases and (len(aliases) > 1 or by_type.keys() - _BESIDE_ALIASES):
            raise BadArgument("a CNAME beside other records of the same name")  # RFC 2181 §10.1

    def _set_origin(self, origin: dns.name.Name) -> None:
        """Does nothing: every name that is added is absolute."""

    def as_text(self) -> dict[str, dict[str, list[Any]]]:
        """The records, as a `Zone` takes them."""
        return {
            _name(name): {
                dns.rdatatype.to_text(rdtype): [_record(rdata) for rdata in records]
                for rdtype, records in by_type.items()
            }
            for name, by_type in self._found.items()
        }


def _sentence(fault: Exception) -> str:
    """What dnspython says about a fault, without its own place and class name."""
    text = re.sub(r"\A<string>:[0-9]+: ", "", str(fault))
    return re.sub(r"\Acaught exception <class '[^']*'>: ", "", text)


def _name(name: dns.name.Name) -> str:
    return text_of(name.labels[:-1])


def _record(rdata: Any) -> Any:  # noqa: ANN401 - dnspython's classes by type
    match dns.rdatatype.to_text(rdata.rdtype):
        case "TXT":
            return list(rdata.strings)
        case "A" | "AAAA":
            return rdata.address
        case "MX":
            return rdata.preference, _name(rdata.exchange)
        case "PTR" | "CNAME":
            return _name(rdata.target)
    return rdata.to_text()
