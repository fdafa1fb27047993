"""Why an address is not rewritten.

The kinds are for one's own log.  Outwards they are all `OUTWARD`: whoever
forges an address must not learn from the answer how far it got.
"""

from typing import Final

from mailauth.errors import MailauthError

OUTWARD: Final = "forged or expired bounce address"
"""The one sentence for the other side, whatever was wrong."""


class SRSError(MailauthError):
    """An address that is not rewritten; the text says why."""


class NotSRS(SRSError):
    """It is an ordinary address, or the SRS address of another kind of software."""


class Malformed(SRSError):
    """It is no address, or begins as an SRS address and is not one."""


class BadHash(SRSError):
    """No secret of ours made it: it is forged, or was damaged on the way."""


class Expired(SRSError):
    """It is of ours and too old."""


class TooLong(SRSError):
    """It is longer than an address may be, or would be once it is rewritten.

    A local part has 64 octets (RFC 5321 §4.5.3.1.1); the store of long senders
    may be full.
    """
