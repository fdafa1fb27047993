"""The milter: mail on its way through an MTA is signed, or judged and marked.

- The protocol, without a socket and without mail: `wire` turns octets into events and
  replies into octets; `protocol` defines both.  A `client` plays the other side, an MTA.
- The mail, without a socket: a `session` handles the events, and a `mail` holds the state
  of one message.  The message is signed (`signing`), judged (`judging`; `comparing` with
  what another program found), or has its envelope rewritten (`srs`); its `ending` says
  what is done with it, its `outcome` what the MTA is told, its `record` what is logged.
- The socket: a `conversation` connects the two, on the `terms` of the `server`.  A
  `guard` recognizes the messages that ended a process, and a `stopwatch` measures the
  time spent waiting for the DNS.
- What to do: `settings`, with the `tables` that are looked up; `wanted` says what
  the MTA must allow for that.
"""

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
from mailauth.milter.tables.clients import Clients
from mailauth.milter.tables.keyring import KeyRing
from mailauth.milter.tables.signingtable import SigningKey, SigningTable
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
