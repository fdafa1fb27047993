"""A report in one sentence, and what the sender of the message can do about it.

The sentences are for anybody who asks why a message was refused: a customer, a
colleague, the postmaster of another site.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailauth.dmarc.record import Disposition

if TYPE_CHECKING:
    from mailauth import dmarc
    from mailauth.authenticate import Report

_WISHES = {
    Disposition.NONE: "asks for nothing to be done with such mail",
    Disposition.QUARANTINE: "asks for such mail to be treated as suspicious",
    Disposition.REJECT: "asks for such mail to be refused",
}


def headline(report: "Report") -> tuple[str, str]:
    """A result word for the whole message, and the sentence to show before all else."""
    verdict = report.dmarc
    if verdict is None:
        return _without_dmarc(report)
    author = verdict.domain
    match verdict.result.value:
        case "pass":
            return "pass", f"The message is authentic: {verdict.reason}."
        case "fail":
            owner = verdict.policy_domain
            wish = f"{owner} {_WISHES[verdict.disposition]}"
            return "fail", f"The message is not shown to be from {author}, and {wish}."
        case "temperror":
            return "temperror", f"It is not known yet: {verdict.reason}."
        case "permerror":
            return "permerror", f"The message has no author to judge it by: {verdict.reason}."
    return _without_policy(report, author)


def _without_dmarc(report: "Report") -> tuple[str, str]:
    """The headline if DMARC was not judged: only the signatures count."""
    signers = dict.fromkeys(each.domain for each in report.dkim if each.result == "pass")
    words = " and ".join(each for each in list(signers)[:3] if each)
    if words:
        return "pass", f"{words} vouched for the message by a signature."
    return "none", "No signature vouches for the message; it was not judged by DMARC."


def _without_policy(report: "Report", author: str) -> tuple[str, str]:
    """The headline if DMARC does not apply: who vouched for the message."""
    signers = [each.domain for each in report.dkim if each.result == "pass" and each.domain]
    sent_by = report.spf.domain if report.spf is not None and report.spf.result == "pass" else ""
    who = [*signers[:3], *([sent_by] if sent_by and sent_by not in signers else [])]
    if who:
        words = " and ".join(who)
        return "none", f"{words} vouched for the message; {author} publishes no policy for it."
    return "none", f"Nobody vouched for the message, and {author} publishes no policy for it."


def advice(report: "Report") -> Iterator[str]:
    """What the sender can do, a sentence each; none if all is well."""
    verdict = report.dmarc
    if verdict is None or verdict.result == "pass":
        return
    if verdict.result == "temperror":
        yield "Judge it again later: the DNS did not answer."
        return
    if verdict.result == "permerror":
        yield "Give the message one From field with the addresses of one domain."
        return
    yield from _of_signatures(report, verdict)
    yield from _of_sender(report, verdict)
    if verdict.result == "none":
        yield f"Publish a policy at _dmarc.{verdict.domain}: v=DMARC1; p=none; rua=mailto:..."


def _of_signatures(report: "Report", verdict: "dmarc.Verdict") -> Iterator[str]:
    results = {each.result.value for each in report.dkim}
    author = verdict.domain
    if results <= {"none"}:
        yield f"Sign mail of {author} with DKIM, by a key of {author} itself."
    elif "fail" in results:
        yield (
            "Find what changed the message after it was signed, such as a mailing list or a "
            "scanner, or have it signed after that."
        )
    elif "pass" in results:
        signers = ", ".join(each.domain or "" for each in report.dkim if each.result == "pass")
        yield f"Have it signed by a key of {author}: a signature of {signers} does not count."
    else:
        yield "Correct the signature or the key that it names; the reason is below."


def _of_sender(report: "Report", verdict: "dmarc.Verdict") -> Iterator[str]:
    if report.spf is None:
        return
    of, author = report.spf.domain, verdict.domain
    match report.spf.result.value:
        case "pass" if verdict.result == "fail":
            yield f"Send with an envelope sender of {author}: SPF of {of} does not count for it."
        case "fail" | "softfail" | "neutral":
            yield (
                f"If {report.envelope.ip} sends for {of}, add it to the SPF record of {of}; "
                "if it only forwards, it has to rewrite the envelope sender."
            )
        case "none":
            yield f"Publish an SPF record at {of}."
        case "permerror":
            yield f"Correct the SPF record of {of}: {report.spf.reason}."
