"""The milter protocol."""

import struct
from typing import TYPE_CHECKING, cast

from mailauth.milter import wire as milter
from mailauth.milter.client import BrokenFilter, Client, Envelope
from mailauth.milter.protocol.events import Event, ProtocolViolation
from mailauth.milter.protocol.options import Offer, Wanted, negotiate
from mailauth.milter.protocol.replies import CONTINUE

if TYPE_CHECKING:
    import socket


def milter_frames(octets: bytes) -> None:
    """Any octets from an MTA are events, the same however they are cut, or a ProtocolViolation."""
    command = octets[:1] or b"M"
    framed = struct.pack(">I", len(octets) or 1) + command + octets[1:]
    for start in (b"", _OFFER, _OFFER + _MAIL):
        for rest in (octets, framed):
            assert _events(start + rest, 1 + len(octets) % 7) == _events(start + rest, 1_000_000)


_OFFER = bytes.fromhex("0000000d4f00000006000001ff001fffff")
_MAIL = b"\0\0\0\x05M<a@\0" + b"\0\0\0\x05L\0 x\0"


def _events(octets: bytes, step: int) -> list[Event | str]:
    """What a milter connection makes of the octets, in pieces of `step`."""
    connection = milter.Connection()
    found: list[Event | str] = []
    for at in range(0, len(octets), step):
        connection.receive(octets[at : at + step])
        try:
            while (event := connection.next_event()) is not None:
                found.append(event)
                if connection.owed:
                    agreed = negotiate(event, Wanted()) if isinstance(event, Offer) else CONTINUE
                    connection.send(agreed)
        except ProtocolViolation as violation:
            return [*found, str(violation)]
    return found


def milter_replies(octets: bytes) -> None:
    """Any octets from a filter are an answer to a message, or a BrokenFilter."""
    try:
        client = Client(cast("socket.socket", _Filter(_AGREED + octets)))
        client.deliver(Envelope(recipients=("b@example.org",)), b"From: a@example.org\n\nx\n")
    except BrokenFilter:
        pass


_AGREED = struct.pack(">IcIII", 13, b"O", 6, 0x1FF, 0)


class _Filter:
    """A socket to a filter that sends its octets whatever it receives."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def sendall(self, _: bytes) -> None:
        """Ignored."""

    def recv(self, count: int) -> bytes:
        said, self._octets = self._octets[:count], self._octets[count:]
        return said


TARGETS = (milter_frames, milter_replies)
