"""`mailauth verify`: the verdict on each signature of each message."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from mailauth.cli import mailfiles, options, output, progress
from mailauth.cli.output import complain, printable
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.authenticate import Report
    from mailauth.cli.crosscheck import Comparison
    from mailauth.dkim import Policy, Verdict
    from mailauth.dkim.autopsy import Autopsy
    from mailauth.dns import Resolver, Zone
    from mailauth.pages import Judged

_COLORS = {"pass": "green", "fail": "red", "policy": "red", "permerror": "red"}


@click.command("verify", short_help="verify the DKIM signatures of messages, and judge them")
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@options.dns
@click.option("--now", metavar="TIME", help="Judge as of this time: seconds or a date.")
@click.option(
    "--policy", type=click.Choice(["rfc8301", "rfc6376"]), default="rfc8301", show_default=True,
    help="What is admitted; rfc6376 lets l= leave a part of the body unsigned.",
)  # fmt: skip
@click.option("--ip", default="", metavar="IP", help="The client's address: judge SPF and DMARC.")
@click.option("--helo", default="", metavar="NAME", help="The name that it said; see --ip.")
@click.option("--mail-from", default="", metavar="ADDR", help="The envelope sender; see --ip.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each message.")
@click.option("--explain", is_flag=True, help="Tell why: what was asked, what broke a signature.")
@options.public_suffixes
@options.html
@click.option("--cross-check", is_flag=True, help="Ask dkimpy too, and name any difference.")
def command(
    files: tuple[str, ...],
    zone: str | None,
    nameservers: tuple[str, ...],
    now: str | None,
    policy: str,
    ip: str,
    helo: str,
    mail_from: str,
    as_json: bool,
    explain: bool,
    psl: str | None,
    html: str | None,
    cross_check: bool,
) -> None:
    """Verify messages: files, mboxes, Maildirs, folders of .eml, or standard input.

    \b
    mailauth verify mail.eml
    mailauth verify --zone zone.json --now 2026-11-23 Maildir/
    mailauth verify --json --cross-check inbox.mbox
    mailauth verify --explain broken.eml
    mailauth verify --ip 192.0.2.1 --helo mx.example.com --mail-from ada@example.com mail.eml
    mailauth verify --html why.html --ip 192.0.2.1 --mail-from ada@example.com mail.eml

    The exit status is 0 if every message has a passing signature, 1 if not,
    75 if the DNS failed for one that might pass, 2 if a file cannot be read; the
    last of these that is true of any message.  With --ip it is 0 if DMARC passes;
    where a domain has no policy the signatures decide.
    """
    from mailauth import dkim
    from mailauth.authenticate import METHODS, authenticate
    from mailauth.dmarc import suffixes

    if not ip and (helo or mail_from):
        raise BadArgument("--helo and --mail-from say who sent it: give --ip too")
    ask = options.resolver(zone, nameservers)
    moment = int(time.time()) if now is None else options.point_in_time(now)
    rules: Policy = dkim.RFC6376 if policy == "rfc6376" else dkim.RFC8301
    methods = METHODS if ip or html else frozenset({"dkim"})
    client: dict[str, Any] = {
        "ip": ip,
        "helo": helo,
        "mail_from": mail_from,
        "by_list": psl and suffixes.read(psl),
    }
    report = _report_json if as_json else _report_text
    compare = None
    if cross_check:
        from mailauth.cli import crosscheck

        crosscheck.demand()
        compare = crosscheck.compare
    status = 0
    pages: list[Judged] = []
    for source in _sources(files or (mailfiles.STANDARD_INPUT,)):
        if isinstance(source, BadArgument):
            complain(str(source))
            status = 2
            continue
        judged = authenticate(
            source.octets, now=moment, dkim_policy=rules, methods=methods, **client
        )
        told = ask.run(judged)
        whole, verdicts = told if ip else None, list(told.dkim)
        comparison = compare and compare(source.octets, verdicts[: rules.max_signatures], ask)
        stories = _stories(source, verdicts, ask) if explain or html else []
        pages += [_judged(source, told, stories)] if html else []
        report(source.name, verdicts, stories, comparison, whole)
        if whole is not None and explain and not as_json:
            for line in whole.explain():
                click.echo(f"  {printable(line)}")
        status = max(status, _status(verdicts, whole), key=_SEVERITY.index)
    if html:
        from mailauth.pages import of_messages

        output.write_page(html, of_messages(pages, now=moment))
    if status:
        raise click.exceptions.Exit(status)


def _judged(source: mailfiles.Source, report: "Report", stories: list["Autopsy"]) -> "Judged":
    """A message as a page takes it."""
    from mailauth.pages import Judged
    from mailauth.syntax.message import Message

    told = [f"The body: {story.body}. The header: {story.header}." for story in stories]
    return Judged(source.name, Message.parse(source.octets), report, tuple(told))


def _stories(
    source: mailfiles.Source, verdicts: list["Verdict"], ask: "Resolver | Zone"
) -> list["Autopsy"]:
    """What broke the signatures of which one fails; nothing if none does."""
    from mailauth.dkim.autopsy import autopsy

    failed = any(verdict.result.value == "fail" for verdict in verdicts)
    return ask.run(autopsy(source.octets)) if failed else []


_SEVERITY = [0, 1, options.TEMPORARY, 2]
"""The exit statuses; of several messages the last that one of them has."""


def _sources(paths: Sequence[str]) -> Iterator[mailfiles.Source | BadArgument]:
    """Every message in `paths`, one at a time; instead of what cannot be read, the fault."""
    if not progress.is_wanted():
        yield from _messages(mailfiles.files(paths))
    else:
        found = list(mailfiles.files(paths))
        total = sum(map(mailfiles.size, found))
        yield from progress.shown(_messages(found), _octets, total=total, label="verifying")


def _octets(source: mailfiles.Source | BadArgument) -> int:
    return len(source.octets) if isinstance(source, mailfiles.Source) else 0


def _messages(
    files: Iterable[str | BadArgument],
) -> Iterator[mailfiles.Source | BadArgument]:
    for file in files:
        if isinstance(file, BadArgument):
            yield file
        else:
            yield from mailfiles.messages(file)


def _status(verdicts: list["Verdict"], whole: "Report | None") -> int:
    results = {verdict.result.value for verdict in verdicts}
    if whole is not None and whole.dmarc is not None and whole.dmarc.result.value != "none":
        results = {whole.dmarc.result.value}
    if "pass" in results:
        return 0
    return options.TEMPORARY if "temperror" in results else 1


def _report_json(
    name: str,
    verdicts: list["Verdict"],
    stories: list["Autopsy"],
    comparison: "Comparison | None",
    whole: "Report | None",
) -> None:
    import json
    from dataclasses import asdict

    from mailauth.authenticate import SCHEMA, verdict_as_dict

    signatures = [verdict_as_dict("dkim", verdict) for verdict in verdicts]
    report: dict[str, Any] = {"file": name, "schema": SCHEMA, "dkim": signatures}
    if whole is not None:
        report |= whole.as_dict()
    if stories:
        report["autopsy"] = [asdict(story) for story in stories]
    if comparison is not None:
        report["cross_check"] = comparison.as_dict()
    click.echo(json.dumps(report))


def _report_text(
    name: str,
    verdicts: list["Verdict"],
    stories: list["Autopsy"],
    comparison: "Comparison | None",
    whole: "Report | None",
) -> None:
    click.echo(f"{printable(name)}:")
    for verdict in verdicts:
        word = click.style(f"{verdict.result.value:9}", fg=_COLORS.get(verdict.result.value))
        parts = [
            f"{tag}={value}"
            for tag, value in (
                ("d", verdict.domain),
                ("s", verdict.selector),
                ("a", verdict.algorithm),
                ("bits", verdict.key_size),
            )
            if value is not None
        ]
        click.echo(f"  {word} {printable(' '.join(parts))}".rstrip())
        click.echo(f"            {printable(verdict.reason)}")
        for story in stories:
            if verdict.result.value == "fail" and story.signature == verdict.signature:
                click.echo(f"            the body: {printable(story.body)}")
                click.echo(f"            the header: {printable(story.header)}")
    if whole is not None:
        for label, found in (("spf helo", whole.helo), ("spf", whole.spf), ("dmarc", whole.dmarc)):
            if found is not None:
                word = click.style(f"{found.result.value:9}", fg=_COLORS.get(found.result.value))
                click.echo(f"  {word} {label}: {printable(found.reason)}")
    if comparison is not None:
        for line in comparison.lines():
            click.echo(f"  {printable(line)}")
