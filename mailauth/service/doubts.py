"""What a valid configuration says but probably does not intend: for a postmaster to check.

None of it is an error.  The network may be down, the systemd unit may grant the group,
and a host may have no domains of its own.
"""

import grp
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from socket import AF_UNIX
from typing import Final

from mailauth.milter.tables import datasets
from mailauth.service import dnsdoubts
from mailauth.service.listeners import srstable
from mailauth.service.listeners.kinds import Kinds
from mailauth.service.processes import privileges
from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Listen, Srs
from mailauth.service.settings.tomlfile import Complaint, Place


def doubts(configuration: Configuration, kinds: Kinds, now: int) -> Iterator[Complaint]:
    """What is doubtful at `now`, in seconds since the epoch.

    Asks the DNS what `dnsdoubts` asks, as far as the listeners need it.
    """
    for index, listen in enumerate(configuration.listen):
        yield from kinds[listen.kind].doubts(configuration, listen)
        if not _gets_its_group(listen):
            sentence = (
                f"the user {privileges.user()} is not in this group, and cannot give it "
                "the socket: see SupplementaryGroups= of the unit"
            )
            yield Complaint(("listen", index, "group"), sentence)
        yield from _no_place(listen, ("listen", index, "address"))
        if _is_for_its_owner(listen):
            sentence = (
                "has no group, so nobody but the user of the service may connect: "
                'for Postfix write group = "postfix"'
            )
            yield Complaint(("listen", index), sentence)
    used = {table for each in configuration.listen for table in kinds[each.kind].uses(each)}
    yield from _idle_tables(configuration, used)
    if configuration.srs is not None and "srs" in used:
        yield from _dated_secrets(configuration.srs, now)
    yield from _uncertain_files(configuration)
    if any(kinds[listen.kind].asks(configuration, listen) for listen in configuration.listen):
        yield from dnsdoubts.silent_nameservers(configuration.dns)
    yield from dnsdoubts.unpublished(configuration, used)


def _gets_its_group(listen: Listen) -> bool:
    """Whether this user could give the socket its group."""
    if listen.group is None or listen.where.family != AF_UNIX:
        return True
    gid = grp.getgrnam(listen.group).gr_gid
    return privileges.may_give_to(gid) or _group_within(Path(listen.where.host).parent) == gid


def _group_within(folder: Path) -> int | None:
    """The group that a folder gives to files made in it, if it does (setgid)."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_gid if status.st_mode & stat.S_ISGID else None


def _no_place(listen: Listen, place: Place) -> Iterator[Complaint]:
    """A complaint if this user cannot make the Unix socket, and nobody else has made it."""
    path = Path(listen.where.host)
    if listen.where.family != AF_UNIX or stat.S_ISSOCK(_mode(path)):
        return
    folder, user = path.parent, privileges.user()
    if not stat.S_ISDIR(_mode(folder)):
        if folder.parts[:2] != _MADE_AT_THE_START:
            yield Complaint(place, f"there is no folder {folder} that the user {user} can see")
    elif not os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        sentence = (
            f"the user {user} may not make a socket in {folder}: "
            "see the owner of the folder, and ReadWritePaths= of the unit"
        )
        yield Complaint(place, sentence)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


_EFFECTIVE: Final = os.access in os.supports_effective_ids
_MADE_AT_THE_START: Final = ("/", "run")
"""Below it the unit makes a folder at the start (RuntimeDirectory=) and removes it at the end."""


def _is_for_its_owner(listen: Listen) -> bool:
    """Whether only the user of the service could connect to a Unix socket.

    An existing socket of another group is one that the service manager has made.
    """
    if listen.where.family != AF_UNIX or listen.group is not None or listen.mode & stat.S_IWOTH:
        return False
    path = Path(listen.where.host)
    if _group_within(path.parent) is not None:
        return False
    try:
        return path.lstat().st_gid == os.getegid()
    except OSError:
        return True


def _idle_tables(configuration: Configuration, used: Collection[str]) -> Iterator[Complaint]:
    for table, who in _USERS.items():
        if getattr(configuration, table) is not None and table not in used:
            yield Complaint((table,), f"no listener uses it; {who}")


_USERS: Final = {
    "signing": "it needs a milter without a role, or with the role sign or both",
    "verifying": "it needs a milter without a role, or with the role verify or both",
    "srs": "it needs a socketmap, a tcp_table, or a milter with srs = true",
}
"""By table, which listeners use it."""


def _dated_secrets(given: Srs, now: int) -> Iterator[Complaint]:
    if not srstable.may_sign(given, now):
        sentence = "no secret is valid now, so mail whose sender must be rewritten waits"
        yield Complaint(("srs", "secrets"), f"{sentence}: check the dates in the file")


def _uncertain_files(configuration: Configuration) -> Iterator[Complaint]:
    """File names that may mean something else where the service starts, or are read as hosts."""
    for place, name in _named(configuration):
        if not name.startswith("/"):
            sentence = (
                "is relative to the folder where the service starts: write the whole path, from /"
            )
            yield Complaint(place, sentence)
    for table, key in _DATA_SETS:
        text = getattr(getattr(configuration, table), key, None)
        if text and key in _LISTS and ":" not in text and not datasets.is_file(text):
            sentence = "is read as a list of hosts; the name of a file must begin with / or file:"
            yield Complaint((table, key), sentence)


def _named(configuration: Configuration) -> Iterator[tuple[Place, str]]:
    """The files that the configuration names, each with its place."""
    for table, key in _FILES:
        if name := getattr(getattr(configuration, table), key, None):
            yield (table, key), name
    for table, key in _DATA_SETS:
        text = getattr(getattr(configuration, table), key, None) or ""
        if datasets.is_file(text):
            yield (table, key), datasets.path_of(text)
    for index, row in enumerate(configuration.signing.key if configuration.signing else ()):
        yield ("signing", "key", index, "file"), row.file


_FILES: Final = (("srs", "secrets"), ("srs", "exclude_file"), ("srs", "aliases"))
_LISTS: Final = ("networks_file", "excluded_file", "trusted_file")
_DATA_SETS: Final = (
    ("signing", "key_table"),
    ("signing", "signing_table"),
    ("signing", "networks_file"),
    ("signing", "excluded_file"),
    ("verifying", "trusted_file"),
)
