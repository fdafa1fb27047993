"""SRS: the envelope sender of forwarded mail, rewritten so that SPF passes and bounces return."""

from mailauth.srs.fault import OUTWARD, BadHash, Expired, Malformed, NotSRS, SRSError, TooLong
from mailauth.srs.rewrite import forward, reverse
from mailauth.srs.scheme import CLASSIC, MAX_HASH, SEPARATED, Aliases, LongSenders, Mac, Scheme
from mailauth.srs.secrets import Secret, Secrets, UnusableSecrets, entries

__all__ = [
    "CLASSIC",
    "MAX_HASH",
    "OUTWARD",
    "SEPARATED",
    "Aliases",
    "BadHash",
    "Expired",
    "LongSenders",
    "Mac",
    "Malformed",
    "NotSRS",
    "SRSError",
    "Scheme",
    "Secret",
    "Secrets",
    "TooLong",
    "UnusableSecrets",
    "entries",
    "forward",
    "reverse",
]
