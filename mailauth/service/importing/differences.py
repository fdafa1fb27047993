"""Where an imported configuration would not do what the other program did, as notes.

There are two such cases.  A value that the other program accepted may be one that
`check-config` refuses.  And a line of the secrets file may mean a different secret here,
because its octets are taken as they are, including blanks, and because `#` begins a
comment.
"""

import tomllib
from collections.abc import Iterator

from mailauth import reading
from mailauth.errors import BadArgument
from mailauth.service.importing.imported import Imported
from mailauth.service.processes import generation
from mailauth.service.settings import configuration
from mailauth.service.settings.tomlfile import first_of_each, show
from mailauth.service.start import kinds_of_listeners
from mailauth.srs import MAX_SECRETS
from mailauth.srs.secrets import MIN_OCTETS

_BLANKS = b" \t\r\v\f"


def note_differences(imported: Imported, *, trims: bool) -> None:
    """Add notes on what `check-config` refuses, and on secrets that would not be the same here.

    `trims` says whether the other program removes blanks from both ends of a secret.
    """
    note_refusals(imported)
    imported.notes += _secrets(str(imported.srs["secrets"]), trims=trims)


def note_refusals(imported: Imported) -> None:
    """Add notes on what `check-config` refuses, as far as that can be seen without the files."""
    tables, kinds = tomllib.loads(imported.text()), kinds_of_listeners()
    _, complaints = configuration.convert(
        tables, lambda converted: generation.wrong_listeners(converted, kinds)
    )
    for one in first_of_each(complaints):
        imported.notes.append(f"fix {show(one.place)}: {one.sentence}")


def _secrets(path: str, *, trims: bool) -> Iterator[str]:
    try:
        octets = reading.octets(path, reading.MAX_TEXT)
    except BadArgument as fault:
        yield f"check the secrets yourself: {fault}"
        return
    count = 0
    for number, line in enumerate(octets.split(b"\n"), 1):
        secret = line.strip(_BLANKS) if trims else line.strip(b"\r")
        count += bool(secret) and not secret.startswith(b"#")
        if why := _difference(secret, line):
            yield f"{path}:{number}: {why}"
    if count > MAX_SECRETS:
        yield f"{path} has {count} secrets: remove all but the first {MAX_SECRETS}"


def _difference(secret: bytes, line: bytes) -> str:
    """Why a line that was a secret there is no secret here, or a different one; or ""."""
    if secret.startswith(b"#"):
        return "begins with '#', a comment here: bounces to addresses made with it are lost"
    if secret and len(secret.strip()) < MIN_OCTETS:
        return f"has fewer than {MIN_OCTETS} octets: bounces to addresses made with it are lost"
    if secret and secret != line:
        return "remove the blanks or the CR at its ends: here they are part of the secret"
    return ""
