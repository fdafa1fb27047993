"""What is broken or unwise in a key record (RFC 6376 §3.6.1, RFC 8301 §3.2, RFC 8463 §3)."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from mailauth.dkim import key as keys
from mailauth.dkim.key import KeyRecord
from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Answer, Lookups
from mailauth.errors import UnusableKey
from mailauth.findings import Finding, Severity, unanswered
from mailauth.keys import PublicKey
from mailauth.keys.strength import DEFAULT_RSA_BITS
from mailauth.syntax import taglist

COMMON_RSA_BITS: Final = 4096
"""Verifiers need not support a longer key (RFC 8301 §3.2)."""
_NEW_KEY: Final = "make a new key with mailauth keygen and publish it under a new selector"


Weakness: TypeAlias = Callable[[PublicKey], str]
"""Says why a key can be broken although it is long enough; "" if it is sound."""


def lint_record(
    octets: bytes, where: str = "", *, weakness: Weakness | None = None
) -> list[Finding]:
    """The findings in a record by itself, before it is published; `weakness` is as in `lint`."""
    return _of_records((octets,), where, weakness)


def lint(domain: str, selector: str, *, weakness: Weakness | None = None) -> Lookups[list[Finding]]:
    """The findings in the key record of a selector.  **Asks** three questions at most.

    `weakness` is called with a key that is usable as far as the RFCs go.
    """
    where = keys.name(domain, selector)
    try:
        answer = yield from ask.txt(where)
        return (yield from lint_answer(answer, domain, selector, weakness))
    except LookupFailed as failure:
        return [unanswered(failure, where)]


def lint_answer(
    answer: Answer[bytes], domain: str, selector: str, weakness: Weakness | None
) -> Lookups[list[Finding]]:
    """The findings in the answer to the question for a key.

    **Asks**, if there is no record, for an alias, and for a key at the name with the
    domain twice.  **Raises** LookupFailed.
    """
    where = keys.name(domain, selector)
    if answer.void:
        alias = yield from ask.alias(where)
        if alias.records:
            return [_dangling(where, alias.records[0])]
        if twice := (yield from keys.find_misplaced(domain, selector)):
            return [_misplaced(where, domain, twice)]
    return _of_records(answer.records, where, weakness)


def _dangling(where: str, target: str) -> Finding:
    """The finding of an alias to nothing: whoever gets its target can publish a key."""
    sentence = f"it is an alias of {target}, which has no key: whoever owns that name can sign"
    remedy = "remove the alias, or have the key published there"
    return Finding("dangling", Severity.ERROR, sentence, where, target, remedy)


def _misplaced(where: str, domain: str, twice: str) -> Finding:
    """The finding that a provider's web form added the domain to a name that had it already."""
    remedy = f"in the form, give the name without the domain: {where.removesuffix('.' + domain)}"
    sentence = f"there is no key, but there is one at {twice}"
    return Finding("no-key", Severity.ERROR, sentence, where, remedy=remedy)


def _of_records(found: tuple[bytes, ...], where: str, weakness: Weakness | None) -> list[Finding]:
    """The findings in the TXT records of one selector, which should be one key."""
    if not found:
        remedy = "publish the key that signs, or sign with a selector that has one"
        return [Finding("no-key", Severity.ERROR, "there is no key", where, remedy=remedy)]
    readable, fault = keys.readable(found)
    if len(readable) > 1:
        sentence = f"{len(readable)} keys, and only one is allowed: which one is used is chance"
        remedy = "withdraw all but one; give each key a selector of its own"
        return [Finding("several", Severity.ERROR, sentence, where, remedy=remedy)]
    if not readable:
        sentence = f"no readable key: {fault}"
        remedy = "publish the record that mailauth record dkim prints for the key"
        return [Finding("syntax", Severity.ERROR, sentence, where, remedy=remedy)]
    return _of_readable(readable[0], where, weakness)


def _of_readable(octets: bytes, where: str, weakness: Weakness | None) -> list[Finding]:
    record = keys.parse(octets)
    if record.revoked:
        remedy = "sign with another selector; this key is withdrawn"
        return [Finding("revoked", Severity.ERROR, "p= is empty", where, "p=", remedy)]
    return [*_of_key(record, where, weakness), *_of_tags(record, taglist.parse(octets), where)]


def _of_key(record: KeyRecord, where: str, weakness: Weakness | None) -> Iterator[Finding]:
    try:
        key = record.public_key()
    except UnusableKey as fault:
        yield Finding("unusable-key", Severity.ERROR, str(fault), where, "p=", _NEW_KEY)
        return
    if weakness is not None and (sentence := weakness(key)):
        yield Finding("broken-key", Severity.ERROR, sentence, where, "p=", _NEW_KEY)
    if record.key_type == "ed25519":
        sentence = "many receivers cannot verify Ed25519 yet"
        remedy = "sign with an RSA key too, under a selector of its own"
        yield Finding("ed25519", Severity.NOTE, sentence, where, "k=ed25519", remedy)
    elif key.size < DEFAULT_RSA_BITS:
        sentence = f"an RSA key of {key.size} bits; 2048 are advised (RFC 8301 §3.2)"
        yield Finding("short-key", Severity.WARNING, sentence, where, "p=", _NEW_KEY)
    elif key.size > COMMON_RSA_BITS:
        sentence = f"an RSA key of {key.size} bits: receivers may refuse more than 4096"
        yield Finding("long-key", Severity.WARNING, sentence, where, "p=", _NEW_KEY)


def _of_tags(record: KeyRecord, tags: dict[str, str], where: str) -> Iterator[Finding]:
    if "v" not in tags:
        sentence = "the record does not say v=DKIM1"
        yield Finding("version", Severity.WARNING, sentence, where, "", "begin it with v=DKIM1;")
    if record.hashes is not None and "sha256" not in record.hashes:
        sentence = "h= allows no hash that receivers still accept (RFC 8301 §3.1)"
        yield Finding("hashes", Severity.ERROR, sentence, where, f"h={tags['h']}", "remove h=")
    if not {"*", "email"} & set(record.services):
        sentence = "the key is not for mail"
        yield Finding("service", Severity.ERROR, sentence, where, f"s={tags['s']}", "remove s=")
    if record.testing:
        sentence = "t=y: receivers treat what the key signs as unsigned"
        remedy = "remove t=y when your signatures verify"
        yield Finding("testing", Severity.WARNING, sentence, where, f"t={tags['t']}", remedy)
    if "g" in tags:
        sentence = (
            "g= is from RFC 4871; today it means nothing, and old receivers may refuse the key"
        )
        yield Finding(
            "granularity", Severity.WARNING, sentence, where, f"g={tags['g']}", "remove it"
        )
