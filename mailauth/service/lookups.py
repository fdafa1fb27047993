"""The kinds of listeners that Postfix asks: `tcp_table` and `socketmap`."""

from mailauth.service.kinds import Kinds

KINDS: Kinds = {}
