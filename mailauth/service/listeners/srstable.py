"""From the table `[srs]` to the SRS policy, for look-ups and milters alike."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from mailauth import reading, srs
from mailauth.errors import SyntaxFault
from mailauth.postfix import DomainList, Rewriting
from mailauth.postfix.domains import WrongEntries
from mailauth.service.settings.tables import Srs
from mailauth.service.settings.tomlfile import Complaint, Place, Unsound, collect
from mailauth.srs import aliases
from mailauth.syntax import domain as domains

_MOST_FAULTS: Final = 20
_EXCLUDE_FILE: Final = ("srs", "exclude_file")


def complaints(policy: Srs) -> Iterator[Complaint]:
    """What is wrong with the table; touches no file."""
    if policy.long_senders == "store" and policy.aliases is None:
        yield Complaint(("srs", "long_senders"), "needs a file to store them in: aliases = FILE")
    named: list[tuple[Place, str]] = [(("srs", "domain"), policy.domain)]
    named += [(("srs", "more_domains", at), name) for at, name in enumerate(policy.more_domains)]
    for place, name in named:
        try:
            domains.parse(name)
        except SyntaxFault as fault:
            yield Complaint(place, f"{name!r} is not a domain: {fault}")
    for key in ("own_domains", "exclude"):
        try:
            DomainList.of(getattr(policy, key))
        except WrongEntries as fault:
            for number, sentence in fault.faults:
                yield Complaint(("srs", key, number - 1), sentence)


def doubts(policy: Srs) -> Iterator[Complaint]:
    """What is valid but probably not intended."""
    spared = policy.own_domains or policy.exclude or policy.exclude_file
    if not spared and not policy.always_rewrite:
        sentence = "is empty: senders of your own domains will be rewritten too"
        yield Complaint(("srs", "own_domains"), sentence)


def may_sign(given: Srs, now: int) -> bool:
    """Whether one of the secrets signs now; if they cannot be read, `policy` reports it."""
    try:
        secrets = srs.Secrets.read(given.secrets)
    except srs.UnusableSecrets:
        return True
    try:
        secrets.signing(now)
    except srs.UnusableSecrets:
        return False
    return True


def policy(given: Srs) -> Rewriting:
    """The policy, with its secrets and files read.  **Raises** Unsound."""
    secrets, left_alone = _files(given)
    scheme = srs.Scheme(
        separator=given.separator,
        hash_length=given.hash_length,
        hash_minimum=given.hash_minimum,
        max_age=given.max_age,
        mac=srs.Mac(given.mac),
        accepted=tuple(map(srs.Mac, given.accept)),
        url_safe=given.url_safe,
        always_rewrite=given.always_rewrite,
        long_senders=srs.LongSenders(given.long_senders),
    )
    return Rewriting(
        domain=domains.parse(given.domain),
        secrets=secrets,
        scheme=scheme,
        more_domains=frozenset(map(domains.parse, given.more_domains)),
        left_alone=left_alone,
    )


def look_at_store(given: Srs) -> Iterator[Complaint]:
    """What is wrong with the store that each process will open; creates nothing."""
    if given.aliases is not None:
        try:
            aliases.look(given.aliases)
        except aliases.UnusableAliases as fault:
            yield Complaint(("srs", "aliases"), f"{fault}")


def with_store(policy: Rewriting, given: Srs) -> Rewriting:
    """The policy for one process, which opens the store of long senders for itself."""
    if given.aliases is None:
        return policy
    return replace(policy, aliases=aliases.AliasFile(given.aliases, max_age=given.max_age))


def _files(given: Srs) -> tuple[srs.Secrets, DomainList]:
    """The secrets, and whose senders are left alone.  **Raises** Unsound, with every fault."""
    complaints: list[Complaint] = []
    left_alone = DomainList.of([*given.own_domains, *given.exclude])
    if given.exclude_file is not None:
        with collect(complaints, _EXCLUDE_FILE):
            left_alone |= _read_list(Path(given.exclude_file))
    with collect(complaints, ("srs", "secrets")):
        secrets = srs.Secrets.read(given.secrets)
    if complaints:
        raise Unsound(complaints)
    return secrets, left_alone


def _read_list(path: Path) -> DomainList:
    """The list in a file.  **Raises** Unsound, BadArgument."""
    try:
        octets = reading.regular(path, reading.MAX_TEXT)
        return DomainList.parse(reading.decoded(octets, str(path)))
    except WrongEntries as fault:
        lines = [f"{path}:{number}: {sentence}" for number, sentence in fault.faults]
        if len(lines) > _MOST_FAULTS:
            lines[_MOST_FAULTS:] = [f"{path}: and more lines"]
        raise Unsound(Complaint(_EXCLUDE_FILE, line) for line in lines) from None
