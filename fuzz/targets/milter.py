"""The milter protocol."""

import struct

from mailauth.milter import wire as milter
from mailauth.milter.events import Event, ProtocolViolation
from mailauth.milter.options import Offer, Wanted, negotiate
from mailauth.milter.replies import CONTINUE


def milter_frames(octets: bytes) -> None:
    """Any octets of an MTA are events, the same however they are cut, or a ProtocolViolation."""
    command = octets[:1] or b"M"
    framed = struct.pack(">I", len(octets) or 1) + command + octets[1:]
    for start in (b"", _OFFER, _OFFER + _MAIL):
        for rest in (octets, framed):
            assert _events(start + rest, 1 + len(octets) % 7) == _events(start + rest, 1_000_000)


_OFFER = bytes.fromhex("0000000d4f00000006000001ff001fffff")
_MAIL = b"\0\0\0\x05M<a@\0" + b"\0\0\0\x05L\0 x\0"


def _events(octets: bytes, step: int) -> list[Event | str]:
    """What a milter connection makes of the octets, given to it in steps."""
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


TARGETS = (milter_frames,)
