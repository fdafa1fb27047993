"""The secrets: the first of them signs, all of them verify, each while it is valid.

A file has a secret on each line, the newest first, as with postsrsd and pfix-srsd;
the octets of the line are the secret.  A line that begins with `#` is a comment;
`# from DATE` and `# until DATE` say when the next secret is valid, with a DATE such
as `2026-11-23` or `2026-11-23T12:00`, in UTC unless it has an offset.  A line that
only looks like one of these two is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from mailauth.errors import MailauthError, UnusableKey
from mailauth.keys import files

MIN_OCTETS: Final = 8
MAX_SECRETS: Final = 20
"""Each is one more chance for a forged address, and one more MAC for each look-up."""


class UnusableSecrets(MailauthError):
    """There is no secret to sign with, or the file of secrets cannot be used."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret; its repr never shows its octets."""

    octets: bytes
    valid_from: int | None = None
    """Seconds since the epoch from which it signs."""
    valid_until: int | None = None
    """Seconds since the epoch until which it signs and verifies."""

    def __repr__(self) -> str:
        return f"Secret(..., valid_from={self.valid_from}, valid_until={self.valid_until})"


class Secrets:
    """Some secrets, the newest first, ready for use."""

    __slots__ = ("_all", "_secrets", "are_dated")

    def __init__(self, *secrets: Secret) -> None:
        """**Raises** UnusableSecrets: there is none, too many, or one that is too short."""
        if not 1 <= len(secrets) <= MAX_SECRETS:
            raise UnusableSecrets(f"{len(secrets)} secrets; there must be 1 to {MAX_SECRETS}")
        for number, secret in enumerate(secrets, 1):
            if len(secret.octets.strip()) < MIN_OCTETS:
                raise UnusableSecrets(
                    f"secret {number} has fewer than {MIN_OCTETS} octets; make one with"
                    " mailauth srs new-secret"
                )
        self._secrets = [(secret, Keyed(secret.octets)) for secret in secrets]
        self._all = [keyed for _, keyed in self._secrets]
        self.are_dated = any(
            secret.valid_from is not None or secret.valid_until is not None for secret in secrets
        )
        """Whether the time decides which of them are valid."""

    def __repr__(self) -> str:
        return f"Secrets({', '.join(repr(secret) for secret, _ in self._secrets)})"

    @classmethod
    def parse(cls, octets: bytes) -> "Secrets":
        """The secrets in the octets of a file.  **Raises** UnusableSecrets, with the line."""
        return cls(*(entry.secret for entry in entries(octets)))

    @classmethod
    def read(cls, path: files.FilePath) -> "Secrets":
        """The secrets in a file.

        **Raises** UnusableSecrets: it cannot be read, others can read it, or its
        content is not that of a secrets file.
        """
        try:
            octets = files.read(path, noun="secrets file")
            return cls.parse(octets)
        except UnusableKey as fault:
            raise UnusableSecrets(str(fault)) from None
        except UnusableSecrets as fault:
            raise UnusableSecrets(f"{path}: {fault}") from None

    def signing(self, now: int) -> "Keyed":
        """The newest secret that is valid now.  **Raises** UnusableSecrets: none is."""
        if not self.are_dated:
            return self._all[0]
        for secret, keyed in self._secrets:
            if (secret.valid_from or 0) <= now and not _is_over(secret, now):
                return keyed
        raise UnusableSecrets("no secret is valid now; check their dates")

    def verifying(self, now: int) -> "list[Keyed]":
        """All secrets that have not expired; one not valid yet may sign elsewhere already."""
        if not self.are_dated:
            return self._all
        return [keyed for secret, keyed in self._secrets if not _is_over(secret, now)]


class Entry(NamedTuple):
    """A secret and its lines in a file: comments, dates, and the secret itself."""

    secret: Secret
    lines: bytes


def entries(octets: bytes) -> Iterator[Entry]:
    """The secrets in the octets of a file.  **Raises** UnusableSecrets, with the line."""
    bounds: dict[str, int] = {}
    lines: list[bytes] = []
    dated = 0
    for number, line in enumerate(octets.split(b"\n"), 1):
        lines.append(line + b"\n")
        bound = _bound(line, number)
        if bound is not None:
            word, seconds = bound
            if word in bounds:
                raise UnusableSecrets(f"line {number}: a second {word} for one secret")
            bounds[word], dated = seconds, number
        elif line and not line.startswith(b"#"):
            _check(line, number)
            yield Entry(Secret(line, bounds.get("from"), bounds.get("until")), b"".join(lines))
            bounds, lines = {}, []
    if bounds:
        raise UnusableSecrets(f"line {dated}: no secret follows this date")


class Keyed:
    """A secret as keyed HMACs, which are copied for each use: faster than keying each time."""

    __slots__ = ("sha1", "sha256")

    def __init__(self, octets: bytes) -> None:
        self.sha1 = HMAC(octets, SHA1())  # noqa: S303 - what SRS has; a MAC needs no more of it
        self.sha256 = HMAC(octets, SHA256())


_BOUNDS: Final = ("from", "until")
# Anything but letters and digits may surround the sign and the word.
_LIKE_A_BOUND = re.compile(rb"[^\w#]*+#[^\w#]*+(from|until)\W*+\d", re.IGNORECASE)


def _bound(line: bytes, number: int) -> tuple[str, int] | None:
    """The word and the date of a comment that bounds a secret; None for any other line.

    **Raises** UnusableSecrets: it is no date, or the line only looks like such a
    comment.  Ignoring that would leave a secret valid for ever.
    """
    words = line.decode("latin-1").split() if line.startswith(b"#") else []
    if len(words) == 3 and words[0] == "#" and words[1] in _BOUNDS:  # noqa: PLR2004
        return words[1], _seconds(words[2], number)
    alike = _LIKE_A_BOUND.match(line)
    if alike is not None:
        wanted = f"# {alike[1].decode().lower()} 2026-11-23"
        raise UnusableSecrets(f"line {number}: write a date as {wanted} on a line of its own")
    return None


def _check(line: bytes, number: int) -> None:
    """**Raises** UnusableSecrets: the line cannot be a secret."""
    if line.endswith(b"\r"):
        raise UnusableSecrets(f"line {number} ends with a CR; end lines with LF alone")
    if len(line.strip()) < MIN_OCTETS:
        raise UnusableSecrets(f"line {number}: a secret of fewer than {MIN_OCTETS} octets")


def _is_over(secret: Secret, now: int) -> bool:
    return secret.valid_until is not None and now >= secret.valid_until


def _seconds(text: str, line: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableSecrets(f"line {line}: {text!r} is not a date such as 2026-11-23") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
