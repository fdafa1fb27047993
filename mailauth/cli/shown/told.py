"""The verdicts on one message, shown as lines for people or as JSON for programs."""

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mailauth.cli.shown.output import printable
from mailauth.cli.shown.statuses import TEMPORARY

if TYPE_CHECKING:
    from mailauth.authenticate import Report
    from mailauth.case import Case
    from mailauth.cli.opinions.dkimpy import Comparison
    from mailauth.dkim import Verdict
    from mailauth.dkim.autopsy import Autopsy
    from mailauth.dns import Resolver, Zone
    from mailauth.pages import Judged

_COLORS = {"pass": "green", "fail": "red", "policy": "red", "permerror": "red"}


class Told(NamedTuple):
    """What to show of one message."""

    name: str
    report: "Report"
    autopsies: "list[Autopsy]"
    """What broke its signatures."""
    comparison: "Comparison | None" = None
    """What another implementation says of its signatures."""

    @property
    def is_whole(self) -> bool:
        """Whether it was judged by its envelope too, not by its signatures alone."""
        return bool(self.report.envelope.ip)

    @property
    def status(self) -> int:
        """The exit status: DMARC decides, or the signatures where the domain has no policy."""
        results = {verdict.result.value for verdict in self.report.dkim}
        dmarc = self.report.dmarc if self.is_whole else None
        if dmarc is not None and dmarc.result.value != "none":
            results = {dmarc.result.value}
        if "pass" in results:
            return 0
        return TEMPORARY if "temperror" in results else 1

    def for_page(self, octets: bytes) -> "Judged":
        """The message, whose octets these are, as a page needs it."""
        from mailauth.pages import Judged
        from mailauth.syntax.message import Message

        why = [f"The body: {each.body}. The header: {each.header}." for each in self.autopsies]
        return Judged(self.name, Message.parse(octets), self.report, tuple(why))

    def as_json(self) -> str:
        """The verdicts as JSON on one line."""
        import json
        from dataclasses import asdict

        from mailauth.authenticate import SCHEMA, verdict_as_dict

        told: dict[str, Any] = {
            "file": self.name,
            "schema": SCHEMA,
            "dkim": [verdict_as_dict("dkim", verdict) for verdict in self.report.dkim],
        }
        if self.is_whole:
            told |= self.report.as_dict()
        elif self.report.chain is not None:
            told["arc"] = verdict_as_dict("arc", self.report.chain)
        if self.autopsies:
            told["autopsy"] = [asdict(each) for each in self.autopsies]
        if self.comparison is not None:
            told["cross_check"] = self.comparison.as_dict()
        return json.dumps(told)

    def show(self, *, explain: bool) -> None:
        """Print the lines; with `explain` the whole story below them."""
        click.echo(f"{printable(self.name)}:")
        for verdict in self.report.dkim:
            self._show_signature(verdict)
        self._show_more()
        if self.comparison is not None:
            for line in self.comparison.lines():
                click.echo(f"  {printable(line)}")
        if explain:
            for line in self.report.explain():
                click.echo(f"  {printable(line)}")

    def _show_signature(self, verdict: "Verdict") -> None:
        tags = {
            "d": verdict.domain,
            "s": verdict.selector,
            "a": verdict.algorithm,
            "bits": verdict.key_size,
        }
        parts = [f"{tag}={value}" for tag, value in tags.items() if value is not None]
        click.echo(f"  {_word(verdict.result.value)} {printable(' '.join(parts))}".rstrip())
        click.echo(f"            {printable(verdict.reason)}")
        for each in self.autopsies:
            if verdict.result.value == "fail" and each.signature == verdict.signature:
                click.echo(f"            the body: {printable(each.body)}")
                click.echo(f"            the header: {printable(each.header)}")

    def _show_more(self) -> None:
        """Print what there is besides signatures: without an envelope, only the ARC chain."""
        report = self.report
        labels: dict[str, Any] = {"arc": report.chain}
        if self.is_whole:
            labels = {"spf helo": report.helo, "spf": report.spf, **labels, "dmarc": report.dmarc}
        for label, verdict in labels.items():
            if verdict is not None:
                click.echo(f"  {_word(verdict.result.value)} {label}: {printable(verdict.reason)}")
        if why := report.override():
            click.echo(f"            it may be passed over: {printable(why)}")


def autopsies_of(octets: bytes, report: "Report", ask: "Resolver | Zone | Case") -> "list[Autopsy]":
    """What broke the signatures of a message; empty if none of them fails."""
    from mailauth.dkim.autopsy import autopsy

    failed = any(verdict.result.value == "fail" for verdict in report.dkim)
    return ask.run(autopsy(octets)) if failed else []


def _word(result: str) -> str:
    return click.style(f"{result:9}", fg=_COLORS.get(result))
