"""Authentication-Results, written and read (RFC 8601 §2.2).

A field speaks for the host that it names, its authserv-id, and for no other.
`is_claimed` tells which fields a border host must remove before it writes its
own, because they claim its name or cannot be read (§5).  Every value from
outside is written by one emitter, so that none can break out of its place.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from mailauth.errors import BadArgument, SyntaxFault
from mailauth.syntax import domain as domains
from mailauth.syntax import mailbox, structured
from mailauth.syntax.abnf import KEYWORD, QUOTED_STRING, TOKEN, VERSION
from mailauth.syntax.folding import fold
from mailauth.syntax.scanner import Scanner

NAME: Final = "Authentication-Results"
CURRENT: Final = 1
"""The version of the format (§2.2)."""
MAX_OCTETS: Final = 65_536
"""Characters of the longest field that is read; a longer one is treated as a forgery."""
MAX_RESULTS: Final = 500


class Property(NamedTuple):
    """propspec: where a value was found, and the value (§2.3)."""

    ptype: str
    """`smtp`, `header`, `body` or `policy`."""
    name: str
    value: str


class MethodResult(NamedTuple):
    """resinfo: the result of one method (§2.2, §2.7)."""

    method: str
    result: str
    reason: str = ""
    properties: tuple[Property, ...] = ()
    version: int = CURRENT
    """The version of the method; a reader ignores results of an unknown version (§2.6)."""

    def get(self, ptype: str, name: str) -> str | None:
        """The value of the first property of this type and name; None: there is none."""
        return next(
            (each.value for each in self.properties if (each.ptype, each.name) == (ptype, name)),
            None,
        )


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """A field: the host that it speaks for, and the results; `none` is an empty tuple."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    version: int = CURRENT

    def understood(self) -> tuple[MethodResult, ...]:
        """The results whose versions, the field's and the method's, are known here (§2.6)."""
        if self.version != CURRENT:
            return ()
        return tuple(each for each in self.results if each.version == CURRENT)


def field(authserv_id: str, results: Iterable[MethodResult], *, smtputf8: bool = False) -> bytes:
    """The field to put at the very top, above the Received field of this host (§4).

    Without `smtputf8` the field is all ASCII, because a header field may hold nothing
    else then (RFC 6532 §3.2): domains are written as A-labels, and any other character
    outside ASCII becomes a question mark.

    **Raises** BadArgument: a method, result, ptype or property is not a Keyword.
    """
    written = list(results)
    words = [f"{structured.value(authserv_id)};{'' if written else ' none'}"]
    for count, each in enumerate(written, 1):
        words += _words(each)
        words[-1] += ";" if count < len(written) else ""
    if not (smtputf8 or all(map(str.isascii, words))):
        return field(mailbox.in_ascii(authserv_id), map(_in_ascii, written))
    return fold(NAME, [f"{word} " for word in words])


def resinfo(result: MethodResult) -> str:
    """One result as written in a field (§2.2).  **Raises** BadArgument, as `field`."""
    return " ".join(_words(result))


def parse(text: str) -> AuthenticationResults:
    """authres-payload = [CFWS] authserv-id [ CFWS version ] ( no-result / 1*resinfo ) (§2.2).

    Keywords are returned in lower case.  What others write is accepted too: a
    semicolon at the end; an id without results, which means `none`; and the
    `action=` that Microsoft adds to the DMARC result.

    **Raises** SyntaxFault.
    """
    if len(text) > MAX_OCTETS:
        raise SyntaxFault(f"a field of {len(text)} characters, over {MAX_OCTETS}")
    scanner = Scanner(text)
    authserv_id, version = _read_head(scanner)
    results: list[MethodResult] = []
    nothing = False
    while scanner.skip(";"):
        structured.skip_cfws(scanner)
        if scanner.ended or scanner.check(";"):
            continue
        if len(results) == MAX_RESULTS:
            raise scanner.fault(f"more than {MAX_RESULTS} results")
        result = _read_result(scanner)
        if result is None:
            nothing = True
        else:
            results.append(result)
    if not scanner.ended:
        raise scanner.fault("expected ';' or the end")
    if nothing and results:
        raise scanner.fault("'none' together with results")
    return AuthenticationResults(authserv_id, tuple(results), version)


def is_claimed(text: str, authserv_id: str) -> bool:
    """Whether a border host with this id must remove the field (§5).

    It must if the field claims the id, in any spelling, or a name below it; if the
    version of the field is not known here; and if the field cannot be read, because
    someone further on may read it differently: it is too long, a comment or a quoted
    string does not end, or it has a control character or a line end that is not a fold.
    """
    if len(text) > MAX_OCTETS or _LINE_END.search(text):
        return True
    scanner = Scanner(text)
    try:
        claimed, version = _read_head(scanner)
        if version != CURRENT or not (scanner.ended or scanner.check(";")):
            return True
        _skip_words(scanner)
    except SyntaxFault:
        return True
    return is_host(claimed, authserv_id)


def is_host(claimed: str, authserv_id: str) -> bool:
    """Whether `claimed` is `authserv_id`, in any spelling, or a name below it."""
    return domains.is_same_or_subdomain(_host(claimed), _host(authserv_id))


def _host(authserv_id: str) -> str:
    """The id in the form to compare: A-labels, lower case, no job id, no final dot.

    A no-break space ends it and invisible characters are dropped, as by some readers.
    """
    word = next(filter(None, _BLANK.split(authserv_id)), "")
    name = "".join(filter(str.isprintable, _JOB.split(word, maxsplit=1)[0])).rstrip(".")
    try:
        return domains.parse(name.translate(_FULL_STOPS).casefold())
    except SyntaxFault:
        return name.lower()


def _read_head(scanner: Scanner) -> tuple[str, int]:
    structured.skip_cfws(scanner)
    authserv_id = _value(scanner, "an authserv-id")
    structured.skip_cfws(scanner)
    digits = scanner.read(VERSION)
    structured.skip_cfws(scanner)
    return authserv_id, int(digits) if digits else CURRENT


def _skip_words(scanner: Scanner) -> None:
    """Read the rest, which must be comments, quoted strings and visible characters."""
    structured.skip_cfws(scanner)
    while not scanner.ended:
        if not scanner.read(QUOTED_STRING):
            scanner.expect(_VISIBLE, "text")
        structured.skip_cfws(scanner)


def _read_result(scanner: Scanner) -> MethodResult | None:
    """methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ]; None is `none` (§2.2)."""
    method = scanner.expect(KEYWORD, "a method").lower()
    structured.skip_cfws(scanner)
    if method == "none" and (scanner.ended or scanner.check(";")):
        return None
    version = CURRENT
    if scanner.skip("/"):
        structured.skip_cfws(scanner)
        version = int(scanner.expect(VERSION, "a version of the method"))
        structured.skip_cfws(scanner)
    _skip(scanner, "=")
    result = scanner.expect(KEYWORD, "a result").lower()
    structured.skip_cfws(scanner)
    reason, properties = "", []
    while not scanner.ended and not scanner.check(";"):
        word = scanner.expect(KEYWORD, "a property or a reason").lower()
        structured.skip_cfws(scanner)
        if word == "reason" and not scanner.check("."):
            _skip(scanner, "=")
            reason = _value(scanner, "a reason")
        elif word == "action" and scanner.skip("="):
            structured.skip_cfws(scanner)
            _value(scanner, "an action")
        else:
            _skip(scanner, ".")
            name = scanner.expect(KEYWORD, "a property").lower()
            structured.skip_cfws(scanner)
            _skip(scanner, "=")
            properties.append(Property(word, name, _pvalue(scanner)))
        structured.skip_cfws(scanner)
    return MethodResult(method, result, reason, tuple(properties), version)


def _skip(scanner: Scanner, sign: str) -> None:
    if not scanner.skip(sign):
        raise scanner.fault(f"expected '{sign}'")
    structured.skip_cfws(scanner)


def _value(scanner: Scanner, what: str) -> str:
    """value = token / quoted-string (RFC 2045 §5.1, RFC 6532 §3.2)."""
    return structured.unquoted(scanner.read(QUOTED_STRING) or scanner.expect(TOKEN, what))


def _pvalue(scanner: Scanner) -> str:
    """pvalue = value / [ [ local-part ] "@" ] domain-name (§2.2).

    More is read than is ever written here: others leave slashes, colons and equals
    signs unquoted, and write nothing at all for the sender of a bounce.
    """
    if scanner.ended or scanner.check(";"):
        return ""
    text = scanner.read(QUOTED_STRING) or ""
    if not text or scanner.check("@"):
        text += scanner.expect(_UNQUOTED, "a value")
        return text
    return structured.unquoted(text)


def _words(result: MethodResult) -> Iterator[str]:
    yield _ours(result.method, "=", result.result)
    if result.reason:
        yield f"reason={structured.quoted(result.reason)}"
    for ptype, name, value in result.properties:
        yield f"{_ours(ptype, '.', name)}={structured.pvalue(value)}"


@lru_cache(maxsize=256)
def _ours(first: str, sign: str, second: str) -> str:
    """Two keywords with `sign` between them; they are our own, and few, so remembered."""
    for word in (first, second):
        if not KEYWORD.fullmatch(word):
            raise BadArgument(f"{word!r} is not a keyword of Authentication-Results")
    return f"{first}{sign}{second}"


def _in_ascii(result: MethodResult) -> MethodResult:
    properties = tuple(
        each._replace(value=mailbox.in_ascii(each.value)) for each in result.properties
    )
    reason = result.reason.encode("ascii", "replace").decode()
    return result._replace(reason=reason, properties=properties)


_LINE_END = re.compile(r"\r(?!\n)|\n(?![ \t]|\Z)")
_VISIBLE = re.compile(r'[^\x00- \x7f()"]++')
_UNQUOTED = re.compile(r"[^\x00- \x7f()\";]++")
# All Unicode blanks, and the replacement for an octet that is not UTF-8.
_BLANK = re.compile(r"[\s\ufffd]++")
_JOB = re.compile(r"[/:@]")
_FULL_STOPS = dict.fromkeys(map(ord, "\u3002\uff0e\uff61"), ".")
