"""The two pages, each from its report and its template."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import jinja2
from markupsafe import Markup

import mailauth
from mailauth.findings import Severity
from mailauth.pages.advice import advice, headline
from mailauth.story import Chapter
from mailauth.syntax.display import printable
from mailauth.verdicts import tree

if TYPE_CHECKING:
    from mailauth.authenticate import Report
    from mailauth.domaincheck import DomainReport
    from mailauth.syntax.message import Message

MAX_VALUE: Final = 1000
"""Characters of one value that a page shows."""
_SHOWN: Final = ("From", "To", "Subject", "Date", "Message-ID")


class Judged(NamedTuple):
    """A message, and the report on it."""

    name: str
    """The name of its file."""
    message: "Message"
    report: "Report"
    autopsies: tuple[str, ...] = ()
    """What broke its signatures, a sentence each."""


class _Shown(NamedTuple):
    """A message as the template needs it."""

    name: str
    result: str
    headline: str
    fields: list[tuple[str, str]]
    envelope: list[tuple[str, str]]
    advice: list[str]
    autopsies: tuple[str, ...]
    chapters: list[Chapter]


def of_messages(judged: Iterable[Judged], *, now: int) -> str:
    """The page on one message or more: the verdict, why, what to do, and all details."""
    shown = [_shown(each) for each in judged]
    return _render("messages.html", now, shown=shown)


def of_domain(report: "DomainReport") -> str:
    """The page on a domain's check."""
    kinds = [
        (title, list(_found(report, severity)))
        for title, severity in (
            ("Broken", Severity.ERROR),
            ("Unwise", Severity.WARNING),
            ("Worth knowing", Severity.NOTE),
        )
    ]
    result = "fail" if kinds[0][1] else "temperror" if report.silent else "pass"
    return _render(
        "domain.html", report.checked_at, report=report, kinds=kinds, result=result, tree=tree
    )


def _found(report: "DomainReport", severity: Severity) -> Iterable[tuple[str, object]]:
    """The findings of one severity, each with the title of its area."""
    for area in report.areas:
        for each in report.findings_beside(area):
            if each.severity is severity:
                yield area.title, each


def _shown(judged: Judged) -> _Shown:
    report = judged.report
    result, sentence = headline(report)
    ip, helo, mail_from = report.envelope
    envelope = [("client", ip), ("HELO", helo), ("MAIL FROM", f"<{mail_from}>")] if ip else []
    return _Shown(
        judged.name,
        result,
        sentence,
        _fields(judged.message),
        envelope,
        list(advice(report)),
        judged.autopsies,
        list(report.chapters()),
    )


def _fields(message: "Message") -> list[tuple[str, str]]:
    """The fields by which people know a message, the first of each, decoded (RFC 2047)."""
    found = []
    for name in _SHOWN:
        key = name.lower().encode()
        values = [field.value for field in message.fields if field.key == key]
        if values:
            more = f" (and {len(values) - 1} more such fields)" if len(values) > 1 else ""
            found.append((name, _decoded(values[0]) + more))
    return found


def _decoded(octets: bytes) -> str:
    text = octets[:MAX_VALUE].replace(b"\r\n", b"").decode("utf-8", "backslashreplace").strip()
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):  # an unknown charset or encoding
        return text


def _finalize(value: object) -> object:
    """A value as a template shows it: cut, and printable; markup came from a template itself."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    cut = value if len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}..."
    return printable(cut)


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("mailauth.pages")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, _, _ = loader.get_source(environment, "style.css")
    environment.globals["style"] = Markup(style)  # noqa: S704 - it is ours
    environment.globals["style_hash"] = b64encode(sha256(style.encode()).digest()).decode()
    environment.globals["version"] = mailauth.__version__
    return environment


def _render(template: str, now: int, **values: object) -> str:
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _templates().get_template(template).render(moment=moment, **values)
