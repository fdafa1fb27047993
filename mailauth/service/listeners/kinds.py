"""The kinds of listeners: what makes the server of each, and how it is asked whether it lives.

A worker knows no protocol.  What `[[listen]] kind = "..."` may name stands in one
table, which `start` puts together; a further protocol is one more row there.
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
    """What serves one listening socket within an event loop."""

    async def serve(self, listening: socket.socket, *, shared: bool) -> None:
        """Accept and answer until `drain`; to return before that is a fault.

        `shared`, if other processes accept from the socket too.
        """

    async def drain(self, limit: float) -> None:
        """Accept no more, and end once what is in work is done, within `limit` seconds."""


Build: TypeAlias = Callable[[Tally], Server]
"""Makes a server in a worker; whatever it needs of files was read before."""


@dataclass(frozen=True)
class Kind:
    """One protocol."""

    check: Callable[[Configuration, int], Iterable[Complaint]]
    """What is wrong with the listener of this index, without touching a file."""
    prepare: Callable[[Configuration, Listen], Build]
    """Reads files and secrets, in the supervisor.  **Raises** MailauthError."""
    probe: Callable[[Listen], bytes]
    """A request that every sound server answers, and that asks for nothing."""
    is_answer: Callable[[bytes], bool]
    """Whether these octets are a whole answer to it."""
    files: Callable[[Configuration], Iterable[str]] = lambda _: ()
    """Files that `prepare` reads and that are read again when they change."""
    look: Callable[[Configuration, Listen], Iterable[Complaint]] = lambda *_: ()
    """What is wrong with files that its workers open themselves; nothing is made or changed."""
    doubts: Callable[[Configuration, Listen], Iterable[Complaint]] = lambda *_: ()
    """What can be served so, and is hardly meant; no file is touched."""
    asks: Callable[[Configuration, Listen], bool] = lambda *_: False
    """Whether its workers ask the DNS."""
    uses: Callable[[Listen], Collection[str]] = lambda _: ()
    """The tables by which its workers go, if they are there."""


Kinds: TypeAlias = Mapping[str, Kind]


class KindsOnDemand(Mapping[str, Kind]):
    """Kinds that are there, and others that are made once somebody asks for them."""

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
