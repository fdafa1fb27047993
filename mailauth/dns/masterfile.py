"""Master files (RFC 1035 §5), read by dnspython into the records of a `Zone`.

The text is the caller's own, so dnspython's parser of names may have it.
"""

from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.zonefile

from mailauth.dns.names import text as text_of
from mailauth.errors import BadArgument


def parse(text: str, origin: str = ".") -> dict[str, dict[str, list[Any]]]:
    """The records of a master file; `origin` is what relative names are relative to.

    **Raises** BadArgument: the file is not of its form; the text says which line.
    """
    try:
        rrsets = dns.zonefile.read_rrsets(
            text, rdclass=None, default_rdclass="IN", default_ttl=3600, origin=origin
        )
    except (dns.exception.DNSException, ValueError) as fault:
        msg = f"this is not a master file: {fault}"
        raise BadArgument(msg) from None
    records: dict[str, dict[str, list[Any]]] = {}
    for rrset in rrsets:
        name = _name(rrset.name)
        by_type = records.setdefault(name, {})
        for rdata in rrset:
            word, record = _record(rdata)
            by_type.setdefault(word, []).append(record)
    return records


def _name(name: dns.name.Name) -> str:
    return text_of(name.labels[:-1] if name.is_absolute() else name.labels)


def _record(rdata: Any) -> tuple[str, Any]:  # noqa: ANN401 - dnspython's classes by type
    word = dns.rdatatype.to_text(rdata.rdtype)
    match word:
        case "TXT":
            return word, list(rdata.strings)
        case "A" | "AAAA":
            return word, rdata.address
        case "MX":
            return word, (rdata.preference, _name(rdata.exchange))
        case "PTR" | "CNAME":
            return word, _name(rdata.target)
    return word, rdata.to_text()
