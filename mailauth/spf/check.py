"""What receivers ask: may this host send for this identity? (RFC 7208 §2.3, §2.4, §4.1)."""

from collections.abc import Sequence

from mailauth.dns.lookups import Address, Lookups
from mailauth.spf.evaluation import Evaluation
from mailauth.spf.identity import client
from mailauth.spf.identity import sender as mailbox
from mailauth.spf.policy import RFC7208, Policy
from mailauth.spf.verdict import Verdict


def check(  # noqa: PLR0913 - the arguments of the RFC, and our own
    *,
    ip: str | Address,
    helo: str,
    sender: str,
    hops: Sequence[str] = (),
    receiver: str = "unknown",
    now: int = 0,
    policy: Policy = RFC7208,
) -> Lookups[Verdict]:
    """The verdict on the MAIL FROM identity (§2.4); an empty sender is postmaster@HELO.

    `sender` is the reverse-path, with or without its angle brackets.  `hops` are
    the addresses from which the mail came before, the latest first: if `ip` is
    one of `policy.relays`, the first of them that is not is judged.  **Asks** what
    `check_host` asks.

    **Raises** BadArgument: `ip` is no address.
    """
    path = sender[1:-1] if sender.startswith("<") and sender.endswith(">") else sender
    domain = path.rpartition("@")[2] if path else helo
    whole = path or f"postmaster@{helo}"
    ip = outermost(ip, hops, policy)
    evaluation = Evaluation(client(ip), mailbox(whole), helo, receiver, now, policy)
    return evaluation.verdict(domain, "mailfrom")


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
    evaluation = Evaluation(client(ip), mailbox(f"postmaster@{helo}"), helo, receiver, now, policy)
    return evaluation.verdict(helo, "helo")


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
    evaluation = Evaluation(client(ip), mailbox(sender), helo, receiver, now, policy)
    return evaluation.verdict(domain, "mailfrom")


def outermost(ip: str | Address, hops: Sequence[str], policy: Policy) -> str | Address:
    """The address that is judged: of `ip` and `hops` the first that is no relay of ours."""
    if not policy.relays:
        return ip
    for each in (ip, *hops):
        address = client(each).ip
        if not any(address in network for network in policy.relays):
            return each
    return ip
