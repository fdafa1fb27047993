"""A milter on one listening socket, which several processes may share.

It stops in two steps: it accepts no more connections and lets messages finish; then it
defers and closes what is left, so that the MTA keeps it.
"""

from functools import partial

from mailauth.milter.conversation import Conversation
from mailauth.milter.guard import UNGUARDED, Guard
from mailauth.milter.session import Session
from mailauth.milter.settings import Settings
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.terms import Limits, Resolver, Watch
from mailauth.serving import Roster, SocketServer


class MilterServer(SocketServer[Conversation]):
    """Serves the MTAs that connect to one socket.

    `resolver` is an `AsyncResolver`, whose budget is that of one message;
    `keys` and `guard` may be shared by the servers of one event loop.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        resolver: Resolver,
        limits: Limits,
        watch: Watch,
        keys: KeyRing | None = None,
        guard: Guard = UNGUARDED,
    ) -> None:
        begin = partial(Session, settings, keys or KeyRing(), guard=guard, on_forged=watch.forged)
        times = (limits.idle, limits.frame, limits.content, limits.judging, limits.progress)

        def converse(roster: Roster[Conversation]) -> Conversation:
            return Conversation(
                begin, resolver=resolver, limits=limits, watch=watch, guard=guard, roster=roster
            )

        super().__init__(converse, watch=watch, connections=limits.connections, step=min(times) / 4)
