"""The milter: mail on its way through an MTA is signed, or judged and marked.

`wire` knows the protocol and no mail, `session` knows mail and no socket, and
`server` brings the two together; `datasets` reads the tables of OpenDKIM.
"""

from mailauth.milter.clients import Clients
from mailauth.milter.keyring import KeyRing
from mailauth.milter.record import Fault, Record
from mailauth.milter.server import MilterServer
from mailauth.milter.settings import (
    Action,
    MessageLimits,
    Ours,
    Settings,
    SigningSettings,
    SrsSettings,
    VerifyingSettings,
)
from mailauth.milter.signingtable import SigningKey, SigningTable
from mailauth.milter.terms import Limits, Watch

__all__ = [
    "Action",
    "Clients",
    "Fault",
    "KeyRing",
    "Limits",
    "MessageLimits",
    "MilterServer",
    "Ours",
    "Record",
    "Settings",
    "SigningKey",
    "SigningSettings",
    "SigningTable",
    "SrsSettings",
    "VerifyingSettings",
    "Watch",
]
