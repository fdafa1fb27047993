"""What a kind of listener is: how its server is made, and how it is asked whether it is alive.

A worker knows no protocol.  What `[[listen]] kind = "..."` may name is in one table,
which `start` puts together; another protocol is one more row there.
"""

import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from mailauth.service.settings.configuration import Configuration
from mailauth.service.settings.tables import Listen
from mailauth.service.settings.tomlfile import Complaint
from mailauth.service.telling.tally import Tally


class Server(Protocol):
    """Serves one listening socket within an event loop."""

    async def serve(self, listening: socket.socket, *, shared: bool) -> None:
        """Accept and answer until `drain`; returning earlier is a fault.

        `shared` says that other processes accept from the socket too.
        """

    async def drain(self, limit: float) -> None:
        """Accept no more, and end once what is in work is done, within `limit` seconds."""


Build: TypeAlias = Callable[[Tally], Server]
"""Makes a server in a worker; tables and secrets have been read before."""


@dataclass(frozen=True)
class Kind:
    """One protocol."""

    check: Callable[[Configuration, int], Iterable[Complaint]]
    """What is wrong with the listener of this index, without touching a file."""
    prepare: Callable[[Configuration, Listen], Build]
    """Reads files and secrets, in the supervisor.  **Raises** MailauthError."""
    probe: Callable[[Listen], bytes]
    """A harmless request that every sound server answers."""
    is_answer: Callable[[bytes], bool]
    """Whether these octets are a complete answer to it."""
    files: Callable[[Configuration], Iterable[str]] = lambda _: ()
    """Files that `prepare` reads, and that are read again when they change."""
    look: Callable[[Configuration, Listen], Iterable[Complaint]] = lambda *_: ()
    """What is wrong with files that its workers open themselves; creates and changes nothing."""
    doubts: Callable[[Configuration, Listen], Iterable[Complaint]] = lambda *_: ()
    """What is valid but probably not intended; no file is touched."""
    asks: Callable[[Configuration, Listen], bool] = lambda *_: False
    """Whether its workers ask the DNS."""
    uses: Callable[[Listen], Collection[str]] = lambda _: ()
    """The tables that its workers use, if the file has them."""


Kinds: TypeAlias = Mapping[str, Kind]


class KindsOnDemand(Mapping[str, Kind]):
    """Kinds that exist already, and others that are made when first asked for."""

    def __init__(self, kinds: Kinds, makers: Mapping[str, Callable[[], Kind]]) -> None:
        self._kinds = dict(kinds)
        self._makers = makers

    def __getitem__(self, name: str) -> Kind:
        if name not in self._kinds:
            self._kinds[name] = self._makers[name]()
        return self._kinds[name]

    def __contains__(self, name: object) -> bool:
        return name in self._kinds or name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter({**self._kinds, **self._makers})

    def __len__(self) -> int:
        return sum(1 for _ in self)
