"""The field Received-SPF, written and read (RFC 7208 §9.1).

A field that is written holds values of the client, each as a word, a quoted string
or a comment that it cannot break out of.  A field that is read may be anybody's: it
says what our own border host found only if that host wrote it (§11.5.1).
"""

from dataclasses import dataclass
from typing import Final

from mailauth.errors import SyntaxFault
from mailauth.spf.result import Result
from mailauth.spf.verdict import Verdict
from mailauth.syntax import mailbox, structured
from mailauth.syntax.abnf import MODIFIER_NAME, QUOTED_STRING, RECEIVED_SPF_VALUE
from mailauth.syntax.folding import fold
from mailauth.syntax.scanner import Scanner

NAME: Final = "Received-SPF"
MAX_OCTETS: Final = 8192
"""The most characters of a field that is read."""
MAX_PAIRS: Final = 50


@dataclass(frozen=True, slots=True)
class ReceivedSPF:
    """A field: the result, the comment, and the pairs in their order."""

    result: Result
    comment: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    """Keys in lower case, and their values without quotes."""

    def get(self, key: str) -> str | None:
        """The value of the first pair with this key."""
        return next((value for name, value in self.pairs if name == key), None)


def field(
    verdict: Verdict, *, ip: str, helo: str, sender: str, receiver: str, smtputf8: bool = False
) -> bytes:
    """The field to prepend, above the Received field of this host (§9.1).

    `ip`, `helo` and `sender` are what was checked, `receiver` is the name of
    this host.  Without `smtputf8` all is ASCII, as in `authres.field`.
    """
    if not smtputf8:
        helo, sender, receiver = map(mailbox.in_ascii, (helo, sender, receiver))
    pairs = [
        ("receiver", receiver),
        ("identity", verdict.identity),
        ("client-ip", ip),
        ("helo", helo),
    ]
    if verdict.identity == "mailfrom":
        pairs.insert(3, ("envelope-from", sender))
    if verdict.result in (Result.TEMPERROR, Result.PERMERROR):
        pairs.append(("problem", verdict.reason))
    elif verdict.result is not Result.NONE:
        pairs.append(("mechanism", verdict.directive or "default"))
    said = structured.comment(f"{receiver}: {verdict.reason}")
    words = [f"{verdict.result} ", *_blanks_kept(said + " ")]
    words += [f"{key}={structured.word(value)}; " for key, value in pairs]
    if not smtputf8:
        words = [word.encode("ascii", "replace").decode() for word in words]
    return fold(NAME, words)


def parse(text: str) -> ReceivedSPF:
    """result FWS [comment FWS] [ key-value-list ], the body of a field (§9.1).

    More is read than the grammar allows: a value may have any characters but blanks,
    controls, quotes, parentheses and semicolons, as in the RFC's own example
    `mechanism=ip4:192.0.2.1`.

    **Raises** SyntaxFault.
    """
    if len(text) > MAX_OCTETS:
        raise SyntaxFault(f"a field of {len(text)} characters, over {MAX_OCTETS}")
    scanner = Scanner(text)
    structured.skip_cfws(scanner)
    word = scanner.expect(MODIFIER_NAME, "a result")
    try:
        result = Result(word.lower())
    except ValueError:
        raise SyntaxFault("not a result of SPF", text, scanner.at - len(word)) from None
    said = " ".join(structured.read_comments(scanner))
    pairs: list[tuple[str, str]] = []
    while not scanner.ended:
        if len(pairs) == MAX_PAIRS:
            raise scanner.fault(f"more than {MAX_PAIRS} pairs")
        pairs.append(_read_pair(scanner))
        if not scanner.skip(";") and not scanner.ended:
            raise scanner.fault("expected ';'")
        structured.skip_cfws(scanner)
    return ReceivedSPF(result, said, tuple(pairs))


def _read_pair(scanner: Scanner) -> tuple[str, str]:
    """key-value-pair = key [CFWS] "=" ( dot-atom / quoted-string ) (§9.1)."""
    key = scanner.expect(MODIFIER_NAME, "a key").lower()
    structured.skip_cfws(scanner)
    if not scanner.skip("="):
        raise scanner.fault("expected '='")
    structured.skip_cfws(scanner)
    value = scanner.read(QUOTED_STRING) or scanner.expect(RECEIVED_SPF_VALUE, "a value")
    structured.skip_cfws(scanner)
    return key, structured.unquoted(value)


def _blanks_kept(text: str) -> list[str]:
    """The words of a comment, between which the field may be folded."""
    words = text.split(" ")
    return [f"{word} " for word in words[:-1]] + [words[-1]]
