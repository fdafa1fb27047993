"""The other side of the milter protocol, written apart from ours: what an MTA sends and reads.

The functions make the frames of commands; `replies` takes apart what came back.
"""

import struct
from collections.abc import Iterable, Mapping

ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF
"""What Postfix offers."""


def frame(code: bytes, octets: bytes = b"") -> bytes:
    return struct.pack(">I", 1 + len(octets)) + code + octets


def offer(version: int = 6, actions: int = ALL_ACTIONS, steps: int = ALL_STEPS) -> bytes:
    return frame(b"O", struct.pack(">III", version, actions, steps))


def macros(stage: bytes, values: Mapping[str, str] | None = None) -> bytes:
    octets = b"".join(f"{name}\0{value}\0".encode() for name, value in (values or {}).items())
    return frame(b"D", stage + octets)


def connect(
    address: str = "192.0.2.7", host: str = "client.example.com", family: str = "4"
) -> bytes:
    where = b"" if family == "U" else struct.pack(">H", 4711) + address.encode() + b"\0"
    return frame(b"C", host.encode() + b"\0" + family.encode() + where)


def helo(name: str = "client.example.com") -> bytes:
    return frame(b"H", name.encode() + b"\0")


def mail(address: str = "<ada@example.com>", *arguments: str) -> bytes:
    return frame(b"M", b"".join(word.encode() + b"\0" for word in (address, *arguments)))


def rcpt(address: str = "<ben@example.net>", *arguments: str) -> bytes:
    return frame(b"R", b"".join(word.encode() + b"\0" for word in (address, *arguments)))


def data() -> bytes:
    return frame(b"T")


def header(name: bytes, value: bytes) -> bytes:
    return frame(b"L", name + b"\0" + value + b"\0")


def end_of_headers() -> bytes:
    return frame(b"N")


def body(octets: bytes) -> bytes:
    return frame(b"B", octets)


def end_of_message(octets: bytes = b"") -> bytes:
    return frame(b"E", octets)


def unknown(line: bytes = b"FOO") -> bytes:
    return frame(b"U", line + b"\0")


ABORT = frame(b"A")
QUIT = frame(b"Q")
QUIT_NEW_CONNECTION = frame(b"K")


def message(
    octets: bytes, *, queue_id: str = "4XqZ", leading_space: bool = True, chunk: int = 65_535
) -> list[bytes]:
    """The frames of header and body, as Postfix sends them: macros before each field."""
    head, _, content = octets.partition(b"\r\n\r\n")
    fields: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            fields[-1] += b"\n" + line
        else:
            fields.append(line)
    frames = []
    for field in fields:
        name, _, value = field.partition(b":")
        frames.append(macros(b"L", {"i": queue_id}))
        frames.append(header(name, value if leading_space else value.removeprefix(b" ")))
    frames += [macros(b"N", {"i": queue_id}), end_of_headers()]
    frames += [body(content[at : at + chunk]) for at in range(0, len(content), chunk)]
    frames += [macros(b"E", {"i": queue_id}), end_of_message()]
    return frames


def replies(octets: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The code and the octets of each frame; they must be whole."""
    at = 0
    while at < len(octets):
        (length,) = struct.unpack_from(">I", octets, at)
        piece = octets[at + 4 : at + 4 + length]
        assert len(piece) == length > 0, "a frame that is not whole"
        yield piece[:1], piece[1:]
        at += 4 + length
