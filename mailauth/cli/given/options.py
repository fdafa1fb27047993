"""The options that several commands share, each defined once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailauth.errors import BadArgument, SyntaxFault, how_to_get

if TYPE_CHECKING:
    from mailauth.dns import Resolver, Zone

Command = TypeVar("Command", bound=Callable[..., Any])


def _without_final_dot(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    """Drop one dot at the end of a name, as master files and dig write it."""
    return name and name.removesuffix(".")


def domain_option(help: str, *, required: bool = True) -> Callable[[Command], Command]:  # noqa: A002 - click's word
    """`-d`, with or without a final dot."""
    return click.option(
        "-d", "--domain", required=required, metavar="DOMAIN", help=help,
        callback=_without_final_dot,
    )  # fmt: skip


domain = domain_option("The domain that signs, d=.")
selector = click.option(
    "-s", "--selector", required=True, metavar="SELECTOR", help="The selector of the key, s=."
)
key_file = click.option(
    "-k", "--key", "key_file", required=True, metavar="KEYFILE",
    help="The key's file, private or public.",
)  # fmt: skip


def require_service() -> None:
    """**Raises** BadArgument: the service is not installed whole."""
    from importlib.util import find_spec

    if find_spec("msgspec") is None:
        raise BadArgument(f"the service is not installed: {how_to_get('service')}")


def _with_service(_: click.Context, __: click.Parameter, path: Path) -> Path:
    """Refuse a configuration if the service is not installed."""
    require_service()
    return path


configuration_file = click.option(
    "-c", "--config", required=True, metavar="FILE", type=click.Path(path_type=Path),
    help="The TOML file of the service.", callback=_with_service,
)  # fmt: skip


def _with_pages(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Refuse to make a page if the package that fills its template is not installed."""
    from importlib.util import find_spec

    if path is not None and find_spec("jinja2") is None:
        raise BadArgument(f"web pages need packages that are not installed: {how_to_get('html')}")
    return path


public_suffixes = click.option(
    "--psl", metavar="FILE",
    help="Compare with this public suffix list, or `installed`.",
)  # fmt: skip
html = click.option(
    "--html", metavar="FILE", help="Write the report as a web page.",
    callback=_with_pages,
)  # fmt: skip


def form_option(help: str) -> Callable[[Command], Command]:  # noqa: A002
    """`--format`: the form in which a record is printed; see `mailauth.dns.present.Form`."""
    forms = click.Choice(["zone", "text", "plain", "json"])
    return click.option("--format", "form", type=forms, help=help)


def a_label(text: str) -> str:
    """A domain or selector as the DNS has it.  **Raises** BadArgument."""
    from mailauth.syntax import domain as domains

    return domains.given(text)


def place(domain: str, selector: str) -> tuple[str, str]:
    """Both as A-labels, if a key can stand there.  **Raises** BadArgument: it cannot."""
    from mailauth.dkim import claims

    return claims.place(domain, selector)


def key_name(domain: str, selector: str) -> str:
    """The name at which the key of a selector is published (RFC 6376 §3.6.2.1).

    **Raises** BadArgument: no key can stand there.
    """
    from mailauth.dkim.key import name

    return name(*place(domain, selector))


def dns(command: Command) -> Command:
    """`--zone` and `--nameserver`: who is asked; without them, the system's resolver."""
    zone = click.option(
        "--zone",
        "zones",
        multiple=True,
        metavar="FILE",
        help="Answer from this zone or JSON file; repeatable.",
    )
    nameserver = click.option(
        "--nameserver",
        "nameservers",
        multiple=True,
        metavar="ADDR",
        help="Ask IP[:PORT], tls://IP or https://...; repeatable.",
    )
    return zone(nameserver(command))


MANY_SECONDS = 60
"""How long all questions of a check of a whole domain may take together."""


def resolver(
    zones: tuple[str, ...], nameservers: tuple[str, ...], *, budget: float = 20
) -> "Resolver | Zone":
    """The resolver or zone that the options of `dns` name; `budget` is in seconds."""
    if zones:
        if nameservers:
            raise BadArgument("--zone and --nameserver exclude each other: give one")
        from mailauth.dns.zone import Zone

        return Zone.read(*zones)
    from mailauth.dns.resolver import Resolver

    return Resolver(nameservers, budget=budget)


def now(
    help: str = "Judge as of this time: epoch seconds or a date.",  # noqa: A002 - click's word
) -> Callable[[Command], Command]:
    """`--now`, in seconds since the epoch; without it, the time of the system's clock."""
    return click.option("--now", metavar="TIME", help=help, callback=_moment)


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> int:
    return int(time.time()) if text is None else _point_in_time(text)


def record_name(text: str) -> str:
    """The name of a record, given with or without a final dot.  **Raises** BadArgument."""
    from mailauth.syntax import domain as domains

    try:
        return domains.parse_name(text.removesuffix("."))
    except SyntaxFault as fault:
        raise BadArgument(f"{fault}: {text!r}") from None


def duration(text: str) -> int:
    """Seconds of `14d`, `36h`, `30m`, `90s` or `90`.  **Raises** BadArgument."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not (number.isascii() and number.isdigit() and 0 < len(number) <= _MAX_DIGITS):
        raise BadArgument(f"{text!r} is not a duration such as 14d, 36h or 900s")
    return int(number) * _UNITS[unit]


def _point_in_time(text: str) -> int:
    """Seconds since the epoch of a number, an ISO 8601 or an RFC 5322 date.

    A date without a zone is UTC.  **Raises** BadArgument.
    """
    moment = _seconds(text)
    if not 0 <= moment <= _LATEST:
        raise BadArgument(f"{text!r} is not between the years 1970 and 9999")
    return moment


def _seconds(text: str) -> int:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    forms = "epoch seconds, 2026-11-23T08:00:00Z, or the time of a Date field"
    raise BadArgument(f"{text!r} is not a time: give {forms}")


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_DIGITS = 12
_LATEST = 253_402_300_799
"""The last second that a date of four digits can name."""
