"""How mail for the domain travels: the records of MTA-STS and of TLS reports (RFC 8461, 8460).

The policy of MTA-STS itself is a file on a web server, which is not looked at; what is
checked is the record that announces it, and whether its host has an address.
"""

import re
from typing import Final

from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Lookups, gather
from mailauth.domaincheck.area import Area, texts
from mailauth.findings import Finding, Severity, has_errors, meant, unanswered

MAX_OCTETS: Final = 8192
_STS: Final = "MTA-STS"
_RPT: Final = "TLS reports"
_VERSION: Final = {
    _STS: re.compile(rb"v=STSv1[ \t]*+(?:;|\Z)"),
    _RPT: re.compile(rb"v=TLSRPTv1[ \t]*+(?:;|\Z)"),
}
_WORD: Final = {_STS: b"sts", _RPT: b"tls-?rpt"}
_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[!-:<-~]++")
_URI: Final = re.compile(r"(?:mailto:[^@\s,!]++@[^@\s,!]++|https://[^\s,]++)", re.IGNORECASE)


def check_mta_sts(domain: str) -> Lookups[Area]:
    """The record that announces a policy, and the host of the policy (RFC 8461 §3.1, §3.3)."""
    host = f"mta-sts.{domain}"
    try:
        answer, *hosts = yield from gather(
            ask.txt(f"_mta-sts.{domain}"),
            *(ask.addresses(host, like=each) for each in ask.FAMILIES),
        )
    except LookupFailed as failure:
        return Area("mta-sts", _STS, findings=(unanswered(failure, domain),))
    records, found = _only(_STS, answer.records, f"_mta-sts.{domain}")
    if not records:
        return Area("mta-sts", _STS, works=False, findings=tuple(found))
    found += lint_mta_sts(records[0], f"_mta-sts.{domain}")
    if not any(each.records for each in hosts):
        sentence = f"{host}, which has to serve the policy, has no address"
        remedy = f"publish A or AAAA at {host}, or withdraw the record"
        found.append(Finding("no-host", Severity.ERROR, sentence, domain, host, remedy))
    sentence = f"the policy, https://{host}/.well-known/mta-sts.txt, is not looked at"
    found.append(Finding("policy-unseen", Severity.NOTE, sentence, domain))
    published = texts(f"_mta-sts.{domain}", records)
    return Area("mta-sts", _STS, not has_errors(found), published, tuple(found))


def check_tls_reports(domain: str) -> Lookups[Area]:
    """The record that asks for reports (RFC 8460 §3)."""
    where = f"_smtp._tls.{domain}"
    try:
        answer = yield from ask.txt(where)
    except LookupFailed as failure:
        return Area("tls-rpt", _RPT, findings=(unanswered(failure, domain),))
    records, found = _only(_RPT, answer.records, where)
    if not records:
        return Area("tls-rpt", _RPT, works=False, findings=tuple(found))
    found += lint_tls_reports(records[0], where)
    return Area("tls-rpt", _RPT, not has_errors(found), texts(where, records), tuple(found))


def lint_mta_sts(octets: bytes, where: str = "") -> list[Finding]:
    """sts-text-record = v=STSv1 1*(";" sts-field) (RFC 8461 §3.1)."""
    fields, found = _fields(octets, where)
    ids = [value for name, value in fields if name == "id"]
    if len(ids) != 1 or not _ID.fullmatch(ids[0]):
        sentence = "it needs one id= of 1 to 32 letters and digits"
        remedy = "give it one, such as id=20261123; change it whenever the policy changes"
        place = f"id={ids[0]}" if ids else ""
        found.append(Finding("id", Severity.ERROR, sentence, where, place, remedy))
    return found


def lint_tls_reports(octets: bytes, where: str = "") -> list[Finding]:
    """tlsrpt-record = v=TLSRPTv1 1*(";" tlsrpt-field) (RFC 8460 §3)."""
    fields, found = _fields(octets, where)
    values = [value for name, value in fields if name == "rua"]
    uris = [uri.strip(" \t") for value in values for uri in value.split(",")]
    wrong = [uri for uri in uris if not _URI.fullmatch(uri)]
    if len(values) != 1 or wrong:
        sentence = "it needs one rua= with mailto: or https: addresses"
        remedy = "say rua=mailto:... with an address that you read"
        place = wrong[0] if wrong else ""
        found.append(Finding("rua", Severity.ERROR, sentence, where, place, remedy))
    return found


def _only(what: str, records: tuple[bytes, ...], where: str) -> tuple[list[bytes], list[Finding]]:
    """The one record, or why there is none; TXT records for other purposes do not count."""
    kept = [octets for octets in records if _VERSION[what].match(octets)]
    if len(kept) == 1 and len(kept[0]) <= MAX_OCTETS:
        return kept, []
    if kept:
        sentence = f"{len(kept)} records of {what}, or one too long: senders read none"
        remedy = "publish one"
        return [], [Finding("several", Severity.ERROR, sentence, where, remedy=remedy)]
    broken = meant(records, _WORD[what])
    if broken:
        version = "v=STSv1" if what == _STS else "v=TLSRPTv1"
        sentence = f"the record there does not begin with {version} and a semicolon"
        place, remedy = broken[0][:80].decode("latin-1"), "correct how it begins"
        return [], [Finding("syntax", Severity.ERROR, sentence, where, place, remedy)]
    sentence = f"it has no {what}"
    return [], [Finding("none", Severity.NOTE, sentence, where, remedy=_PUBLISH[what])]


_PUBLISH: Final = {
    _STS: "v=STSv1; id=... and the policy, so that nobody on the way can turn TLS off",
    _RPT: "v=TLSRPTv1; rua=mailto:..., so that senders report when TLS fails",
}


def _fields(octets: bytes, where: str) -> tuple[list[tuple[str, str]], list[Finding]]:
    """The fields after the version, and the findings in those that cannot be read."""
    fields: list[tuple[str, str]] = []
    found: list[Finding] = []
    for spec in octets.decode("latin-1").split(";")[1:]:
        text = spec.strip(" \t")
        name, _, value = text.partition("=")
        if name == "rua" or _FIELD.fullmatch(text):
            fields.append((name, value))
        elif text:
            sentence = "a field that cannot be read"
            remedy = "write it as name=value, without blanks"
            found.append(Finding("syntax", Severity.ERROR, sentence, where, text[:80], remedy))
    return fields, found[:_MAX_FAULTS]


_MAX_FAULTS: Final = 5
