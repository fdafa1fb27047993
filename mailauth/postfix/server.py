"""A look-up server on one listening socket, which several processes may share.

The connection that has been idle longest is closed to make room for a new one.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Final

from mailauth.errors import BadArgument
from mailauth.postfix.connection import Answer, Connection, Limits, Watch
from mailauth.postfix.lookup import Wire
from mailauth.postfix.socketmap import Socketmap
from mailauth.postfix.tcptable import TcpTable
from mailauth.serving import Roster, SocketServer

GRACE: Final = 1.0
"""Seconds for which an idle connection is spared before it must make room for another."""


class LookupProtocol(StrEnum):
    """How Postfix asks."""

    TCP_TABLE = "tcp_table"
    SOCKETMAP = "socketmap"


class LookupServer(SocketServer[Connection]):
    """Answers the look-ups that come in on one socket.

    `answer` is called once for each request, one after another; it must be quick, and
    any exception is a temporary failure.  `map_name` is the map of a tcp_table, whose
    requests cannot name one.

    **Raises** BadArgument: a tcp_table without a map, or a socketmap with one.
    """

    def __init__(
        self,
        protocol: LookupProtocol,
        answer: Answer,
        *,
        map_name: str = "",
        limits: Limits,
        watch: Watch,
    ) -> None:
        wire = _wire(protocol, map_name)

        def converse(roster: Roster[Connection]) -> Connection:
            return Connection(wire(), answer, limits=limits, watch=watch, roster=roster)

        super().__init__(
            converse,
            watch=watch,
            connections=limits.connections,
            step=min(limits.idle, limits.request) / 4,
            make_room=_make_room,
        )


def _make_room(roster: Roster[Connection]) -> bool:
    """Close the connection that has been idle longest; false if none is idle."""
    before = asyncio.get_running_loop().time() - GRACE
    idle = [each for each in roster if each.touched < before and each.idle]
    if not idle:
        return False
    oldest = min(idle, key=lambda each: each.touched)
    roster.discard(oldest)
    oldest.abort()
    return True


def _wire(protocol: LookupProtocol, map_name: str) -> Callable[[], Wire]:
    """The factory for the protocol state of a connection."""
    if (protocol is LookupProtocol.TCP_TABLE) != bool(map_name):
        raise BadArgument(
            "a tcp_table needs the name of its one map; a socketmap, which serves all, has none"
        )
    return partial(TcpTable, map_name) if map_name else Socketmap
