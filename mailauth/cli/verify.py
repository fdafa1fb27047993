"""`mailauth verify`: the verdict on each signature of each message."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import click

from mailauth.cli.given import mailfiles, options
from mailauth.cli.given.arrival import Arrival, envelope
from mailauth.cli.shown import progress
from mailauth.cli.shown.output import complain, put
from mailauth.cli.shown.statuses import TEMPORARY
from mailauth.cli.shown.told import Told, autopsies_of
from mailauth.errors import BadArgument

if TYPE_CHECKING:
    from mailauth.authenticate import Report
    from mailauth.case import Case
    from mailauth.dns import Resolver, Zone
    from mailauth.dns.lookups import Lookups
    from mailauth.pages import Judged

SIDE_BY_SIDE = 50
"""Messages that are judged side by side, as long as they are small."""
MAX_OCTETS = 16_777_216
"""Octets of the messages side by side, without the last one."""


@click.command("verify")
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@options.dns
@options.now()
@click.option(
    "--policy", type=click.Choice(["rfc8301", "rfc6376"]), default="rfc8301", show_default=True,
    help="rfc6376 lets l= leave part of the body unsigned.",
)  # fmt: skip
@envelope
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each message.")
@click.option("--explain", is_flag=True,
              help="Show each DNS query, and what broke a signature.")  # fmt: skip
@options.public_suffixes
@click.option(
    "--trusted-sealer", "trusted_sealers", multiple=True, metavar="DOMAIN",
    help="Trust the ARC seals of this domain; repeatable.",
)  # fmt: skip
@options.html
@click.option("--save", metavar="FILE",
              help="Save message, clock and DNS answers, for replay.")  # fmt: skip
@click.option("--private", is_flag=True, help="With --save: only hashes of the body.")
@click.option("--cross-check", is_flag=True, help="Ask dkimpy too, and name any difference.")
def command(
    files: tuple[str, ...],
    zones: tuple[str, ...],
    nameservers: tuple[str, ...],
    now: int,
    policy: str,
    arrival: Arrival,
    as_json: bool,
    explain: bool,
    psl: str | None,
    trusted_sealers: tuple[str, ...],
    html: str | None,
    save: str | None,
    private: bool,
    cross_check: bool,
) -> None:
    """Verify messages: files, mboxes, Maildirs, folders of .eml, or standard input.

    \b
    mailauth verify mail.eml
    mailauth verify --zone zone.json --now 2026-11-23 Maildir/
    mailauth verify --json --cross-check inbox.mbox
    mailauth verify --explain broken.eml
    mailauth verify --ip 192.0.2.1 --helo mx.example.com --mail-from ada@example.com mail.eml
    mailauth verify --explain --trust-received Maildir/cur/1764349200.M1P2.mx
    mailauth verify --save case.json --ip 192.0.2.1 --mail-from ada@example.com mail.eml
    mailauth verify --html why.html --ip 192.0.2.1 --mail-from ada@example.com mail.eml

    The exit status is 0 if every message has a passing signature, 1 if not,
    75 if the DNS failed for one that might pass, 2 if a file cannot be read; for
    several messages, the worst of these in the order 0, 1, 75, 2.  With --ip or
    --trust-received it is 0 if DMARC passes; without a DMARC policy, signatures decide.
    """
    from mailauth import dkim
    from mailauth.dmarc import suffixes

    if private and not save:
        raise BadArgument("--private changes what --save writes: give both")
    if save and len(files) > 1:
        raise BadArgument("a case holds one message: give one file with --save")
    judge = _Judge(
        options.resolver(zones, nameservers),
        arrival,
        {
            "by_list": psl and suffixes.read(psl),
            "now": now,
            "dkim_policy": dkim.RFC6376 if policy == "rfc6376" else dkim.RFC8301,
            "trusted_sealers": tuple(map(options.a_label, trusted_sealers)),
            "private": private,
        },
        in_full=bool(html),
        autopsy=explain or bool(html),
        cross_check=cross_check,
    )
    status = 0
    pages: list[Judged] = []
    kept: list[Case] = []
    for judged in judge.judge_all(_sources(files or (mailfiles.STANDARD_INPUT,))):
        if isinstance(judged, BadArgument):
            complain(str(judged))
            status = 2
            continue
        told = judge.told(judged)
        kept += [judged.case] if save else []
        pages += [told.for_page(judged.source.octets)] if html else []
        if as_json:
            click.echo(told.as_json())
        else:
            told.show(explain=explain)
        status = max(status, told.status, key=_SEVERITY.index)
    if html:
        from mailauth.pages import of_messages

        put(html, of_messages(pages, now=judge.arguments["now"]).encode())
    if save:
        _save(save, kept)
    if status:
        raise click.exceptions.Exit(status)


_Found: TypeAlias = mailfiles.Source | BadArgument
"""A message, or why there is none."""


class _Judged(NamedTuple):
    """A message, its report, and the case to save."""

    source: mailfiles.Source
    report: "Report"
    case: "Case"


class _Judge:
    """Judges messages, all with the same arguments."""

    def __init__(
        self,
        ask: "Resolver | Zone",
        arrival: Arrival,
        arguments: dict[str, Any],
        *,
        in_full: bool,
        autopsy: bool,
        cross_check: bool,
    ) -> None:
        self._ask = ask
        self._arrival = arrival
        self.arguments = arguments
        """The arguments of `case.record` that are the same for all messages."""
        self._in_full = in_full
        self._autopsy = autopsy
        self._compare = None
        if cross_check:
            from mailauth.cli.opinions import dkimpy

            dkimpy.demand()
            self._compare = dkimpy.compare

    def judge_all(self, sources: Iterable[_Found]) -> Iterator[_Judged | BadArgument]:
        """Each message with its report, in order; a fault in place of a message stays as it is.

        Some are judged side by side, so that they wait for the DNS together.
        """
        for batch in _batches(sources):
            messages = [each for each in batch if isinstance(each, mailfiles.Source)]
            run_all = self._ask.run_all if len(messages) > 1 else partial(map, self._ask.run)
            found = iter(run_all(map(self._judging, messages)))
            for each in batch:
                yield each if isinstance(each, BadArgument) else _Judged(each, *next(found))

    def _judging(self, source: mailfiles.Source) -> "Lookups[tuple[Report, Case]]":
        from mailauth.authenticate import METHODS, WITHOUT_ENVELOPE
        from mailauth.case import record

        came = self._arrival.of(source.name, source.octets)
        methods = METHODS if came.ip or self._in_full else WITHOUT_ENVELOPE
        return record(source.octets, methods=methods, **came._asdict(), **self.arguments)

    def told(self, judged: _Judged) -> Told:
        """What to show of one message."""
        source, report, _ = judged
        autopsies = autopsies_of(source.octets, report, self._ask) if self._autopsy else []
        comparison = None
        if self._compare is not None:
            examined = list(report.dkim[: self.arguments["dkim_policy"].max_signatures])
            now = self.arguments["now"]
            comparison = self._compare(source.octets, examined, self._ask, now=now)
        return Told(source.name, report, autopsies, comparison)


def _batches(sources: Iterable[_Found]) -> Iterator[list[_Found]]:
    """The sources in batches, each to be judged side by side."""
    batch: list[_Found] = []
    size = 0
    for source in sources:
        batch.append(source)
        size += _octets(source)
        if len(batch) == SIDE_BY_SIDE or size >= MAX_OCTETS:
            yield batch
            batch, size = [], 0
    yield batch


def _save(path: str, cases: "list[Case]") -> None:
    from mailauth.case import dumps
    from mailauth.case.reading import MAX_CHARACTERS

    if len(cases) != 1:
        raise BadArgument(f"a case holds one message, and there are {len(cases)}: none is saved")
    text = dumps(cases[0])
    if len(text) > MAX_CHARACTERS:
        raise BadArgument("the message is too large for a case: --private keeps its body out")
    put(path, text.encode())


_SEVERITY = [0, 1, TEMPORARY, 2]
"""The exit statuses from best to worst; of several messages the worst counts."""


def _sources(paths: Sequence[str]) -> Iterator[_Found]:
    """Every message in `paths`, one at a time; a fault in place of what cannot be read."""
    if not progress.is_wanted():
        yield from _messages(mailfiles.files(paths))
    else:
        found = list(mailfiles.files(paths))
        total = sum(map(mailfiles.size, found))
        yield from progress.shown(_messages(found), _octets, total=total, label="verifying")


def _octets(source: _Found) -> int:
    return len(source.octets) if isinstance(source, mailfiles.Source) else 0


def _messages(
    files: Iterable[str | BadArgument],
) -> Iterator[_Found]:
    for file in files:
        if isinstance(file, BadArgument):
            yield file
        else:
            yield from mailfiles.messages(file)
