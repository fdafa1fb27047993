"""A store of long senders in an SQLite file that the processes of a service share.

A sender whose rewritten address would be too long is kept under an alias: its
digest, in letters and digits whose case does not count.  An alias is on disk before
it is returned, and stays there for as long as an address with it is accepted.  So a
full store refuses new senders and drops none: a heavy sender cannot make the bounces
of others undeliverable.

Each process opens the file itself, after a fork, and uses it in one thread.
"""

import os
import sqlite3
import tempfile
from base64 import b32encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from mailauth.errors import BadArgument, MailauthError, UnusableKey
from mailauth.keys import files
from mailauth.srs.address import octets
from mailauth.srs.fault import TooLong
from mailauth.srs.hashes import DAY
from mailauth.srs.scheme import CLASSIC

CAPACITY: Final = 100_000
"""Senders; with their addresses some 20 megabytes."""
BUSY_SECONDS: Final = 2.0
"""How long a process waits for another that writes; not again right after a wait in vain."""


class UnusableAliases(MailauthError):
    """The store cannot be opened, read or written; a mail system should try again later."""


class AliasFile:
    """The store, opened by the process and the thread that use it; it implements `Aliases`."""

    def __init__(
        self, path: files.FilePath, *, max_age: int = CLASSIC.max_age, capacity: int = CAPACITY
    ) -> None:
        """Open the file, or make it for its owner alone.

        `max_age` is that of the scheme, in days: a sender that is kept now is found
        for that long, by every process.

        **Raises** UnusableAliases: it cannot be made or opened, is open to others,
        or is another kind of file.  BadArgument: `max_age` or `capacity` is below 1.
        """
        if max_age < 1 or capacity < 1:
            raise BadArgument(
                f"a store of {capacity} senders for {max_age} days; both must be at least 1"
            )
        self._path = Path(path)
        self._max_age = max_age
        self._capacity = capacity
        with _trouble(self._path):
            _find_or_make(self._path)
            self._database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        self._waits = True  # for other processes that write
        try:
            with _trouble(self._path):
                self._prepare()
        except UnusableAliases:
            self.close()
            raise

    def keep(self, address: str, *, now: int) -> str:
        """The alias of an address, found for the maximum age from today on; see `Aliases.keep`.

        **Raises** TooLong: the store is full.  UnusableAliases.
        """
        kept = octets(address)
        alias = b32encode(sha256(kept).digest()[:_ALIAS_OCTETS]).decode("ascii")
        today = now // DAY
        with _trouble(self._path):
            row = self._database.execute(_UNTIL_OF, (alias,)).fetchone()
            # The same look-up comes several times for one mail; one write is enough.
            if row is None or row[0] < today + self._max_age:
                self._write(alias, kept, today)
        return alias

    def find(self, alias: str, *, now: int) -> str | None:
        """The address of an alias, in any case; None if it is no longer known.

        **Raises** UnusableAliases.
        """
        if not alias.isascii():
            return None
        with _trouble(self._path):
            row = self._database.execute(_ADDRESS_OF, (alias.upper(), now // DAY)).fetchone()
        return None if row is None else bytes(row[0]).decode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        _expect_marks(self._database, self._path)
        self._database.execute("PRAGMA synchronous = FULL")

    def _write(self, alias: str, kept: bytes, today: int) -> None:
        with self._database as database:  # commits, or rolls back
            self._begin()
            database.execute(_FORGET, (today,))
            database.execute(_REPLACE, (alias, kept, today + self._max_age))
            if database.execute(_COUNT).fetchone()[0] > self._capacity:
                raise TooLong(f"the sender is too long, and {self._capacity} are stored already")

    def _begin(self) -> None:
        """Begin to write; after a wait in vain, further attempts fail at once until one succeeds.

        A service that waited each time would stand still for as long as another holds the lock.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._wait(0)
            raise
        if not self._waits:
            self._wait(BUSY_SECONDS)

    def _wait(self, seconds: float) -> None:
        self._waits = seconds > 0
        self._database.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def look(path: files.FilePath) -> None:
    """Check a store that another process will open or make; nothing is made or changed here.

    It must not be open in this process: closing it here would release the locks
    that SQLite holds on it.

    **Raises** UnusableAliases: the file is no store (see `AliasFile`), or this user
    cannot write it, or cannot make it.
    """
    path = Path(path)
    with _refusals(path):
        is_there = path.exists() or path.is_symlink()
        if is_there:
            _look_at_file(path)
        elif not path.absolute().parent.is_dir():
            raise UnusableAliases(f"{path} cannot be made: there is no such folder")
        else:
            files.judge_folders(path, _NOUN)
        folder = path.resolve().parent  # of the store, and of what SQLite keeps beside it
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise UnusableAliases(f"{path} cannot be used: this user may not write in {folder}")


def _look_at_file(path: Path) -> None:
    files.judge(path, path.stat(), _NOUN)
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise UnusableAliases(
            f"the {_NOUN} {path} cannot be opened by this user; chown it, and chmod 600 it"
        )
    # Without locks, and without files beside it.
    untouched = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with _trouble(path), closing(sqlite3.connect(untouched, uri=True)) as database:
        _expect_marks(database, path)


def _expect_marks(database: sqlite3.Connection, path: Path) -> None:
    marks = tuple(database.execute(f"PRAGMA {name}").fetchone()[0] for name in _MARKS)
    if marks != (_KIND, _VERSION):
        raise UnusableAliases(f"{path} is not an alias file; give a file for the aliases alone")


@contextmanager
def _trouble(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        raise UnusableAliases(f"{path} cannot be used: {fault}") from fault


def _find_or_make(path: Path) -> None:
    """Check the file that is there, or make one.

    It is not opened here: closing it would release the locks that SQLite holds on
    it in this process.
    """
    with _refusals(path):
        if not path.exists():
            _make(path)
        files.judge(path, path.stat(), _NOUN)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except UnusableKey as fault:
        raise UnusableAliases(str(fault)) from None
    except OSError as fault:
        raise UnusableAliases(f"{path} cannot be opened: {fault.strerror}") from None
    except ValueError:
        raise UnusableAliases("the name of the alias file holds a NUL character") from None


def _make(path: Path) -> None:
    """Make an empty store of mode 0600, which is complete before it gets its name."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    os.fchmod(descriptor, 0o600)  # whatever the umask
    os.close(descriptor)
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as database:
            database.executescript(_SCHEMA)
        with suppress(FileExistsError):  # another process was first
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()


_NOUN: Final = "alias file"
_ALIAS_OCTETS: Final = 10
"""With 2^80 aliases, nobody finds a second sender for a given one."""
_MARKS: Final = ("application_id", "user_version")
_KIND: Final = 0x53525331
"""An application_id of our own."""
_VERSION: Final = 1
_SCHEMA: Final = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE senders (
    alias TEXT PRIMARY KEY, address BLOB NOT NULL, until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX ends ON senders (until);
PRAGMA application_id = {_KIND};
PRAGMA user_version = {_VERSION};
"""
_UNTIL_OF: Final = "SELECT until FROM senders WHERE alias = ?"
_ADDRESS_OF: Final = "SELECT address FROM senders WHERE alias = ? AND until >= ?"
_FORGET: Final = """
DELETE FROM senders WHERE alias IN (SELECT alias FROM senders WHERE until < ? LIMIT 1000)
"""
_REPLACE: Final = "INSERT OR REPLACE INTO senders (alias, address, until) VALUES (?, ?, ?)"
_COUNT: Final = "SELECT count(*) FROM senders"
