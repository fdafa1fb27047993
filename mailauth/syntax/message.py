"""A message: its octets split into header fields and body, never altered (RFC 5322 §2.1).

There is one splitter, and everything that reads a message goes through it, so
that no two parts of the project can disagree about where the header ends.  The
header ends at the first CRLF CRLF; only CRLF ends a line.  Bare CR, bare LF,
NUL and 8-bit octets stay where they are.  A header line that is not a field is
not ignored: it is reported in `faults`, and code that has to trust the header
refuses a message that has any.
"""

import re
from typing import NamedTuple

from mailauth.errors import BadArgument
from mailauth.syntax.abnf import FTEXT


class Field(NamedTuple):
    """One header field as it came, with its folding and without its final CRLF."""

    key: bytes
    """The name in lower case, for comparing (RFC 5322 §1.2.2)."""
    octets: bytes

    @property
    def name(self) -> bytes:
        """The name as written, without the blanks that may precede the colon (§4.5)."""
        return self.octets.partition(b":")[0].rstrip(b" \t")

    @property
    def value(self) -> bytes:
        """Everything after the colon."""
        return self.octets.partition(b":")[2]


class Message(NamedTuple):
    """The octets of a message, its header fields from top to bottom, its `body` without a copy."""

    octets: bytes
    keys: tuple[bytes, ...]
    """The name of each field in lower case."""
    field_octets: tuple[bytes, ...]
    """Each field as it came, without its final CRLF."""
    body_start: int
    """Where the body begins: the number of octets in the header, including the empty line."""
    faults: tuple[str, ...] = ()
    """Why the header cannot be trusted, one sentence for each fault; line 1 is the first line."""

    @classmethod
    def parse(cls, octets: bytes | bytearray) -> "Message":
        """The message in `octets`; any octets are one (RFC 5322 §2.1, §3.5).

        A `bytearray` is copied, since it may change.

        **Raises** BadArgument: it is text, or an object of Python's `email`.
        """
        if not isinstance(octets, bytes | bytearray):
            how = "of Python's email, take as_bytes(policy=email.policy.SMTP)"
            raise BadArgument(f"a message is bytes, not {type(octets).__name__}; {how}")
        octets = bytes(octets)
        header, body_start = _split(octets)
        keys, field_octets, faults = _fields_of(header)
        return cls(octets, keys, field_octets, body_start, faults)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields as pairs of key and octets."""
        return tuple(map(Field, self.keys, self.field_octets))

    @property
    def body(self) -> memoryview:
        """The octets after the empty line."""
        return memoryview(self.octets)[self.body_start :]


def normalize_line_endings(octets: bytes) -> bytes:
    """The octets with CRLF in place of every bare LF, as Unix files need (RFC 5322 §2.3)."""
    if b"\n" not in octets:
        return octets
    if b"\r\n" not in octets:
        return octets.replace(b"\n", b"\r\n")
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_MAX_FAULTS = 10

# Lower-casing and checking a name costs more than looking it up here.
_KNOWN_KEYS: dict[bytes, bytes] = {
    name: name.lower()
    for name in (
        b"ARC-Authentication-Results ARC-Message-Signature ARC-Seal Authentication-Results Bcc Cc "
        b"Content-Disposition Content-Language Content-Transfer-Encoding Content-Type "
        b"DKIM-Signature Date Delivered-To Feedback-ID From In-Reply-To List-Archive List-Help "
        b"List-Id List-ID List-Owner List-Post List-Subscribe List-Unsubscribe "
        b"List-Unsubscribe-Post MIME-Version Message-ID Message-Id Precedence Received "
        b"Received-SPF References Reply-To Return-Path Sender Subject To User-Agent X-Mailer "
        b"X-Received"
    ).split()
}


def _split(octets: bytes) -> tuple[bytes, int]:
    if octets.startswith(b"\r\n"):
        return b"", 2
    end = octets.find(b"\r\n\r\n")
    if end >= 0:
        return octets[:end], end + 4
    return octets.removesuffix(b"\r\n"), len(octets)


def _fields_of(
    header: bytes,
) -> tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[str, ...]]:
    """The keys and the octets of the fields, and the faults."""
    if not header:
        return (), (), ()
    pieces = _FIELD_END.split(header)
    known = _KNOWN_KEYS.get
    keys = [
        colon and (known(name) or _key_of(name))
        for octets in pieces
        for name, colon, _ in (octets.partition(b":"),)
    ]
    faults = _bare_line_ends(header)
    if b"" in keys:
        faults = _strays(pieces, keys) + faults
        pieces = [octets for key, octets in zip(keys, pieces, strict=True) if key]
        keys = [key for key in keys if key]
    return tuple(keys), tuple(pieces), tuple(faults)


def _strays(pieces: list[bytes], keys: list[bytes]) -> list[str]:
    faults: list[str] = []
    line = 1
    for key, octets in zip(keys, pieces, strict=True):
        if not key:
            faults.append(f"line {line} of the header is not a field: {octets[:60]!r}")
            if len(faults) == _MAX_FAULTS:
                break
        line += octets.count(b"\r\n") + 1
    return faults


def _bare_line_ends(header: bytes) -> list[str]:
    text = header.replace(b"\r\n", b"")
    faults = []
    if b"\n" in text:
        faults.append("there is a bare LF in the header")
    if b"\r" in text:
        faults.append("there is a bare CR in the header")
    return faults


def _key_of(name: bytes) -> bytes:
    """The key of the octets before a colon; b"" if they are not a field name.

    field-name = 1*ftext, and obs-optional's blanks before the colon (§3.6.8, §4.5.8).
    """
    name = name.rstrip(b" \t")
    return b"" if name.translate(None, FTEXT) else name.lower()
