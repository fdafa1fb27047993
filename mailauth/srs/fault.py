"""Why an address is not rewritten.

The kinds are for our own log.  The other side gets `OUTWARD` for all of them: a
forger must not learn from the answer how far an address got.
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
    """It is no address, or begins as an SRS address but is not one."""


class BadHash(SRSError):
    """None of our secrets made its hash: it is forged, or was damaged on the way."""


class Expired(SRSError):
    """It is ours but too old, or its day is still to come."""


class TooLong(SRSError):
    """It is longer than an address may be, or would be once it is rewritten.

    A local part has 64 octets at most (RFC 5321 §4.5.3.1.1).  Also raised if the
    store of long senders is full.
    """
