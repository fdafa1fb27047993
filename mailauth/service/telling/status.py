"""What a service reports of itself to `mailauth ps`: one JSON object to whoever connects.

The supervisor answers at a Unix socket and reads nothing from it.  A file would look
sound long after its writer has gone, and its ages would be as old as the file; a socket
answers only while the supervisor lives.  A reply is sent at once or not at all, so a
client that does not read holds nobody up.
"""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from mailauth.errors import MailauthError
from mailauth.service.settings.address import Address

_ASKING: Final = 16
"""How many clients are answered in one turn; the others wait for the next."""
_SEND_BUFFER: Final = 1_048_576
_PATIENCE: Final = 5.0


class NoService(MailauthError):
    """Nobody answers at the status socket, or not in time."""


def answer(listening: socket.socket, snapshot: Callable[[], Mapping[str, Any]]) -> None:
    """Answer the clients that are waiting at the socket."""
    with suppress(OSError):  # no client is left, or one has gone
        for _ in range(_ASKING):
            client, _ = listening.accept()
            with client:
                client.settimeout(0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
                client.send(json.dumps(snapshot()).encode())


def ask(address: Address) -> dict[str, Any]:
    """The snapshot of the service whose status socket this is.

    **Raises** NoService.
    """
    octets = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_PATIENCE)
            client.connect(address.host)
            while piece := client.recv(65_536):
                octets += piece
        snapshot: dict[str, Any] = json.loads(octets)
    except TimeoutError:
        raise NoService(
            f"the supervisor at {address} is there but did not answer within {_PATIENCE:g} s"
        ) from None
    except OSError as fault:
        raise NoService(f"no service answers at {address}: {fault.strerror or fault}") from None
    except ValueError:
        raise NoService(f"what answers at {address} is not a mailauth service") from None
    return snapshot


def tell(channel: socket.socket, snapshot: Mapping[str, Any]) -> None:
    """Send a snapshot to the observer as a datagram; it is lost if the observer is busy."""
    with suppress(OSError):
        channel.send(json.dumps(snapshot).encode())
