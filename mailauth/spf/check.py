"""check_host() and the identities that receivers check (RFC 7208 §2.3, §2.4, §4, §5, §6).

One `_Evaluation` answers for one identity of one client.  It holds what the
whole of it shares: the client, the sender, and the counters of §4.6.4, which
are judged at the moment they are exceeded.  Whatever the records say, what
comes out is a `Verdict`.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from mailauth.dns import ask
from mailauth.dns.ask import LookupFailed
from mailauth.dns.lookups import Address, Answer, Lookups, Status
from mailauth.errors import BadArgument, SyntaxFault
from mailauth.spf import macro
from mailauth.spf import record as records
from mailauth.spf.macro import MacroString
from mailauth.spf.record import IP4, IP6, MX, PTR, A, All, Directive, Exists, Include, Record
from mailauth.spf.verdict import Result, Step, Verdict
from mailauth.syntax import domain as domains
from mailauth.syntax.abnf import QUOTED_STRING

MAX_MX: Final = 10
"""How many mail exchanges one mx may have (§4.6.4)."""
MAX_NAMES: Final = 10
"""How many names of the client are looked at by ptr and %{p} (§4.6.4)."""
MAX_EXPLANATION: Final = 512
"""Characters of an explanation that are told."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of an evaluation (§4.6.4)."""

    max_lookups: int = 10
    """How many terms may ask the DNS."""
    max_void_lookups: int = 2
    """Of how many of them the DNS may know nothing."""


RFC7208: Final = Policy()
"""The limits of the RFC."""


def check(
    *,
    ip: str | Address,
    helo: str,
    sender: str,
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """The verdict on the MAIL FROM identity (§2.4); an empty sender is postmaster@HELO.

    `sender` is the reverse-path, with or without its angle brackets.  **Asks**
    what `check_host` asks.

    **Raises** BadArgument: `ip` is no address.
    """
    path = sender[1:-1] if sender.startswith("<") and sender.endswith(">") else sender
    domain = path.rpartition("@")[2] if path else helo
    return (
        yield from check_host(
            ip,
            domain,
            path or f"postmaster@{helo}",
            helo=helo,
            receiver=receiver,
            now=now,
            policy=policy,
        )
    )


def check_helo(
    *,
    ip: str | Address,
    helo: str,
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """The verdict on the HELO identity (§2.3).  **Asks** what `check_host` asks.

    **Raises** BadArgument: `ip` is no address.
    """
    sender = f"postmaster@{helo}"
    evaluation = _Evaluation(_address(ip), sender, helo, receiver, now, policy)
    return (yield from evaluation.verdict(helo, "helo"))


def check_host(  # noqa: PLR0913 - the arguments of the RFC, and our own
    ip: str | Address,
    domain: str,
    sender: str,
    *,
    helo: str = "",
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """Whether the host `ip` may send mail of `domain`: the function of §4.

    `sender` is the whole mailbox; without a local part it is the postmaster's
    (§4.3).  `receiver` and `now`, seconds since the epoch, are for explanations.
    **Asks** for the record, and then at most ten terms' worth of questions; a mx
    or a ptr among them asks for eleven at most.

    **Raises** BadArgument: `ip` is no address.
    """
    evaluation = _Evaluation(_address(ip), sender, helo, receiver, now, policy)
    return (yield from evaluation.verdict(domain, "mailfrom"))


class _PermError(Exception):
    """The records cannot be evaluated (§2.6.7); caught where the verdict is made."""


class _Unmatched(Exception):
    """A term cannot match, whatever the DNS says."""


class _Found(NamedTuple):
    """What one record came to."""

    result: Result
    directive: str
    domain: str
    exp: MacroString | None


class _Evaluation:
    """One check of one client (§4)."""

    def __init__(
        self, ip: Address, sender: str, helo: str, receiver: str, now: int, policy: Policy
    ) -> None:
        self._ip = ip
        self._bits = int(ip)
        self._is_ip4 = isinstance(ip, IPv4Address)
        self._policy = policy
        self._lookups = 0
        self._voids = 0
        self._secure = True
        self._names: list[str] | None = None  # of the client, validated
        self._steps: list[Step] = []
        self._depth = 0
        self._helo, self._receiver, self._now = helo, receiver, now
        local, at, domain = sender.rpartition("@")
        self._local, self._sender_domain = (
            (local or "postmaster", domain)
            if at
            else (
                "postmaster",
                sender,
            )
        )

    def verdict(self, domain: str, identity: str) -> Lookups[Verdict]:
        """§4.3 to §4.7; every fault of the domain ends here."""
        found = _Found(Result.NONE, "", "", None)
        explanation = ""
        try:
            name = _checked_identity(domain, self._local)
        except SyntaxFault as fault:
            return Verdict(Result.NONE, f"there is nothing to check: {fault}", "", identity)
        try:
            found = yield from self._check(name)
            reason = _reason(found, name)
            if found.result is Result.FAIL and found.exp is not None:
                explanation = yield from self._explanation(found.exp, found.domain)
        except LookupFailed as failure:
            found = found._replace(result=Result.TEMPERROR)
            reason = f"the DNS did not answer: {failure}"
        except _PermError as error:
            found = found._replace(result=Result.PERMERROR)
            reason = str(error)
        return Verdict(
            found.result,
            reason,
            name,
            identity,
            found.directive,
            found.domain,
            explanation,
            self._lookups,
            self._voids,
            self._secure,
            tuple(self._steps),
        )

    def _check(self, domain: str) -> Lookups[_Found]:
        """§4.4 to §4.7: the result of the record of `domain`."""
        record = yield from self._find_record(domain)
        if record is None:
            return _Found(Result.NONE, "", domain, None)
        self._note(f"{domain}: {record.text}")
        has_all = False
        for directive in record.directives:
            has_all = has_all or isinstance(directive.mechanism, All)
            self._depth += 1
            matches = yield from self._matches(directive, domain)
            self._depth -= 1
            self._note(f"  {directive.text}: {'it matches' if matches else 'no match'}")
            if matches:
                return _Found(directive.qualifier.result, directive.text, domain, record.exp)
        if record.redirect is None or has_all:
            return _Found(Result.NEUTRAL, "", domain, None)  # §4.7
        self._note(f"  redirect={record.redirect.text}")
        self._count_term(f"redirect={record.redirect.text}")
        try:
            target = yield from self._target(record.redirect, domain)
        except _Unmatched:
            raise _PermError(f"{domain}: redirect= names no domain") from None  # §6.1
        found = yield from self._check(target)
        if found.result is Result.NONE:
            raise _PermError(f"{domain}: redirect={target}, which has no SPF record")  # §6.1
        return found

    def _find_record(self, domain: str) -> Lookups[Record | None]:
        """The one record of a domain (§4.4, §4.5)."""
        answer = yield from ask.txt(domain)
        self._heard(f"TXT of {domain}", answer)
        found = [octets for octets in answer.records if records.is_record(octets)]
        if not found:
            return None
        if len(found) > 1:
            raise _PermError(f"{domain} has {len(found)} SPF records, and one is allowed")  # §4.5
        try:
            return records.parse(found[0])
        except SyntaxFault as fault:
            raise _PermError(f"{domain}: {fault}") from None  # §4.6

    def _matches(self, directive: Directive, domain: str) -> Lookups[bool]:
        """§4.6.2: whether the mechanism matches the client."""
        mechanism = directive.mechanism
        if isinstance(mechanism, All):
            return True
        if isinstance(mechanism, IP4 | IP6):
            return self._is_in(mechanism)
        self._count_term(directive.text)
        try:
            target = yield from self._target(mechanism.domain_spec, domain)
        except _Unmatched:
            return False
        if isinstance(mechanism, Include):
            return (yield from self._include(target, domain))
        return (yield from self._is_known(mechanism, target, directive.text))

    def _is_in(self, network: IP4 | IP6) -> bool:
        """§5.6."""
        if isinstance(network, IP4) is not self._is_ip4:
            return False
        shift = self._ip.max_prefixlen - network.length
        return self._bits >> shift == int(network.address) >> shift

    def _is_known(self, mechanism: A | MX | PTR | Exists, target: str, text: str) -> Lookups[bool]:
        """§5.3 to §5.5, §5.7: whether the DNS knows the client, or a name, at `target`."""
        if isinstance(mechanism, MX):
            return (yield from self._is_exchange(target, mechanism, text))
        if isinstance(mechanism, PTR):
            return (yield from self._is_named(target, text))
        like = self._ip if isinstance(mechanism, A) else _ANY_IP4
        answer = yield from ask.addresses(target, like=like)
        self._heard(f"addresses of {target}", answer)
        self._count_void(answer, text)
        if isinstance(mechanism, Exists):
            return bool(answer.records)
        return self._is_among(answer.records, mechanism)

    def _include(self, target: str, domain: str) -> Lookups[bool]:
        """The table of §5.2."""
        found = yield from self._check(target)
        if found.result is Result.NONE:
            raise _PermError(f"{domain} includes {target}, which has no SPF record")
        return found.result is Result.PASS

    def _is_exchange(self, target: str, mechanism: MX, text: str) -> Lookups[bool]:
        """§5.4: whether the client is an address of a mail exchange of `target`."""
        answer = yield from ask.mx(target)
        self._heard(f"MX of {target}", answer)
        self._count_void(answer, text)
        if len(answer.records) > MAX_MX:
            raise _PermError(f"{text}: more than {MAX_MX} mail exchanges")  # §4.6.4
        for exchange in answer.records:
            if not exchange.host:
                continue  # the null MX (RFC 7505 §3)
            addresses = yield from ask.addresses(exchange.host, like=self._ip)
            self._heard(f"addresses of {exchange.host}", addresses)
            if self._is_among(addresses.records, mechanism):
                return True
        return False

    def _is_named(self, target: str, text: str) -> Lookups[bool]:
        """§5.5: whether a validated name of the client is `target` or below it."""
        names = yield from self._validated_names(text)
        return any(domains.is_same_or_subdomain(name, target.lower()) for name in names)

    def _validated_names(self, text: str = "") -> Lookups[list[str]]:
        """§5.5: the names of the client that have its address; asked for once."""
        if self._names is not None:
            return self._names
        self._names = []
        try:
            answer = yield from ask.ptr(self._ip)
        except LookupFailed:
            return self._names  # §5.5: then no name is validated
        self._heard(f"names of {self._ip}", answer)
        if text:
            self._count_void(answer, text)
        for name in answer.records[:MAX_NAMES]:
            try:
                addresses = yield from ask.addresses(name, like=self._ip)
            except LookupFailed:
                continue  # §5.5: the name is skipped
            self._heard(f"addresses of {name}", addresses)
            if self._ip in addresses.records:
                self._names.append(name.lower())
        return self._names

    def _is_among(self, addresses: tuple[Address, ...], mechanism: A | MX) -> bool:
        length = mechanism.ip4_length if self._is_ip4 else mechanism.ip6_length
        shift = self._ip.max_prefixlen - length
        bits = self._bits >> shift
        return any(int(address) >> shift == bits for address in addresses)

    def _count_term(self, text: str) -> None:
        self._lookups += 1
        if self._lookups > self._policy.max_lookups:
            raise _PermError(
                f"{text} is one look-up too many: {self._policy.max_lookups} are allowed"
            )

    def _note(self, text: str) -> None:
        self._steps.append(Step(self._depth, text))

    def _heard(self, what: str, answer: Answer[object]) -> None:
        """Keep what the DNS said."""
        self._secure = self._secure and answer.secure
        said = ", ".join(map(_shown, answer.records[:_SHOWN])) or str(answer.status)
        more = len(answer.records) - _SHOWN
        if more > 0:
            said += f" and {more} more"
        counts = f"look-up {self._lookups} of {self._policy.max_lookups}"
        self._note(f"  ? {what}: {said} ({counts}, void {self._voids})")

    def _count_void(self, answer: Answer[object], text: str) -> None:
        if answer.void and answer.status is not Status.MALFORMED_NAME:
            self._voids += 1
            if self._voids > self._policy.max_void_lookups:
                raise _PermError(
                    f"{text}: the DNS knows nothing of it, and so of more than"
                    f" {self._policy.max_void_lookups} terms"
                )

    def _target(self, spec: MacroString | None, domain: str) -> Lookups[str]:
        """target-name (§4.8): the expanded domain-spec, or the domain itself."""
        if spec is None:
            return domain
        text = yield from self._expand(spec, domain)
        name = _shortened(text.removesuffix("."))
        if not _is_askable(name):
            raise _Unmatched  # §4.8: nothing matches such a name, and it is not asked for
        return name

    def _expand(self, string: MacroString, domain: str) -> Lookups[str]:
        """§7.3.  **Raises** _Unmatched: a local part that is not of ASCII (RFC 8616 §4)."""
        if not string.letters:
            return string.expand({})
        if string.letters & {"s", "l"} and not self._local.isascii():
            raise _Unmatched
        values = self._values(domain)
        if "p" in string.letters:
            values["p"] = yield from self._best_name(domain)
        return string.expand(values)

    def _values(self, domain: str) -> dict[str, str]:
        """The values of the letters, but for p (§7.2)."""
        sender_domain = self._sender_domain
        if isinstance(self._ip, IPv4Address):
            dotted, version = str(self._ip), "in-addr"
        else:
            dotted, version = ".".join(f"{self._bits:032X}"), "ip6"
        return {
            "s": f"{self._local}@{sender_domain}",
            "l": self._local,
            "o": sender_domain,
            "d": domain,
            "i": dotted,
            "v": version,
            "h": self._helo,
            "c": str(self._ip),
            "r": self._receiver,
            "t": str(self._now),
        }

    def _best_name(self, domain: str) -> Lookups[str]:
        """%{p} (§7.3): the domain itself if validated, else a subdomain, else any, else unknown."""
        names = yield from self._validated_names()
        below = [name for name in names if domains.is_same_or_subdomain(name, domain.lower())]
        if domain.lower() in names:
            return domain
        return (below or names or ["unknown"])[0]

    def _explanation(self, exp: MacroString, domain: str) -> Lookups[str]:
        """§6.2: the explanation of the domain; nothing if any of it goes wrong."""
        try:
            target = yield from self._target(exp, domain)
            answer = yield from ask.txt(target)
            if len(answer.records) != 1:
                return ""
            string = macro.parse_explanation(answer.records[0].decode("ascii"))
            text = yield from self._expand(string, domain)
        except (LookupFailed, SyntaxFault, UnicodeDecodeError, _Unmatched):
            return ""
        return text[:MAX_EXPLANATION] if text.isascii() and text.isprintable() else ""


_ANY_IP4: Final = IPv4Address(0)
_MAX_NAME: Final = 253
_MAX_LABEL: Final = 63
# More than RFC 5321 §4.1.2 allows: a blank is in the local parts that OpenSPF's suite checks.
_LOCAL_PART: Final = re.compile(r'[^@<>()\[\]",:;\\\x00-\x1f\x7f]+')


def _address(ip: str | Address) -> Address:
    """The client, an IPv4 address also if it is mapped into IPv6 (§5)."""
    if isinstance(ip, str):
        try:
            ip = ip_address(ip)
        except ValueError:
            raise BadArgument(f"{ip!r} is not an IP address") from None
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            raise BadArgument(f"{str(ip)!r} has a zone, and no address of a client has one")
        return ip.ipv4_mapped or ip
    return ip


def _checked_identity(domain: str, local_part: str) -> str:
    """The domain of an identity, as A-labels (§4.3).  **Raises** SyntaxFault."""
    name = domain.removesuffix(".")
    if not name.isascii():
        name = domains.parse(name)  # RFC 8616 §4
    top = name.rpartition(".")[2]
    if "." not in name or top.isdigit() or (not top.isalnum() and "-" not in top):
        raise SyntaxFault("not a domain of two labels or more", domain)
    if not name.isprintable() or " " in name or not _is_askable(name):
        raise SyntaxFault("not a name that the DNS can have", domain)
    if not (_LOCAL_PART.fullmatch(local_part) or QUOTED_STRING.fullmatch(local_part)):
        raise SyntaxFault("the local part of the sender is none", local_part)
    return name


def _is_askable(name: str) -> bool:
    """Whether all labels have 1 to 63 octets and the name 253 at most (RFC 1035 §2.3.4)."""
    return len(name) <= _MAX_NAME and all(0 < len(label) <= _MAX_LABEL for label in name.split("."))


def _shortened(name: str) -> str:
    """§7.3: labels are dropped from the left until 253 octets are left."""
    while len(name) > _MAX_NAME:
        cut = name.find(".", len(name) - _MAX_NAME - 1)
        if cut < 0:
            return name
        name = name[cut + 1 :]
    return name


_SHOWN: Final = 4
"""How many records of an answer a step shows."""


def _shown(record: object) -> str:
    if isinstance(record, bytes):
        return f"{len(record)} octets"
    return str(getattr(record, "host", record))


def _reason(found: _Found, domain: str) -> str:
    if found.result is Result.NONE:
        return f"{domain} has no SPF record"
    if not found.directive:
        return f"no directive of {found.domain} matches"
    return f"{found.directive} of {found.domain} matches"
