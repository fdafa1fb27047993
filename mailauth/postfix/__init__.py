"""The look-ups that Postfix asks of other servers: tcp_table(5) and socketmap_table(5)."""

from mailauth.postfix.connection import Answer, Limits, Watch
from mailauth.postfix.domains import DomainList, WrongEntries
from mailauth.postfix.lookup import Notice, Outcome, Reply, Request, Wire, WireFault
from mailauth.postfix.remembered import answering
from mailauth.postfix.rewriting import MAPS, Rewriting
from mailauth.postfix.server import LookupProtocol, LookupServer
from mailauth.postfix.socketmap import Socketmap
from mailauth.postfix.tcptable import TcpTable

__all__ = [
    "MAPS",
    "Answer",
    "DomainList",
    "Limits",
    "LookupProtocol",
    "LookupServer",
    "Notice",
    "Outcome",
    "Reply",
    "Request",
    "Rewriting",
    "Socketmap",
    "TcpTable",
    "Watch",
    "Wire",
    "WireFault",
    "WrongEntries",
    "answering",
]
