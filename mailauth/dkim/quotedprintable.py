"""dkim-quoted-printable, in which i=, n= and z= hold any octets (RFC 6376 §2.11)."""


def decode(value: str) -> str:
    """The text of i= or n= (§2.11); an `=` not followed by two upper-case hex digits is kept.

    Octets that are not UTF-8 become U+FFFD.
    """
    head, *rest = value.split("=")
    octets = bytearray(head.encode())
    for piece in rest:
        digits = piece[:2]
        if len(digits) == 2 and set(digits) <= _HEX_DIGITS:  # noqa: PLR2004 - =XX
            octets.append(int(digits, 16))
            octets += piece[2:].encode()
        else:
            octets += f"={piece}".encode()
    return octets.decode(errors="replace")


def encode(octets: bytes) -> str:
    """The octets with all but dkim-safe-chars as =XX, and so `|`, the separator of z= (§2.11)."""
    return "".join(chr(octet) if octet in _SAFE_CHARS else f"={octet:02X}" for octet in octets)


_HEX_DIGITS = set("0123456789ABCDEF")
# dkim-safe-char = %x21-3A / %x3C / %x3E-7E
_SAFE_CHARS = frozenset({*range(0x21, 0x3B), 0x3C, *range(0x3E, 0x7F)} - {ord("|")})
